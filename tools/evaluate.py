"""Measures a model. What it does is up to the system in the file of weights:

StarGAN v2 is measured as the paper does: FID, KID and LPIPS of every ordered pair of domains, guided by latents and by
references, and beside them precision, recall, density and coverage.

GAN, WGAN and conditional GAN draw --count images, which are compared with those of train: FID, KID, precision, recall,
density and coverage, of a conditional one also of each class. Systems between two sides translate the images of val (or
test), and these are compared with the other side's. StarGAN gives each attribute to the faces of val (or test) that are
without it, or makes each class of the others, and these are compared with the faces that are like that. AdaIN is
measured by its two losses, of --count contents in as many styles of val, beside those of the pictures as they are.

Writes evaluation.json and evaluation.md; a run that was stopped goes on by the same command."""

import argparse

import checkout  # noqa: F401

from ppstargan import checkpoint
from ppstargan.cli import add_config, check_numbers, parser, place, run_tool
from ppstargan.errors import UsageError, UserError
from ppstargan.metrics.judges import ALEXNET, INCEPTION, LPIPS_HEADS, load_inception, load_judges
from ppstargan.metrics.protocol import MODES, Settings
from ppstargan.runtime import choose_device
from ppstargan.sampler import MOST
from ppstargan.systems.load import load_config, names, system_named, system_of_file
from ppstargan.translate import compared
from ppstargan.translate.evaluate import evaluate

FOR_ALL = ("config", "override", "weights", "batch_size", "inception", "allow_random_features", "to")
STARGAN_V2 = ("seeds", "mode", "outputs", "sources", "alexnet", "lpips", "keep_images")


def read_arguments() -> argparse.Namespace:
    """All options of all systems; None, or False, is one that is not given."""
    example = (
        "python tools/evaluate.py -c configs/afhq.yaml --weights data/afhq_ema.pdparams --seeds 10\n"
        "  python tools/evaluate.py -c configs/cgan_mnist.yaml --weights output/RUN/checkpoints/0093750.pdparams"
    )
    arguments = parser(__doc__, example)
    add = arguments.add_argument
    add_config(arguments)
    add("--weights", type=place, required=True, help="a run's checkpoint, or converted weights")
    add("--seeds", type=int, metavar="N", help="measure with N seeds from train.seed on [1]")
    what = "images to draw, or sources to translate, and at most as many real ones"
    what += f" [all, at most {compared.COUNT}; AdaIN: 32]"
    add("--count", type=int, metavar="N", help=what)
    add("--mode", choices=MODES, help="StarGAN v2: one of the two alone [both]")
    add("--outputs", type=int, metavar="N", help="StarGAN v2: images for each source and target [10]")
    add("--sources", type=int, metavar="N", help="StarGAN v2: at most N source images of each domain [all of val]")
    add("--batch-size", type=int, default=8, metavar="N", help="images at a time in a network [%(default)s]")
    what = "torchvision's, or the TensorFlow one, converted [%(default)s]"
    add("--inception", type=place, default=INCEPTION, help=what)
    add("--alexnet", type=place, help=f"[{ALEXNET}]")
    add("--lpips", type=place, help=f"linear weights of LPIPS [{LPIPS_HEADS}]")
    add("--allow-random-features", action="store_true", help="random weights in place of missing files, to try it out")
    add("--keep-images", action="store_true", help="StarGAN v2: write the generated images as PNG, too")
    add("--to", type=place, metavar="DIR", help="where results go [OUTPUT/evaluation/NAME-OF-WEIGHTS]")
    given = arguments.parse_args()
    check_numbers(given, seeds=(1,), count=(2, MOST), outputs=(2,), sources=(1,), batch_size=(1,))
    return given


def system_of(given: argparse.Namespace, config, content: dict):
    """The module of the system of the weights, which is the configuration's. Raises UserError and UsageError."""
    system = system_of_file(content, given.weights)
    name = checkpoint.system_of(content)
    if name != config.system:
        of = f"{given.weights} is of {name}, and {given.config} of {config.system}"
        raise UsageError(f"{of}; give the configuration that the weights were trained by")
    takes = STARGAN_V2 if name == "stargan_v2" else getattr(system, "MEASURES", None)
    if takes is None:
        measured = [other for other in names() if other == "stargan_v2" or hasattr(system_named(other), "MEASURES")]
        few = f"{given.weights} is of {name}, and there are no figures for it"
        raise UserError(f"{few}; there are for {', '.join(measured)}")
    for option, value in vars(given).items():
        if value is not None and value is not False and option not in (*FOR_ALL, *takes):
            options = ", ".join(f"--{taken}" for taken in takes).replace("_", "-")
            said = f"--{option}".replace("_", "-")
            raise UsageError(f"{said} is not for {name}, which {given.weights} is of; it takes {options}")
    return system


def main() -> None:
    given = read_arguments()
    config = load_config(given.config, given.override)
    content = checkpoint.load(given.weights)
    system = system_of(given, config, content)
    print(f"device: {choose_device()}", flush=True)
    t, data, batch_size = config.train, config.data, given.batch_size
    seeds = tuple(range(t.seed, t.seed + (given.seeds or 1)))
    if hasattr(system, "evaluate"):  # by its own figures, which need no judge
        lines = system.evaluate(config, given.weights, content, given.count, batch_size, given.to)
    elif config.system != "stargan_v2":
        inception = load_inception(given.inception, given.allow_random_features)
        settings = compared.Settings(given.count, seeds, batch_size, data.workers, data.max_bad_share)
        lines = compared.evaluate(config, given.weights, content, system, inception, settings, given.to)
    else:
        settings = Settings(
            modes=(given.mode,) if given.mode else MODES,
            outputs=given.outputs or Settings().outputs,
            sources=given.sources,
            seeds=seeds,
            batch_size=batch_size,
            workers=data.workers,
            keep_images=given.keep_images,
        )
        files = (given.inception, given.alexnet or ALEXNET, given.lpips or LPIPS_HEADS)
        judges = load_judges(*files, given.allow_random_features)
        lines = evaluate(config, given.weights, judges, settings, given.to, content)
    print("\n".join(lines))


if __name__ == "__main__":
    run_tool(main)
