"""Draws the toy faces: a dataset of cats, dogs and lions for trying things without a download."""

from __future__ import annotations

from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.data.toy import DOMAINS, write_dataset


def main() -> None:
    arguments = parser(__doc__, "python tools/draw_toy.py --out data/toy_64 --size 64 --train 1000")
    add = arguments.add_argument
    add("--out", type=place, default=Path("data/toy"), help="folder to write [%(default)s]")
    add("--size", type=int, default=32, help="width and height in pixels [%(default)s]")
    add("--train", type=int, default=400, help="training images a domain [%(default)s]")
    add("--val", type=int, default=40, help="validation images a domain [%(default)s]")
    add("--seed", type=int, default=0, help="another seed, other faces [%(default)s]")
    args = arguments.parse_args()
    drawn = write_dataset(args.out, size=args.size, train_count=args.train, val_count=args.val, seed=args.seed)
    counts = f"{args.train} + {args.val} faces of each of {', '.join(DOMAINS)}, {args.size} px"
    print(f"{args.out}: {counts}" if drawn else f"{args.out}: this set is there already ({counts})")


if __name__ == "__main__":
    run_tool(main)
