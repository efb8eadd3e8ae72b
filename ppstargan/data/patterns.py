"""Drawn patterns as styles (stripes, dots, checks, waves, brush strokes, mosaics, each in many palettes), and faces as
contents: what AdaIN's toy is trained on, with no download.

A pattern is drawn in pixels of a canvas around (0, 0), turned by a random angle. Its kind and palette are in its name:
they are what the toy's encoder learns to tell apart.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data import toy
from ppstargan.data.drawn import need_least, write_drawn
from ppstargan.data.shapes import SUPERSAMPLING, curve, ellipse, filler, mix, shrunk

VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, VAL_COUNT = 64, 480, 48  # of the toy set: pixels, and how many of each side
PALETTES = {  # the ground, and colours on it
    "sea": ((16, 42, 84), (32, 112, 160), (110, 196, 204), (240, 244, 232)),
    "fire": ((72, 14, 24), (190, 38, 32), (242, 132, 34), (252, 214, 96)),
    "meadow": ((26, 70, 44), (92, 146, 58), (186, 206, 92), (248, 240, 186)),
    "ink": ((238, 230, 212), (28, 26, 32), (96, 90, 92), (176, 40, 44)),
    "candy": ((252, 232, 238), (236, 96, 142), (118, 88, 190), (84, 198, 210)),
    "dusk": ((44, 26, 78), (122, 60, 132), (226, 106, 116), (250, 190, 130)),
}


def draw_pattern(kind: str, palette: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random pattern of ``kind`` (of KINDS) in the colours ``palette`` (of PALETTES): uint8 RGB [size, size, 3].

    The same state of ``rng`` gives the same pattern at any size.
    """
    large = size * SUPERSAMPLING
    colours = [mix(colour, (128, 128, 128), rng.uniform(-0.08, 0.08)) for colour in PALETTES[palette]]
    canvas = np.empty((large, large, 3), np.uint8)
    canvas[:] = np.clip(colours[0], 0, 255)
    angle = rng.uniform(0, np.pi)
    cos, sin = large * np.cos(angle), large * np.sin(angle)  # the picture is 1 wide
    fill = filler(canvas, np.array([[cos, -sin, large / 2], [sin, cos, large / 2]]))
    KINDS[kind](fill, [tuple(np.clip(colour, 0, 255)) for colour in colours], rng)
    return shrunk(canvas, size)


def _band(fill, y: float, height: float, colour, wave=0.0, length=1.0) -> None:
    """Across the picture, whichever way it is turned; by ``wave`` up and down."""
    x = np.linspace(-0.75, 0.75, 90 if wave else 2)
    edge = y + wave * np.sin(2 * np.pi * x / length)
    fill(np.concatenate([np.stack([x, edge], 1), np.stack([x, edge + height], 1)[::-1]]), colour)


def _stripes(fill, colours, rng) -> None:
    period = rng.uniform(0.11, 0.17)
    thick = period * rng.uniform(0.5, 0.65)
    for i, y in enumerate(np.arange(-0.8, 0.8, period)):
        _band(fill, y, thick, colours[1 + i % 3])


def _waves(fill, colours, rng) -> None:
    period, wave, length = rng.uniform(0.1, 0.15), rng.uniform(0.03, 0.06), rng.uniform(0.22, 0.4)
    for i, y in enumerate(np.arange(-0.9, 0.9, period)):
        _band(fill, y, period, colours[i % 4], wave, length)


def _dots(fill, colours, rng) -> None:
    step = rng.uniform(0.13, 0.19)
    for i, y in enumerate(np.arange(-0.8, 0.8, step * 0.87)):
        for j, x in enumerate(np.arange(-0.8, 0.8, step)):
            radius = step * rng.uniform(0.3, 0.42)
            fill(ellipse(x + step / 2 * (i % 2), y, radius, radius), colours[1 + (i + 2 * j) % 3])
            fill(ellipse(x + step / 2 * (i % 2), y, radius / 2, radius / 2), colours[(i + j) % 2 * 3])


