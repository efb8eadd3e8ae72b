"""Drawn pairs: the outlines of an animal's face, and the face. Its kind decides the colours, but not all of them.

A cat is black before yellow, a dog white and brown before dark green, a lion sandy before light blue. Each shade, the
light and the eyes vary, and no outline tells how: no translator brings the error to 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.drawn import need_least, write_drawn
from ppstargan.data.shapes import SUPERSAMPLING, filler, lit, outliner, shaded, shrunk, vary
from ppstargan.data.toy import DOMAINS, FACES, face_pose

VERSION = 1  # raise it when the drawing changes: a dataset of another version is not reused
SIZE, TRAIN_COUNT, VAL_COUNT = 32, 1000, 100  # of the toy set: pixels of each half, and how many pairs
FINEST = 512  # pixels of the canvas of the lines: it is more than half of that, or as large as the face's
LINE = 0.012  # width of a line, as a share of the picture
_LOOKS = {  # RGB of the fur, of the second colour (ears, markings, the mane), and of what is behind
    "cat": ((48, 44, 50), (82, 74, 84), (236, 196, 98)),
    "dog": ((238, 230, 218), (142, 88, 50), (52, 96, 84)),
    "lion": ((222, 172, 98), (112, 62, 28), (158, 204, 232)),
}


def draw_pair(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random face's outlines, and the face: uint8 RGB [size, size, 3] each.

    The same state of ``rng`` gives the same pair at any size.
    """
    kind = DOMAINS[rng.integers(len(DOMAINS))]
    turn = rng.uniform(-1, 1)
    fur, second, behind = (vary(colour, rng) for colour in _LOOKS[kind])
    face = shaded(size * SUPERSAMPLING, np.array(behind) / 255, rng)
    finer = max(1, FINEST // len(face))  # a line's width is a whole number of the canvas's pixels
    outlines = np.full((finer * len(face), finer * len(face), 3), 255, np.uint8)
    pose = face_pose(len(face), rng)
    fills = filler(face, pose), outliner(outlines, finer * pose, LINE)

    def fill(points: np.ndarray, colour) -> None:
        for one in fills:
            one(points, colour)

    FACES[kind](fill, fur, second, turn, rng)
    return shrunk(outlines, size), shrunk(lit(face, rng, least=0.9), size)


def write_outlines(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, val_count: int = VAL_COUNT, seed: int = 0
) -> bool:
    """Draws ROOT/train/00000.png … and ROOT/val/…: outlines on the left, the face on the right, ``size`` pixels each.

    Each pair depends on the seed, its part and number only. Returns False when ROOT holds this very set already.
    Raises UserError when ROOT holds anything else or cannot be written, and UsageError for a size below 8, fewer than
    2 pairs to train on or 1 to validate, or a negative seed.
    """
    what = "toy outlines"
    label = {"of": "outlines", "version": VERSION, "size": size, "train": train_count, "val": val_count, "seed": seed}
    need_least(what, label, {"size": 8, "train": 2, "val": 1, "seed": 0})

    def draw(root: Path) -> None:
        for part, (name, count) in enumerate((("train", train_count), ("val", val_count))):
            (root / name).mkdir()
            for index in range(count):
                pair = draw_pair(size, np.random.default_rng([seed, part, index]))
                Image.fromarray(np.concatenate(pair, axis=1)).save(root / name / f"{index:05d}.png")

    return write_drawn(root, label, what, draw)
