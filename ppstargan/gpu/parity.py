"""The reference kits on the card: in float64 and in float32, without TF32 and with it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan.gpu.apart import lacks_memory, last_line
from ppstargan.gpu.plan import LEFT_OUT, OK, WRONG, Found, Plan
from ppstargan.parity import checks, networks
from ppstargan.parity.kit import Case, Check, read_case, read_manifest
from ppstargan.runtime import choose_device, choose_gpu_arithmetic

# Kinds of case that compute nothing on a card: files, crops and lists.
ELSEWHERE = ("data", "aligned", "unaligned", "align", "pool", "schedule", "targets", "diters")
SINGLE = ("forward", "fan", "metrics")  # kinds that run in float32; the others run in float64
NO_TF32 = 1e-4  # an error that all cases together exceed where TF32 is in use
TF32_STARTS = 8  # the compute capability, 8.0, that has it


# What TF32 may cost: it leaves 11 significant bits of float32's 24. Three times what the same cases lost on a CPU with
# the factors of their forward pass rounded so: 3.4e-3 in outputs, 1.4e-3 in losses, 4.8e-2 behind the FAN, whose masks
# magnify, and 9.6e-2 in all gradients of a network together. A single one jumps at kinks (parity/networks.py).
TF32, TF32_MASKED, TF32_GRADIENTS = 1e-2, 0.15, 0.3


class Row(NamedTuple):
    """What became of one case in one precision."""

    case: str
    precision: str
    found: list  # of Check


def without_tf32(plan: Plan) -> Found:
    """Every case, and the losses and gradients of StarGAN v2 in float32 too; NVIDIA_TF32_OVERRIDE=0 is around it."""
    return compare(plan, tf32=False)


def with_tf32(plan: Plan) -> Found:
    """The cases in float32, with factors of products rounded to TF32; NVIDIA_TF32_OVERRIDE=1 is around it."""
    if paddle.device.cuda.get_device_capability()[0] < TF32_STARTS:
        return Found(LEFT_OUT, "this card has no TF32")
    return compare(plan, tf32=True)


def compare(plan: Plan, tf32: bool) -> Found:
    """Runs the plan's cases, each with its worst error beside the tolerance. A case that raises is WRONG."""
    on_gpu = choose_device("gpu" if plan.gpu else "cpu").startswith("GPU")
    choose_gpu_arithmetic(tf32, channels_last=False)
    kits = [folder for folder in plan.kits if (folder / "manifest.json").is_file()]
    if not kits:
        return Found(LEFT_OUT, "no reference kit: they are in tests/reference of a git checkout; --reference DIR")
    lines = [f"{'case':20} {'precision':9} {'checks':>6} {'worst error':>11} {'tolerance':>9}  of"]
    begun, total, largest, wrong, late = time.monotonic(), 0, 0.0, [], []
    for folder in kits:
        for name in chosen(read_manifest(folder)["cases"], plan, tf32):
            if time.monotonic() - begun > plan.parity_seconds:
                late.append(name)
                continue
            try:
                rows = run(read_case(folder, name), on_gpu, tf32)
            except Exception as error:  # the other cases go on
                if lacks_memory(error):
                    raise
                wrong.append(f"{name}: {last_line(error)}")
                lines.append(wrong[-1])
                continue
            for row in rows:
                largest = max([largest, *(check.error for check in row.found)])
                total += len(row.found)
                worst = max(row.found, key=excess)
                failed = [check for check in row.found if not check.passed]
                lines.append(
                    f"{row.case:20} {row.precision:9} {len(row.found):6} {worst.error:11.2e} {worst.tolerance:9.2e}  "
                    f"{worst.quantity}{f' FAILED, {len(failed)} checks' if failed else ''}"
                )
                wrong += [f"{row.case}: {check.quantity} is {check.error:.2e} off" for check in failed]
    if tf32 and largest < NO_TF32:
        lines.append("no more than the rounding of float32: something switches TF32 off")
    if late:
        lines.append(f"no time left for {', '.join(late)}")
    if wrong:
        return Found(WRONG, f"{len(wrong)} of {total} checks out of tolerance: {wrong[0]}", tuple(lines))
    left = f"; no time left for {len(late)} cases" if late else ""
    return Found(OK, f"{total} checks within their tolerances{left}", tuple(lines))


def excess(check: Check) -> float:
    """How an error stands to its tolerance; infinity for NaN."""
    share = check.error / max(check.tolerance, 1e-12)
    return share if share == share else float("inf")


def chosen(cases: dict, plan: Plan, tf32: bool) -> list:
    """The names of those of a kit's ``cases`` {name: settings} that a plan runs."""
    return [
        name
        for name, settings in cases.items()
        if settings["kind"] not in ELSEWHERE
        and (not plan.cases or name in plan.cases)
        and (not tf32 or settings["kind"] in SINGLE or in_float32_too(settings))
    ]


def in_float32_too(settings: dict) -> bool:
    """Whether a case of float64 is run in float32 as well, as training runs."""
    return settings["kind"] == "losses" and settings.get("system", "stargan_v2") == "stargan_v2"


def run(case: Case, on_gpu: bool, tf32: bool) -> list:
    """The rows of one case."""
    rows, precision = [], "tf32" if tf32 else "float32"
    if case.settings["kind"] in SINGLE:
        rows.append(Row(case.name, precision, checks.run(case, on_gpu)))
    elif not tf32:
        rows.append(Row(case.name, "float64", checks.run(case, on_gpu)))
    if in_float32_too(case.settings):
        factor = checks.GPU_FACTORS["forward"] if on_gpu else 1
        found = [replace(check, tolerance=factor * check.tolerance) for check in networks.losses(case, nullcontext)]
        rows.append(Row(case.name, precision, found))
    return [row._replace(found=with_tf32_tolerances(case, row.found)) for row in rows] if tf32 else rows


def with_tf32_tolerances(case: Case, found: list) -> list:
    """The checks of a case as TF32 can pass them; the FAN's peaks are left out, which move from one to another."""
    masked = [f"out/{name}" for name in ("fake", "mask0", "mask1")] if case.settings.get("w_hpf") else []
    masked += [check.quantity for check in found if case.settings["kind"] == "fan" and "mask" in check.quantity]
    passing, gradients = [], {}
    for check in found:
        update, is_gradient, rest = check.quantity.partition("/grad/")
        if is_gradient:
            gradients.setdefault(f"{update}/grad/{rest.partition('/')[0]}", []).append(check)
        elif check.quantity != "landmarks":
            tolerance = TF32_MASKED if check.quantity in masked else TF32
            passing.append(replace(check, tolerance=tolerance))
    return passing + [together(name, parts) for name, parts in gradients.items()]


def together(name: str, parts: list) -> Check:
    """One check of several arrays as if they were one."""
    ours, reference = (np.concatenate([getattr(part, side) for part in parts]) for side in ("ours", "reference"))
    error = float(np.linalg.norm(ours - reference) / np.linalg.norm(reference))
    return Check(parts[0].case, name, error, TF32_GRADIENTS, ours, reference)