def _checks(fill, colours, rng) -> None:
    step = rng.uniform(0.1, 0.16)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * step
    for i, y in enumerate(np.arange(-0.8, 0.8, step)):
        for j, x in enumerate(np.arange(-0.8, 0.8, step)):
            if (i + j) % 2:
                fill(square + np.array([x, y]), colours[1 + (i // 2 + j // 2) % 3])
            elif (i + j) % 4 == 0:
                fill((square - step / 2) * 0.45 + step / 2 + np.array([x, y]), colours[3])


def _strokes(fill, colours, rng) -> None:
    """Short and bent, along a flow, the later ones on top."""
    bend, turn = rng.uniform(1.5, 3.5, 2), rng.uniform(0, 2 * np.pi, 2)
    for _ in range(420):
        place = rng.uniform(-0.8, 0.8, 2)
        along = np.sin(bend * place + turn).sum()
        way = np.array([np.cos(along), np.sin(along)]) * rng.uniform(0.06, 0.1)
        middle = place + rng.uniform(-0.02, 0.02, 2)
        colour = mix(colours[rng.integers(4)], colours[rng.integers(4)], rng.uniform(0, 0.35))
        fill(curve([place - way, middle, place + way], 0.055), colour)


def _mosaic(fill, colours, rng) -> None:
    """Triangles between the points of a shaken grid."""
    step = rng.uniform(0.15, 0.21)
    places = np.stack(np.meshgrid(*[np.arange(-0.8, 0.8 + step, step)] * 2, indexing="ij"), -1)
    places = places + rng.uniform(-0.3, 0.3, places.shape) * step
    for i, j in np.ndindex(len(places) - 1, len(places) - 1):
        a, b, c, d = places[i, j], places[i + 1, j], places[i + 1, j + 1], places[i, j + 1]
        for corners in ((a, b, c), (a, c, d)):
            first, second = rng.integers(4, size=2)
            fill(np.array(corners), mix(colours[first], colours[second], rng.uniform(0, 0.5)))


KINDS = {  # pattern(fill, colours, rng)
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "waves": _waves,
    "strokes": _strokes,
    "mosaic": _mosaic,
}


def write_patterns(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, val_count: int = VAL_COUNT, seed: int = 0
) -> bool:
    """Draws faces to ROOT/content and content_val, and patterns to ROOT/style and style_val: so many of each.

    Each picture depends on the seed, its part and number only. Returns False when ROOT holds this very set already.
    Raises UserError when ROOT holds anything else or cannot be written, and UsageError for a size below 16, fewer than
    2 to train on or 1 to validate, or a negative seed.
    """
    label = {"of": "patterns", "version": VERSION, "size": size, "train": train_count, "val": val_count, "seed": seed}
    need_least("toy patterns", label, {"size": 16, "train": 2, "val": 1, "seed": 0})

    def draw(root: Path) -> None:
        for part, (end, count) in enumerate((("", train_count), ("_val", val_count))):
            for side in ("content", "style"):
                (root / (side + end)).mkdir()
            for index in range(count):
                rngs = [np.random.default_rng([seed, part, side, index]) for side in (0, 1)]
                domain = toy.DOMAINS[index % len(toy.DOMAINS)]
                face = toy.draw_face(domain, size, rngs[0])
                Image.fromarray(face).save(root / f"content{end}" / f"{index:05d}_{domain}.png")
                kind, palette = list(KINDS)[index % len(KINDS)], list(PALETTES)[rngs[1].integers(len(PALETTES))]
                pattern = draw_pattern(kind, palette, size, rngs[1])
                Image.fromarray(pattern).save(root / f"style{end}" / f"{index:05d}_{kind}_{palette}.png")

    return write_drawn(root, label, "toy patterns", draw)


def label_of(path: Path) -> tuple:
    """The numbers of a drawn pattern's kind and palette, by its name; (len(KINDS), len(PALETTES)) of a face."""
    found = re.fullmatch(r"\d+_([a-z]+)_([a-z]+)", path.stem)
    if not found or found[1] not in KINDS or found[2] not in PALETTES:
        return len(KINDS), len(PALETTES)
    return list(KINDS).index(found[1]), list(PALETTES).index(found[2])
