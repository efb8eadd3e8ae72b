"""A drawn dataset of cat, dog and lion faces: it needs no download, and small networks learn it on a CPU.

The domain is in the shape (ears, mane, muzzle); colours, pose, markings and background vary within each.
Faces are drawn in their own coordinates: the middle of the head is (0, 0), x to the right, y down, the head
about 0.6 in radius. The pose maps them to pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.drawn import need_least, write_drawn, write_sides
from ppstargan.data.shapes import (
    INK,
    PINK,
    SUPERSAMPLING,
    WHITE,
    background,
    curve,
    ellipse,
    filler,
    lit,
    mirror,
    mix,
    shrunk,
    vary,
)  # fmt: skip

DOMAINS = ("cat", "dog", "lion")
VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, TEST_COUNT = 32, 400, 100  # of the toy set of cats and lions: pixels, and how many of each

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
    canvas = background(size * SUPERSAMPLING, rng)
    turn = rng.uniform(-1, 1)  # of the head: to the left .. to the right
    pose = face_pose(len(canvas), rng)
    coats = _COATS[domain]
    fur, second = (vary(colour, rng) for colour in coats[rng.integers(len(coats))])
    FACES[domain](filler(canvas, pose), fur, second, turn, rng)
    return shrunk(lit(canvas, rng), size)


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


def write_cats_lions(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, test_count: int = TEST_COUNT, seed: int = 0
) -> bool:
    """Draws cats to ROOT/trainA and testA, and lions to ROOT/trainB and testB, as ``write_sides`` says."""

    def draw(side: int, rng: np.random.Generator) -> np.ndarray:
        return draw_face(("cat", "lion")[side], size, rng)

    label = {"of": "cats and lions", "version": VERSION, "size": size, "train": train_count, "test": test_count}
    return write_sides(root, {**label, "seed": seed}, draw)


def face_pose(size: int, rng: np.random.Generator) -> np.ndarray:
    """[2, 3] from face coordinates to pixels: a shift, a scale, and a turn in the plane."""
    scale = size * rng.uniform(0.41, 0.47)
    angle = np.deg2rad(rng.uniform(-8, 8))
    x, y = size * (np.array([0.5, 0.54]) + rng.uniform(-0.04, 0.04, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


def _eye(fill, x: float, y: float, r: float, iris, slit: float, turn: float) -> None:
    fill(ellipse(x, y, r * 1.18, r * 1.1), INK)
    fill(ellipse(x, y, r, r * 0.92), iris)
    fill(ellipse(x + 0.25 * r * turn, y, r * slit, r * 0.8), INK)
    fill(ellipse(x + 0.25 * r * turn - 0.25 * r, y - 0.3 * r, r * 0.22, r * 0.22), WHITE)


# ---- the faces ----


def _cat(fill, fur, second, turn, rng) -> None:
    mark, ears = rng.integers(3), rng.uniform(-0.06, 0.06)
    muzzle = mix(fur, WHITE, rng.uniform(0.3, 0.8))
    fill(ellipse(0, 1.05, 0.6, 0.62), mix(fur, INK, 0.15))  # the chest
    for side in (-1, 1):
        ear = np.array([(0.66, 0.0), (0.6 + ears, -0.98), (0.06, -0.46)])
        fill(mirror(ear, side), second)
        inner = ear.mean(0) + 0.58 * (ear - ear.mean(0)) + (0, 0.03)
        fill(mirror(inner, side), mix(fur, PINK, 0.7))
    fill(ellipse(0, 0, 0.68, 0.56), fur)
    if mark == 0:  # tabby
        for x in (-0.16, 0, 0.16):
            fill(curve([(x * 1.3, -0.5), (x, -0.4), (x * 0.9, -0.26)], 0.09), second)
        for side in (-1, 1):
            for y in (0.02, 0.16):
                fill(mirror(curve([(0.64, y), (0.54, y + 0.03), (0.42, y + 0.02)], 0.07), side), second)
    elif mark == 1:  # a white blaze
        x = 0.1 * turn
        fill(np.array([(-0.05, -0.52), (0.05, -0.52), (x + 0.2, 0.3), (x - 0.2, 0.3)]), WHITE)
    iris = vary(_EYES[rng.integers(len(_EYES))], rng)
    for side in (-1, 1):
        _eye(fill, 0.28 * side + 0.09 * turn, -0.06, 0.145, iris, 0.34, turn)
        fill(ellipse(0.12 * side + 0.13 * turn, 0.28, 0.17, 0.14), muzzle)
    x = 0.14 * turn
    fill(np.array([(x - 0.085, 0.13), (x + 0.085, 0.13), (x + 0.02, 0.22), (x - 0.02, 0.22)]), PINK)
    for side in (-1, 1):
        fill(curve([(x, 0.21), (x + 0.03 * side, 0.36), (x + 0.17 * side, 0.33)], 0.035), INK)
        for lift in (-0.1, 0.0, 0.1):
            start, middle = (x + 0.16 * side, 0.27 + 0.4 * lift), (0.5 * side, 0.22 + lift)
            ends = [start, middle, (0.86 * side, 0.27 + 2 * lift)]
            fill(curve(ends, 0.024), WHITE if sum(fur) < 480 else mix(INK, WHITE, 0.3))


def _dog(fill, fur, second, turn, rng) -> None:
    blaze, flop = rng.integers(2), rng.uniform(-8, 12)
    muzzle = mix(fur, WHITE, rng.uniform(0.35, 0.85))
    fill(ellipse(0, 1.1, 0.56, 0.6), mix(fur, INK, 0.2))
    fill(ellipse(0, -0.02, 0.52, 0.62), fur)
    if blaze:
        fill(ellipse(0.1 * turn, -0.3, 0.11, 0.34), muzzle)
    for side in (-1, 1):  # before the head, as they hang over its edge
        fill(mirror(ellipse(0.6, 0.06, 0.2, 0.56, -8 - flop), side), mix(second, INK, 0.25))
        fill(mirror(ellipse(0.6, 0.04, 0.17, 0.52, -8 - flop), side), second)
    x = 0.14 * turn
    if rng.random() < 0.5:
        fill(ellipse(x, 0.66, 0.12, 0.22), mix(PINK, (200, 40, 60), 0.4))
    fill(ellipse(x, 0.32, 0.34, 0.3), muzzle)
    fill(ellipse(x, 0.16, 0.17, 0.12), INK)
    fill(ellipse(x - 0.04, 0.12, 0.05, 0.025), (120, 112, 116))
    for side in (-1, 1):
        fill(curve([(x, 0.26), (x + 0.02 * side, 0.52), (x + 0.25 * side, 0.42)], 0.045), INK)
        _eye(fill, 0.23 * side + 0.09 * turn, -0.16, 0.095, vary((96, 58, 28), rng), 0.62, turn)


def _lion(fill, fur, second, turn, rng) -> None:
    tufts, phase = rng.integers(13, 22), rng.uniform(0, 2 * np.pi)
    t = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    for radius, colour in ((0.9, mix(second, INK, 0.2)), (0.78, second), (0.66, mix(second, fur, 0.3))):
        wave = radius * (1 + 0.07 * np.abs(np.sin(tufts * t / 2 + phase + radius)))
        fill(np.stack([wave * np.cos(t), 0.04 + wave * np.sin(t)], 1), colour)
    for side in (-1, 1):
        fill(ellipse(0.46 * side, -0.46, 0.18, 0.18), fur)
        fill(ellipse(0.46 * side, -0.45, 0.1, 0.1), mix(second, INK, 0.4))
    fill(ellipse(0, -0.02, 0.5, 0.54), fur)
    muzzle = mix(fur, WHITE, rng.uniform(0.35, 0.75))
    x = 0.13 * turn
    fill(ellipse(x, 0.5, 0.17, 0.14), muzzle)  # the chin
    bridge = [(x * 0.4 - 0.12, -0.25), (x * 0.4 + 0.12, -0.25), (x + 0.15, 0.2), (x - 0.15, 0.2)]
    fill(np.array(bridge), mix(fur, INK, 0.12))
    iris = vary(_EYES[rng.integers(1, len(_EYES))], rng)
    for side in (-1, 1):
        fill(ellipse(0.13 * side + x, 0.34, 0.18, 0.15), muzzle)
        _eye(fill, 0.22 * side + 0.08 * turn, -0.1, 0.1, iris, 0.45, turn)
    nose = [(x - 0.16, 0.14), (x + 0.16, 0.14), (x + 0.04, 0.28), (x - 0.04, 0.28)]
    fill(np.array(nose), mix(INK, PINK, 0.2))
    for side in (-1, 1):
        fill(curve([(x, 0.26), (x + 0.02 * side, 0.46), (x + 0.22 * side, 0.42)], 0.045), INK)


FACES = {"cat": _cat, "dog": _dog, "lion": _lion}  # face(fill, fur, second colour, turn, rng)
