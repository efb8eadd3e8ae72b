"""Makes a data set from a folder of images for each domain: their middle squares (or the whole, by --fit), resized once
by Lanczos's filter and split into train and val. An input that is split already stays so: train and val, or train and
test, which then serves as val, in any spelling, or trainA, trainB, testA and testB, which are the domains A and B. A
train alone is split. Interrupted, the same command goes on."""

import checkout  # noqa: F401

from ppstargan.cli import BACKGROUND_HELP, FIT_HELP, parser, place, run_tool, stopped_code
from ppstargan.data.bad_files import shown
from ppstargan.data.prepare import FORMATS, MANIFEST, prepare
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import FITS
from ppstargan.errors import UsageError


def main() -> int:
    arguments = parser(__doc__, "python tools/prepare.py photos data/mine --size 256 --val 500")
    add = arguments.add_argument
    add("input", type=place, help="folder with a folder of images for each domain")
    add("output", type=place, help="folder to write, with train and val; the input is only read")
    add(
        "--size",
        type=int,
        default=256,
        help="width and height; from 1.2 model.img_size on, no random crop is enlarged [%(default)s]",
    )
    add("--val", type=float, default=0.1, help="for each domain, a share below 1 or a number of images [%(default)s]")
    add("--seed", type=int, default=0, help="another seed, another choice for val [%(default)s]")
    add("--format", choices=FORMATS, default="png", help="png keeps every pixel, jpg takes less room [%(default)s]")
    add("--fit", choices=FITS, default=FITS[0], help=FIT_HELP)
    add("--background", metavar="COLOUR", help=BACKGROUND_HELP)
    add("--domains", nargs="+", metavar="NAME", help="the folders that are domains, whatever their names say")
    add("--remove-gone", action="store_true", help="remove what was made of images that the input has no more")
    given = arguments.parse_args()
    if given.size < 8:
        raise UsageError(f"--size {given.size} is too small; give 8 or more")
    if not (0 < given.val < 1 or (given.val >= 1 and given.val.is_integer())):
        raise UsageError(f"--val {given.val:g} is neither a share between 0 and 1 nor a number of images")
    background = background_colour(given.background)
    try:
        done = prepare(
            given.input,
            given.output,
            size=given.size,
            val=given.val,
            seed=given.seed,
            image_format=given.format,
            fit=given.fit,
            background=background,
            domains=given.domains,
            remove_gone=given.remove_gone,
        )
    except KeyboardInterrupt as stop:
        print("\ninterrupted; what is made stays, and the same command goes on")
        return stopped_code(stop)
    for part in ("train", "val"):
        counts = [f"{shown(domain)} {n}" for (p, domain), n in sorted(done.counts.items()) if p == part]
        print(f"{part}: {', '.join(counts) or 'nothing'}")
    if done.removed:
        print(f"removed: {done.removed} images whose sources are gone")
    if done.small:
        print(f"{done.small} images are smaller than {given.size} px and keep their size")
    where = shown(given.output.absolute())
    print(f"{where}: {given.format} of {given.size} px; {MANIFEST} says what was made from what")
    if done.bad:
        count = f"{len(done.bad)} file{'s' if len(done.bad) > 1 else ''}"
        print(f"left out: {count} that cannot be used, named above; mended, the same command adds them")
    if done.strays:
        such = shown(done.strays[0])
        print(f"{len(done.strays)} images there were not made from the input, such as {such}; remove them")
    return 1 if done.bad or done.strays else 0


if __name__ == "__main__":
    run_tool(main)
