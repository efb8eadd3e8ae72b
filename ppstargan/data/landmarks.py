"""Faces with landmarks in the layout of WFLW, and the square around a face that the network sees.

    ROOT/WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt    a line for each face
    ROOT/WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt
    ROOT/WFLW_images/...                                                                  the pictures

A line has x and y of every point, the box x_min y_min x_max y_max, six attributes (0 or 1) and the picture's path below
WFLW_images, by spaces: 207 fields for 98 points; other numbers of points are read too.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ppstargan.data.bad_files import BadImage, shown
from ppstargan.data.batches import Images
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

LISTS = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{}.txt"
PICTURES = "WFLW_images"
ATTRIBUTES = ("pose", "expression", "illumination", "make_up", "occlusion", "blur")
POOL = "faces"  # the one name of what is drawn
HELP = "see data/README.md, or draw faces by python tools/draw_toy.py fan"
FIRST_SIZE, FIRST_MARGIN = 450, 10  # px of the first cut, and what no point is nearer to its border than
SIZE = 256  # px in which the second cut is described


@dataclass(frozen=True)
class Face:
    """A line of a list, and its place for messages."""

    path: Path
    points: tuple  # ((x, y), …) in pixels of the picture
    box: tuple  # x_min, y_min, x_max, y_max
    attributes: tuple  # of 0 and 1, as ATTRIBUTES
    where: str

    def __str__(self) -> str:
        return f"{self.path} ({self.where})"

    @property
    def parent(self) -> Path:
        """The picture's folder."""
        return self.path.parent


def read_faces(root: str | Path, points: int = 98) -> Images:
    """The faces of ``root``, which have ``points`` points. Raises UserError as ``read_list``."""
    root = Path(os.path.abspath(root))
    parts = {part: root / LISTS.format(part) for part in ("train", "test")}
    if not parts["train"].is_file():
        raise UserError(f"no list of faces {shown(parts['train'])}; {HELP}")
    found = {part: read_list(path, root / PICTURES, points) for part, path in parts.items() if path.is_file()}
    digest = hashlib.sha256(parts["train"].read_bytes()).hexdigest()
    digests = {POOL: [len(found["train"]), digest]}
    return Images({POOL: found["train"]}, {POOL: found["test"]} if "test" in found else {}, digests)


def read_list(path: Path, pictures: Path, points: int = 98) -> list:
    """The faces in the list ``path``, whose pictures lie below ``pictures``.

    Raises UserError, with the line, for a wrong number of fields, for what is no number, for a box or attributes that
    cannot be, for a picture that is missing or outside of the folder, and for a list without a face.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(path)} cannot be read as text ({error})") from None
    there: dict = {}
    faces = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            face = face_of(line, f"{shown(path)}, line {number}", points, pictures)
            if face.path not in there:
                there[face.path] = face.path.is_file()
            if not there[face.path]:
                raise UserError(f"{face.where}: there is no picture {shown(face.path)}")
            faces.append(face)
    if not faces:
        raise UserError(f"{shown(path)} has no face in it; {HELP}")
    return faces


def face_of(line: str, where: str, points: int = 98, pictures: Path = Path()) -> Face:
    """The face of a list's line, which is ``where`` for messages. Raises UserError as ``read_list``."""
    numbers = 2 * points + 4 + len(ATTRIBUTES)
    fields = line.split(maxsplit=numbers)
    if len(fields) != numbers + 1:
        of = f"{2 * points} of points, 4 of a box, {len(ATTRIBUTES)} of attributes, and a path"
        raise UserError(f"{where}: {len(fields)} fields, and {numbers + 1} are needed ({of})")
    try:
        values = np.array([float(field) for field in fields[:-1]])
    except ValueError as error:
        raise UserError(f"{where}: {error}; all fields but the last are numbers") from None
    if not np.isfinite(values).all():
        raise UserError(f"{where}: a field is NaN or infinity; all fields but the last are numbers")
    places, box, attributes = np.split(values, [2 * points, 2 * points + 4])
    if box[0] >= box[2] or box[1] >= box[3]:
        raise UserError(f"{where}: the box {' '.join(fields[2 * points : 2 * points + 4])} is empty; "
                        "it is x_min y_min x_max y_max")  # fmt: skip
    if not np.isin(attributes, (0, 1)).all():
        raise UserError(f"{where}: the six attributes in front of the path are each 0 or 1")
    name = PurePosixPath(fields[-1].strip())
    if name.is_absolute() or ".." in name.parts:
        raise UserError(f"{where}: {shown(str(name))} leads out of {shown(pictures)}; give a path below it")
    pairs = tuple(map(tuple, places.reshape(points, 2).tolist()))
    return Face(pictures / name, pairs, tuple(box.tolist()), tuple(attributes.astype(int).tolist()), where)


