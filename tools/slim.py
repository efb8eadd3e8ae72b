"""Makes a small file of a checkpoint, to share or to keep: what pictures are made by, in float16. Of StarGAN v2 that is
a tenth of the bytes. Every tool takes it as any weights; a run starts from it by --init, and does not go on from it,
since it has no optimisers."""

import checkout  # noqa: F401

from ppstargan import checkpoint
from ppstargan.cli import parser, place, run_tool
from ppstargan.errors import UsageError


def main() -> None:
    example = "python tools/slim.py output/afhq-DATE-TIME/checkpoints/0100000.pdparams afhq.pdparams"
    arguments = parser(__doc__, example)
    arguments.add_argument("weights", type=place, help="a checkpoint, or other weights")
    arguments.add_argument("out", type=place, help="the file to write")
    arguments.add_argument("--force", action="store_true", help="replace what is there")
    given = arguments.parse_args()

    if given.out.exists() and not given.force:
        raise UsageError(f"{given.out.absolute()} is there already; give another name, or --force")
    content = checkpoint.load(given.weights)
    checkpoint.save(checkpoint.slim(content, str(given.weights)), given.out)
    sizes = [path.stat().st_size / 1e6 for path in (given.weights, given.out)]
    print(f"wrote {given.out}: {sizes[1]:.1f} MB (of {sizes[0]:.1f})")


if __name__ == "__main__":
    run_tool(main)
