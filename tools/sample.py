"""Makes pictures with a trained or converted model. What it does is up to the system in the file of weights:

StarGAN v2 translates images into the style of references, or of seeds in a domain. One source in one style gives just
the translation; more give sheets, with the sources across and the styles down, or by --out-dir a file for each source.
--video makes the style move from each to the next. A picture that cannot be read is named and left out, and the exit
code is 1 then.

GAN, WGAN and conditional GAN draw --count pictures from the noise of a seed, the latter of --domain, or of all classes
by turns: a sheet, or by --out-dir a file each. --video makes the noise move from each seed's to the next.

CycleGAN and U-GAT-IT make another image of each --source, from side A to B, or by --direction BtoA the other way: a
sheet with the translations below their sources, or by --out-dir a file each; U-GAT-IT by --heatmap with what it looked
at in between. pix2pix does so in the direction that it was trained in, by each picture's own statistics and with
dropout, as in training and as its authors have it, or by --eval as other networks are used.

StarGAN gives each face of --source the attributes that --set names, such as hair=black glasses=yes, and keeps all
others that its discriminator sees there; or by --domain turns the attributes named one at a time, or makes these
classes of it; by default every one. One face in one way gives just the picture; more give a sheet with a row a face
and a column an attribute or class, or by --out-dir a file each.

AdaIN gives each --source, of any size, the style of each --reference, as strongly as --alpha says; --style-weights
makes one style of all. One content in one style gives just the picture; more give a sheet of their middles, contents
down and styles across, or by --out-dir a file each, CONTENT_stylized_STYLE. With --video, the source is a video file or
the frames of one."""

import argparse
from datetime import datetime
from pathlib import Path

import checkout  # noqa: F401

from ppstargan import checkpoint, pictures
from ppstargan.cli import BACKGROUND_HELP, FIT_HELP, add_model, check_numbers, parser, place, run_tool
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import FITS
from ppstargan.errors import UsageError
from ppstargan.systems.load import system_of_file
from ppstargan.translate import video


def read_arguments() -> argparse.Namespace:
    """All options of all systems; None, or False, is one that is not given."""
    example = (
        "python tools/sample.py --weights afhq.pdparams --domain-names cat dog wild --source cat.jpg --domain dog\n"
        "  python tools/sample.py --weights cgan.pdparams --count 64 --out digits.png"
    )
    arguments = parser(__doc__, example)
    add = arguments.add_argument
    add_model(arguments)
    add("--source", type=place, nargs="+", metavar="PATH", help="images to translate: files or folders")
    what = "images that give the styles; of StarGAN v2, their folders name the domains"
    add("--reference", type=place, nargs="+", metavar="PATH", help=what)
    add("--domain", nargs="+", metavar="NAME", help="domains or classes of the seeds, or the domain of the references; "
        "of StarGAN: attributes to turn, or classes to make, each by itself")  # fmt: skip
    what = "StarGAN: what to change, such as hair=black glasses=yes Male=no; all else stays"
    add("--set", nargs="+", metavar="NAME=VALUE", help=what)
    add("--direction", choices=("AtoB", "BtoA"), help="which way to translate between two sides [AtoB]")
    add("--alpha", type=float, help="AdaIN: from 0, the content as it is, to 1, all of the style [1]")
    what = "AdaIN: mix the styles of all references into one, by these shares, one for each"
    add("--style-weights", type=float, nargs="+", metavar="W", help=what)
    add("--keep-colours", action="store_true", help="AdaIN: the styles in the colours of the content")
    add("--size", metavar="PX", help="to which pictures are resized before another is made of each: a multiple of 4, "
        "of pix2pix of 2 to the power of its levels; own: each one's own, to the nearest multiple "
        "[as in training]; of AdaIN: the length of shorter sides, or 0 [0: each one's own]")  # fmt: skip
    add("--eval", action="store_true", help="pix2pix: by the running statistics of batch norm, and without dropout")
    add("--heatmap", action="store_true", help="U-GAT-IT: columns of source, attention and translation")
    add("--count", type=int, metavar="N", help="pictures to draw from noise [64; 8 of each class; 16 in a video]")
    add("--seed", type=int, help="another seed, other styles or pictures [0]")
    add("--latents", type=int, metavar="N", help="styles for each domain [4; 1 for a picture or --out-dir]; "
        "in a video from noise: seeds to go through [4]")  # fmt: skip
    add("--psi", type=float, help="truncation: from 1, the styles as they are, to 0, the domain's mean style [1]")
    add("--video", action="store_true", help="an .mp4, .gif or .webp in which the styles, or the noise, change; "
        "of AdaIN: --source, a video file or a folder of frames, in one style")  # fmt: skip
    add("--seconds", type=float, help=f"with --video: from a style to the next [{video.SECONDS:g}]")
    add("--fps", type=int, help=f"with --video: frames a second [{video.FPS}]")
    add("--out", type=place, metavar="PATH", help="file to write; further ones are numbered [a new one in output/]")
    add("--out-dir", type=place, metavar="DIR", help="folder for a file for each source, under the source's name, "
        "or for each picture from noise")  # fmt: skip
    add("--force", action="store_true", help="replace what is there")
    add("--fit", choices=FITS, help=FIT_HELP.replace("%(default)s", FITS[0]))
    add("--background", metavar="COLOUR", help=BACKGROUND_HELP)
    add("--columns", type=int, metavar="N", help="pictures across a sheet or a video [8, or as many as classes]")
    add("--rows", type=int, metavar="N", help="rows of a sheet [8 styles; from noise: all]")
    add("--batch-size", type=int, metavar="N", help="images at a time in the networks [8; from noise: 64]")
    return arguments.parse_args()


