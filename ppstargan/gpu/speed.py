"""Time and memory of the paper's configuration, and how long an iteration waits for its data."""

from __future__ import annotations

import statistics

import paddle

from ppstargan.costs import benchmark, loader
from ppstargan.gpu.plan import LEFT_OUT, OK, Found, Plan, paper_config
from ppstargan.runtime import choose_device
from ppstargan.training import feeding
from ppstargan.training.logs import Stopwatch

DOMAINS = 3


def cost(plan: Plan, form: str, precision: str) -> Found:
    """Seconds an iteration, images a second and peak memory in a form of ``benchmark.FORMS`` and a ``train.amp``."""
    choose_device("gpu" if plan.gpu else "cpu")
    if precision == "bfloat16" and not paddle.amp.is_bfloat16_supported():
        return Found(LEFT_OUT, "not on this card")
    config = paper_config(plan, f"train.amp={precision}")
    rounds = benchmark.time_iterations(config, [form], plan.repeats, DOMAINS)[form]
    peak = benchmark.peak_bytes()
    totals = [sum(parts.values()) for parts in rounds]
    middle = statistics.median(totals)
    where = "of Paddle's tensors" if plan.gpu else "of the process"
    memory = "unknown" if peak is None else f"{peak / 2**30:.2f} GiB {where}"
    parts = {part: statistics.median(parts[part] for parts in rounds) for part in rounds[0]}
    return Found(
        OK,
        f"{middle:.3f} s an iteration, {plan.batch / middle:.2f} images/s, peak {memory}",
        (
            f"{config.model.img_size} px, batches of {plan.batch}; median of {plan.repeats} iterations, "
            f"{min(totals):.3f} to {max(totals):.3f} s",
            ", ".join(f"{part} {seconds:.3f} s" for part, seconds in parts.items()),
        ),
    )


def waiting(plan: Plan) -> Found:
    """The share of an iteration that waits for images, read and cropped by the training's own loader."""
    choose_device("gpu" if plan.gpu else "cpu")
    config = paper_config(plan)
    training, watch = benchmark.build(config, DOMAINS), Stopwatch()
    with loader.drawn_batches(config) as drawn:
        rate = loader.rate_of(drawn)
        fed = feeding.on_device(drawn, feeding.copier())
        for i, batch in enumerate(watch.waiting(fed)):
            benchmark.iteration(config, training, batch, "ours", benchmark.clock)
            if i == 0:  # which starts the device
                watch.restart()
            if i == plan.repeats:
                break
    seconds, images, waited = watch.rates(plan.batch)
    return Found(
        OK,
        f"{waited:.1%} of an iteration of {seconds:.3f} s waits for data",
        (
            f"{config.data.workers} threads read {loader.FACE_SIZE} px JPEGs: alone {rate:.0f} files/s; "
            f"training took {3 * images:.0f} files/s, three an image",
        ),
    )
