"""Pairs of pictures, A and B, of the same: pix2pix learns to make one of the other.

    ROOT/train/*.jpg                              both in one picture, side by side: A is the left half (the authors')
    ROOT/train/A/*.jpg, ROOT/train/B/*.jpg        or two pictures with names that are equal, but for their endings
    ROOT/trainA/*.jpg, ROOT/trainB/*.jpg
    ROOT/A/train/*.jpg, ROOT/B/train/*.jpg        as the authors' script combine_A_and_B.py takes them

The second part is called val or test, and it may be missing. Pictures count at any depth. A name may also end in _A and
its partner's in _B. An item here is a path, of both side by side, or a tuple of two.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import BadImage, listing, shown
from ppstargan.data.batches import Images
from ppstargan.data.folders import dataset_root, find_images, folders_in, holds_images, image_lists
from ppstargan.data.transforms import load_rgb, resized, to_array
from ppstargan.errors import UserError

POOL = "pairs"  # the one name of what is drawn
HELP = "see data/README.md, or draw outlines and faces by python tools/draw_toy.py pix2pix"
PLACES = ("{part}/{side}", "{part}{side}", "{side}/{part}")  # of a side's folder below ROOT


class Pairs(NamedTuple):
    """What a part of a dataset holds."""

    items: list  # paths, or (path of A, path of B)
    alone: list  # BadImage for each picture without a partner


def read_pairs(root: str | Path, direction: str = "AtoB") -> Images:
    """The pairs of ``root``; two pictures are in the order (given, wanted) of ``direction``, which may be "BtoA".

    Raises UserError for a folder that is missing or has another layout, and for pictures without a partner.
    """
    root = Path(os.path.abspath(root))
    found = find_pairs(root)
    alone = [error for part in found.values() for error in part.alone]
    if alone:
        some = f"{len(alone)} pictures have no partner" if len(alone) > 1 else "a picture has no partner"
        raise UserError(f"{shown(root)}: {some}: {listing(alone[::-1])}; add what is missing, or take them away")
    turn = -1 if direction == "BtoA" else 1
    parts = {
        name: {POOL: [item[::turn] if isinstance(item, tuple) else item for item in part.items]}
        for name, part in found.items()
    }
    train = parts["train"]
    files = {POOL: [path for item in train[POOL] for path in paths_of(item)]}
    return Images(train, parts.get("val", {}), image_lists(root, files))


def find_pairs(root: str | Path) -> dict:
    """{"train": Pairs, "val": Pairs}, without val where there is none.

    Raises UserError for a folder that is missing or has another layout, and where one of two sides is missing.
    """
    root = dataset_root(root, HELP)
    train = _part(root, "train")
    if train is None or not (train.items or train.alone):
        raise UserError(
            f"{shown(root)} holds no pictures in train, nor in train/A and train/B, trainA and trainB, or A/train and "
            f"B/train; {HELP}"
        )
    val = _part(root, "val") or _part(root, "test")
    return {"train": train} if val is None else {"train": train, "val": val}


def has_pairs(root: str | Path) -> bool:
    """Whether ``root`` has a layout that is of pairs alone: pictures right in train, or A/train and B/train."""
    train = Path(root) / "train"
    if train.is_dir():
        return holds_images(train) and not folders_in(train)  # beside folders, they lie there by mistake
    return all((Path(root) / side / "train").is_dir() for side in "AB")


def paths_of(item) -> tuple:
    """The files of an item."""
    return item if isinstance(item, tuple) else (item,)


def open_pair(item, direction: str = "AtoB", background: tuple | None = None) -> tuple:
    """The two RGB images of an item, the given one first: of equal size.

    Raises BadImage for a file that cannot be read, halves of odd width, and two pictures of different sizes.
    """
    if isinstance(item, tuple):
        given, wanted = (load_rgb(path, background) for path in item)
        if given.size != wanted.size:
            sizes = [f"{image.width} x {image.height} px" for image in (wanted, given)]
            raise BadImage(item[1], f"has {sizes[0]}, and its partner {shown(item[0])} {sizes[1]}")
        return given, wanted
    both = load_rgb(item, background)
    if both.width % 2:
        raise BadImage(item, f"is {both.width} px wide, and so has no two halves; A and B lie side by side in it")
    half = both.width // 2
    a, b = (both.crop((left, 0, left + half, both.height)) for left in (0, half))
    return (b, a) if direction == "BtoA" else (a, b)


def load_pairs(items: list, direction: str, size: int, channels: tuple = (3, 3)) -> list:
    """[given, wanted] of whole pairs, float32 [N, C, size, size] in [-1, 1] each. Raises BadImage as ``open_pair``."""
    found = []
    for item in items:
        images = zip(open_pair(item, direction), channels)
        found.append([prepared(image, "resize_and_crop", size, size, 0, 0, False, count) for image, count in images])
    return [np.stack(side) for side in zip(*found)]


def prepared(
    image: Image.Image, mode: str, load_size: int, size: int, left: int, top: int, flip: bool, channels: int = 3
) -> np.ndarray:
    """The image by a ``mode`` of ``resized``, of which a square of ``size`` px is cut out where the mode says so.

    An image no larger than that stays whole. Gives float32 [channels, H, W] in [-1, 1]; 1 channel is grey.
    """
    if channels == 1:  # before it is resized, as in the authors' code
        image = image.convert("L")
    image = resized(image, mode, load_size, size)
    if mode.endswith("crop") and (image.width > size or image.height > size):
        image = image.crop((left, top, left + size, top + size))
    return to_array(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image)


def drawn_cut(width: int, height: int, mode: str, load_size: int, size: int, rng: np.random.Generator) -> tuple:
    """(left, top, flip) for both images of a pair, each [``height``, ``width``], as the authors draw them."""
    if mode == "crop":
        places = width, height
    else:
        places = load_size, load_size * height // width if mode.startswith("scale_width") else load_size
    left, top = (int(rng.integers(max(0, place - size) + 1)) for place in places)
    return left, top, bool(rng.random() < 0.5)


def _part(root: Path, part: str) -> Pairs | None:
    """The pairs of ``part``, "train", "val" or "test"; None where ``root`` has none of it."""
    for place in PLACES:
        sides = [root / place.format(part=part, side=side) for side in "AB"]
        there = [side.is_dir() for side in sides]
        if all(there):
            return _matched(*sides)
        if any(there):
            lone, other = sides if there[0] else sides[::-1]
            raise UserError(f"{shown(lone)} is there, and no {shown(other)}; pairs need both")
    folder = root / part
    return Pairs(find_images(folder), []) if folder.is_dir() else None


def _matched(a: Path, b: Path) -> Pairs:
    """The pairs of the pictures below ``a`` and ``b``, by their names without endings."""
    sides = [_by_name(folder, mark) for folder, mark in ((a, "_A"), (b, "_B"))]
    items = [(path, sides[1][name]) for name, path in sides[0].items() if name in sides[1]]
    alone = [
        BadImage(path, f"has no partner in {shown(other)}")
        for mine, theirs, other in ((*sides, b), (*sides[::-1], a))
        for name, path in mine.items()
        if name not in theirs
    ]
    return Pairs(items, alone)


def _by_name(folder: Path, mark: str) -> dict:
    """{a picture's name below ``folder`` without its ending, and without ``mark``: its path}."""
    found: dict = {}
    for path in find_images(folder):
        name = str(path.relative_to(folder).with_suffix(""))
        name = name[: -len(mark)] if name.endswith(mark) else name
        if name in found:
            raise UserError(f"{shown(found[name])} and {shown(path)} would have one partner; rename one of them")
        found[name] = path
    return found
