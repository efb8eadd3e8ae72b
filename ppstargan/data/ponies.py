"""Drawn ponies on a meadow, plain (A) and striped (B): unpaired for who trains, while the judge knows every partner.

The coat depends on the side alone, and everything else (pose, size, the way it looks, meadow, sky, light) on the
random numbers alone: the same numbers draw the partner. A pony is drawn in its own coordinates, looking to the right:
the middle of its body is (0, 0), x to the right, y down, its hooves at 0.7.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ppstargan.data.drawn import label_of, rng_of, write_sides
from ppstargan.data.shapes import INK, SUPERSAMPLING, WHITE, curve, ellipse, filler, lit, mix, shrunk
from ppstargan.errors import UserError

VERSION = 2  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, TEST_COUNT = 32, 500, 100  # of the toy set: pixels, and how many of each side


class _Coat(NamedTuple):
    fur: tuple
    mane: tuple
    stripes: tuple | None


_COATS = (
    _Coat((146, 78, 38), (64, 40, 34), None),
    _Coat((246, 240, 228), (64, 52, 56), (106, 93, 98)),
)
# RGB from above to the horizon, of the hills, and of the meadow: each is between these two.
_SKIES = ((128, 178, 226), (220, 234, 240)), ((168, 172, 214), (246, 214, 190))
_HILLS = (116, 160, 136), (134, 140, 170)
_MEADOWS = (96, 156, 78), (150, 176, 88)


def draw_pony(side: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random pony, plain (``side`` 0) or striped (1): uint8 RGB [size, size, 3].

    The same state of ``rng`` gives the same pony at any size, and of the other side its partner.
    """
    large = size * SUPERSAMPLING
    canvas, pose = _landscape(large, rng), _pose(large, rng)
    _shadow(canvas, pose)
    _pony(filler(canvas, pose), _COATS[side], rng)
    return shrunk(lit(canvas, rng, least=1.0), size)


def write_ponies(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, test_count: int = TEST_COUNT, seed: int = 0
) -> bool:
    """Draws plain ponies to ROOT/trainA and testA, and striped ones to trainB and testB, as ``write_sides`` says.

    No two of them are partners.
    """

    def draw(side: int, rng: np.random.Generator) -> np.ndarray:
        return draw_pony(side, size, rng)

    label = {"of": "ponies", "version": VERSION, "size": size, "train": train_count, "test": test_count, "seed": seed}
    return write_sides(root, label, draw)


def partners(root: str | Path, side: int) -> np.ndarray:
    """The true translations of the test images of ``side`` (0: testA, 1: testB), in their order: uint8 [N, S, S, 3].

    Raises UserError where ``write_ponies`` did not write ``root``.
    """
    label = label_of(root)
    if label is None or (label.get("of"), label.get("version")) != ("ponies", VERSION):
        raise UserError(f"{root} does not hold the toy ponies; draw them by python tools/draw_toy.py cyclegan")
    rngs = [rng_of(label["seed"], "test", side, index) for index in range(label["test"])]
    return np.stack([draw_pony(1 - side, label["size"], rng) for rng in rngs])


# ---- where it stands ----


def _landscape(size: int, rng: np.random.Generator) -> np.ndarray:
    """Sky, hills and a meadow."""
    hour, season, distance = rng.random(3)
    above, below = (np.array(mix(*colours, hour)) for colours in zip(*_SKIES))
    horizon = rng.uniform(0.42, 0.54)  # as a share of the picture
    steps = np.clip(np.linspace(0, 1 / horizon, size), 0, 1)[:, None, None]
    canvas = np.repeat(above * (1 - steps) + below * steps, size, axis=1).astype(np.uint8)
    fill = filler(canvas, np.array([[size, 0, 0], [0, size, 0]], float))
    x = np.linspace(0, 1, 40)
    waves, phase = rng.uniform(3, 9), rng.uniform(0, 2 * np.pi)
    hills = horizon - rng.uniform(0.03, 0.09) * (1 + np.sin(waves * x + phase))
    colour = mix(mix(*_HILLS, hour), below, 0.2 + 0.3 * distance)
    fill(np.concatenate([np.stack([x, hills], 1), [(1, 1), (0, 1)]]), colour)
    meadow = canvas[int(horizon * size) :]
    depth = np.linspace(0, 1, len(meadow))[:, None, None]
    meadow[:] = (np.array(mix(*_MEADOWS, season)) * (1.1 - 0.2 * depth)).astype(np.uint8)
    return canvas


def _pose(size: int, rng: np.random.Generator) -> np.ndarray:
    """[2, 3] from the pony's coordinates to pixels: to the left or right, with a shift, a scale and a small turn."""
    scale, angle, side = size * rng.uniform(0.5, 0.58), np.deg2rad(rng.uniform(-4, 4)), rng.choice([-1, 1])
    x, y = size * (np.array([0.5 - 0.06 * side, 0.58]) + rng.uniform(-0.03, 0.03, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[side * cos, -sin, x], [side * sin, cos, y]])


