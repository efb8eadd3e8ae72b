"""WFLW's lists of landmarks: a face a line, with its 98 points, its box, what makes it a hard one, and its picture.

    ROOT/WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt    and …_test.txt
    ROOT/WFLW_images/0--Parade/0_Parade_Parade_0_207.jpg …                                the pictures that they name

A picture may have several faces, and then it has as many lines.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ppstargan.data.bad_files import shown
from ppstargan.errors import UserError

ANNOTATIONS, IMAGES = "WFLW_annotations", "WFLW_images"
LIST = ANNOTATIONS + "/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{part}.txt"
PARTS = ("train", "test")
POINTS = 98
# Pairs of points by whose distance errors are measured (metrics/landmarks.py); px below which there is none.
EYE_CORNERS, PUPILS, NO_DISTANCE = (60, 72), (96, 97), 0.1
HARD = ("pose", "expression", "illumination", "make_up", "occlusion", "blur")  # what may make a face a hard one


class Face(NamedTuple):
    """A line of a list. Coordinates are (x, y) in pixels of the picture."""

    points: np.ndarray  # float64 [P, 2]
    box: np.ndarray  # float64 [2, 2]: the least and the largest corner
    hard: tuple  # a bool for each of HARD
    name: str  # of the picture, below WFLW_images


class Listed(NamedTuple):
    """What a list says."""

    faces: list  # (the place of its line, for messages; Face) in the order of the list
    faults: list  # what is wrong with the other lines


def read_list(path: str | Path, points: int = POINTS) -> list:
    """``Listed.faces`` of the list ``path``. Raises UserError as ``look_at_list``, and for the first fault of it."""
    found = look_at_list(path, points)
    if found.faults:
        raise UserError(found.faults[0])
    return found.faces


def look_at_list(path: str | Path, points: int = POINTS) -> Listed:
    """The list ``path`` of faces with ``points`` points, with its ``faults``.

    Raises UserError where there is no such list, or it is empty or no text.
    """
    again = "unpack WFLW_annotations.tar.gz again"
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()  # some editors put a mark in front
    except UnicodeDecodeError:
        raise UserError(f"{shown(path)} is no text; {again}") from None
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror}; {again}") from None
    found, seen = Listed([], []), {}
    for number, line in enumerate(lines, 1):
        where = f"{shown(path)}, line {number}"
        if not line.strip():
            continue
        if line in seen:
            found.faults.append(f"{where} is line {seen[line]} again; remove one of them")
            continue
        seen[line] = number
        try:
            found.faces.append((where, read_face(line, points)))
        except ValueError as error:
            found.faults.append(f"{where} {error}")
    if not seen:
        raise UserError(f"{shown(path)} lists no face; {again}")
    return found


def read_face(line: str, points: int = POINTS) -> Face:
    """The face of a line with ``points`` points. Raises ValueError, which says what is wrong with it."""
    numbers = 2 * points + 4
    needed = numbers + len(HARD) + 1
    fields = line.split(maxsplit=needed - 1)  # the name, the last, may hold blanks
    if len(fields) < needed:
        parts = f"{2 * points} of points, 4 of a box, six 0 or 1, and a name"
        raise ValueError(f"has {len(fields)} fields, and {needed} are needed: {parts}")
    values = np.array([_number(field, place) for place, field in enumerate(fields[:numbers], 1)])
    flags, name = fields[numbers:-1], fields[-1].strip()
    if not set(flags) <= {"0", "1"}:
        raise ValueError(f"has {shown(' '.join(flags))} for {', '.join(HARD)}, each of which is to be 0 or 1")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(f"names {shown(name)}, which is no place below {IMAGES}")
    places, box = values[:-4].reshape(points, 2), values[-4:].reshape(2, 2)
    if not (box[0] < box[1]).all():
        raise ValueError(f"has the box {' '.join(f'{value:g}' for value in box.ravel())}, whose corners are no two")
    for a, b in (EYE_CORNERS, PUPILS) if points == POINTS else ():
        if np.linalg.norm(places[a] - places[b]) < NO_DISTANCE:
            raise ValueError(
                f"has both eyes at one place (points {a} and {b}), and errors are measured by their distance"
            )
    return Face(places, box, tuple(flag == "1" for flag in flags), name)


def _number(field: str, place: int) -> float:
    try:
        value = float(field)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"has {shown(field)} as field {place}, which is to be a number")
    return value
