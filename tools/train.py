"""Trains the system that a configuration names: StarGAN v2 on a folder of images for each domain, say."""

import checkout  # noqa: F401

import ppstargan
from ppstargan.cli import add_config, add_resume, parser, place, run_tool
from ppstargan.runtime import choose_device
from ppstargan.systems.load import load_config, system_named
from ppstargan.training.runs import to_resume
from ppstargan.training.trainer import Trainer


def main() -> int:
    arguments = parser(__doc__, "python tools/train.py -c configs/afhq.yaml -o train.batch_size=4 data.root=data/afhq")
    add_config(arguments)
    start = add_resume(arguments)
    start.add_argument("--init", type=place, metavar="WEIGHTS.pdparams", help="start from these weights")
    given = arguments.parse_args()

    config = load_config(given.config, given.override)
    print(f"device: {choose_device()}\nthreads: {ppstargan.THREADS}", flush=True)
    trainer = Trainer(config, system_named(config.system))
    counts = ", ".join(f"{name} {len(images)}" for name, images in trainer.data.train.items())
    print(f"data: {config.data.root}: {counts} images to train on")
    path = to_resume(config, given.resume, given.resume_or_start)
    if path:
        trainer.resume(path, given.allow_changes)
        print(f"resuming {path} after iteration {trainer.iteration}")
    elif given.init:
        print("\n".join(trainer.initialise(given.init)))
    return trainer.run()


if __name__ == "__main__":
    run_tool(main)