def _shadow(canvas: np.ndarray, pose: np.ndarray) -> None:
    """A soft one on the ground."""
    dark = np.zeros_like(canvas)
    filler(dark, pose)(ellipse(0.02, 0.69, 0.66, 0.1), (90, 90, 90))
    soft = cv2.GaussianBlur(dark, (0, 0), 0.025 * len(canvas))
    canvas[:] = (canvas * (1 - soft / 255.0)).astype(np.uint8)


# ---- the pony ----


def _pony(fill, coat: _Coat, rng: np.random.Generator) -> None:
    shade = rng.uniform(-0.1, 0.1)  # of the whole coat
    fur, mane = (mix(colour, WHITE if shade > 0 else INK, abs(shade)) for colour in coat[:2])
    dark, light = mix(fur, INK, 0.2), mix(fur, WHITE, 0.25)
    legs, nod = rng.uniform(-0.13, 0.13, 4), rng.uniform(-16, 12)
    tail, long = rng.uniform(-0.08, 0.1), rng.uniform(0, 0.12)

    def stripe(points, width: float) -> None:
        if coat.stripes:
            fill(curve(points, width), coat.stripes)

    fill(curve([(-0.48, -0.18), (-0.74 - tail, -0.2), (-0.66 - tail, 0.34 + long)], 0.19), mane)
    for x, swing in ((-0.3, legs[0]), (0.36, legs[1])):
        _leg(fill, stripe, x, swing, dark)
    for x, swing in ((-0.41, legs[2]), (0.25, legs[3])):
        _leg(fill, stripe, x, swing, fur)
    fill(ellipse(0, 0.02, 0.54, 0.3), fur)
    fill(ellipse(-0.3, -0.03, 0.28, 0.3), fur)
    fill(ellipse(0.28, -0.02, 0.27, 0.29), fur)
    fill(ellipse(0, 0.22, 0.36, 0.08), mix(fur, INK, 0.1))  # the belly lies in the shade,
    fill(ellipse(0, -0.18, 0.34, 0.07), mix(fur, WHITE, 0.12))  # and the back in the light
    for x in (-0.44, -0.22, 0, 0.22):
        high = 0.31 * np.sqrt(1 - (x / 0.66) ** 2)
        stripe([(x + 0.02, -high - 0.01), (x + 0.07, 0), (x - 0.02, 0.75 * high)], 0.1)

    turn = np.deg2rad(nod)
    about, turned = np.array([0.32, -0.06]), np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def raised(points) -> np.ndarray:
        """The points of neck and head, which nod."""
        return (np.array(points, float) - about) @ turned + about

    neck = raised([(0.06, -0.22), (0.22, -0.42), (0.4, -0.66), (0.6, -0.7), (0.66, -0.42), (0.56, -0.08), (0.42, 0.16)])
    fill(neck, fur)
    for x, y in ((0.26, -0.3), (0.38, -0.5)):
        stripe(raised([(x - 0.02, y), (x + 0.12, y + 0.07), (x + 0.24, y + 0.2)]), 0.085)
    for x, y in ((0.14, -0.3), (0.22, -0.42), (0.3, -0.54), (0.38, -0.65)):
        fill(raised(ellipse(x, y, 0.14, 0.085, 60)), mane)
    fill(raised([(0.46, -0.68), (0.5, -0.9), (0.58, -0.7)]), dark)
    fill(raised(ellipse(0.66, -0.52, 0.26, 0.15, 38)), fur)
    fill(raised(ellipse(0.81, -0.4, 0.12, 0.1, 38)), light if coat.stripes is None else mix(fur, INK, 0.6))
    stripe(raised([(0.7, -0.6), (0.62, -0.5), (0.55, -0.36)]), 0.07)
    fill(raised([(0.52, -0.7), (0.57, -0.93), (0.64, -0.66)]), fur)
    fill(raised(ellipse(0.52, -0.7, 0.13, 0.07, 30)), mane)  # the forelock
    fill(raised(ellipse(0.7, -0.57, 0.04, 0.046)), INK)
    fill(raised(ellipse(0.69, -0.585, 0.014, 0.014)), WHITE)
    fill(raised(ellipse(0.86, -0.4, 0.02, 0.024)), INK)


def _leg(fill, stripe, x: float, swing: float, colour) -> None:
    """From the body at ``x`` to a hoof that is ``swing`` before that."""
    knee, foot = (x + 0.4 * swing, 0.4), (x + swing, 0.66)
    outer = [(x - 0.12, 0.04), (knee[0] - 0.07, knee[1]), (foot[0] - 0.062, foot[1])]
    inner = [(foot[0] + 0.062, foot[1]), (knee[0] + 0.07, knee[1]), (x + 0.12, 0.04)]
    fill(np.array(outer + inner), colour)
    x, y = knee[0] + 0.3 * (foot[0] - knee[0]), knee[1] + 0.3 * (foot[1] - knee[1])
    stripe([(x - 0.07, y), (x, y + 0.02), (x + 0.07, y)], 0.07)
    hoof = np.array([(-0.066, -0.05), (0.062, -0.05), (0.08, 0.04), (-0.07, 0.04)]) + foot
    fill(hoof, mix(INK, WHITE, 0.12))
