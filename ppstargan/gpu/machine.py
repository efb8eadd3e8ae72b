"""The machine: versions, cards, and what Paddle begins with."""

from __future__ import annotations

import csv
import os
import platform
import subprocess

import numpy as np
import paddle
from paddle.base import core

import ppstargan
from ppstargan.costs.benchmark import machine
from ppstargan.errors import ROOT
from ppstargan.gpu.plan import OK, Found, Plan, paper_config
from ppstargan.runtime import choose_device

QUERY = ("index", "name", "memory.total", "memory.used", "driver_version")  # known to drivers of all ages
SWITCHES = ("NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES")


def look(plan: Plan) -> Found:
    """Versions, the processor, the cards, and how TF32 stands where nobody has set it."""
    device, config = choose_device("gpu" if plan.gpu else "cpu"), paper_config(plan)
    here = machine(config, device)
    lines = [
        f"ppstargan {ppstargan.__version__}{commit()}",
        f"Paddle {paddle.__version__}, built for CUDA {paddle.version.cuda()} and cuDNN {paddle.version.cudnn()}"
        if plan.gpu
        else f"Paddle {paddle.__version__}",
        f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.platform()}",
        f"processor: {here['cpu']}, {here['cores']} cores; threads: {here['threads']}",
    ]
    if not plan.gpu:
        return Found(OK, f"no card: {device}", tuple(lines))
    found = cards(nvidia_smi())
    lines += found or ["nvidia-smi: not there, or it says nothing"]
    lines.append(f"cuDNN that is loaded: {paddle.device.get_cudnn_version()}")
    for index in range(paddle.device.cuda.device_count()):
        card = paddle.device.cuda.get_device_properties(index)
        lines.append(
            f"Paddle's gpu:{index}: {card.name}, compute capability {card.major}.{card.minor}, "
            f"{card.total_memory / 2**30:.1f} GiB, {card.multi_processor_count} multiprocessors"
        )
    lines.append(f"bfloat16: {'yes' if paddle.amp.is_bfloat16_supported() else 'not on this card'}")
    lines += [f"{name}={os.environ[name]}" for name in SWITCHES if name in os.environ]
    lines.append(f"TF32 as Paddle begins: cuBLAS {core.get_cublas_switch()}, cuDNN {core.get_cudnn_switch()}")
    return Found(OK, f"{device}; cards: {paddle.device.cuda.device_count()}", tuple(lines))


def has_card() -> bool:
    """Whether Paddle sees a card. It does not begin to use it."""
    return paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0


def commit() -> str:
    """The commit of a checkout, and whether files differ from it; nothing elsewhere."""
    try:
        found = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=20,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f", commit {found}" if found and (ROOT / ".git").exists() else ""


def nvidia_smi() -> str:
    """What nvidia-smi says of QUERY, a line a card; nothing where there is none."""
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def cards(text: str) -> list:
    """A line for each card of what nvidia-smi says: sizes in MiB, and [N/A] where a driver does not know."""
    lines = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) != len(QUERY):  # a remark
            continue
        index, name, total, used, driver = (entry.strip() for entry in row)
        memory = f"{total} MiB, {used} of them in use" if total.isdigit() else "memory unknown to the driver"
        lines.append(f"card {index}: {name}, {memory}, driver {driver}")
    return lines
