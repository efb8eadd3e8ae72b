"""Two sides without pairs, A and B, as CycleGAN and U-GAT-IT train on them, and how their images are made ready.

    ROOT/trainA/*.jpg, ROOT/trainB/*.jpg, ROOT/testA/*.jpg, ROOT/testB/*.jpg      as the authors have them
    ROOT/train/A/*.jpg, ROOT/train/B/*.jpg, ROOT/val/A/*.jpg, ROOT/val/B/*.jpg    or any two names, the first being A

The second part is called val or test, and it may be missing. Images count at any depth.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.batches import Images
from ppstargan.data.folders import (
    check_links,
    check_same_domains,
    dataset_root,
    folders_in,
    image_lists,
    images_of,
    names,
)
from ppstargan.data.transforms import to_array
from ppstargan.errors import UserError

SIDES = ("A", "B")
HELP = "see data/README.md, or draw ponies, plain and striped, by python tools/draw_toy.py cyclegan"
BICUBIC, BILINEAR = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR


def read_sides(root: str | Path) -> Images:
    """The images of both sides, {"A": paths, "B": paths} for train and val; val is {} where there is none.

    Raises UserError for a folder that is missing or has another layout, and for a side that is missing, empty or one
    too many.
    """
    root = Path(os.path.abspath(root))
    found = find_sides(root)
    train, val = found["train"], found.get("val", {})
    called = list(train)
    if called != list(SIDES):
        print(f"{shown(root)}: A is {shown(called[0])}, B is {shown(called[1])}", file=sys.stderr, flush=True)
    train, val = (dict(zip(SIDES, part.values())) for part in (train, val))
    return Images(train, val, image_lists(root, train))


def find_sides(root: str | Path) -> dict:
    """{"train": {name of a side: its images}, "val": the same}, without val where there is none.

    Raises UserError as ``read_sides``.
    """
    root = dataset_root(root, HELP)
    train = _folders(root, "train")
    if not train:
        within = [shown(folder) for folder in folders_in(root).values() if has_sides(folder)]
        way = f"they are in {' and in '.join(within)}: give {'one' if within[1:] else 'that'}" if within else HELP
        raise UserError(f"{shown(root)} holds neither trainA and trainB nor train/A and train/B; {way}")
    val = _folders(root, "val") or _folders(root, "test")
    if not val:
        return {"train": images_of(train, 1)}
    check_same_domains(root, train, val)
    return {"train": images_of(train, 1), "val": images_of(val, 1)}


def has_sides(root: str | Path) -> bool:
    """Whether ``root`` has a folder trainA or trainB, the layout that is of two sides alone."""
    return any(os.path.isdir(Path(root) / f"train{side}") for side in SIDES)


def _folders(root: Path, part: str) -> dict:
    """{name: folder} of both sides of ``part`` ("train", "val" or "test"); {} where there is none."""
    there = folders_in(root)
    lettered = {name[-1]: path for name, path in there.items() if re.fullmatch(f"{part}[A-Z]", name)}
    if lettered and part in there:
        held = names([part, *(path.name for path in lettered.values())])
        raise UserError(f"{shown(root)} holds {held}, and the sides are in one or the other; rename what is not meant")
    if part in there:
        where, called = there[part], SIDES
        check_links(where)
        found = folders_in(where)
    else:
        where, called, found = root, [part + side for side in SIDES], lettered
        if not found:
            return {}
    if len(found) != len(SIDES):
        held, wanted = names(path.name for path in found.values()), " and ".join(called)
        need = "two sides are needed; take the rest away" if len(found) > 2 else f"{wanted} are needed; {HELP}"
        raise UserError(f"{shown(where)} holds {held}, and {need}")
    return found


def prepared(image: Image.Image, size: int, channels: int = 3, resample: Image.Resampling = BICUBIC) -> np.ndarray:
    """The whole image as float32 [channels, size, size] in [-1, 1]; its aspect is not kept, and 1 channel is grey."""
    return cut(image, size, size, 0, 0, False, channels, resample)


def jittered(
    image: Image.Image,
    load_size: int,
    size: int,
    rng: np.random.Generator,
    channels: int = 3,
    resample: Image.Resampling = BICUBIC,
    flip_first: bool = False,
) -> np.ndarray:
    """``cut`` at a place that is drawn, and flipped half of the time: float32 [channels, size, size] in [-1, 1]."""
    left, top = rng.integers(load_size - size + 1, size=2)
    return cut(image, load_size, size, int(left), int(top), rng.random() < 0.5, channels, resample, flip_first)


def cut(
    image: Image.Image,
    load_size: int,
    size: int,
    left: int,
    top: int,
    flip: bool,
    channels: int = 3,
    resample: Image.Resampling = BICUBIC,
    flip_first: bool = False,
) -> np.ndarray:
    """A square of ``size`` px out of the image resized to ``load_size`` px squared, whatever its aspect.

    The defaults are CycleGAN's; U-GAT-IT has ``resample`` BILINEAR and ``flip_first``, which mirrors the image before
    it is resized. Gives float32 [channels, size, size] in [-1, 1].
    """
    if channels == 1:  # before it is resized, as in the authors' code
        image = image.convert("L")
    if flip and flip_first:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.resize((load_size, load_size), resample).crop((left, top, left + size, top + size))
    if flip and not flip_first:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return to_array(image)
