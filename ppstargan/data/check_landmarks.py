"""Checks WFLW, or a set in its form, before it is trained on: every line of both lists, every picture."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from ppstargan.data.bad_files import shown
from ppstargan.data.checked import Checked, check_images, duplicates, remarks, table
from ppstargan.data.landmark_lists import IMAGES, LIST, PARTS, Face, look_at_list

STRAY = 0.5  # of the box's larger side: how far a point may be outside of the picture


def check_landmarks(root: str | Path) -> int:
    """Prints what is in the set in ``root``, and what is wrong with it; returns 1 for bad lines or pictures, else 0.

    Lines that have few points outside their pictures, and pictures that are in both parts, are named, but are no fault.
    Raises UserError where a list is missing or empty.
    """
    root, bad, faces = Path(root), [], {}
    for part in PARTS:
        faces[part], faults = look_at_list(root / LIST.format(part=part))
        bad += faults

    names = {part: list(dict.fromkeys(face.name for _, face in faces[part])) for part in PARTS}
    pictures = check_pictures(root, [name for part in PARTS for name in names[part]])
    outside = []
    for part in PARTS:
        for where, face in faces[part]:
            reason = misplaced(face, pictures[face.name])
            if reason:
                bad.append(f"{where} {reason}")
            elif not pictures[face.name].bad and beyond(face, pictures[face.name]).any():
                outside.append(where)

    found = {(part, "pictures"): [pictures[name] for name in names[part]] for part in PARTS}
    print("\n".join(table(found)))
    print("\n".join(f"{part:5} {len(faces[part]):7} faces" for part in PARTS))
    broken = {checked.path: checked for group in found.values() for checked in group if checked.bad}
    for checked in broken.values():
        print(f"bad: {shown(checked.path)} ({checked.bad})")
    for line in bad:
        print(f"bad: {line}")
    for train, test in (twins := duplicates(*found.values())):
        print(f"in train and in test: {shown(train)} = {shown(test)}")
    for where in outside:
        print(f"has points outside its picture: {where}")
    for line in remarks([pictures[name] for name in pictures]):
        print(line)
    count, total = len(pictures), sum(map(len, faces.values()))
    print(
        f"{count} pictures, {len(broken)} of them bad; {total} faces in good lines, and {len(bad)} bad lines; "
        f"{len(twins)} pictures in test that are in train too"
    )
    return 1 if bad or broken else 0


def check_pictures(root: Path, names: list) -> dict:
    """{name: Checked} of the pictures of these names below ``root``/WFLW_images, each once."""
    names = list(dict.fromkeys(names))
    with contextlib.closing(check_images([root / IMAGES / name for name in names], "pictures")) as checks:
        return dict(zip(names, checks))


def beyond(face: Face, picture: Checked) -> np.ndarray:
    """[98]: how far each point is outside of its picture, in px."""
    size = np.array([picture.width, picture.height])
    return np.maximum(-face.points, face.points - size).max(axis=1).clip(min=0)


def misplaced(face: Face, picture: Checked) -> str:
    """What is wrong with the places of the points and of the box; "" for nothing, and where the picture is bad."""
    if picture.bad:
        return ""
    size = f"its picture, {picture.width} x {picture.height} px"
    low, high = face.points.min(0), face.points.max(0)
    if (face.box[1] <= 0).any() or (face.box[0] >= (picture.width, picture.height)).any():
        return f"has a box outside of {size}"
    if (face.box[1] < low).any() or (face.box[0] > high).any():
        return "has a box that holds none of the points"
    far = beyond(face, picture)
    if far.max() > STRAY * (face.box[1] - face.box[0]).max():
        x, y = face.points[far.argmax()]
        return f"has point {far.argmax()} at {x:g} {y:g}, far outside of {size}"
    return ""
