"""What training costs with a configuration: time, memory and arithmetic by update, and the loader's rate.

Weights and inputs are random, so no dataset is needed. What is timed is ``training.step.iterate`` itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import platform
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import paddle
from PIL import Image

import ppstargan
from ppstargan.config import Config
from ppstargan.costs import plain
from ppstargan.costs.flops import counting
from ppstargan.data import toy
from ppstargan.data.batches import batches
from ppstargan.errors import UserError
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.runtime import choose_gpu_arithmetic, seed_everything, usable_cores
from ppstargan.systems import stargan_v2
from ppstargan.systems.stargan_v2 import Batch
from ppstargan.training.amp import GradScaler
from ppstargan.training.step import copies, follow, iterate

FORMS = {"fused": stargan_v2.updates, "plain": plain.updates}
PARTS = (*plain.STEPS, "averages")  # of an iteration
FACES, FACE_SIZE = 3, 512  # drawn for each domain, and their px, as AFHQ's
LOADER_SECONDS = 3

COUNTED = (
    "convolutions and matrix products alone, forward, backward and R1's second derivatives, as the four updates and "
    "Paddle's autograd call for them, by shapes; a multiplication and an addition are 2; nothing is estimated"
)


class Training(NamedTuple):
    """All that an iteration changes."""

    nets: Networks
    averages: dict
    optimizers: dict


def build(config: Config, domains: int) -> Training:
    """Networks with random weights for the configuration and a number of domains, and what trains them."""
    seed_everything(config.train.seed)
    nets, t = Networks(domains, **dataclasses.asdict(config.model)), config.train
    optimizers = stargan_v2.adam_optimizers(nets.trained, t.lr, t.f_lr, t.beta1, t.beta2, t.weight_decay)
    choose_gpu_arithmetic(t.tf32, t.channels_last)
    return Training(nets, copies(nets.trained, AVERAGED), optimizers)


def random_batch(config: Config, batch_size: int, domains: int) -> Batch:
    """A batch of noise, which costs what pictures cost."""
    rng, m = np.random.default_rng(config.train.seed), config.model
    images = rng.uniform(-1, 1, (3, batch_size, 3, m.img_size, m.img_size)).astype(np.float32)
    y_src, y_trg = rng.integers(domains, size=(2, batch_size))
    latents = rng.standard_normal((2, batch_size, m.latent_dim), dtype=np.float32)
    return Batch(*map(paddle.to_tensor, (images[0], y_src, images[1], images[2], y_trg, *latents)))


class Watched(NamedTuple):
    """What ``iterate`` trains: the networks with updates that are watched."""

    networks: dict
    optimizers: dict
    updates: Callable


def iteration(config: Config, training: Training, batch: Batch, form: str, read: Callable[[], float]) -> dict:
    """One training iteration in a form of FORMS. Returns how far ``read()``, a clock or a count, moved in each part.

    What updates share belongs to the first of them.
    """
    moved, last = {}, read()

    def note(part: str) -> None:
        nonlocal last
        now = read()
        moved[part], last = now - last, now

    def noted(piece: Batch, _):
        for update in FORMS[form](training.nets, piece, config.loss):
            yield update  # the caller goes backward and steps before it asks for the next
            if update.name not in moved:  # the first of several pieces goes on when all have been through the update
                note(update.name)

    t, precision = config.train, config.train.amp if on_gpu() else "none"
    iterate(
        Watched(training.nets.trained, training.optimizers, noted),
        batch,
        0,
        accumulate=t.accumulate,
        precision=precision,
        scaler=GradScaler() if precision == "float16" else None,
    )
    follow(training.averages, training.nets.trained, t.ema_beta)
    note("averages")
    return moved


def clock() -> float:
    """Seconds, once the device has done what it was given."""
    if on_gpu():
        paddle.device.cuda.synchronize()
    return time.perf_counter()


def on_gpu() -> bool:
    """Whether Paddle computes on a GPU."""
    return paddle.get_device().startswith("gpu")


def count_flops(config: Config, forms, domains: int) -> dict:
    """{form: {update: operations an image}} of an iteration; the moving averages have no products.

    Counted with batches of 1 and of 2 images, since a batch of any size computes its 4x4 kernels once.
    """
    training, found = build(config, domains), {}
    whole = dataclasses.replace(config, train=dataclasses.replace(config.train, accumulate=1))
    for form in forms:
        with counting() as tally:
            one, two = (
                iteration(whole, training, random_batch(config, n, domains), form, lambda: tally.flop) for n in (1, 2)
            )
        once = {update: 2 * one[update] - two[update] for update in plain.STEPS}
        found[form] = {name: one[name] - value + value / config.train.batch_size for name, value in once.items()}
    return found


def time_iterations(config: Config, forms, repeats: int, domains: int) -> dict:
    """{form: [seconds by part, …]} of ``repeats`` iterations a form, the forms in turn, after one to warm up each."""
    training, batch = build(config, domains), random_batch(config, config.train.batch_size, domains)
    found = {form: [] for form in forms}
    for _ in range(1 + repeats):
        for form in forms:
            found[form].append(iteration(config, training, batch, form, clock))
    return {form: rounds[1:] for form, rounds in found.items()}


def peak_memory(config: Config, form: str, domains: int) -> int | None:
    """Peak bytes of two iterations in a process of their own, so that nothing else counts; None where unknown.

    On a GPU the peak of Paddle's tensors, on a CPU that of the whole process (VmHWM).
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(_peak_here, config, form, domains, paddle.get_device()).result()
        except BrokenProcessPool:
            raise UserError(
                "the process that measures memory was killed, as happens where memory runs out; "
                "try a smaller train.batch_size or model.img_size"
            ) from None


