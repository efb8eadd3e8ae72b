"""Mixed precision beside float32: a few iterations from the same weights, on the same batch."""

from __future__ import annotations

import math

import paddle

from ppstargan.costs import benchmark
from ppstargan.costs.inputs import random_batch
from ppstargan.format.finite import first_not_finite
from ppstargan.gpu.plan import OK, WRONG, Found, Plan, paper_config
from ppstargan.runtime import choose_device
from ppstargan.training.amp import GradScaler
from ppstargan.training.step import iterate

ITERATIONS = 4
DOMAINS = 3
SMALL = 1e-2  # a term below it is compared as if it were this large


def compare(plan: Plan) -> Found:
    """float16 and bfloat16 against float32. WRONG where a loss is not finite, or has float32's own bits."""
    choose_device("gpu")
    precisions = ["float16", *(["bfloat16"] if paddle.amp.is_bfloat16_supported() else [])]
    lines = [] if len(precisions) == 2 else ["bfloat16: not on this card"]
    return judged({name: losses(plan, name) for name in ("none", *precisions)}, lines)


def losses(plan: Plan, precision: str) -> list:
    """[{"d_latent/real": number, …}, …] of ITERATIONS iterations, beginning with the same weights each time.

    With float16, "scale" is that of the losses after the iteration: half of 2**15 for each update that made no step.
    """
    config = paper_config(plan, f"train.amp={precision}")
    system, batch = benchmark.build(config, DOMAINS).system, random_batch(config, plan.batch, DOMAINS)
    scaler = GradScaler() if precision == "float16" else None
    found = []
    for i in range(ITERATIONS):
        report = iterate(system, batch, i, precision=precision, scaler=scaler)
        found.append({name: float(value) for name, value in report.items()})
        if scaler:
            found[-1]["scale"] = scaler.scale
    return found


def judged(found: dict, lines=()) -> Found:
    """What to say of {precision: what ``losses`` gave}, of which "none" is float32."""
    lines, wrong, largest = list(lines), [], []
    for precision, iterations in found.items():
        bad = first_not_finite({f"iteration {i}": terms for i, terms in enumerate(iterations, 1)})
        if bad:
            wrong.append(f"{'float32' if precision == 'none' else precision}: {bad} is not finite")
        if precision == "none":
            continue
        lines.append(f"{precision}: largest difference to float32 of a loss, relative to it, by iteration")
        same = True
        for i, (terms, reference) in enumerate(zip(iterations, found["none"]), 1):
            shares = {name: abs(terms[name] - value) / max(abs(value), SMALL) for name, value in reference.items()}
            same = same and not any(shares.values())
            name = max(shares, key=lambda key: math.inf if math.isnan(shares[key]) else shares[key])
            scale = f"; losses scaled by {terms['scale']:g}" if "scale" in terms else ""
            lines.append(f"  {i}: {shares[name]:8.1e}  {name}: {terms[name]:.5f} for {reference[name]:.5f}{scale}")
            if i == 1:
                largest.append(f"{precision} {shares[name]:.1e}")
        if same:
            wrong.append(f"{precision} gave float32's losses to the last bit: nothing ran in it")
    if wrong:
        return Found(WRONG, "; ".join(wrong), tuple(lines))
    return Found(OK, f"all losses finite; largest difference at first: {', '.join(largest)}", tuple(lines))
