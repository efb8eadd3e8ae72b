"""Draws what the toy configuration of a system trains on, for trying things without a download: digits for gan, wgan,
wgan_gp and cgan, outlines and faces for pix2pix, plain and striped ponies for cyclegan, cats and lions for ugatit,
faces and patterns for adain, for which it also trains an encoder, people with attributes for stargan, people with
landmarks for fan, women and men for faces, and cats, dogs and lions where no system is named."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, NamedTuple

import checkout  # noqa: F401

from ppstargan.cli import add_system, parser, place, run_tool
from ppstargan.config import CONFIGS
from ppstargan.data import digits, outlines, patterns, people_sets, ponies, toy
from ppstargan.metrics.encoder import train_encoder
from ppstargan.systems.load import load_config


class Set(NamedTuple):
    """What is drawn, and as much of it as the toy configurations train on."""

    what: str
    write: Callable
    test: str  # the argument of ``write`` for the last number
    out: Path
    size: int
    train: int
    val: int


def write_patterns(root: Path, size: int, **counts) -> bool:
    """Faces and patterns, and the encoder that the toy configuration looks for beside them."""
    new, model = patterns.write_patterns(root, size=size, **counts), load_config(CONFIGS / "adain_toy.yaml").model
    print("\n".join(train_encoder(root, root / "encoder.pdparams", size, model.width)), flush=True)
    return new


ANIMALS = Set(
    f"faces of each of {', '.join(toy.DOMAINS)}", toy.write_dataset, "val_count",
    Path("data/toy"), 32, 400, 40,
)  # fmt: skip
DIGITS = Set(
    "of each digit", digits.write_digits, "test_count",
    Path("data/toy_digits"), digits.SIZE, digits.TRAIN_COUNT, digits.TEST_COUNT,
)  # fmt: skip
OUTLINES = Set(
    "outlines and faces", outlines.write_outlines, "val_count",
    Path("data/toy_outlines"), outlines.SIZE, outlines.TRAIN_COUNT, outlines.VAL_COUNT,
)  # fmt: skip
PONIES = Set(
    "ponies of each kind, plain and striped", ponies.write_ponies, "test_count",
    Path("data/toy_ponies"), ponies.SIZE, ponies.TRAIN_COUNT, ponies.TEST_COUNT,
)  # fmt: skip
CATS_LIONS = Set(
    "of cats and of lions", toy.write_cats_lions, "test_count",
    Path("data/toy_cats_lions"), toy.SIZE, toy.TRAIN_COUNT, toy.TEST_COUNT,
)  # fmt: skip
PATTERNS = Set(
    "faces, and as many patterns", write_patterns, "val_count",
    Path("data/toy_patterns"), patterns.SIZE, patterns.TRAIN_COUNT, patterns.VAL_COUNT,
)  # fmt: skip
ATTRIBUTES = Set(
    "people with attributes", people_sets.write_attributes, "test_count",
    Path("data/toy_attributes"), people_sets.SIZE, people_sets.TRAIN_COUNT, people_sets.TEST_COUNT,
)  # fmt: skip
LANDMARKS = Set(
    "people with landmarks", people_sets.write_landmarks, "test_count",
    Path("data/toy_landmarks"), people_sets.CANVAS, people_sets.LANDMARK_TRAIN, people_sets.LANDMARK_TEST,
)  # fmt: skip
PEOPLE = Set(
    "women and as many men", people_sets.write_people, "val_count",
    Path("data/toy_people"), people_sets.FACES_SIZE, people_sets.FACES_TRAIN, people_sets.FACES_VAL,
)  # fmt: skip
SETS = {
    "stargan_v2": ANIMALS, "gan": DIGITS, "wgan": DIGITS, "wgan_gp": DIGITS, "cgan": DIGITS,
    "pix2pix": OUTLINES, "cyclegan": PONIES, "ugatit": CATS_LIONS, "adain": PATTERNS, "stargan": ATTRIBUTES,
    "fan": LANDMARKS, "faces": PEOPLE,
}  # fmt: skip


def main() -> None:
    arguments = parser(__doc__, "python tools/draw_toy.py --out data/toy_64 --size 64 --train 1000")
    add = arguments.add_argument
    usual = "what the toy configuration has"
    add_system(arguments, SETS, "stargan_v2")
    add("--out", type=place, help="folder to write [where the toy configuration looks]")
    add("--size", type=int, help=f"width and height in pixels [{usual}]")
    add("--train", type=int, help=f"training images, of each domain, digit or side where there are some [{usual}]")
    add("--val", type=int, help=f"images to validate or test by, likewise [{usual}]")
    add("--seed", type=int, default=0, help="another seed, other images [%(default)s]")
    args = arguments.parse_args()
    given = {name: value for name, value in vars(args).items() if value is not None and name in Set._fields}
    drawn = SETS[args.system]._replace(**given)
    counts = {"train_count": drawn.train, drawn.test: drawn.val}
    new = drawn.write(drawn.out, size=drawn.size, seed=args.seed, **counts)
    told = f"{drawn.train} + {drawn.val} {drawn.what}, {drawn.size} px"
    print(f"{drawn.out}: {told}" if new else f"{drawn.out}: this set is there already ({told})")


if __name__ == "__main__":
    run_tool(main)
