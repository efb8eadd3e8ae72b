"""Drawn digits in the form of MNIST: white strokes on black, ten classes, and the truth about each is known.

A digit is one pen's way or two, through points in coordinates of its own: x to the right, y down, the digit
within -0.5..0.5 and -1..1. Each class has more than one way of being written; the points shake, the paper is bent,
stretched, slanted and turned, and the pen is thick or thin. A pixel's value is how much of it the ink covers.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from ppstargan.data.drawn import need_least, write_drawn

CLASSES = 10
VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, TEST_COUNT = 28, 1000, 100  # of the toy set: pixels, and how many of each digit
TALL = 20 / 28  # share of the picture that the longer side of a digit takes, as in MNIST
UNSIGNED_BYTES = 0x08  # the type in the header of an idx file; the byte after it is the number of sides


def draw_digit(label: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random digit ``label`` (0..9): uint8 [size, size], white on black.

    The same state of ``rng`` gives the same digit at any size.
    """
    return _draw(_WAYS[label](rng), size, rng)


def draw_scribble(size: int, rng: np.random.Generator) -> np.ndarray:
    """A line to and fro, by the same pen as the digits, that is none of them: uint8 [size, size]."""
    return _draw([rng.uniform((-0.5, -1), (0.5, 1), (rng.integers(6, 12), 2))], size, rng)


def _draw(strokes: list, size: int, rng: np.random.Generator) -> np.ndarray:
    shaken = [points + rng.normal(0, 0.025, points.shape) for points in strokes]
    lines = [_through(points) for points in shaken]
    pen = _Pen(rng)
    return pen.ink([points * size for points in _placed(lines, rng)], size)


def write_digits(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, test_count: int = TEST_COUNT, seed: int = 0
) -> bool:
    """Writes MNIST's four files to ROOT: so many digits of ``size`` pixels of each class, the classes in turn.

    Each digit depends on the seed, its part, class and number only. Returns False when ROOT holds this very set
    already. Raises UserError when ROOT holds anything else or cannot be written, and UsageError for a size below 8,
    fewer than 2 digits of a class to train on or 1 to test, or a negative seed.
    """
    label = {"of": "digits", "version": VERSION, "size": size, "train": train_count, "test": test_count, "seed": seed}
    need_least("toy digits", label, {"size": 8, "train": 2, "test": 1, "seed": 0})

    def draw(folder: Path) -> None:
        for part, (name, count) in enumerate((("train", train_count), ("t10k", test_count))):
            labels = np.tile(np.arange(CLASSES, dtype=np.uint8), count)
            images = np.empty((len(labels), size, size), np.uint8)
            for i, digit in enumerate(labels):
                rng = np.random.default_rng([seed, part, int(digit), i // CLASSES])
                images[i] = draw_digit(int(digit), size, rng)
            _write_idx(folder / f"{name}-images-idx3-ubyte.gz", images)
            _write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)

    return write_drawn(root, label, "toy digits", draw)


def _write_idx(path: Path, values: np.ndarray) -> None:
    """Writes uint8 ``values`` as an idx file, gzip: the same bytes for the same values."""
    header = struct.pack(f">HBB{values.ndim}I", 0, UNSIGNED_BYTES, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), compresslevel=6, mtime=0))


# ---- the pen and the paper ----


class _Pen:
    """A pen with a width that swells and thins along its way, and with more or less ink."""

    def __init__(self, rng: np.random.Generator):
        self.half = rng.uniform(0.038, 0.072)  # half its width, as a share of the picture
        self.swell, self.phase, self.period = rng.uniform(0, 0.25), rng.uniform(0, 2 * np.pi), rng.uniform(3, 9)
        self.strength = rng.uniform(0.85, 1)
        self.softness = rng.uniform(0.02, 0.04)  # of its edge, as a share of the picture; a pixel at least

    def ink(self, strokes: list, size: int) -> np.ndarray:
        """uint8 [size, size] of ``strokes`` [N, 2] in pixels.

        Analytic rather than drawn large and shrunk: the distance from each pixel's middle to the nearest piece of the
        stroke tells how much of the pixel is covered.
        """
        edge = max(1.0, self.softness * size)
        distance = np.full((size, size), edge, np.float32)
        for points in strokes:
            points = points.astype(np.float32)
            share = np.arange(len(points), dtype=np.float32) / len(points)
            half = self.half * size * (1 + self.swell * np.sin(self.phase + self.period * share))
            reach = half.max() + edge
            low = np.clip(points.min(0) - reach, 0, size).astype(int)
            high = np.clip(points.max(0) + reach + 1, 0, size).astype(int)
            near = distance[low[1] : high[1], low[0] : high[0]]
            a, side = points[:-1], points[1:] - points[:-1]  # [N, 2]: where each piece begins, and where it goes
            x, y = (np.arange(low[i], high[i], dtype=np.float32) + 0.5 - a[:, i : i + 1] for i in (0, 1))
            step = side / np.maximum((side**2).sum(1), 1e-8)[:, None]
            along = (y * step[:, 1:])[:, :, None] + (x * step[:, :1])[:, None, :]  # [N, height, width]
            along = np.minimum(np.maximum(along, 0), 1)
            across = np.square(x[:, None, :] - along * side[:, 0, None, None])
            across += np.square(y[:, :, None] - along * side[:, 1, None, None])
            across = np.sqrt(across) - (half[:-1, None, None] + along * np.diff(half)[:, None, None])
            np.minimum(near, across.min(0), out=near)
        cover = np.clip(0.5 - distance / edge, 0, 1)
        return np.round(255 * self.strength * cover).astype(np.uint8)