def check(given: argparse.Namespace) -> None:
    """Raises UsageError where the arguments do not go together, whatever the system."""
    if not given.video and (given.seconds is not None or given.fps is not None):
        raise UsageError("--seconds and --fps go with --video only")
    counts = dict.fromkeys(("count", "latents", "columns", "rows", "batch_size"), (1,))
    check_numbers(given, **counts, fps=(1, video.FASTEST), seed=(0,), psi=(0, 1), alpha=(0, 1))
    if given.seconds is not None and not 0 < given.seconds < 3600:
        raise UsageError(f"--seconds is {given.seconds:g}; give more than 0, and less than an hour")
    if given.out_dir and (given.out or given.video):
        other = "--out" if given.out else "--video"
        raise UsageError(f"--out-dir takes a file for each picture, and does not go with {other}; leave one out")
    if given.out_dir and given.out_dir.exists() and not given.out_dir.is_dir():
        raise UsageError(f"--out-dir {given.out_dir} is a file; name a folder")
    background_colour(given.background)
    if given.out and not given.video and given.out.suffix.lower() not in pictures.FORMATS:
        kinds = ", ".join(pictures.FORMATS)
        advice = "a .gif or .mp4 goes with --video, and --out-dir takes a folder"
        raise UsageError(f"--out {given.out}: a picture's name ends in {kinds}; {advice}")


def check_system(given: argparse.Namespace, system: str, takes: tuple) -> None:
    """Raises UsageError for an option that the system lacks."""
    for name, value in vars(given).items():
        if value is not None and value is not False and name not in ("weights", *takes):
            options = ", ".join(map(option, takes))
            raise UsageError(f"{option(name)} is not for {system}, which {given.weights} is of; it takes {options}")


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def main() -> int:
    given = read_arguments()
    check(given)
    given.out = given.out or Path("output", f"sample-{datetime.now():%Y%m%d-%H%M%S}{'.mp4' if given.video else '.png'}")
    if given.video:
        video.writer(given.out)  # or it says so before any work
    content = checkpoint.load(given.weights)
    system = system_of_file(content, given.weights)
    check_system(given, checkpoint.system_of(content), system.TAKES)
    return system.sample(given, content)


if __name__ == "__main__":
    run_tool(main)
