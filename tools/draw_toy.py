"""Draws what the toy configuration of a system trains on, for trying things without a download: digits for gan, wgan,
wgan_gp and cgan, and cats, dogs and lions (faces) where no system is named."""

from __future__ import annotations

from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import add_system, parser, place, run_tool
from ppstargan.data import digits, toy

FACES = {"out": Path("data/toy"), "size": 32, "train": 400, "val": 40}
DIGITS = {
    "out": Path("data/toy_digits"), "size": digits.SIZE, "train": digits.TRAIN_COUNT, "val": digits.TEST_COUNT
}  # fmt: skip
USUAL = {"faces": FACES, "stargan_v2": FACES, "gan": DIGITS, "wgan": DIGITS, "wgan_gp": DIGITS, "cgan": DIGITS}


def main() -> None:
    arguments = parser(__doc__, "python tools/draw_toy.py --out data/toy_64 --size 64 --train 1000")
    add = arguments.add_argument

    def usual(name: str) -> str:
        return f"[{FACES[name]}; digits: {DIGITS[name]}]"

    add_system(arguments, USUAL, "faces")
    add("--out", type=place, help=f"folder to write {usual('out')}")
    add("--size", type=int, help=f"width and height in pixels {usual('size')}")
    add("--train", type=int, help=f"training images of each domain or digit {usual('train')}")
    add("--val", type=int, help=f"validation images of each domain or digit {usual('val')}")
    add("--seed", type=int, default=0, help="another seed, other images [%(default)s]")
    args = arguments.parse_args()
    given = {name: value for name, value in vars(args).items() if value is not None}
    out, size, train, val = ({**USUAL[args.system], **given}[name] for name in FACES)
    if USUAL[args.system] is DIGITS:
        drawn = digits.write_digits(out, size=size, train_count=train, test_count=val, seed=args.seed)
        counts = f"{train} + {val} of each digit, {size} px"
    else:
        drawn = toy.write_dataset(out, size=size, train_count=train, val_count=val, seed=args.seed)
        counts = f"{train} + {val} faces of each of {', '.join(toy.DOMAINS)}, {size} px"
    print(f"{out}: {counts}" if drawn else f"{out}: this set is there already ({counts})")


if __name__ == "__main__":
    run_tool(main)
