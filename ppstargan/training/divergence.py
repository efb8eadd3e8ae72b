"""What stops a run and what does not: divergence is noticed and described, and never saved over what was good."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import yaml

from ppstargan.config import Config
from ppstargan.data.batches import sample
from ppstargan.errors import UserError
from ppstargan.files import whole_file
from ppstargan.training.runs import checkpoints, resuming


class Diverged(UserError):
    """Losses or weights are no longer finite; what is in memory is not worth keeping."""


def report_divergence(run: Path, config: Config, draw, iteration: int, losses: dict, name: str) -> Diverged:
    """Writes RUN/checkpoints/ITERATION_diverged.yaml, and returns the error to raise.

    ``name`` is what was not finite first, ``losses`` are the terms of ``iteration`` as floats, by update in the order
    in which they were computed, and ``draw`` is what batches are drawn by (``data.batches.sample``): it draws and loads
    this one again, so that batches need not carry names for the rare one that is asked about.
    """
    t, run = config.train, run.absolute()
    good = checkpoints(run)
    rates = {name: value for name, value in dataclasses.asdict(t).items() if name.split("_")[-1] == "lr"}
    lower = "-o " + " ".join(f"train.{name}={value / 2:g}" for name, value in rates.items())
    advice = f"go on: {resuming(run)} --allow-changes {lower}" if good else f"start again with {lower}"
    if t.amp != "none":
        advice += " or train.amp=none"
    batch = [sample(draw, t.seed, iteration - 1, index)[:2] for index in range(t.batch_size)]  # counted from 0
    content = {
        "iteration": iteration,
        "first_not_finite": name,
        "losses": losses,
        "last_good_checkpoint": str(good[-1]) if good else None,
        "try": advice,
        "batch": [dict(zip(_images(fields), map(str, loaded))) for fields, loaded in batch],
    }
    path = run / "checkpoints" / f"{iteration:07d}_diverged.yaml"
    try:
        with whole_file(path) as partial:
            partial.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        where = f"losses and images are in {path}"
    except UserError as error:
        where = str(error)
    value = losses.get(name, math.nan)
    what = f"{name} is {value}" if name in losses else f"{name} is not finite"
    return Diverged(f"{what} at iteration {iteration}: training diverged; {where}; {advice}")


def _images(fields) -> list:
    """The names of a sample's images, in the order in which they are loaded."""
    return [name for name, value in fields._asdict().items() if np.ndim(value) == 3]


@contextlib.contextmanager
def going_on():
    """Within it, a file that the disk does not take costs a line instead of the run: room may be made meanwhile."""
    try:
        yield
    except Diverged:
        raise
    except UserError as error:
        print(f"warning: {error}; training goes on, and tries again when the next is due", file=sys.stderr, flush=True)
