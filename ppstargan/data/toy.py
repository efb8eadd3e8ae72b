"""A drawn dataset of cat, dog and lion faces: it needs no download, and small networks learn it on a CPU.

The domain is in the shape (ears, mane, muzzle); colours, pose, markings and background vary within each.
Faces are drawn in their own coordinates: the middle of the head is (0, 0), x to the right, y down, the head
about 0.6 in radius. The pose maps them to pixels.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ppstargan.data.drawn import need_least, write_drawn

DOMAINS = ("cat", "dog", "lion")
VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused

_SUPERSAMPLING = 4
_INK = (24, 18, 20)
_WHITE = (246, 242, 236)
_PINK = (226, 140, 142)
# (fur, second colour) as RGB: the second one is for ears, markings, or the mane.
_COATS = {
    "cat": [
        ((140, 140, 148), (70, 70, 80)),  # grey tabby
        ((228, 140, 60), (178, 88, 28)),  # ginger
        ((36, 34, 38), (70, 66, 70)),  # black
        ((236, 216, 178), (150, 110, 82)),  # cream, as a Siamese
        ((244, 240, 234), (206, 196, 188)),  # white
        ((110, 84, 62), (52, 38, 30)),  # brown tabby
    ],
    "dog": [
        ((122, 78, 44), (70, 42, 24)),  # brown
        ((208, 164, 108), (140, 94, 52)),  # tan
        ((242, 236, 226), (120, 76, 46)),  # white with brown
        ((44, 40, 42), (22, 20, 22)),  # black
        ((224, 172, 84), (188, 128, 52)),  # golden
        ((236, 234, 232), (48, 46, 50)),  # white with black
    ],
    "lion": [
        ((222, 176, 104), (138, 78, 30)),  # sandy
        ((206, 150, 78), (72, 42, 24)),  # golden, dark mane
        ((186, 124, 70), (152, 58, 22)),  # reddish
        ((240, 224, 188), (204, 158, 92)),  # pale
        ((160, 116, 74), (40, 28, 22)),  # brown, black mane
    ],
}
_EYES = [(96, 150, 60), (222, 178, 40), (90, 150, 200), (200, 120, 40)]


def draw_face(domain: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random face of ``domain`` (one of DOMAINS): uint8 RGB [size, size, 3].

    The same state of ``rng`` gives the same face at any size.
    """
    canvas = _background(size * _SUPERSAMPLING, rng)
    turn = rng.uniform(-1, 1)  # of the head: to the left .. to the right
    pose = _pose(len(canvas), rng)
    coats = _COATS[domain]
    fur, second = (_vary(colour, rng) for colour in coats[rng.integers(len(coats))])

    def fill(points: np.ndarray, colour) -> None:
        """Fills a polygon of face coordinates [N, 2]."""
        pixels = points @ pose[:, :2].T + pose[:, 2] - 0.5  # the middle of the first pixel is OpenCV's (0, 0)
        cv2.fillPoly(canvas, [np.round(pixels * 16).astype(np.int32)], colour, cv2.LINE_AA, shift=4)

    {"cat": _cat, "dog": _dog, "lion": _lion}[domain](fill, fur, second, turn, rng)
    lit = _light(canvas, rng)
    return cv2.resize(lit, (size, size), interpolation=cv2.INTER_AREA)


def write_dataset(root: str | Path, *, size: int, train_count: int, val_count: int, seed: int) -> bool:
    """Draws ROOT/train/DOMAIN/00000.png … and ROOT/val/…: so many images of ``size`` pixels for each domain.

    Each image depends on the seed, its part, domain and number only. Returns False when ROOT holds this very
    set already. Raises UserError when ROOT holds anything else or cannot be written, and UsageError for a size
    below 8, fewer than 2 images to train on or 1 to validate, or a negative seed.
    """
    label = {"version": VERSION, "size": size, "train": train_count, "val": val_count, "seed": seed}
    need_least("toy faces", label, {"size": 8, "train": 2, "val": 1, "seed": 0})

    def draw(root: Path) -> None:
        for part, (split, count) in enumerate((("train", train_count), ("val", val_count))):
            for number, domain in enumerate(DOMAINS):
                folder = root / split / domain
                folder.mkdir(parents=True)
                for index in range(count):
                    face = draw_face(domain, size, np.random.default_rng([seed, part, number, index]))
                    Image.fromarray(face).save(folder / f"{index:05d}.png")

    return write_drawn(root, label, "toy faces", draw)


# ---- around the face ----