def _placed(strokes: list, rng: np.random.Generator) -> list:
    """The strokes bent, stretched, slanted, turned, and put into the picture, whose sides are 0..1."""
    bend, waves, phase = rng.uniform(0, 0.07), rng.uniform(1.2, 2.6, (2, 2)), rng.uniform(0, 2 * np.pi, 2)
    wide, slant, turn = rng.uniform(0.78, 1.15), rng.normal(0.16, 0.16), np.deg2rad(rng.normal(0, 5))
    slant = np.clip(slant, -0.2, 0.5)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = turned @ np.array([[1, -slant], [0, 1]]) @ np.diag([wide, 1])  # slanted as most people write
    large, shift = rng.uniform(0.9, 1.06), rng.normal(0, 0.012, 2)
    bent = [points + bend * np.sin(points @ waves + phase) for points in strokes]
    bent = [points @ matrix.T for points in bent]
    everything = np.concatenate(bent)
    low, high = everything.min(0), everything.max(0)
    scale = TALL * large / max(high - low)
    return [(points - (low + high) / 2) * scale + 0.5 + shift for points in bent]


_BETWEEN = np.arange(5)[:, None, None] / 5


def _through(points: np.ndarray) -> np.ndarray:
    """A line [N, 2] through ``points``, round between them (Catmull-Rom); a point that comes twice is a corner."""
    before = np.concatenate([2 * points[:1] - points[1:2], points[:-2]])
    a, b = points[:-1], points[1:]
    after = np.concatenate([points[2:], 2 * points[-1:] - points[-2:-1]])
    t = _BETWEEN
    line = 2 * a + (b - before) * t + (2 * before - 5 * a + 4 * b - after) * t**2
    line = (line + (3 * a - before - 3 * b + after) * t**3) / 2
    return np.concatenate([line.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float, count: int = 7) -> list:
    """Points of an ellipse, from the angle ``start`` to ``end`` in degrees: 0 is right, 90 is below."""
    t = np.deg2rad(np.linspace(start, end, count))
    return list(zip(x + rx * np.cos(t), y + ry * np.sin(t)))


def _line(*points) -> np.ndarray:
    return np.array(points, float)


# ---- the ways to write each digit: a list of strokes [N, 2] ----


def _zero(rng) -> list:
    start, wide = rng.uniform(-110, -50), rng.uniform(0.42, 0.68)
    turn = -1 if rng.random() < 0.7 else 1  # most people write it to the left
    ring = np.array(_arc(0, 0, wide, 1, start, start + turn * rng.uniform(350, 385), 12))
    ring[-1] += rng.normal(0, 0.05, 2)
    return [ring]


def _one(rng) -> list:
    kind = rng.random()
    if kind < 0.5:
        return [_line((0, -1), (0, 0), (0, 1))]
    flag = (rng.uniform(-0.42, -0.25), rng.uniform(-0.72, -0.5))
    strokes = [_line(flag, (-0.1, -0.88), (0, -1), (0, -1), (0, 0), (0, 1))]
    if kind > 0.75:
        strokes.append(_line((-0.36, 1), (0, 1), (0.36, 1)))
    return strokes


def _two(rng) -> list:
    top = [(-0.48, rng.uniform(-0.65, -0.45)), (-0.28, -0.93), (0.1, -1), (0.42, -0.75), (0.4, -0.35), (0.05, 0.25)]
    if rng.random() < 0.5:
        return [_line(*top, (-0.5, 0.92), (-0.5, 0.92), (0, rng.uniform(0.86, 0.98)), (0.55, 0.92))]
    loop = [(-0.25, 0.75), (-0.46, 0.92), (-0.6, 0.74), (-0.42, 0.58), (-0.1, 0.78), (0.2, 0.95), (0.58, 0.8)]
    return [_line(*top, *loop)]


def _three(rng) -> list:
    low = [(0.2, -0.08), (0.5, 0.25), (0.42, 0.75), (0.02, 1), (-0.32, 0.93), (-0.5, rng.uniform(0.6, 0.75))]
    if rng.random() < 0.3:  # with a flat top
        return [_line((-0.45, -0.95), (0, -0.98), (0.42, -0.95), (0.42, -0.95), (0, -0.22), (0, -0.22), *low)]
    top = [(-0.45, rng.uniform(-0.8, -0.65)), (-0.2, -0.98), (0.15, -0.98), (0.4, -0.7), (0.3, -0.3)]
    middle = (rng.uniform(-0.15, 0.02), -0.1)
    return [_line(*top, middle, middle, *low)]


def _four(rng) -> list:
    bar = rng.uniform(0.15, 0.35)
    if rng.random() < 0.4:  # closed
        down = _line((0.25, -1), (0.25, 0), (0.25, 1))
        return [_line((0.25, -1), (-0.15, -0.4), (-0.52, bar), (-0.52, bar), (0, bar), (0.58, bar)), down]
    left = _line((-0.38, -0.9), (-0.45, -0.3), (-0.48, bar - 0.12), (-0.35, bar), (0, bar), (0.55, bar - 0.05))
    return [left, _line((0.34, rng.uniform(-0.95, -0.5)), (0.3, 0.2), (0.26, 1))]


def _five(rng) -> list:
    bowl = [(-0.1, -0.3), (0.3, -0.2), (0.5, 0.2), (0.4, 0.72), (0, 0.98), (-0.48, rng.uniform(0.72, 0.92))]
    corner = (-0.42, -0.18)
    down = [(-0.34, -0.96), (-0.39, -0.55), corner, corner]
    if rng.random() < 0.5:  # the bar comes last, as a stroke of its own
        return [_line(*down, *bowl), _line((-0.34, -0.96), (0, -0.97), (rng.uniform(0.3, 0.6), -0.98))]
    return [_line((rng.uniform(0.35, 0.55), -1), (0, -0.97), (-0.34, -0.96), *down, *bowl)]


def _six(rng) -> list:
    wide, top = rng.uniform(0.4, 0.52), (rng.uniform(0.05, 0.4), -1)
    low = _arc(0, 0.45, wide, 0.54, 180, -rng.uniform(170, 200), 10)  # by the bottom, and up to where it began
    return [_line(top, (-0.2, -0.55), (-0.42, -0.05), *low)]


def _seven(rng) -> list:
    start, corner = (-0.48, rng.uniform(-0.95, -0.85)), (0.48, -0.93)
    foot = (rng.uniform(-0.25, 0.05), 1)
    bend = (rng.uniform(0.02, 0.22), 0.05)
    first = [(-0.5, -0.68)] if rng.random() < 0.25 else []  # a tick down at its beginning
    strokes = [_line(*first, start, *([start] if first else []), (0, -0.95), corner, corner, bend, foot)]
    if rng.random() < 0.4:
        strokes.append(_line((-0.25, 0.08), (0.1, 0.04), (0.45, 0)))
    return strokes


def _eight(rng) -> list:
    up, low = rng.uniform(0.32, 0.42), rng.uniform(0.4, 0.52)
    if rng.random() < 0.3:  # two rings
        start = rng.uniform(60, 120)
        rings = (0, -0.52, up, 0.46, start, start + 362, 10), (0, 0.46, low, 0.53, start + 180, start + 542, 10)
        return [np.array(_arc(*ring)) for ring in rings]
    t = np.linspace(0, 2 * np.pi, 15) + rng.uniform(-0.6, 0.6)  # a figure of eight in one go
    return [np.stack([np.where(np.cos(t) > 0, up, low) * np.sin(2 * t) * 1.05, -np.cos(t)], 1)]


def _nine(rng) -> list:
    wide = rng.uniform(0.36, 0.48)
    ring = _arc(0, -0.5, wide, 0.48, rng.uniform(-45, -15), -360, 10)
    if rng.random() < 0.5:  # a straight stem
        return [_line(*ring, (wide - 0.02, 0.2), (wide - rng.uniform(0.02, 0.2), 1))]
    return [_line(*ring, (wide, 0.2), (wide - 0.12, 0.75), (0, 1), (-0.38, rng.uniform(0.78, 0.9)))]


_WAYS = (_zero, _one, _two, _three, _four, _five, _six, _seven, _eight, _nine)
