"""Checks CelebA, or a set in its form, before it is trained on: every line of the list, every image."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Sequence

import numpy as np

from ppstargan.data import attributes as faces
from ppstargan.data.bad_files import shown
from ppstargan.data.checked import check_images, duplicates, remarks, table
from ppstargan.data.folders import find_images
from ppstargan.data.folders import names as quoted

LISTED = 20  # faults of one kind that are named


def check_attributes(root: str | Path, attributes: Sequence = ()) -> int:
    """Prints what is in the set in ``root``, and what is wrong with it; returns 1 where there is something, else 0.

    Wrong are lines that are not as they should be, files that are listed and not there or there and not listed, images
    that cannot be read, and of ``attributes``, those to train on, which the list does not have. Raises UserError where
    there is no list.
    """
    root = Path(root)
    path, folder = root / faces.LIST, root / faces.FOLDER
    found = faces.look_at_list(path)
    there = {str(image.relative_to(folder)): image for image in find_images(folder)} if folder.is_dir() else {}
    rows = [(there[name], values) for name, values in found.rows if name in there]
    numbers = faces.split(len(rows)) if rows else ([], [])
    parts = {(part, faces.POOL): [rows[i][0] for i in some] for part, some in zip(("train", "test"), numbers)}
    with contextlib.closing(check_images([image for some in parts.values() for image in some])) as checks:
        looked = {part: [next(checks) for _ in some] for part, some in parts.items()}
    everything = [checked for group in looked.values() for checked in group]

    print("\n".join(table(looked)))
    _name([fault for _, fault in found.faults])
    told = {name for name, _ in (*found.rows, *found.faults)}
    lost = [name for name, _ in found.rows if name not in there]
    _name([f"{shown(folder / name)} is in the list, and not there" for name in lost])
    alone = [image for name, image in there.items() if name not in told]
    _name([f"{shown(image)} has no line in {faces.LIST}" for image in alone])
    unknown = [name for name in attributes if name not in found.names]
    _name([f"{shown(path)} has no attribute {quoted([name])}; it has {quoted(found.names)}" for name in unknown])
    _name([f"{shown(checked.path)} ({checked.bad})" for checked in everything if checked.bad])
    for train, test in (twins := duplicates(*looked.values())):
        print(f"in train and in test: {shown(train)} = {shown(test)}")
    for line in remarks(everything):
        print(line)
    if rows:
        print("\n".join(_counts(found.names, np.array([values for _, values in rows]), attributes)))
    faults = len(found.faults) + len(lost) + len(alone) + len(unknown)
    bad = sum(bool(checked.bad) for checked in everything)
    said = f"{len(everything)} images, {bad} of them bad; {faults} other faults"
    print(f"{said}; {len(twins)} in test that are in train too")
    return 1 if faults or bad else 0


def _counts(names: list, values: np.ndarray, attributes: Sequence) -> list:
    """A line on each attribute, or on each of ``attributes``: how many have it, and whether nothing can be learnt."""
    lines = []
    for name, column in zip(names, values.T):
        if name in attributes or not attributes:
            count = int((column == 1).sum())
            told = "" if 0 < count < len(column) else ", the same for all: nothing can be learnt of it"
            lines.append(f"{count:7} of {len(column)} are {shown(name)}{told}")
    return lines


def _name(faults: list) -> None:
    print("".join(f"bad: {line}\n" for line in faults[:LISTED]), end="")
    if len(faults) > LISTED:
        print(f"and {len(faults) - LISTED} more of this kind")
