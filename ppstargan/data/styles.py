"""Contents and styles without pairs, as AdaIN trains on them, and how a picture of either is made ready.

    ROOT/content/*.jpg, ROOT/style/*.jpg              to train on
    ROOT/content_val/*.jpg, ROOT/style_val/*.jpg      for sheets and measurements; also …_test; they may be missing

Images count at any depth, and each of the four may be a link to a folder elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.batches import Images
from ppstargan.data.folders import dataset_root, folders_in, image_lists, images_of, names
from ppstargan.data.transforms import load_rgb, middle_square, shorter_side, to_unit
from ppstargan.errors import UserError

SIDES = ("content", "style")
HELP = "see data/README.md, or draw faces and patterns by python tools/draw_toy.py adain"
LONGEST = 8  # times the shorter side; of a longer picture a piece is taken, before it is resized to that


def read_styles(root: str | Path) -> Images:
    """The images of both sides, {"content": paths, "style": paths} for train and val; val is {} where there is none.

    Raises UserError as ``find_styles``.
    """
    root = Path(os.path.abspath(root))
    found = find_styles(root)
    return Images(found["train"], found.get("val", {}), image_lists(root, found["train"]))


def find_styles(root: str | Path) -> dict:
    """{"train": {"content": its images, "style": …}, "val": the same}, without val where there is none.

    Raises UserError for a folder that is missing or has another layout, and for a side that is missing or empty.
    """
    root = dataset_root(root, HELP)
    there = folders_in(root)
    parts = {part: {side: there[side + end] for side in SIDES if side + end in there}
             for part, end in (("train", ""), ("val", "_val"), ("test", "_test"))}  # fmt: skip
    if len(parts["train"]) < len(SIDES):
        within = [shown(path) for path in there.values() if has_styles(path)]
        way = f"they are in {' and in '.join(within)}: give {'one' if within[1:] else 'that'}" if within else HELP
        raise UserError(f"{shown(root)} holds {names(there)}, and needs content and style; {way}")
    held = parts["val"] or parts["test"]
    if not held:
        return {"train": images_of(parts["train"], 1)}
    if len(held) < len(SIDES):
        (side,), (folder,) = held, held.values()
        other = SIDES[1 - SIDES.index(side)]
        raise UserError(f"{shown(folder)} has no {folder.name.replace(side, other)} beside it; add it, or take it away")
    return {"train": images_of(parts["train"], 1), "val": images_of(held, 1)}


def has_styles(root: str | Path) -> bool:
    """Whether ``root`` has both folders, content and style."""
    return all(os.path.isdir(Path(root) / side) for side in SIDES)


def resized(image: Image.Image, load_size: int, keep_aspect: bool) -> Image.Image:
    """To ``load_size`` px squared, or, to keep the aspect, with the shorter side of as many; Pillow's bilinear."""
    if keep_aspect:
        return shorter_side(image, load_size)
    return image.resize((load_size, load_size), Image.Resampling.BILINEAR)


def cut(image: Image.Image, load_size: int, size: int, left: int, top: int, keep_aspect: bool = False) -> np.ndarray:
    """A square of ``size`` px of the ``resized`` image: float32 [3, size, size] in [0, 1]."""
    return to_unit(resized(image, load_size, keep_aspect).crop((left, top, left + size, top + size)))


def jittered(image: Image.Image, load_size: int, size: int, keep_aspect: bool, rng: np.random.Generator) -> np.ndarray:
    """``cut`` at a place that is drawn; nothing is flipped. However small the image is, it is enlarged first."""
    most = LONGEST * min(image.size)
    if keep_aspect and max(image.size) > most:
        left, top = (int(rng.integers(max(side - most, 0) + 1)) for side in image.size)
        image = image.crop((left, top, left + min(image.width, most), top + min(image.height, most)))
    whole = resized(image, load_size, keep_aspect)
    left, top = (int(rng.integers(side - size + 1)) for side in whole.size)
    return to_unit(whole.crop((left, top, left + size, top + size)))


def load_middles(paths: Sequence[str | Path], size: int) -> np.ndarray:
    """The middle of each picture, for sheets and measurements: float32 [N, 3, size, size] in [0, 1].

    Raises UserError for one that cannot be read.
    """
    return np.stack([to_unit(middle_square(load_rgb(path), size)) for path in paths])
