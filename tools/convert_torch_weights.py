"""Converts PyTorch checkpoints to .pdparams: the authors' *_nets_ema.ckpt, *_nets.ckpt, *_optims.ckpt (with the two
others beside it, to resume from) and wing.ckpt, torchvision's alexnet and inception_v3, and LPIPS's linear weights.
PyTorch is not needed. With --reverse a .pdparams file becomes one that the authors' code loads."""

import os

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.errors import UsageError, UserError


def main() -> None:
    arguments = parser(__doc__, "python tools/convert_torch_weights.py 100000_nets_ema.ckpt afhq.pdparams")
    add = arguments.add_argument
    add("input", type=place, help="PyTorch checkpoint (.ckpt, .pth, .pt); with --reverse a .pdparams file")
    add("output", type=place, help="file to write")
    add("--w-hpf", type=float, help="weight of the high-pass filter, where a CelebA-HQ model's file lacks it [1]")
    add("--reverse", action="store_true", help="from .pdparams to PyTorch")
    add("--part", choices=("averages", "nets"), help="with --reverse: what to take [averages, if there are any]")
    what = "with --reverse: converted wing.ckpt, for a model with w_hpf > 0 whose file has no fan"
    add("--fan", type=place, help=what)
    add("--force", action="store_true", help="replace OUTPUT if it exists")
    given = arguments.parse_args()

    if given.reverse and given.w_hpf is not None:
        raise UsageError("--w-hpf does not go with --reverse; the file knows its w_hpf")
    if not given.reverse and (given.part or given.fan):
        raise UsageError("--part and --fan go with --reverse only")
    if not given.reverse and given.input.suffix == ".pdparams":
        raise UsageError(f"{given.input} is a Paddle file already; give --reverse to convert it to PyTorch")
    if os.path.exists(given.output):
        if os.path.exists(given.input) and os.path.samefile(given.input, given.output):
            raise UsageError(f"INPUT and OUTPUT are the same file, {given.input}; give another OUTPUT")
        if not given.force:
            raise UserError(f"{os.path.abspath(given.output)} exists; give another OUTPUT, or --force to replace it")
    if given.reverse:
        lines = to_authors_file(given.input, given.output, given.part, given.fan)
    else:
        lines = convert_file(given.input, given.output, given.w_hpf)
    print("\n".join(lines))
    print(f"wrote {os.path.abspath(given.output)}")


if __name__ == "__main__":
    run_tool(main)
