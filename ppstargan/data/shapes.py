"""What drawn pictures are made of: filled shapes in coordinates of their own, colours that vary, and light.

Pictures are drawn larger by ``SUPERSAMPLING`` and shrunk at the end, so that edges are smooth.
"""

from __future__ import annotations

from typing import Callable

import cv2
import numpy as np

SUPERSAMPLING = 4
INK = (24, 18, 20)
WHITE = (246, 242, 236)
PINK = (226, 140, 142)


def filler(canvas: np.ndarray, pose: np.ndarray) -> Callable:
    """``fill(points, colour)``: a polygon [N, 2] in coordinates that ``pose`` [2, 3] takes to pixels of ``canvas``."""

    def fill(points: np.ndarray, colour) -> None:
        cv2.fillPoly(canvas, [_sixteenths(points, pose)], colour, cv2.LINE_AA, shift=4)

    return fill


def outliner(canvas: np.ndarray, pose: np.ndarray, width: float) -> Callable:
    """``fill(points, colour)`` as of ``filler``, for the outlines: an edge of ``width``, a share of the canvas.

    What lies behind a shape is hidden by it, as where it is painted. What is painted in ink is ink here too.
    """
    thick = max(1, round(width * len(canvas)))

    def fill(points: np.ndarray, colour) -> None:
        pixels = [_sixteenths(points, pose)]
        cv2.fillPoly(canvas, pixels, INK if colour == INK else (255, 255, 255), cv2.LINE_AA, shift=4)
        if colour != INK:
            cv2.polylines(canvas, pixels, True, INK, thick, cv2.LINE_AA, shift=4)

    return fill


def _sixteenths(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    pixels = points @ pose[:, :2].T + pose[:, 2] - 0.5  # the middle of the first pixel is OpenCV's (0, 0)
    return np.round(pixels * 16).astype(np.int32)


def shrunk(canvas: np.ndarray, size: int) -> np.ndarray:
    """The canvas as a picture of ``size`` pixels: uint8 [size, size, 3]."""
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


# ---- light and colours: RGB, 0..255 ----


def background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random colour, a little darker towards one side."""
    brightness = rng.uniform(0.3, 0.85)
    return shaded(size, brightness + rng.uniform(-0.2, 0.2, 3), rng)


def shaded(size: int, colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[size, size, 3] of ``colour`` [3] in 0..1, a little darker towards one side."""
    ends = [255 * np.clip(colour + change, 0, 1) for change in (-0.06, 0.06)]
    share = ramp(size, rng)[:, :, None]
    return (ends[0] * share + ends[1] * (1 - share)).astype(np.uint8)


def lit(canvas: np.ndarray, rng: np.random.Generator, least: float = 0.75) -> np.ndarray:
    """Light from one side, and a brighter or darker picture as a whole: from ``least`` to 1.1 of its brightness."""
    exposure, side = rng.uniform(least, 1.1), rng.uniform(0, 0.1)
    light = exposure * (1 - side + 2 * side * ramp(len(canvas), rng)).astype(np.float32)
    return np.clip(canvas * light[:, :, None], 0, 255).astype(np.uint8)


def ramp(size: int, rng: np.random.Generator) -> np.ndarray:
    """[size, size] from 0 on one side to 1 on the other, in a random direction."""
    return slope(size, rng.uniform(0, 2 * np.pi))


def slope(size: int, angle: float) -> np.ndarray:
    """[size, size] from 0 on one side to 1 on the other, which lies at ``angle``: 0 is right, pi / 2 is below."""
    steps = np.linspace(-0.5, 0.5, size)
    across = np.cos(angle) * steps[None, :] + np.sin(angle) * steps[:, None]
    return np.clip(across / 1.4 + 0.5, 0, 1)


def vary(colour, rng: np.random.Generator) -> tuple[float, ...]:
    """The colour, lighter or darker, and a little off."""
    varied = np.array(colour) * rng.uniform(0.8, 1.15) + rng.uniform(-10, 10, 3)
    return tuple(np.clip(varied, 0, 255).tolist())


def mix(a, b, share: float) -> tuple[float, ...]:
    """``share`` of b in a."""
    return tuple((np.array(a) * (1 - share) + np.array(b) * share).tolist())


# ---- shapes: polygons [N, 2] ----


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0) -> np.ndarray:
    """Around (x, y), turned clockwise by ``degrees``."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    a = np.deg2rad(degrees)
    px, py = rx * np.cos(t), ry * np.sin(t)
    return np.stack([x + px * np.cos(a) - py * np.sin(a), y + px * np.sin(a) + py * np.cos(a)], axis=1)


def curve(points, width: float) -> np.ndarray:
    """A stroke through three points (a quadratic Bézier curve), as a band that is thinner at its ends."""
    t = np.linspace(0, 1, 16)[:, None]
    a, b, c = np.array(points, float)
    line = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = width / 2 * (0.35 + 0.65 * np.sin(np.pi * t))
    return np.concatenate([line + half * across, (line - half * across)[::-1]])


def mirror(points: np.ndarray, side: int) -> np.ndarray:
    """The points, or for ``side`` -1 those on the other side of x = 0."""
    return points * (side, 1)


# Of four points that follow each other: what 1, t, t^2 and t^3 bring between the second and the third.
_CATMULL_ROM = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2


def smooth(points, closed: bool = False, steps: int = 8) -> np.ndarray:
    """A curve through all the points (a Catmull-Rom spline), each step between two of them in ``steps`` parts.

    The points themselves are every ``steps``-th of the curve's. A closed one goes on from the last to the first.
    """
    points = np.asarray(points, float)
    ends = (points[-1:], points[:2]) if closed else (2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1])
    p = np.concatenate([ends[0], points, ends[1]])
    t = np.arange(steps)[:, None] / steps
    shares = t ** np.arange(4) @ _CATMULL_ROM
    line = np.einsum("sk,knc->nsc", shares, np.stack([p[i : len(p) - 3 + i] for i in range(4)])).reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])
