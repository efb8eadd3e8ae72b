"""Points of a face -> what the face alignment network is to answer: a bump for each point, and the face's boundary.

As the Adaptive Wing authors draw them, their quirks on the borders included: figures of theirs depend on these.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import splev, splprep
from scipy.ndimage import distance_transform_edt, maximum_filter

WFLW = 98  # points
SIGMA, RADIUS = 1.75, 3  # px of a bump, which is cut at the radius
STRIDE = 4  # px of the picture in one of a map
MASK_ABOVE = 0.2  # of a dilated map: where the loss counts more
LINE_RADIUS = 3  # px to which the boundary reaches
# The boundary's curves through points of WFLW.
CURVES = (
    range(33), range(33, 38), range(42, 47), range(60, 65), (60, 67, 66, 65, 64), range(68, 73), (68, 75, 74, 73, 72),
    range(51, 55), range(55, 60), range(76, 83), range(88, 93), (76, 87, 86, 85, 84, 83, 82), (88, 95, 94, 93, 92),
)  # fmt: skip
_PAIRS = (
    *((i, 32 - i) for i in range(16)),
    *((33 + i, 46 - i) for i in range(5)), (38, 50), (39, 49), (40, 48), (41, 47), (55, 59), (56, 58),
    *((60 + i, 72 - i) for i in range(5)), (65, 75), (66, 74), (67, 73), (76, 82), (77, 81), (78, 80), (83, 87),
    (84, 86), (88, 92), (89, 91), (93, 95), (96, 97),
)  # fmt: skip


def flip_table(pairs, count: int) -> np.ndarray:
    """Which point of ``count`` each one becomes in a mirror, int64 [count]: the ``pairs`` change places."""
    table = np.arange(count)
    for a, b in pairs:
        table[[a, b]] = table[[b, a]]
    return table


FLIP = flip_table(_PAIRS, WFLW)
_OFFSETS = np.arange(-RADIUS, RADIUS + 1)
_BUMP = np.exp(-(_OFFSETS[:, None] ** 2 + _OFFSETS**2) / (2 * SIGMA**2)).astype(np.float32)


def _place(centre: int, size: int) -> tuple:
    """(the map's slice, the kernel's slice) of a bump on one axis, or empty ones.

    Near the left and top borders the authors keep the columns up to centre + 3, and take the kernel's from a start that
    lies too far to the left, so that the peak moves to column 3.
    """
    if centre < RADIUS:
        start, first = max(0, 1 - centre), 0
    else:
        start, first = 0, centre - RADIUS
    length = max(0, min(size, centre + RADIUS + 1) - first)
    return slice(first, first + length), slice(start, start + length)


def bumps(points: np.ndarray, size: int, stride: int = STRIDE) -> np.ndarray:
    """Maps float32 [P, size, size] of points [P, 2] as (x, y) in a picture ``stride`` times as large.

    The centre is the pixel that holds the point. A point with x of 0 or less, or outside, has an empty map.
    """
    maps = np.zeros((len(points), size, size), np.float32)
    for one, (x, y) in zip(maps, np.asarray(points, np.float64)):
        column, row = int(np.floor(x / stride)), int(np.floor(y / stride))
        if x <= 0 or not -RADIUS <= row < size + RADIUS or column >= size + RADIUS:
            continue
        (columns, from_columns), (rows, from_rows) = _place(column, size), _place(row, size)
        one[rows, columns] = _BUMP[from_rows, from_columns]
    return maps


def curve(points: np.ndarray) -> np.ndarray:
    """100 places [100, 2] on the interpolating spline through points [n, 2], without repetitions."""
    keep = np.r_[True, (np.diff(points, axis=0) != 0).any(axis=1)]
    points = points[keep]
    if len(points) == 1:
        points = np.concatenate([points, points + 0.001])
    spline, _ = splprep(points.T, k=min(4, len(points)) - 1, s=0)
    return np.stack(splev(np.arange(100) / 100, spline), axis=1)


def boundary(points: np.ndarray, size: int, stride: int = STRIDE) -> np.ndarray:
    """The map of WFLW's face line, brows, eyes, nose and mouth, uint8 [size, size]; empty for other numbers of points.

    A pixel has 256 exp(-d^2 / 2) for its distance d from the nearest curve. The curves lie a column to the right: the
    authors' plot puts them there.
    """
    lines = np.ones((size, size), bool)
    if len(points) == WFLW:
        coarse = np.floor(np.asarray(points, np.float64) / stride)
        for part in CURVES:
            x, y = curve(coarse[list(part)]).T
            column, row = np.floor(x + 1).astype(int), np.floor(y).astype(int)
            inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
            lines[row[inside], column[inside]] = False
    if lines.all():
        return np.zeros((size, size), np.uint8)
    distance = distance_transform_edt(lines)
    height = np.where(distance < LINE_RADIUS, np.exp(-(distance**2) / 2), 0)
    return np.minimum(255, np.floor(256 * height)).astype(np.uint8)


def weight_mask(maps: np.ndarray) -> np.ndarray:
    """1 where the highest of a map's 3 x 3 neighbours exceeds 0.2, float32 [P, H, W] of zeros and ones."""
    return (maximum_filter(maps, size=(1, 3, 3)) > MASK_ABOVE).astype(np.float32)


def targets(points: np.ndarray, size: int, stride: int = STRIDE) -> tuple:
    """(heatmaps, weight mask), both float32 [P + 1, size, size]: the points' and the boundary's.

    The boundary's mask is taken from its 8-bit values, so that every pixel above 0 counts.
    """
    line = boundary(points, size, stride).astype(np.float32)
    maps = np.concatenate([bumps(points, size, stride), line[None]])
    mask = weight_mask(maps)
    maps[-1] /= np.float32(255)
    return maps, mask
