"""Measures a model as the paper does: FID, KID and LPIPS of every ordered pair of domains, guided by latents and by
references. Writes evaluation.json and evaluation.md; a run that was stopped goes on by the same command."""

import checkout  # noqa: F401

from ppstargan.cli import add_config, check_numbers, parser, place, run_tool
from ppstargan.metrics.judges import ALEXNET, INCEPTION, LPIPS_HEADS, load_judges
from ppstargan.metrics.protocol import MODES, Settings
from ppstargan.runtime import choose_device
from ppstargan.systems.load import load_config
from ppstargan.translate.evaluate import evaluate


def main() -> None:
    example = "python tools/evaluate.py -c configs/afhq.yaml --weights data/afhq_ema.pdparams --seeds 10"
    arguments = parser(__doc__, example)
    add = arguments.add_argument
    add_config(arguments)
    add("--weights", type=place, required=True, help="a run's checkpoint, or converted weights")
    add("--seeds", type=int, default=1, metavar="N", help="measure with N seeds from train.seed on [%(default)s]")
    add("--mode", choices=MODES, help="one of the two alone [both]")
    add("--outputs", type=int, default=10, metavar="N", help="images for each source and target [%(default)s]")
    add("--sources", type=int, metavar="N", help="at most N source images of each domain [all of val]")
    add("--batch-size", type=int, default=8, metavar="N", help="images at a time in a network [%(default)s]")
    what = "torchvision's, or the TensorFlow one, converted [%(default)s]"
    add("--inception", type=place, default=INCEPTION, help=what)
    add("--alexnet", type=place, default=ALEXNET, help="[%(default)s]")
    add("--lpips", type=place, default=LPIPS_HEADS, help="linear weights of LPIPS [%(default)s]")
    add("--allow-random-features", action="store_true", help="random weights in place of missing files, to try it out")
    add("--keep-images", action="store_true", help="write the generated images as PNG, too")
    add("--to", type=place, metavar="DIR", help="where results go [OUTPUT/evaluation/NAME-OF-WEIGHTS]")
    given = arguments.parse_args()
    check_numbers(given, seeds=(1,), outputs=(2,), sources=(1,), batch_size=(1,))

    config = load_config(given.config, given.override, only="stargan_v2")
    print(f"device: {choose_device()}", flush=True)
    seed = config.train.seed
    settings = Settings(
        modes=(given.mode,) if given.mode else MODES,
        outputs=given.outputs,
        sources=given.sources,
        seeds=tuple(range(seed, seed + given.seeds)),
        batch_size=given.batch_size,
        workers=config.data.workers,
        keep_images=given.keep_images,
    )
    judges = load_judges(given.inception, given.alexnet, given.lpips, given.allow_random_features)
    print("\n".join(evaluate(config, given.weights, judges, settings, given.to)))


if __name__ == "__main__":
    run_tool(main)
