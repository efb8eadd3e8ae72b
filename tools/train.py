"""Trains StarGAN v2 on a folder of images for each domain."""

import checkout  # noqa: F401

import ppstargan
from ppstargan import distributed
from ppstargan.cli import add_config, add_resume, parser, place, run_tool
from ppstargan.config import load_config
from ppstargan.runs import find_checkpoint
from ppstargan.runtime import choose_device
from ppstargan.trainer import Trainer


def main() -> int:
    arguments = parser(__doc__, "python tools/train.py -c configs/afhq.yaml -o train.batch_size=4 data.root=data/afhq")
    add_config(arguments)
    start = add_resume(arguments)
    start.add_argument("--init", type=place, metavar="WEIGHTS.pdparams", help="start from these weights")
    given = arguments.parse_args()

    config = load_config(given.config, given.override)
    print(f"device: {choose_device()}\nthreads: {ppstargan.THREADS}", flush=True)
    trainer = Trainer(config)
    counts = ", ".join(f"{name} {len(images)}" for name, images in trainer.train_images.items())
    print(f"data: {config.data.root}: {counts} images to train on")
    if given.resume is not None:
        with distributed.first_goes_first():  # it may set a damaged one aside
            path = find_checkpoint(config, given.resume)
        trainer.resume(path, given.allow_changes)
        print(f"resuming {path} after iteration {trainer.iteration}")
    elif given.init:
        print("\n".join(trainer.initialise(given.init)))
    return trainer.run()


if __name__ == "__main__":
    run_tool(main)
