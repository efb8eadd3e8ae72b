"""Drawn people, of whom all is known that their picture shows: hair, glasses, expression, skin, and 98 landmarks.

What a person looks like is a ``Look``: numbers that are drawn before anything is painted, as many for every person.
So the same random numbers with another attribute show the same person, changed in nothing but that.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

import cv2
import numpy as np

from ppstargan.data.attributes import HAIR
from ppstargan.data.people_face import features
from ppstargan.data.people_hair import behind, in_front
from ppstargan.data.people_paint import Painter
from ppstargan.data.people_parts import body, ears, glasses, skin
from ppstargan.data.people_points import Head, landmarks, lifts
from ppstargan.data.shapes import SUPERSAMPLING, shrunk, slope, vary

VERSION = 2  # raise it when the drawing changes: a dataset of another version is not reused
ATTRIBUTES = tuple(sorted((*HAIR, "Eyeglasses", "Male", "Pale_Skin", "Smiling")))  # CelebA's names, in its order

# RGB
_HAIR = {
    "Black_Hair": [(30, 26, 30), (24, 24, 32), (38, 30, 30)],
    "Blond_Hair": [(232, 196, 112), (222, 182, 96), (240, 212, 142)],
    "Brown_Hair": [(122, 74, 42), (106, 62, 34), (138, 82, 42)],
    "Gray_Hair": [(168, 168, 174), (186, 186, 190), (150, 152, 160)],
}
_PALE = [(248, 228, 220), (246, 226, 222), (248, 230, 214)]
_TONES = [(232, 184, 148), (224, 172, 130), (206, 150, 108), (178, 120, 82), (140, 92, 62), (112, 72, 50)]
_IRISES = [(92, 60, 34), (70, 44, 28), (66, 110, 150), (84, 128, 84), (112, 92, 52), (96, 112, 124)]
_CLOTHES = [
    (58, 84, 128), (150, 56, 58), (66, 112, 92), (232, 226, 214), (52, 52, 62), (206, 146, 62), (120, 92, 142),
    (196, 112, 118), (96, 130, 158),
]  # fmt: skip
_FRAMES = [(28, 26, 30), (30, 28, 34), (92, 50, 30), (34, 44, 84), (110, 30, 40)]
_LIPS = [(176, 50, 66), (196, 70, 84), (158, 38, 60), (206, 88, 92)]


class Look(NamedTuple):
    """What a person looks like, and where in the picture; lengths are in face coordinates (see ``people_points``)."""

    attributes: frozenset  # those of ATTRIBUTES that it has
    x: float  # of the middle of the face, as a share of the picture
    y: float
    scale: float  # of the width of the face, likewise
    turn: float  # to the left -1 .. to the right 1
    nod: float  # up -1 .. down 1
    roll: float  # degrees, clockwise
    gaze: float  # to the side, in radii of an iris
    width: float
    length: float  # of what is below the ears
    jaw: float  # 0 round .. 1 square
    brow: float  # its thickness
    brow_arch: float
    brow_raise: float
    eye: float
    eye_apart: float
    eye_open: float
    eye_slant: float
    squint: float
    nose: float
    nose_long: float
    mouth: float
    mouth_open: float
    corners: float  # of the mouth: down above 0, up below
    lips: float
    beard: float  # 0: none, 1: full
    style: int  # of the hair, one of four
    part: float  # of the hair, from the left -1 to the right 1
    wave: float
    skin: tuple
    hair: tuple
    iris: tuple
    clothes: tuple
    lip: tuple
    frame: tuple
    rims: int  # the form of the glasses, one of three
    collar: int  # one of three
    make_up: bool
    wall: tuple
    wall_angle: float
    light_angle: float
    light: float  # how much brighter one side is
    exposure: float
    blur: float  # of the picture, in face coordinates

    def has(self, name: str) -> bool:
        """Whether it has the attribute ``name``."""
        return name in self.attributes


def random_attributes(rng: np.random.Generator, male: bool | None = None) -> frozenset:
    """One of the four hair colours, and each of the others or not; of women or men only, where ``male`` says so."""
    names = {HAIR[rng.integers(len(HAIR))]}
    others = [name for name in ATTRIBUTES if name not in HAIR]
    names |= {name for name, chosen in zip(others, rng.random(len(others)) < 0.5) if chosen}
    return frozenset(names if male is None else names - {"Male"} | ({"Male"} if male else set()))


def random_look(attributes: Iterable, rng: np.random.Generator, wild: bool = False) -> Look:
    """A person with just these ``attributes``, in a portrait, or if ``wild`` anywhere in a larger picture.

    Takes as many random numbers whatever the attributes are.
    """
    attributes = frozenset(attributes)
    male, smiling = "Male" in attributes, "Smiling" in attributes

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def by(condition: bool, yes: tuple, no: tuple) -> float:
        share = rng.random()
        low, high = yes if condition else no
        return float(low + share * (high - low))

    def one_of(colours) -> tuple:
        return vary(colours[int(rng.random() * len(colours))], rng)

    def near(colours) -> tuple:
        """One that stays what it is called: only a little lighter or darker."""
        shade, colour = rng.uniform(0.95, 1.05), colours[int(rng.random() * len(colours))]
        return tuple(np.clip(np.array(colour) * shade, 0, 255).tolist())

    opened, wide_open = rng.random(), rng.random() < 0.1
    mouth_open = 0.065 + 0.055 * opened if smiling else (0.045 + 0.035 * opened if wide_open else 0.012 * opened)
    scale = between(0.2, 0.34) if wild else between(0.45, 0.51)
    room = 0.9 * scale if wild else 0.0  # all of the face stays inside
    skins = near(_PALE), near(_TONES)
    hairs = {name: near(colours) for name, colours in _HAIR.items()}
    bearded, blurred = rng.random(), rng.random() < 0.2
    return Look(
        attributes,
        x=between(room, 1 - room) if wild else between(0.46, 0.54),
        y=between(room, 1 - room) if wild else between(0.5, 0.53),
        scale=scale,
        turn=between(-1, 1),
        nod=between(-1, 1),
        roll=between(-25, 25) if wild else between(-9, 9),
        gaze=between(-0.35, 0.35),
        width=between(0.94, 1.06),
        length=between(0.95, 1.06),
        jaw=by(male, (0.65, 1.1), (-0.1, 0.3)),
        brow=by(male, (0.05, 0.066), (0.026, 0.038)),
        brow_arch=by(male, (0.5, 0.9), (0.9, 1.5)),
        brow_raise=by(wide_open and not smiling, (0.03, 0.06), (-0.01, 0.025)),
        eye=by(male, (0.9, 1.02), (1.0, 1.14)),
        eye_apart=between(0.95, 1.05),
        eye_open=between(0.85, 1.12),
        eye_slant=between(-0.004, 0.014),
        squint=by(smiling, (0.5, 1), (0, 0.2)),
        nose=by(male, (1.0, 1.25), (0.85, 1.05)),
        nose_long=between(0.92, 1.08),
        mouth=by(smiling, (0.255, 0.29), (0.145, 0.175)),
        mouth_open=mouth_open,
        corners=by(smiling, (-0.1, -0.07), (0.0, 0.022)),
        lips=by(male, (0.03, 0.042), (0.048, 0.064)),
        beard=(0.35 + 0.25 * bearded if bearded < 0.65 else 0.85) if male else 0.0,
        style=int(rng.integers(4)),
        part=between(-1, 1),
        wave=between(0, 1),
        skin=skins["Pale_Skin" not in attributes],
        hair=next(colour for name, colour in hairs.items() if name in attributes),
        iris=one_of(_IRISES),
        clothes=one_of(_CLOTHES),
        lip=near(_LIPS),
        frame=near(_FRAMES),
        rims=int(rng.integers(3)),
        collar=int(rng.integers(3)),
        make_up=bool(rng.random() < 0.5) and not male,
        wall=tuple((rng.uniform(0.35, 0.8) + rng.uniform(-0.16, 0.16, 3)).tolist()),
        wall_angle=between(0, 2 * np.pi),
        light_angle=between(0, 2 * np.pi),
        light=between(0.02, 0.35 if wild else 0.14),
        exposure=between(0.65 if wild else 0.88, 1.06),
        blur=by(wild and blurred, (0.012, 0.025), (0, 0)),
    )


def draw_look(look: Look, size: int) -> tuple:
    """The picture of a ``look``: uint8 [size, size, 3]; its points [98, 2] in pixels, and which of them are visible.

    The middle of the first pixel is (0, 0). What hair or glasses cover is not visible, nor what is outside.
    """
    large = size * SUPERSAMPLING
    canvas = _wall(look, large)
    head = Head(look, large)
    points = landmarks(look)
    paint = Painter(canvas, head)
    behind(paint, look)
    body(paint, look)
    ears(paint, look)
    skin(paint, look, points)
    features(paint, look, points)
    paint.covering = True
    if look.has("Eyeglasses"):
        glasses(paint, look, points)
    in_front(paint, look, points)
    pixels = head.placed(head.turned(points, lifts())) - 0.5
    x, y = np.round(pixels).astype(int).T
    inside = (x >= 0) & (x < large) & (y >= 0) & (y < large)
    visible = inside & (paint.covered[y.clip(0, large - 1), x.clip(0, large - 1)] < 128)
    if look.blur:
        canvas = cv2.GaussianBlur(canvas, (0, 0), look.blur * look.scale * large)
    return _lit(shrunk(canvas, size), look), (pixels + 0.5) / SUPERSAMPLING - 0.5, visible


def _wall(look: Look, size: int) -> np.ndarray:
    share = slope(size // SUPERSAMPLING, look.wall_angle).astype(np.float32)[:, :, None]
    wall = 255 * np.clip(np.array(look.wall, np.float32) + 0.08 - 0.16 * share, 0, 1)
    return cv2.resize(wall.astype(np.uint8), (size, size), interpolation=cv2.INTER_LINEAR)


def _lit(picture: np.ndarray, look: Look) -> np.ndarray:
    light = look.exposure * (1 - look.light + 2 * look.light * slope(len(picture), look.light_angle))
    return np.clip(picture * light[:, :, None] + 0.5, 0, 255).astype(np.uint8)
