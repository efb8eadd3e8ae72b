"""The 98 landmarks of a drawn person, in WFLW's order, and the features that are drawn through them.

Face coordinates: the middle of the face is (0, 0), x to the right as it is seen, y down; the face is about 1 wide at
the ears, and the chin lies at 0.75. ``Head`` turns them and takes them to pixels: it gives the face a depth, so that
the nose moves most when the head turns, and the far cheek becomes narrower.
"""

from __future__ import annotations

import numpy as np

from ppstargan.data.heatmaps import FLIP  # points[FLIP] are those of the mirrored face, in its order
from ppstargan.data.shapes import smooth

CONTOUR, BROWS, NOSE, EYES, MOUTH, PUPILS = (
    slice(0, 33), (slice(33, 42), slice(42, 51)), slice(51, 60), (slice(60, 68), slice(68, 76)), slice(76, 96),
    slice(96, 98),
)  # fmt: skip
COUNT = 98

# The right half of the contour from ear to chin, of a round face and of a square one.
_ROUND = [(0.5, -0.16), (0.497, 0.02), (0.465, 0.22), (0.4, 0.42), (0.29, 0.59), (0.14, 0.705), (0, 0.73)]
_SQUARE = [(0.505, -0.16), (0.512, 0.05), (0.495, 0.28), (0.435, 0.5), (0.31, 0.68), (0.155, 0.765), (0, 0.775)]
# How far the nose stands out of the face, from its bridge to its tip, and along its base.
NOSE_LIFT = np.array([0.04, 0.08, 0.13, 0.2, 0.06, 0.1, 0.12, 0.1, 0.06])


class Head:
    """Where a head of the Look ``look`` is on a canvas of ``size`` pixels."""

    def __init__(self, look, size: int):
        angle, scale = np.deg2rad(look.roll), look.scale * size
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        self.pose = np.array([[cos, -sin, look.x * size], [sin, cos, look.y * size]])
        self.yaw, self.nod = np.deg2rad(28 * look.turn), 0.14 * look.nod

    def turned(self, points, lift=0.0) -> np.ndarray:
        """Face coordinates [N, 2] as the turned head shows them; ``lift`` is how far they stand out of the face."""
        points = np.asarray(points, float)
        x, y = points[:, 0], points[:, 1]
        low = np.interp(y, [-0.9, -0.35], [0.25, 1])  # the skull recedes towards its top
        depth = np.maximum(0.32 * low * (1 - (x / 0.52) ** 2), -0.15) + lift
        return np.stack([x * np.cos(self.yaw) + depth * np.sin(self.yaw), y + depth * self.nod], 1)

    def placed(self, points) -> np.ndarray:
        """Turned points in pixels, of which the first one's middle is (0.5, 0.5)."""
        return points @ self.pose[:, :2].T + self.pose[:, 2]


def landmarks(look) -> np.ndarray:
    """[98, 2] in face coordinates, of a head that looks straight ahead."""
    points = np.zeros((COUNT, 2))
    points[CONTOUR] = contour(look)
    points[BROWS[1]] = _brow(look)
    points[EYES[1]] = _eye(look)
    for left in (BROWS[0], EYES[0]):  # what is on the left mirrors the right
        points[left] = points[FLIP[left]] * (-1, 1)
    points[NOSE] = _nose(look)
    points[MOUTH] = _mouth(look)
    x, y, r = iris(look)
    points[PUPILS] = (-x + look.gaze * r, y), (x + look.gaze * r, y)
    return points


def lifts() -> np.ndarray:
    """[98]: how far each point stands out of the face."""
    lift = np.zeros(COUNT)
    lift[NOSE] = NOSE_LIFT
    return lift


def contour(look) -> np.ndarray:
    """[33, 2] from the left ear down over the chin to the right one, at even distances."""
    half = np.array(_ROUND) * (1 - look.jaw) + np.array(_SQUARE) * look.jaw
    half = half * (look.width, 1) * np.where(half[:, 1:] > 0, look.length, 1)
    line = smooth(half, steps=30)
    line = np.concatenate([line * (-1, 1), line[-2::-1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.linspace(0, along[-1], 33)
    return np.stack([np.interp(even, along, line[:, axis]) for axis in (0, 1)], 1)


def _brow(look) -> np.ndarray:
    """The right one: its upper edge from the nose outwards, and its lower one back."""
    x = np.array([0.085, 0.145, 0.21, 0.28, 0.355]) * look.width
    y = -0.245 - look.brow_raise + np.array([0.0, -0.022, -0.042, -0.037, 0.022]) * look.brow_arch
    thick = look.brow * np.array([0.9, 1.0, 0.92, 0.7])
    upper = np.stack([x, y - np.append(thick / 2, 0)], 1)
    lower = np.stack([x[:4] + 0.006, y[:4] + thick / 2], 1)
    return np.concatenate([upper, lower[::-1]])


def iris(look) -> tuple:
    """Middle and radius of the right one."""
    return 0.212 * look.eye_apart, -0.1 - 0.006 * look.eye_open, 0.052 * look.eye


def _eye(look) -> np.ndarray:
    """The right one: its upper lid from the nose outwards, and its lower one back."""
    middle, wide = 0.215 * look.eye_apart, 0.105 * look.eye
    along = np.array([-1, -0.5, 0.02, 0.55, 1, 0.5, -0.02, -0.52])
    up = np.array([0, 0.85, 1, 0.8, 0, -0.5, -0.62, -0.48])
    squint = np.where(up < 0, 1 - 0.45 * look.squint, 1)  # a smile lifts the lower lid
    high = 0.068 * look.eye * look.eye_open * up * squint
    slant = look.eye_slant * along
    return np.stack([middle + wide * along, -0.1 - high - slant], 1)


def _nose(look) -> np.ndarray:
    x = 0.088 * look.nose * np.array([-1, -0.52, 0, 0.52, 1])
    y = 0.0 + look.nose_long * np.array([0.2, 0.236, 0.25, 0.236, 0.2])
    bridge = np.linspace(-0.1, 0.165 * look.nose_long, 4)
    return np.concatenate([np.stack([0 * bridge, bridge], 1), np.stack([x, y], 1)])


def _mouth(look) -> np.ndarray:
    """The outer edge of the lips and then the inner one, each from the left corner over the top and back below."""
    wide, lip, y0 = look.mouth, look.lips, 0.425 * look.length + 0.02 * look.jaw
    line = lambda share: y0 + look.corners * (share**2 - 0.35)  # noqa: E731
    outer, inner = np.array([-0.6, -0.25, 0, 0.25, 0.6]), np.array([-0.5, 0, 0.5])
    top = line(outer) - lip * np.array([0.5, 0.98, 0.82, 0.98, 0.5])
    low = line(outer) + look.mouth_open * (1 - outer**2) + 1.15 * lip * np.array([0.55, 0.93, 1, 0.93, 0.55])
    above, below = line(inner), line(inner) + look.mouth_open * (1 - inner**2)
    corner, within = line(1.0), 0.88
    right_to_left = slice(None, None, -1)
    return np.concatenate([
        [(-wide, corner)], np.stack([wide * outer, top], 1), [(wide, corner)],
        np.stack([wide * outer, low], 1)[right_to_left],
        [(-within * wide, line(within))], np.stack([wide * inner, above], 1), [(within * wide, line(within))],
        np.stack([wide * inner, below], 1)[right_to_left],
    ])  # fmt: skip
