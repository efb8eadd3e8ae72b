"""Checks a set of MNIST's four files before it is trained on: every file, every picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ppstargan.data import idx
from ppstargan.errors import UserError

UNIFORM = 16  # a picture whose values lie within less of each other shows nearly nothing
LISTED = 20  # pictures of one kind that are named


def check_idx(root: str | Path) -> int:
    """Prints what is in the set in ``root``, and what is wrong with it; returns 1 for bad files, else 0.

    Pictures that are nearly uniform, and those of the test part that are also in the training part, are named, but
    are no fault of a file. Raises UserError where a file is missing, or where good ones do not fit each other.
    """
    bad = 0
    for (_, kind), path in idx.find(root).items():
        try:
            idx.read_values(path, kind)
        except UserError as error:
            print(f"bad: {error}")
            bad += 1
    if bad:
        print(f"{bad} of 4 files bad")
        return 1
    found = idx.read(root)
    parts = {"train": found.train, "test": found.test}
    for part, (images, labels) in parts.items():
        height, width = images.shape[1:]
        names, counts = np.unique(labels, return_counts=True)
        print(f"{part:5} {len(images):7} pictures of {width} x {height} px, {len(names)} classes")
        print("\n".join(f"      {count:7} of class {name}" for name, count in zip(names, counts)))
    uniform = [(part, number) for part in parts for number in np.flatnonzero(_spans(parts[part].images) < UNIFORM)]
    twins = _duplicates(found.train.images, found.test.images)
    _name([f"nearly uniform: {_picture(parts, part, number)}" for part, number in uniform])
    _name([f"in train and in test: {_picture(parts, 'train', a)} = {_picture(parts, 'test', b)}" for a, b in twins])
    total = sum(len(part.images) for part in parts.values())
    print(f"{total} pictures, {len(uniform)} of them nearly uniform; {len(twins)} in test that are in train too")
    return 0


def _spans(images: np.ndarray) -> np.ndarray:
    """[N]: the difference between the lightest and the darkest value of each picture."""
    flat = images.reshape(len(images), -1)
    return flat.max(1).astype(int) - flat.min(1)


def _duplicates(train: np.ndarray, test: np.ndarray) -> list:
    """(number in train, number in test) for each picture of the test part that is also in the training part."""
    first = {image.tobytes(): number for number, image in reversed(list(enumerate(train)))}
    return [(first[image.tobytes()], number) for number, image in enumerate(test) if image.tobytes() in first]


def _picture(parts: dict, part: str, number: int) -> str:
    return f"{part} {number} (class {parts[part].labels[number]})"


def _name(lines: list) -> None:
    print("".join(f"{line}\n" for line in lines[:LISTED]), end="")
    if len(lines) > LISTED:
        print(f"and {len(lines) - LISTED} more of this kind")
