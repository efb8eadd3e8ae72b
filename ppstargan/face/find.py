"""A photograph of any size -> where a face is in it, and its landmarks.

The FAN answers for any picture, a face or not, and for one face at a time. So a cascade of local binary patterns, which
scikit-image brings, looks for upright frontal faces first, and the FAN sees each of them as large as CelebA-HQ shows
faces. How high its heatmaps are then says whether it sees one.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import paddle
from PIL import Image
from skimage.data import lbp_frontal_face_cascade_filename
from skimage.feature import Cascade

from ppstargan.data.transforms import crop_and_resize
from ppstargan.nets.fan import FAN, INPUT_SIZE, peaks
from ppstargan.nets.masks import THRESHOLD

# A landmark lower than this does not reach the model's masks. No other bound was measured.
MIN_HEIGHT = THRESHOLD

# With these settings the cascade sees one face in each of ten CelebA-HQ photographs, also turned by up to 15 degrees,
# all faces in mosaics of four and of ten of them, and a human face in 2 of 43 photographs of animals.
SEARCH_SIZE, SMALLEST, NEIGHBOURS = 512, 40, 8  # px of the longer side of what it sees, px of a face, agreeing finds
# Its boxes in those photographs: their side and their top, as shares of the image's side. They lie in the middle.
BOX_SIDE, BOX_TOP = 0.63, 0.24
NEARER = 0.75  # of a view's side: where a square that small holds the landmarks, it is looked at too
LANDMARKS_SIDE = 0.55  # about how far landmarks spread over an aligned image, as a share of its side


class Square(NamedTuple):
    """A part of a photograph in its pixels; it may reach beyond the borders."""

    left: int
    top: int
    side: int


class Face(NamedTuple):
    """What the FAN sees in ``view``: ``landmarks`` [98, 2] as (x, y) in pixels of the photograph, and how clearly.

    ``height`` is the median of the heatmaps' peaks: the FAN was trained towards 1 for a landmark, 0 elsewhere.
    """

    landmarks: np.ndarray
    height: float
    view: Square


@functools.lru_cache(maxsize=None)
def _cascade() -> Cascade:
    return Cascade(lbp_frontal_face_cascade_filename())


def frontal_faces(photo: Image.Image) -> list[Square]:
    """The upright frontal faces that the cascade sees in an RGB image, the largest first.

    It can miss some, and take other things for one.
    """
    scale = max(photo.size) / SEARCH_SIZE
    size = [max(1, round(side / scale)) for side in photo.size]
    found = []
    if min(size) >= SMALLEST:
        found = _cascade().detect_multi_scale(
            np.asarray(photo.resize(size, Image.Resampling.BILINEAR)),
            scale_factor=1.2,
            step_ratio=1,
            min_size=(SMALLEST, SMALLEST),
            max_size=(SEARCH_SIZE, SEARCH_SIZE),
            min_neighbor_number=NEIGHBOURS,
        )
    boxes: list[Square] = []
    for box in sorted(found, key=lambda box: (-box["width"], box["r"], box["c"])):
        left, top, side = (round(box[name] * scale) for name in ("c", "r", "width"))
        if not any(_holds(larger, left + side / 2, top + side / 2) for larger in boxes):
            boxes.append(Square(left, top, side))
    return boxes


def _holds(square: Square, x: float, y: float) -> bool:
    return 0 <= x - square.left <= square.side and 0 <= y - square.top <= square.side


def view_of(box: Square) -> Square:
    """The square around a box of the cascade in which its face is as large as the faces of CelebA-HQ."""
    side = round(box.side / BOX_SIDE)
    return Square(box.left - (side - box.side) // 2, box.top - round(BOX_TOP * side), side)


def view_around(landmarks: np.ndarray) -> Square:
    """The square around landmarks in which they spread as widely as in CelebA-HQ."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = max(1, round((high - low).max() / LANDMARKS_SIDE))
    left, top = np.round((low + high - side) / 2).astype(int)
    return Square(int(left), int(top), side)


def whole(photo: Image.Image) -> Square:
    """The photograph, padded to a square."""
    side = max(photo.size)
    return Square((photo.width - side) // 2, (photo.height - side) // 2, side)


def see(photo: Image.Image, view: Square, size: int = INPUT_SIZE):
    """``view`` of an RGB image as the FAN sees it, float32 [1, 3, size, size] in [-1, 1], and which part that is.

    Nothing is squashed; beyond the photograph all is black, as in the padding of the FAN's own convolutions. Views of
    four times the size and more are first averaged by a whole factor, to multiples of which they are rounded.
    """
    factor = max(1, view.side // (2 * size))
    left, top, side = (round(value / factor) for value in view)
    x = crop_and_resize(photo.reduce(factor), top, left, side, side, size)
    return paddle.to_tensor(x[None]), Square(left * factor, top * factor, side * factor)


def look(fan: FAN, photo: Image.Image, view: Square) -> Face:
    """The landmarks that the FAN finds in a part of an RGB image, whatever is there."""
    x, view = see(photo, view, fan.img_size)
    heatmaps = fan.heatmaps(x).numpy()
    landmarks = peaks(heatmaps)[0] * (view.side / fan.map_size) + (view.left, view.top)
    return Face(landmarks, float(np.median(heatmaps.max(axis=(2, 3)))), view)


def find_face(fan: FAN, photo: Image.Image, boxes: list[Square], min_height: float = MIN_HEIGHT) -> Face:
    """The first face whose ``height`` reaches ``min_height``: in the ``boxes`` of the cascade, then in the whole image.

    Where none does, the clearest of them all, and its height tells so. A face that is small in the whole image is
    looked at once more from near, since a landmark is a cell of 64 x 64 over the view.
    """
    clearest = None
    for view in (*map(view_of, boxes), whole(photo)):
        face = look(fan, photo, view)
        if face.height >= min_height:
            near = view_around(face.landmarks)
            if near.side > NEARER * view.side:
                return face
            return max(face, look(fan, photo, near), key=lambda face: face.height)
        if clearest is None or face.height > clearest.height:
            clearest = face
    return clearest
