"""Drawn datasets on disk: whole or not at all, with a small label by which the very same set is used again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Callable

import numpy as np
from PIL import Image

from ppstargan.errors import UsageError, UserError

LABEL = "toy.json"
PARTS = ("train", "test")


def need_least(what: str, label: dict, least: dict) -> None:
    """Raises UsageError for the first number in ``label`` that is below that in ``least``."""
    for name, number in least.items():
        if label[name] < number:
            raise UsageError(f"{what}: {name} is {label[name]}; give {number} or more")


def write_drawn(root: str | Path, label: dict, what: str, draw: Callable[[Path], None]) -> bool:
    """Has ``draw`` fill a new folder, puts ``label`` beside that, and moves it all to ``root``.

    Returns False when ``root`` holds a set with this label already. Raises UserError, in which ``what`` names the
    set, when ``root`` holds anything else or cannot be written.
    """
    root = Path(os.path.abspath(root))
    if label_of(root) == label:
        return False
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise UserError(f"{root} holds something else than the {what} asked for; choose another folder")
    drawing = root.parent / f".{root.name}-{os.getpid()}"  # renamed at the end: a half-drawn set never shows
    try:
        drawing.mkdir(parents=True)
        draw(drawing)
        (drawing / LABEL).write_text(json.dumps(label) + "\n", encoding="utf-8")
        if root.exists():
            root.rmdir()
        drawing.rename(root)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the {what} to {root}: {reason}; choose another folder") from error
    finally:
        shutil.rmtree(drawing, ignore_errors=True)
    return True


def write_sides(root: str | Path, label: dict, draw: Callable) -> bool:
    """Draws ROOT/trainA/00000.png …, trainB, testA and testB: the two sides of an unpaired set.

    ``label`` says what they are ("of"), how many of each side there are in "train" and "test", and their "size" and
    "seed". ``draw(side, rng)`` gives a picture, uint8 [size, size, 3], of side 0 (A) or 1 (B); each depends on the
    seed, its part, side and number only. Returns False when ROOT holds this very set already. Raises UserError when
    ROOT holds anything else or cannot be written, and UsageError for a size below 8, fewer than 2 images to train on
    or 1 to test, or a negative seed.
    """
    what = f"toy {label['of']}"
    need_least(what, label, {"size": 8, "train": 2, "test": 1, "seed": 0})

    def draw_all(root: Path) -> None:
        for part, side in ((part, side) for part in PARTS for side in (0, 1)):
            folder = root / f"{part}{'AB'[side]}"
            folder.mkdir()
            for index in range(label[part]):
                image = draw(side, rng_of(label["seed"], part, side, index))
                Image.fromarray(image).save(folder / f"{index:05d}.png")

    return write_drawn(root, label, what, draw_all)


def rng_of(seed: int, part: str, side: int, index: int) -> np.random.Generator:
    """What picture ``index`` of a ``side`` is drawn by; ``part`` is one of PARTS."""
    return np.random.default_rng([seed, PARTS.index(part), side, index])


def label_of(root: str | Path) -> dict | None:
    """What ``write_drawn`` noted of the set in ``root``; None where there is none."""
    try:
        return json.loads((Path(root) / LABEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
