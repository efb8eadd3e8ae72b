"""Photographs with a face that a program can see, for the tests of aligning."""

import numpy as np
import paddle
from paddle.nn import functional as F
from PIL import Image

from ppstargan.nets.fan import FAN, HEATMAP_SIZE


def ellipse(x, y, width, height, count, start=0.0, stop=2 * np.pi):
    angles = np.linspace(start, stop, count, endpoint=False)
    return np.stack([x + width * np.cos(angles), y + height * np.sin(angles)], axis=1)


# A mean face in a 256-pixel image: its outline, brows, nose, eyes, mouth and pupils, in the order of WFLW.
MEAN = np.concatenate(
    [
        ellipse(128, 128, 72, 100, 33, np.pi, 0),
        ellipse(98, 104, 20, 4, 9),
        ellipse(158, 104, 20, 4, 9),
        ellipse(128, 145, 14, 20, 9),
        ellipse(98, 121, 14, 6, 8),
        ellipse(158, 121, 14, 6, 8),
        ellipse(128, 190, 26, 13, 12, np.pi, -np.pi),
        ellipse(128, 190, 20, 6, 8),
        [(98, 121), (158, 121)],
    ]
)


def drawn(width, height, side, centre, degrees=0.0):
    """A photograph with a square "face" in it, that a program can see: red says how far right a pixel lies in the
    aligned image, green how far down, and blue is 1 around the face."""
    angle = np.deg2rad(degrees)
    rows, columns = np.mgrid[:height, :width] + 0.5
    x, y = columns - centre[0], rows - centre[1]
    u, v = (np.cos(angle) * x + np.sin(angle) * y) / side + 0.5, (np.cos(angle) * y - np.sin(angle) * x) / side + 0.5
    inside = (abs(u - 0.5) < 0.5) & (abs(v - 0.5) < 0.5)
    picture = np.stack([u * inside, v * inside, ~inside], axis=2)
    return Image.fromarray(np.round(picture * 255).astype(np.uint8))


class Seer(FAN):
    """A FAN that sees the landmarks of MEAN on the faces of ``drawn``, ``peak`` high."""

    def __init__(self, peak=1.0):
        super().__init__()
        self.peak = peak

    def heatmaps(self, x):
        u, v, blue = (F.adaptive_avg_pool2d(x, HEATMAP_SIZE).numpy()[0] + 1) / 2
        inside = (blue < 0.1) & (u + v > 0)  # not black either, which is beyond the photograph
        points = MEAN / 256
        squares = (u - points[:, 0, None, None]) ** 2 + (v - points[:, 1, None, None]) ** 2
        maps = self.peak * np.exp(-squares / 0.002) * inside
        return paddle.to_tensor(maps[None].astype(np.float32))


def check_aligned(aligned, tolerance):
    """The coordinates that the inner part of the aligned image shows are its own."""
    size = aligned.shape[0]
    inner = slice(size // 8, -size // 8)
    expected = np.mgrid[:size, :size][::-1].transpose(1, 2, 0) / size
    np.testing.assert_allclose(aligned[inner, inner, :2] / 255, expected[inner, inner], atol=tolerance)
    assert aligned[inner, inner, 2].max() < 30