def _peak_here(config: Config, form: str, domains: int, device: str) -> int | None:
    paddle.set_device(device)
    training, batch = build(config, domains), random_batch(config, config.train.batch_size, domains)
    for _ in range(2):  # the first makes the optimisers' state
        iteration(config, training, batch, form, clock)
    return peak_bytes()


def peak_bytes() -> int | None:
    """Peak of this process until now: on a GPU of Paddle's tensors, else of all of it (VmHWM); None where unknown."""
    if on_gpu():
        return paddle.device.cuda.max_memory_allocated()
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    return None


@contextlib.contextmanager
def drawn_batches(config: Config):
    """The training loader's batches, of arrays and without end, from drawn JPEGs of FACE_SIZE px."""
    t = config.train
    with tempfile.TemporaryDirectory() as folder:
        domains = {domain: [Path(folder, f"{domain}{i}.jpg") for i in range(FACES)] for domain in toy.DOMAINS}
        rng = np.random.default_rng(t.seed)
        for domain, paths in domains.items():
            for path in paths:
                Image.fromarray(toy.draw_face(domain, FACE_SIZE, rng)).save(path, quality=95)
        drawn = batches(
            partial(stargan_v2.draw, domains, config),
            start=0,
            batch_size=t.batch_size,
            seed=t.seed,
            count=FACES * len(domains),
            workers=config.data.workers,
        )
        with contextlib.closing(drawn):
            yield drawn


def loader_rate(config: Config) -> float:
    """Image files a second that the training loader gives, with nothing beside it; a training sample takes three."""
    with drawn_batches(config) as drawn:
        return rate_of(drawn)


def rate_of(drawn) -> float:
    """Image files a second that come in the batches ``drawn``."""
    next(drawn)  # starts the threads
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < LOADER_SECONDS:
        count += 3 * len(next(drawn).x_src)
    return count / (time.perf_counter() - begun)


def machine(config: Config, device: str) -> dict:
    """Where and with what this is measured; ``device`` is what ``choose_device`` said."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8") as file:
        name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    return {
        "cpu": name,
        "cores": usable_cores(),
        "device": device,
        "paddle": paddle.__version__,
        "threads": ppstargan.THREADS,
        "loader_workers": config.data.workers,
    }


def run(config: Config, device: str, repeats: int, compare: bool, domains: int) -> dict:
    """Everything that ``tools/benchmark.py`` reports, as it goes into its JSON file.

    The peaks come first, each from a process of its own, since a GPU holds nothing of ours yet.
    """
    found = {"config": dataclasses.asdict(config), "domains": domains, "repeats": repeats}
    found["machine"] = machine(config, device)
    forms = list(FORMS) if compare else ["fused"]
    peaks = {form: peak_memory(config, form, domains) for form in forms}
    rate = loader_rate(config)
    flops = count_flops(config, forms, domains)
    seconds = time_iterations(config, forms, repeats, domains)
    for form in forms:
        parts = {part: [round_[part] for round_ in seconds[form]] for part in PARTS}
        parts["total"] = [sum(round_.values()) for round_ in seconds[form]]
        gflop = {update: flop / 1e9 for update, flop in flops[form].items()}
        measured = {
            "seconds_per_iteration": {part: _spread(values) for part, values in parts.items()},
            "images_per_second": config.train.batch_size / statistics.median(parts["total"]),
            "peak_memory_bytes": peaks[form],
            "gflop_per_image_iteration": {**gflop, "total": sum(gflop.values())},
        }
        found.update(measured if form == "fused" else {form: measured})
    found.update(loader_images_per_second=rate, gflop_counted=COUNTED)
    if compare:
        totals = [[sum(round_.values()) for round_ in seconds[form]] for form in ("plain", "fused")]
        spread = _spread([slow / fast for slow, fast in zip(*totals)])  # of neighbours in time
        ratio = statistics.median(totals[0]) / statistics.median(totals[1])
        found.update(plain_over_fused=ratio, plain_over_fused_spread=[spread["min"], spread["max"]])
    return found


def _spread(values: list) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
