"""Faces with landmarks by the lists of WFLW, and the square around a face that the network sees."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ppstargan.data.bad_files import BadImage, shown
from ppstargan.data.batches import Images
from ppstargan.data.landmark_lists import IMAGES, LIST, PARTS, POINTS, read_list
from ppstargan.data.transforms import load_rgb
from ppstargan.download.wanted import way_to_get
from ppstargan.errors import UserError

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
    attributes: tuple  # a bool for each of landmark_lists.HARD
    where: str

    def __str__(self) -> str:
        return f"{self.path} ({self.where})"

    @property
    def parent(self) -> Path:
        """The picture's folder."""
        return self.path.parent


def read_faces(root: str | Path, points: int = POINTS) -> Images:
    """The faces of ``root``, which have ``points`` points; those to test on may be missing.

    Raises UserError as ``landmark_lists.read_list``, and for a picture that is not there.
    """
    root = Path(os.path.abspath(root))
    paths = {part: root / LIST.format(part=part) for part in PARTS}
    if not paths["train"].is_file():
        known = "" if root.is_dir() else way_to_get(root)
        way = f"{known}; see data/README.md" if known else HELP
        raise UserError(f"no list of faces {shown(paths['train'])}; {way}")
    found = {part: _with_pictures(path, root / IMAGES, points) for part, path in paths.items() if path.is_file()}
    digest = hashlib.sha256(paths["train"].read_bytes()).hexdigest()
    digests = {POOL: [len(found["train"]), digest]}
    return Images({POOL: found["train"]}, {POOL: found["test"]} if "test" in found else {}, digests)


def _with_pictures(path: Path, folder: Path, points: int) -> list:
    faces, there = [], {}
    for where, listed in read_list(path, points):
        picture = folder / listed.name
        if picture not in there:
            there[picture] = picture.is_file()
        if not there[picture]:
            raise UserError(f"{where}: there is no picture {shown(picture)}")
        places, box = tuple(map(tuple, listed.points.tolist())), tuple(listed.box.ravel().tolist())
        faces.append(Face(picture, places, box, listed.hard, where))
    return faces


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
