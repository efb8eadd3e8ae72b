"""Checks a dataset before it is trained on: counts and sizes, bad files, and images that are in train and in val."""

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.data.check import check_dataset


def main() -> int:
    arguments = parser(__doc__, "python tools/check_dataset.py data/afhq")
    what = (
        "folder that holds train and val, trainA and trainB, pairs, content and style, the files of CelebA, of WFLW, "
        "or of MNIST"
    )
    arguments.add_argument("root", type=place, help=what)
    what = "two folders are of pairs, as pix2pix takes them: every picture of A needs one of the same name in B"
    arguments.add_argument("--pairs", action="store_true", help=what)
    what = "of CelebA's list, those that are to be trained on"
    arguments.add_argument("--attributes", nargs="+", default=(), metavar="NAME", help=what)
    given = arguments.parse_args()
    return check_dataset(given.root, given.pairs, given.attributes)


if __name__ == "__main__":
    run_tool(main)
