"""Draws the toy faces, trains on them, and measures the result: everything at once, with no download."""

import os
import time
from pathlib import Path

# Before Paddle reads it: at 32 px two threads gain a tenth on a quiet machine, and lose half where a core is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import checkout  # noqa: F401

import ppstargan
from ppstargan.cli import add_override, add_resume, parser, run_tool
from ppstargan.data.toy import write_dataset
from ppstargan.metrics.toy import measure
from ppstargan.runtime import choose_device
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import load_config
from ppstargan.training.runs import find_checkpoint
from ppstargan.training.trainer import Trainer

CONFIG = Path(__file__).parents[1] / "configs" / "toy.yaml"


def main() -> int:
    arguments = parser(__doc__, "python tools/quickstart.py -o train.iterations=400")
    add_override(arguments)
    add_resume(arguments)
    given = arguments.parse_args()
    config = load_config(CONFIG, given.override)
    print(f"device: {choose_device()}\nthreads: {ppstargan.THREADS}", flush=True)

    write_dataset(config.data.root, size=config.model.img_size, train_count=400, val_count=40, seed=0)
    print(f"drawn faces: {config.data.root}")
    trainer = Trainer(config, stargan_v2)
    if given.resume is not None:
        trainer.resume(find_checkpoint(config, given.resume), given.allow_changes)
    begun = time.perf_counter()
    code = trainer.run()
    if code:
        return code
    minutes = (time.perf_counter() - begun) / 60
    print(f"{trainer.iteration} iterations done, in {minutes:.1f} minutes this time; measuring", flush=True)

    report = measure(
        trainer.system.nets.sharing(trainer.averages),
        trainer.data.train,
        trainer.data.val,
        config.model.img_size,
        config.model.latent_dim,
    )
    print("\n".join(report.lines()))
    print(f"look at: {trainer.folder / 'samples' / f'{trainer.iteration:07d}_reference.png'}")
    return 0


if __name__ == "__main__":
    run_tool(main)
