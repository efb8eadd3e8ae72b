"""WFLW's lists of landmarks: a face a line, with its 98 points, its box, what makes it a hard one, and its picture.

    ROOT/WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt    and …_test.txt
    ROOT/WFLW_images/0--Parade/0_Parade_Parade_0_207.jpg …                                the pictures that they name

A picture may have several faces, and then it has as many lines.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppstargan.data.bad_files import shown
from ppstargan.errors import UserError

ANNOTATIONS, IMAGES = "WFLW_annotations", "WFLW_images"
LIST = ANNOTATIONS + "/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{part}.txt"
PARTS = ("train", "test")
POINTS = 98
HARD = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")  # what may make a face a hard one
FIELDS = 2 * POINTS + 4 + len(HARD) + 1


class Face(NamedTuple):
    """A line of a list. Coordinates are (x, y) in pixels of the picture."""

    points: np.ndarray  # float64 [98, 2]
    box: np.ndarray  # float64 [2, 2]: the least and the largest corner
    hard: tuple  # a bool for each of HARD
    name: str  # of the picture, below WFLW_images


def read_face(line: str) -> Face:
    """The face of a line. Raises ValueError, which says what is wrong with it."""
    fields = line.split(" ", FIELDS - 1)  # the name, the last, may hold blanks
    if len(fields) < FIELDS or not fields[-1].strip():
        raise ValueError(f"has {len(line.split())} fields, and {FIELDS} are needed: points, box, six 0 or 1, a name")
    numbers = []
    for place, field in enumerate(fields[: 2 * POINTS + 4], 1):
        try:
            numbers.append(float(field))
        except ValueError:
            raise ValueError(f"has {shown(field)} as field {place}, which is to be a number") from None
        if not math.isfinite(numbers[-1]):
            raise ValueError(f"has {field} as field {place}, which is to be a number")
    flags, name = fields[2 * POINTS + 4 : -1], fields[-1].strip()
    if not set(flags) <= {"0", "1"}:
        raise ValueError(f"has {shown(' '.join(flags))} for {', '.join(HARD)}, each of which is to be 0 or 1")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"names {shown(name)}, which is no place below {IMAGES}")
    values = np.array(numbers)
    points, box = values[:-4].reshape(POINTS, 2), values[-4:].reshape(2, 2)
    if not (box[0] < box[1]).all():
        raise ValueError(f"has the box {' '.join(f'{value:g}' for value in box.ravel())}, whose corners are no two")
    return Face(points, box, tuple(flag == "1" for flag in flags), name)


def read_lines(root: str | Path, part: str) -> list:
    """[(its number, the line)] of the list of ``part``, "train" or "test", without empty ones.

    Raises UserError where there is no such list, or it is empty or no text.
    """
    path = Path(root) / LIST.format(part=part)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{shown(path)} is no text; unpack WFLW_annotations.tar.gz again") from None
    except OSError as error:
        what = f"cannot read {shown(path)}: {error.strerror}"
        raise UserError(f"{what}; unpack WFLW_annotations.tar.gz into {shown(Path(root))}") from None
    found = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise UserError(f"{shown(path)} lists no face; unpack WFLW_annotations.tar.gz again")
    return found
