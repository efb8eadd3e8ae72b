"""Whether a run that was stopped and resumed ends with the bits of one that never stopped."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ppstargan import checkpoint
from ppstargan.data.toy import write_dataset
from ppstargan.gpu import apart
from ppstargan.gpu.plan import OK, WRONG, Found, Plan, small_config
from ppstargan.runtime import choose_device
from ppstargan.systems import stargan_v2
from ppstargan.training.runs import checkpoints, find_checkpoint
from ppstargan.training.trainer import Trainer

ITERATIONS = 6
PARTS = ("nets", "averages", "optimizers", "scaler")  # of a checkpoint: what training goes on with


def compare(plan: Plan) -> Found:
    """ITERATIONS at once, against half of them, a checkpoint, and the rest in a new process."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        size = small_config(plan, folder).model.img_size
        write_dataset(folder / "images", size=size, train_count=8, val_count=2, seed=0)
        whole = train(plan, folder, "whole", ITERATIONS)
        train(plan, folder, "halves", ITERATIONS // 2)
        rest = (plan, folder, "halves", ITERATIONS, True)
        resumed = apart.call(train, *rest) if plan.apart else train(*rest)
        ours, theirs = checkpoint.load(resumed), checkpoint.load(whole)
    different, total = differences(ours, theirs)
    half = ITERATIONS // 2
    said = f"train.deterministic=true: {ITERATIONS} iterations, and {half} resumed for {ITERATIONS - half} more"
    if different:
        name, error = max(different.items(), key=lambda entry: entry[1])
        what = f"{len(different)} of {total} arrays differ, most {name}, by {error:.1e} of its largest value"
        return Found(WRONG, f"not the same bits: {what}", (said,))
    return Found(OK, f"the same bits in {total} arrays: weights, averages, optimisers", (said,))


def train(plan: Plan, folder: Path, name: str, iterations: int, resume: bool = False) -> Path:
    """Trains a run of this name, from its beginning or from its newest checkpoint; the last checkpoint."""
    choose_device("gpu" if plan.gpu else "cpu")
    config = small_config(plan, folder, f"name={name}", f"train.iterations={iterations}", "train.deterministic=true")
    trainer = Trainer(config, stargan_v2)
    if resume:
        trainer.resume(find_checkpoint(config, ""))
    trainer.run()
    return checkpoints(trainer.folder)[-1]


def differences(ours: dict, theirs: dict) -> tuple:
    """({array: largest difference, relative to the largest value}, how many arrays) of two checkpoints' PARTS."""
    found, total = {}, 0
    for name, (a, b) in pairs({part: ours.get(part) for part in PARTS}, {part: theirs.get(part) for part in PARTS}):
        total += 1
        if a.shape != b.shape or a.tobytes() != b.tobytes():
            found[name] = float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)) if a.shape == b.shape else np.inf
    return found, total


def pairs(ours, theirs, name: str = ""):
    """Yields ("nets/generator/…", (array, array)) of nested dicts; what one of them lacks is an empty array there."""
    if isinstance(ours, dict) or isinstance(theirs, dict):
        ours, theirs = ours or {}, theirs or {}
        for key in {**ours, **theirs}:
            yield from pairs(ours.get(key), theirs.get(key), f"{name}/{key}".lstrip("/"))
    elif ours is not None or theirs is not None:
        yield name, tuple(np.asarray([] if value is None else value, np.float64) for value in (ours, theirs))
