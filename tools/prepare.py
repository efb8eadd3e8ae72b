"""Makes a data set from a folder of images for each domain: their middle squares, resized once by Lanczos's filter and
split into train and val. An input with train and val keeps them. Interrupted, the same command goes on."""


import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.data.prepare import FORMATS, MANIFEST, prepare
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
    given = arguments.parse_args()
    if given.size < 8:
        raise UsageError(f"--size {given.size} is too small; give 8 or more")
    if not (0 < given.val < 1 or (given.val >= 1 and given.val.is_integer())):
        raise UsageError(f"--val {given.val:g} is neither a share between 0 and 1 nor a number of images")
    try:
        done = prepare(
            given.input, given.output, size=given.size, val=given.val, seed=given.seed, image_format=given.format
        )
    except KeyboardInterrupt:
        print("\ninterrupted; what is made stays, and the same command goes on")
        return 130
    for part in ("train", "val"):
        print(f"{part}: " + ", ".join(f"{domain} {n}" for (p, domain), n in sorted(done.counts.items()) if p == part))
    if done.small:
        print(f"{done.small} images are smaller than {given.size} px and keep their size")
    print(f"{given.output.absolute()}: {given.format} of {given.size} px; {MANIFEST} says what was made from what")
    if done.bad:
        print(f"left out: {len(done.bad)} files that cannot be used, named above; mended, the same command adds them")
    if done.strays:
        print(f"{len(done.strays)} images there were not made from the input, such as {done.strays[0]}; remove them")
    return 1 if done.bad or done.strays else 0


if __name__ == "__main__":
    run_tool(main)
