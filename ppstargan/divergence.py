"""What stops a run and what does not: divergence is noticed and described, and never saved over what was good."""

from __future__ import annotations

import contextlib
import math
import sys
from pathlib import Path

import yaml

from ppstargan.config import Config
from ppstargan.data.batches import batch_files
from ppstargan.errors import UserError
from ppstargan.files import whole_file
from ppstargan.runs import checkpoints, resuming


class Diverged(UserError):
    """Losses or weights are no longer finite; what is in memory is not worth keeping."""


def report_divergence(run: Path, config: Config, images: dict, iteration: int, losses: dict, name: str) -> Diverged:
    """Writes RUN/checkpoints/ITERATION_diverged.yaml, and returns the error to raise.

    ``name`` is what was not finite first, ``losses`` are the parts of ``iteration`` as floats, by phase in the order in
    which they were computed, and ``images`` the training images that batches are drawn from.
    """
    t, run = config.train, run.absolute()
    good = checkpoints(run)
    lower = f"-o train.lr={t.lr / 2:g} train.f_lr={t.f_lr / 2:g}"
    advice = f"go on: {resuming(run)} --allow-changes {lower}" if good else f"start again with {lower}"
    if t.amp != "none":
        advice += " or train.amp=none"
    files = batch_files(
        images,
        iteration - 1,  # counted from 0
        batch_size=t.batch_size,
        img_size=config.model.img_size,
        latent_dim=config.model.latent_dim,
        crop_probability=config.data.crop_probability,
        seed=t.seed,
    )
    content = {
        "iteration": iteration,
        "first_not_finite": name,
        "losses": losses,
        "last_good_checkpoint": str(good[-1]) if good else None,
        "try": advice,
        "batch": [dict(zip(("x_src", "x_ref", "x_ref2"), map(str, sample))) for sample in files],
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


@contextlib.contextmanager
def going_on():
    """Within it, a file that the disk does not take costs a line instead of the run: room may be made meanwhile."""
    try:
        yield
    except Diverged:
        raise
    except UserError as error:
        print(f"warning: {error}; training goes on, and tries again when the next is due", file=sys.stderr, flush=True)
