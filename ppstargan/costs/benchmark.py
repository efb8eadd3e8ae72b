"""What training costs with a configuration of any system: time, memory and arithmetic by update.

Weights and inputs are random, so no dataset is needed. What is timed is ``training.step.iterate`` itself. Where one
network steps more often than another, an iteration's figures are means over a turn, in which each steps once or more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import multiprocessing
import platform
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Callable, NamedTuple

import paddle

import ppstargan
from ppstargan.config import Config
from ppstargan.costs import loader, plain
from ppstargan.costs.flops import counting
from ppstargan.costs.inputs import random_batch
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError, UserError
from ppstargan.nets import in_order
from ppstargan.runtime import choose_gpu_arithmetic, seed_everything, usable_cores
from ppstargan.systems import wgan
from ppstargan.systems.load import system_named
from ppstargan.training.amp import GradScaler
from ppstargan.training.step import copies, follow, iterate

FORMS = ("ours", "plain")  # of an iteration; StarGAN v2 alone has the plain one
TURNS = ("discriminator_steps", "critic_steps", "n_critic")  # keys of train: iterations to a step of the generator

COUNTED = (
    "convolutions and matrix products alone, forward, backward and second derivatives, as the updates and "
    "Paddle's autograd call for them, by shapes; a multiplication and an addition are 2; nothing is estimated"
)


class Training(NamedTuple):
    """All that an iteration changes."""

    system: object
    averages: dict


def build(config: Config, domains: int) -> Training:
    """The system of a configuration with random weights, for a number of domains, classes or attributes.

    Raises UsageError where pieces of a batch would not be the whole.
    """
    t, names = config.train, [str(i) for i in range(domains)]
    seed_everything(t.seed)
    system = system_named(config.system).System(config, Images(dict.fromkeys(names, ()), {}, {}))
    if t.accumulate > 1 and system.across_batch:
        why = f"layers of {config.system} look across the batch, so training refuses it too"
        raise UsageError(f"train.accumulate={t.accumulate}: {why}; give train.accumulate=1")
    choose_gpu_arithmetic(t.tf32, t.channels_last)
    in_order.choose(t.deterministic)
    return Training(system, copies(system.networks, system.averaged))


def turn(config: Config) -> list:
    """The numbers of successive iterations in which every network steps, in the last of them all.

    WGAN's critic has long turns at first; this is a later one.
    """
    t = config.train
    steps = next((getattr(t, name) for name in TURNS if hasattr(t, name)), 1)
    start = wgan.LONG_TURN * wgan.LONG_TURNS if getattr(t, "long_turns", False) else 0
    return list(range(start, start + steps))


class Watched(NamedTuple):
    """What ``iterate`` trains: the networks with updates that are watched."""

    networks: dict
    optimizers: dict
    updates: Callable


def iteration(
    config: Config, training: Training, batch, form: str, read: Callable[[], float], number: int | None = None
) -> dict:
    """Training iteration ``number``, the last of a turn unless given, in one of FORMS.

    Returns {update, or "averages": how far ``read()``, a clock or a count, moved in it}. What updates share belongs to
    the first of them, and what is done behind the last to that.
    """
    system, t = training.system, config.train
    moved, last = {}, read()

    def note(part: str) -> None:
        nonlocal last
        now = read()
        moved[part], last = moved.get(part, 0) + now - last, now

    def noted(piece, number: int):
        updates = (
            plain.updates(system.nets, piece, config.loss) if form == "plain" else system.updates(piece, number)
        )
        for update in updates:
            yield update  # the caller goes backward and steps before it asks for the next
            if update.name not in moved:  # the first of several pieces goes on when all have been through the update
                note(update.name)

    precision = t.amp if on_gpu() else "none"
    iterate(
        Watched(system.networks, system.optimizers, noted),
        batch,
        turn(config)[-1] if number is None else number,
        accumulate=t.accumulate,
        precision=precision,
        scaler=GradScaler() if precision == "float16" else None,
    )
    note(list(moved)[-1])
    if training.averages:
        follow(training.averages, system.networks, getattr(t, "ema_beta", 0.0))
        note("averages")
    return moved


def whole_turn(config: Config, training: Training, batch, form: str, read: Callable[[], float]) -> dict:
    """``iteration``, the mean of a turn."""
    numbers = turn(config)
    found = [iteration(config, training, batch, form, read, number) for number in numbers]
    return {part: sum(one.get(part, 0) for one in found) / len(numbers) for part in found[-1]}


def clock() -> float:
    """Seconds, once the device has done what it was given."""
    if on_gpu():
        paddle.device.cuda.synchronize()
    return time.perf_counter()


def on_gpu() -> bool:
    """Whether Paddle computes on a GPU."""
    return paddle.get_device().startswith("gpu")


def count_flops(config: Config, training: Training, forms, domains: int) -> dict:
    """{form: {update: operations}} of an iteration; the moving averages have no products. Leaves no sensible weights.

    Counted with two small batches: of a larger one, each further image costs as much as the second batch's last, while
    some work, such as that on the weights, is once a batch of any size.
    """
    found, size = {}, config.train.batch_size
    whole = dataclasses.replace(config, train=dataclasses.replace(config.train, accumulate=1))
    few = 2 if training.system.across_batch else 1  # a batch norm may need two
    for form in forms:
        with counting() as tally:
            less, more = (
                whole_turn(whole, training, random_batch(config, n, domains), form, lambda: tally.flop)
                for n in (few, few + 1)
            )
        updates = [part for part in less if part != "averages"]
        found[form] = {name: less[name] + (size - few) * (more[name] - less[name]) for name in updates}
    return found


def time_iterations(config: Config, forms, repeats: int, domains: int) -> dict:
    """{form: [seconds by part, …]} of ``repeats`` turns a form, the forms in turn, after one to warm up each."""
    training, batch = build(config, domains), random_batch(config, config.train.batch_size, domains)
    found = {form: [] for form in forms}
    for _ in range(1 + repeats):
        for form in forms:
            found[form].append(whole_turn(config, training, batch, form, clock))
    return {form: rounds[1:] for form, rounds in found.items()}


def parameters(training: Training) -> dict:
    """{network: how many numbers its parameters are}, of the frozen ones too."""
    nets = {**training.system.networks, **training.system.frozen}
    return {name: sum(math.prod(p.shape) for p in net.parameters()) for name, net in nets.items()}


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
    """Everything that ``tools/benchmark.py`` reports, as it goes into its JSON file. Raises UsageError as ``build``.

    The peaks come first, each from a process of its own, since a GPU holds nothing of ours yet.
    """
    found = {"config": dataclasses.asdict(config), "domains": domains, "repeats": repeats, "turn": len(turn(config))}
    found["machine"] = machine(config, device)
    forms, size = FORMS if compare else FORMS[:1], config.train.batch_size
    peaks = {form: peak_memory(config, form, domains) for form in forms}
    if config.system == "stargan_v2":
        found["loader_images_per_second"] = loader.loader_rate(config)
    training = build(config, domains)
    found["parameters"] = parameters(training)
    flops = count_flops(config, training, forms, domains)
    del training
    seconds = time_iterations(config, forms, repeats, domains)
    for form in forms:
        parts = {part: [round_[part] for round_ in seconds[form]] for part in seconds[form][0]}
        parts["total"] = [sum(round_.values()) for round_ in seconds[form]]
        gflop = {update: flop / 1e9 for update, flop in flops[form].items()}
        gflop["total"] = sum(gflop.values())
        spread = {part: _spread(values) for part, values in parts.items()}
        measured = {
            "seconds_per_iteration": spread,
            "images_per_second": size / spread["total"]["median"],
            "peak_memory_bytes": peaks[form],
            "gflop_per_iteration": gflop,
            "gflop_per_image_iteration": {part: value / size for part, value in gflop.items()},
            "gflop_per_second": {part: value / spread[part]["median"] for part, value in gflop.items()},
        }
        found.update(measured if form == "ours" else {form: measured})
    found["gflop_counted"] = COUNTED
    if compare:
        totals = [[sum(round_.values()) for round_ in seconds[form]] for form in ("plain", "ours")]
        spread = _spread([slow / fast for slow, fast in zip(*totals)])  # of neighbours in time
        ratio = statistics.median(totals[0]) / statistics.median(totals[1])
        found.update(plain_over_fused=ratio, plain_over_fused_spread=[spread["min"], spread["max"]])
    return found


def _spread(values: list) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
