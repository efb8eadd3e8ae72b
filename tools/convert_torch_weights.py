"""Converts PyTorch checkpoints to .pdparams: the authors' *_nets_ema.ckpt, *_nets.ckpt, *_optims.ckpt (with the two
others beside it, to resume from) and wing.ckpt, torchvision's alexnet and inception_v3, and LPIPS's linear weights;
WGAN's netG_epoch_*.pth and netD_epoch_*.pth, and state_dicts of PyTorch-GAN's gan, wgan_gp and cgan; pix2pix's
*_net_G.pth (with *_net_D.pth beside it); CycleGAN's *_net_G_A.pth (with those of G_B, D_A and D_B beside it) and
latest_net_G.pth; U-GAT-IT's *_params_*.pt; AdaIN's vgg_normalised.pth and decoder.pth (with the former beside it).
PyTorch is not needed. PaddleGAN's StarGAN v2 (iter_N_weight.pdparams) is converted too. With --reverse a .pdparams file
becomes one that the authors' code loads."""

import os

import checkout  # noqa: F401

from ppstargan.cli import check_numbers, parser, place, run_tool
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.errors import UsageError, UserError


def main() -> None:
    arguments = parser(__doc__, "python tools/convert_torch_weights.py 100000_nets_ema.ckpt afhq.pdparams")
    add = arguments.add_argument
    what = "PyTorch checkpoint (.ckpt, .pth, .pt), or PaddleGAN's; with --reverse a .pdparams file"
    add("input", type=place, help=what)
    add("output", type=place, help="file to write")
    add("--w-hpf", type=float, help="weight of the high-pass filter, where a CelebA-HQ model's file lacks it [1]")
    what = "of a face alignment network (WFLW_4HG.pth): all, to train on or to measure [the first, as StarGAN v2]"
    add("--all-stacks", action="store_true", help=what)
    add("--reverse", action="store_true", help="from .pdparams to PyTorch")
    add("--part", choices=("averages", "nets"), help="with --reverse: what to take [averages, if there are any]")
    add("--net", metavar="NAME", help="with --reverse: which network, where each has a file of its own [the first]")
    what = "with --reverse: converted wing.ckpt, for a model with w_hpf > 0 whose file has no fan"
    add("--fan", type=place, help=what)
    add("--force", action="store_true", help="replace OUTPUT if it exists")
    given = arguments.parse_args()

    check_numbers(given, w_hpf=(0,))
    if given.reverse and given.w_hpf is not None:
        raise UsageError("--w-hpf does not go with --reverse; the file knows its w_hpf")
    if given.reverse and given.all_stacks:
        raise UsageError("--all-stacks does not go with --reverse, which takes what the file has")
    if not given.reverse and (given.part or given.fan or given.net):
        raise UsageError("--part, --net and --fan go with --reverse only")
    if os.path.isdir(given.output):
        raise UsageError(f"OUTPUT {os.path.abspath(given.output)} is a folder; name the file to write")
    if os.path.exists(given.output):
        if os.path.exists(given.input) and os.path.samefile(given.input, given.output):
            raise UsageError(f"INPUT and OUTPUT are the same file, {given.input}; give another OUTPUT")
        if not given.force:
            raise UserError(f"{os.path.abspath(given.output)} exists; give another OUTPUT, or --force to replace it")
    if given.reverse:
        lines = to_authors_file(given.input, given.output, given.part, given.fan, given.net)
    else:
        lines = convert_file(given.input, given.output, given.w_hpf, given.all_stacks)
    print("\n".join(lines))
    print(f"wrote {os.path.abspath(given.output)}")


if __name__ == "__main__":
    run_tool(main)
