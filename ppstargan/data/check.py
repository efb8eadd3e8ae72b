"""Checks a dataset before it is trained on: reads every image once, as training does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Sequence

from ppstargan.data import attributes as faces
from ppstargan.data.bad_files import shown
from ppstargan.data.check_attributes import check_attributes
from ppstargan.data.check_idx import check_idx
from ppstargan.data.check_landmarks import check_landmarks
from ppstargan.data.checked import Checked, check_images, duplicates, remarks, table
from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import check_same_domains
from ppstargan.data.idx import is_idx
from ppstargan.data.landmark_lists import ANNOTATIONS
from ppstargan.data.pairs import POOL, find_pairs, has_pairs
from ppstargan.data.sides import find_sides, has_sides
from ppstargan.data.styles import find_styles, has_styles


def check_dataset(root: str | Path, pairs: bool = False, attributes: Sequence = ()) -> int:
    """Prints what is in ``root``/train and ``root``/val, and what is wrong with it; returns 1 for bad files, else 0.

    Files that are in train and in val, of nearly one colour, or transparent are named, but are no fault. Raises
    UserError for what training would refuse to start on: a part that is missing, or domains that differ. Of trainA and
    trainB, or content and style, the second part is that of ``find_sides`` or ``find_styles``, or missing. So it is of
    ``pairs``, and of what can be nothing else, where pictures without a partner are bad files too. MNIST's files go to
    ``check_idx``, WFLW's to ``check_landmarks``, CelebA's with the ``attributes`` to ``check_attributes``.
    """
    if is_idx(root):
        return check_idx(root)
    if attributes or (Path(root) / faces.LIST).exists():
        return check_attributes(root, attributes)
    if (Path(root) / ANNOTATIONS).is_dir():
        return check_landmarks(root)
    what, alone = "images", {}
    if pairs or has_pairs(root):
        what, held = "pairs", find_pairs(root)
        parts = {"train": {}, "val": {}, **{part: {POOL: some.items} for part, some in held.items()}}
        alone = {part: [Checked(error.path, bad=error.reason) for error in some.alone] for part, some in held.items()}
    elif has_sides(root) or has_styles(root):
        parts = {"train": {}, "val": {}, **(find_sides if has_sides(root) else find_styles)(root)}
    else:
        parts = {"train": find_domains(Path(root) / "train", min_images=2), "val": find_domains(Path(root) / "val")}
    places = [(part, domain, path) for part in parts for domain in parts[part] for path in parts[part][domain]]
    found: dict[tuple[str, str], list[Checked]] = {}
    with contextlib.closing(check_images([item for _, _, item in places], what)) as checks:
        for (part, domain, _), checked in zip(places, checks):
            found.setdefault((part, domain), []).append(checked)
    for part, lone in alone.items():
        found.setdefault((part, POOL), []).extend(lone)

    print("\n".join(table(found)))
    everything = {part: [c for (p, _), group in found.items() if p == part for c in group] for part in parts}
    bad = [checked for group in everything.values() for checked in group if checked.bad]
    twins = duplicates(everything["train"], everything["val"])
    for checked in bad:
        print(f"bad: {shown(checked.path)} ({checked.bad})")
    for train, val in twins:
        print(f"in train and in val: {shown(train)} = {shown(val)}")
    for line in remarks([checked for group in everything.values() for checked in group]):
        print(line)
    count = sum(map(len, found.values()))
    print(f"{count} {what}, {len(bad)} of them bad; {len(twins)} in val that are in train too")
    if what == "images" and not has_sides(root) and not has_styles(root):  # whose names were compared
        check_same_domains(root, parts["train"], parts["val"])
    return 1 if bad else 0