def cut(image: np.ndarray, points: np.ndarray, centre, scale: float, size: int, border: int = 0) -> tuple:
    """(uint8 [size, size, 3], points [P, 2] in it): the square of 200 ``scale`` px around ``centre`` of an image.

    Both sides of an axis are padded with black by the larger overhang, and by ``border`` in any case.
    """
    if border:
        image = cv2.copyMakeBorder(image, *[border] * 4, cv2.BORDER_CONSTANT)
        points, centre = points + border, np.asarray(centre) + border
    length, (x, y) = 200 * scale, centre
    left, right = int(x - length // 2), int(x + length // 2)
    top, bottom = int(y - length // 2), int(y + length // 2)
    beside = max(0, -left, right - image.shape[1])
    above = max(0, -top, bottom - image.shape[0])
    if beside or above:
        image = cv2.copyMakeBorder(image, above, above, beside, beside, cv2.BORDER_CONSTANT)
    part = image[top + above : bottom + above, left + beside : right + beside]
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR), (points - (left, top)) * (size / length)


def first_cut(image: np.ndarray, points: np.ndarray, box) -> tuple:
    """``cut`` of 450 px around a face's box, farther away where a point is near the border.

    Raises ValueError where the points are so far from the box that no square holds both.
    """
    x_min, y_min, x_max, y_max = (float(side) for side in box)
    grow_x, grow_y = int(0.05 * (x_max - x_min) / 2), int(0.05 * (y_max - y_min) / 2)
    x_min, y_min = max(0.0, x_min - grow_x), max(0.0, y_min - grow_y)
    x_max, y_max = x_max + grow_x, y_max + grow_y
    centre, around = ((x_min + x_max) / 2, (y_min + y_max) / 2), x_max - x_min + y_max - y_min
    for divisor in range(250, 0, -10):
        length = 200 * around / divisor
        corner = [int(at - length // 2) for at in centre]
        inside = (points - corner) * (FIRST_SIZE / length)
        if FIRST_MARGIN <= inside.min() and inside.max() <= FIRST_SIZE - FIRST_MARGIN:
            if length < 2:
                break
            return cut(image, points, centre, around / divisor, FIRST_SIZE)
    raise ValueError("has a face whose points lie far outside of its box")


def second_cut(image: np.ndarray, points: np.ndarray, size: int = SIZE) -> tuple:
    """``cut`` to what the network sees, of ``first_cut``'s; farther away where a point would be on the border."""
    middle, unit = (FIRST_SIZE / 2, FIRST_SIZE / 2), SIZE / size
    found = cut(image, points, middle, 1.8, size)
    if (found[1] * unit > 250).any() or (found[1] * unit < 5).any():
        return cut(image, points, middle, 2.25, size, border=100)
    return found


def opened(face: Face, size: int = SIZE) -> tuple:
    """(uint8 [size, size, 3], points [P, 2] in it): the face as the network is to see it. Raises BadImage."""
    image = np.asarray(load_rgb(face.path))
    points = np.array(face.points)
    height, width = image.shape[:2]
    far = (points < -0.5 * max(height, width)).any() or (points > 1.5 * np.array([width, height])).any()
    if far:
        raise BadImage(face.path, f"has {width} x {height} px, and points far outside of it ({face.where})")
    try:
        return second_cut(*first_cut(image, points, face.box), size)
    except ValueError as error:
        raise BadImage(face.path, f"{error} ({face.where})") from None
