"""Drawn ponies on a meadow, plain (A) and striped (B): unpaired for who trains, while the judge knows every partner.

The coat depends on the side alone, and everything else (pose, size, the way it looks, meadow, sky, light) on the
random numbers alone: the same numbers draw the partner. A pony is drawn in its own coordinates, looking to the right:
the middle of its body is (0, 0), x to the right, y down, its hooves at 0.76.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ppstargan.data.drawn import label_of, rng_of, write_sides
from ppstargan.data.shapes import INK, SUPERSAMPLING, WHITE, curve, ellipse, filler, lit, mix, shrunk
from ppstargan.errors import UserError

VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, TEST_COUNT = 32, 500, 100  # of the toy set: pixels, and how many of each side


class _Coat(NamedTuple):
    fur: tuple
    mane: tuple
    stripes: tuple | None


_COATS = (
    _Coat((178, 102, 50), (84, 44, 24), None),
    _Coat((242, 236, 224), (52, 44, 48), (40, 34, 40)),
)
# RGB from above to the horizon, of the hills, and of the meadow.
_SKIES = [((112, 168, 224), (214, 232, 240)), ((150, 196, 224), (244, 228, 200)), ((164, 176, 196), (222, 222, 220)),
          ((124, 140, 200), (248, 196, 164))]  # fmt: skip
_HILLS = [(120, 158, 120), (108, 140, 158), (150, 150, 110), (136, 128, 160)]
_MEADOWS = [(104, 164, 74), (138, 172, 76), (84, 140, 90), (176, 176, 92)]


def draw_pony(side: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random pony, plain (``side`` 0) or striped (1): uint8 RGB [size, size, 3].

    The same state of ``rng`` gives the same pony at any size, and of the other side its partner.
    """
    large = size * SUPERSAMPLING
    canvas, pose = _landscape(large, rng), _pose(large, rng)
    _shadow(canvas, pose)
    _pony(filler(canvas, pose), _COATS[side], rng)
    return shrunk(lit(canvas, rng, least=0.85), size)


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
    above, below = (np.array(colour) + rng.uniform(-14, 14) for colour in _SKIES[rng.integers(len(_SKIES))])
    horizon = rng.uniform(0.42, 0.6)  # as a share of the picture
    steps = np.clip(np.linspace(0, 1 / horizon, size), 0, 1)[:, None, None]
    canvas = np.repeat(np.clip(above * (1 - steps) + below * steps, 0, 255), size, axis=1).astype(np.uint8)
    fill = filler(canvas, np.array([[size, 0, 0], [0, size, 0]], float))
    if rng.random() < 0.5:
        fill(ellipse(*rng.uniform((0.1, 0.08), (0.9, 0.26)), 0.06, 0.06), mix(below, (255, 250, 226), 0.7))
    x = np.linspace(0, 1, 40)
    waves, phase = rng.uniform(3, 9), rng.uniform(0, 2 * np.pi)
    hills = horizon - rng.uniform(0.04, 0.12) * (1 + np.sin(waves * x + phase))
    colour = mix(_HILLS[rng.integers(len(_HILLS))], below, rng.uniform(0.1, 0.5))
    fill(np.concatenate([np.stack([x, hills], 1), [(1, 1), (0, 1)]]), colour)
    near = np.array(_MEADOWS[rng.integers(len(_MEADOWS))]) + rng.uniform(-12, 12, 3)
    meadow = canvas[int(horizon * size) :]
    depth = np.linspace(0, 1, len(meadow))[:, None, None]
    meadow[:] = np.clip(near * (1.12 - 0.26 * depth), 0, 255).astype(np.uint8)
    for _ in range(12):  # tufts of grass
        x, y = rng.uniform((0, horizon + 0.06), (1, 1))
        tuft = curve([(x - 0.03, y), (x, y - 0.03), (x + 0.04, y - 0.005)], 0.012)
        fill(tuft, tuple(np.clip(near * rng.uniform(0.78, 1.2), 0, 255)))
    return canvas


def _pose(size: int, rng: np.random.Generator) -> np.ndarray:
    """[2, 3] from the pony's coordinates to pixels: to the left or right, with a shift, a scale and a small turn."""
    scale, angle, side = size * rng.uniform(0.44, 0.54), np.deg2rad(rng.uniform(-4, 4)), rng.choice([-1, 1])
    x, y = size * (np.array([0.5 - 0.05 * side, 0.56]) + rng.uniform(-0.03, 0.03, 2))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[side * cos, -sin, x], [side * sin, cos, y]])


def _shadow(canvas: np.ndarray, pose: np.ndarray) -> None:
    """A soft one on the ground."""
    dark = np.zeros_like(canvas)
    filler(dark, pose)(ellipse(0.02, 0.77, 0.62, 0.1), (90, 90, 90))
    soft = cv2.GaussianBlur(dark, (0, 0), 0.025 * len(canvas))
    canvas[:] = (canvas * (1 - soft / 255.0)).astype(np.uint8)


# ---- the pony ----