def _background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random colour, a little darker towards one side."""
    brightness = rng.uniform(0.3, 0.85)
    colour = brightness + rng.uniform(-0.2, 0.2, 3)
    ends = [255 * np.clip(colour + change, 0, 1) for change in (-0.06, 0.06)]
    ramp = _ramp(size, rng)[:, :, None]
    return (ends[0] * ramp + ends[1] * (1 - ramp)).astype(np.uint8)


def _light(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side, and a brighter or darker picture as a whole."""
    exposure, side = rng.uniform(0.75, 1.1), rng.uniform(0, 0.1)
    light = exposure * (1 - side + 2 * side * _ramp(len(canvas), rng)).astype(np.float32)
    return np.clip(canvas * light[:, :, None], 0, 255).astype(np.uint8)


def _ramp(size: int, rng: np.random.Generator) -> np.ndarray:
    """[size, size] from 0 on one side to 1 on the other, in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    steps = np.linspace(-0.5, 0.5, size)
    slope = np.cos(angle) * steps[None, :] + np.sin(angle) * steps[:, None]
    return np.clip(slope / 1.4 + 0.5, 0, 1)


def _pose(size: int, rng: np.random.Generator) -> np.ndarray:
    """[2, 3] from face coordinates to pixels: a shift, a scale, and a turn in the plane."""
    scale = size * rng.uniform(0.41, 0.47)
    angle = np.deg2rad(rng.uniform(-8, 8))
    x, y = size * (np.array([0.5, 0.54]) + rng.uniform(-0.04, 0.04, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


def _vary(colour, rng: np.random.Generator) -> tuple[float, ...]:
    varied = np.array(colour) * rng.uniform(0.8, 1.15) + rng.uniform(-10, 10, 3)
    return tuple(np.clip(varied, 0, 255).tolist())


def _mix(a, b, share: float) -> tuple[float, ...]:
    """``share`` of b in a."""
    return tuple((np.array(a) * (1 - share) + np.array(b) * share).tolist())


# ---- shapes, in face coordinates ----


def _ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    a = np.deg2rad(degrees)
    px, py = rx * np.cos(t), ry * np.sin(t)
    return np.stack([x + px * np.cos(a) - py * np.sin(a), y + px * np.sin(a) + py * np.cos(a)], axis=1)


def _curve(points, width: float) -> np.ndarray:
    """A stroke through three points (a quadratic Bézier curve), as a band that is thinner at its ends."""
    t = np.linspace(0, 1, 16)[:, None]
    a, b, c = np.array(points, float)
    line = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = width / 2 * (0.35 + 0.65 * np.sin(np.pi * t))
    return np.concatenate([line + half * across, (line - half * across)[::-1]])


def _mirror(points: np.ndarray, side: int) -> np.ndarray:
    return points * (side, 1)


def _eye(fill, x: float, y: float, r: float, iris, slit: float, turn: float) -> None:
    fill(_ellipse(x, y, r * 1.18, r * 1.1), _INK)
    fill(_ellipse(x, y, r, r * 0.92), iris)
    fill(_ellipse(x + 0.25 * r * turn, y, r * slit, r * 0.8), _INK)
    fill(_ellipse(x + 0.25 * r * turn - 0.25 * r, y - 0.3 * r, r * 0.22, r * 0.22), _WHITE)


# ---- the faces ----


def _cat(fill, fur, second, turn, rng) -> None:
    mark, ears = rng.integers(3), rng.uniform(-0.06, 0.06)
    muzzle = _mix(fur, _WHITE, rng.uniform(0.3, 0.8))
    fill(_ellipse(0, 1.05, 0.6, 0.62), _mix(fur, _INK, 0.15))  # the chest
    for side in (-1, 1):
        ear = np.array([(0.66, 0.0), (0.6 + ears, -0.98), (0.06, -0.46)])
        fill(_mirror(ear, side), second)
        inner = ear.mean(0) + 0.58 * (ear - ear.mean(0)) + (0, 0.03)
        fill(_mirror(inner, side), _mix(fur, _PINK, 0.7))
    fill(_ellipse(0, 0, 0.68, 0.56), fur)
    if mark == 0:  # tabby
        for x in (-0.16, 0, 0.16):
            fill(_curve([(x * 1.3, -0.5), (x, -0.4), (x * 0.9, -0.26)], 0.09), second)
        for side in (-1, 1):
            for y in (0.02, 0.16):
                fill(_mirror(_curve([(0.64, y), (0.54, y + 0.03), (0.42, y + 0.02)], 0.07), side), second)
    elif mark == 1:  # a white blaze
        x = 0.1 * turn
        fill(np.array([(-0.05, -0.52), (0.05, -0.52), (x + 0.2, 0.3), (x - 0.2, 0.3)]), _WHITE)
    iris = _vary(_EYES[rng.integers(len(_EYES))], rng)
    for side in (-1, 1):
        _eye(fill, 0.28 * side + 0.09 * turn, -0.06, 0.145, iris, 0.34, turn)
        fill(_ellipse(0.12 * side + 0.13 * turn, 0.28, 0.17, 0.14), muzzle)
    x = 0.14 * turn
    fill(np.array([(x - 0.085, 0.13), (x + 0.085, 0.13), (x + 0.02, 0.22), (x - 0.02, 0.22)]), _PINK)
    for side in (-1, 1):
        fill(_curve([(x, 0.21), (x + 0.03 * side, 0.36), (x + 0.17 * side, 0.33)], 0.035), _INK)
        for lift in (-0.1, 0.0, 0.1):
            start, middle = (x + 0.16 * side, 0.27 + 0.4 * lift), (0.5 * side, 0.22 + lift)
            ends = [start, middle, (0.86 * side, 0.27 + 2 * lift)]
            fill(_curve(ends, 0.024), _WHITE if sum(fur) < 480 else _mix(_INK, _WHITE, 0.3))


def _dog(fill, fur, second, turn, rng) -> None:
    blaze, flop = rng.integers(2), rng.uniform(-8, 12)
    muzzle = _mix(fur, _WHITE, rng.uniform(0.35, 0.85))
    fill(_ellipse(0, 1.1, 0.56, 0.6), _mix(fur, _INK, 0.2))
    fill(_ellipse(0, -0.02, 0.52, 0.62), fur)
    if blaze:
        fill(_ellipse(0.1 * turn, -0.3, 0.11, 0.34), muzzle)
    for side in (-1, 1):  # before the head, as they hang over its edge
        fill(_mirror(_ellipse(0.6, 0.06, 0.2, 0.56, -8 - flop), side), _mix(second, _INK, 0.25))
        fill(_mirror(_ellipse(0.6, 0.04, 0.17, 0.52, -8 - flop), side), second)
    x = 0.14 * turn
    if rng.random() < 0.5:
        fill(_ellipse(x, 0.66, 0.12, 0.22), _mix(_PINK, (200, 40, 60), 0.4))
    fill(_ellipse(x, 0.32, 0.34, 0.3), muzzle)
    fill(_ellipse(x, 0.16, 0.17, 0.12), _INK)
    fill(_ellipse(x - 0.04, 0.12, 0.05, 0.025), (120, 112, 116))
    for side in (-1, 1):
        fill(_curve([(x, 0.26), (x + 0.02 * side, 0.52), (x + 0.25 * side, 0.42)], 0.045), _INK)
        _eye(fill, 0.23 * side + 0.09 * turn, -0.16, 0.095, _vary((96, 58, 28), rng), 0.62, turn)


def _lion(fill, fur, second, turn, rng) -> None:
    tufts, phase = rng.integers(13, 22), rng.uniform(0, 2 * np.pi)
    t = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    for radius, colour in ((0.9, _mix(second, _INK, 0.2)), (0.78, second), (0.66, _mix(second, fur, 0.3))):
        wave = radius * (1 + 0.07 * np.abs(np.sin(tufts * t / 2 + phase + radius)))
        fill(np.stack([wave * np.cos(t), 0.04 + wave * np.sin(t)], 1), colour)
    for side in (-1, 1):
        fill(_ellipse(0.46 * side, -0.46, 0.18, 0.18), fur)
        fill(_ellipse(0.46 * side, -0.45, 0.1, 0.1), _mix(second, _INK, 0.4))
    fill(_ellipse(0, -0.02, 0.5, 0.54), fur)
    muzzle = _mix(fur, _WHITE, rng.uniform(0.35, 0.75))
    x = 0.13 * turn
    fill(_ellipse(x, 0.5, 0.17, 0.14), muzzle)  # the chin
    bridge = [(x * 0.4 - 0.12, -0.25), (x * 0.4 + 0.12, -0.25), (x + 0.15, 0.2), (x - 0.15, 0.2)]
    fill(np.array(bridge), _mix(fur, _INK, 0.12))
    iris = _vary(_EYES[rng.integers(1, len(_EYES))], rng)
    for side in (-1, 1):
        fill(_ellipse(0.13 * side + x, 0.34, 0.18, 0.15), muzzle)
        _eye(fill, 0.22 * side + 0.08 * turn, -0.1, 0.1, iris, 0.45, turn)
    nose = [(x - 0.16, 0.14), (x + 0.16, 0.14), (x + 0.04, 0.28), (x - 0.04, 0.28)]
    fill(np.array(nose), _mix(_INK, _PINK, 0.2))
    for side in (-1, 1):
        fill(_curve([(x, 0.26), (x + 0.02 * side, 0.46), (x + 0.22 * side, 0.42)], 0.045), _INK)