def _pony(fill, coat: _Coat, rng: np.random.Generator) -> None:
    shade = rng.uniform(-0.16, 0.16)  # of the whole coat
    fur, mane = (mix(colour, WHITE if shade > 0 else INK, abs(shade)) for colour in coat[:2])
    dark, light = mix(fur, INK, 0.22), mix(fur, WHITE, 0.25)
    legs, nod = rng.uniform(-0.16, 0.16, 4), rng.uniform(-16, 14)
    tail, long = rng.uniform(-0.1, 0.16), rng.uniform(0, 0.12)

    def stripe(points, width: float) -> None:
        if coat.stripes:
            fill(curve(points, width), coat.stripes)

    fill(curve([(-0.46, -0.16), (-0.72 - tail, -0.2), (-0.66 - tail, 0.36 + long)], 0.17), mane)
    for x, swing in ((-0.3, legs[0]), (0.36, legs[1])):
        _leg(fill, stripe, x, swing, dark, coat)
    for x, swing in ((-0.4, legs[2]), (0.26, legs[3])):
        _leg(fill, stripe, x, swing, fur, coat)
    fill(ellipse(0, 0.02, 0.5, 0.26), fur)
    fill(ellipse(-0.3, -0.03, 0.24, 0.26), fur)
    fill(ellipse(0.28, -0.02, 0.24, 0.25), fur)
    fill(ellipse(0, 0.2, 0.32, 0.07), mix(fur, INK, 0.1))  # the belly lies in the shade,
    fill(ellipse(0, -0.16, 0.32, 0.06), mix(fur, WHITE, 0.12))  # and the back in the light
    for x in (-0.44, -0.3, -0.16, -0.02, 0.12, 0.26):
        high = 0.27 * np.sqrt(1 - (x / 0.62) ** 2)
        stripe([(x + 0.02, -high - 0.01), (x + 0.06, 0), (x - 0.02, 0.72 * high)], 0.068)

    turn = np.deg2rad(nod)
    about, turned = np.array([0.32, -0.06]), np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def raised(points) -> np.ndarray:
        """The points of neck and head, which nod."""
        return (np.array(points, float) - about) @ turned + about

    neck = raised([(0.1, -0.2), (0.24, -0.42), (0.42, -0.7), (0.6, -0.74), (0.64, -0.46), (0.52, -0.1), (0.4, 0.12)])
    fill(neck, fur)
    for x, y in ((0.27, -0.36), (0.36, -0.5), (0.44, -0.63)):
        stripe(raised([(x - 0.03, y), (x + 0.1, y + 0.06), (x + 0.2, y + 0.17)]), 0.06)
    for x, y in ((0.16, -0.3), (0.24, -0.43), (0.32, -0.56), (0.4, -0.68)):
        fill(raised(ellipse(x, y, 0.13, 0.075, 60)), mane)
    fill(raised([(0.46, -0.72), (0.5, -0.95), (0.58, -0.74)]), dark)
    fill(raised(ellipse(0.66, -0.56, 0.25, 0.135, 38)), fur)
    fill(raised(ellipse(0.8, -0.44, 0.12, 0.095, 38)), light if coat.stripes is None else mix(fur, INK, 0.72))
    for x, y in ((0.55, -0.6), (0.66, -0.5)):
        stripe(raised([(x + 0.07, y - 0.08), (x + 0.03, y), (x - 0.04, y + 0.09)]), 0.045)
    fill(raised([(0.52, -0.74), (0.57, -0.97), (0.64, -0.7)]), fur)
    fill(raised(ellipse(0.52, -0.74, 0.12, 0.06, 30)), mane)  # the forelock
    fill(raised(ellipse(0.66, -0.61, 0.036, 0.042)), INK)
    fill(raised(ellipse(0.65, -0.625, 0.012, 0.012)), WHITE)
    fill(raised(ellipse(0.85, -0.44, 0.018, 0.022)), INK)


def _leg(fill, stripe, x: float, swing: float, colour, coat: _Coat) -> None:
    """From the body at ``x`` to a hoof that is ``swing`` before that."""
    knee, foot = (x + 0.4 * swing, 0.42), (x + swing, 0.74)
    outer = [(x - 0.1, 0.04), (knee[0] - 0.055, knee[1]), (foot[0] - 0.05, foot[1])]
    inner = [(foot[0] + 0.05, foot[1]), (knee[0] + 0.055, knee[1]), (x + 0.1, 0.04)]
    fill(np.array(outer + inner), colour)
    for share in (0.1, 0.55):
        middle = knee[0] + share * (foot[0] - knee[0]), knee[1] + share * (foot[1] - knee[1])
        stripe([(middle[0] - 0.06, middle[1]), (middle[0], middle[1] + 0.02), (middle[0] + 0.06, middle[1])], 0.05)
    hoof = np.array([(-0.055, -0.05), (0.05, -0.05), (0.07, 0.03), (-0.06, 0.03)]) + foot
    fill(hoof, mix(INK, WHITE, 0.12))
