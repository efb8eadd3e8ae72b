"""Draws what a system's toy configuration trains on, trains it, and measures the result: everything at once, with no
download. It draws faces for stargan_v2, where no system is named, and digits for gan, wgan, wgan_gp and cgan."""

import time
from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import add_override, add_resume, add_system, parser, run_tool
from ppstargan.metrics.toys import TOYS
from ppstargan.runtime import choose_device, one_thread
from ppstargan.systems.load import load_config, system_named
from ppstargan.training.runs import find_checkpoint
from ppstargan.training.trainer import Trainer

CONFIGS = Path(__file__).parents[1] / "configs"
SYSTEMS = {
    "stargan_v2": CONFIGS / "toy.yaml",
    "faces": CONFIGS / "toy.yaml",
    **{path.stem[: -len("_toy")]: path for path in sorted(CONFIGS.glob("*_toy.yaml"))},
}


def main() -> int:
    arguments = parser(__doc__, "python tools/quickstart.py gan -o train.iterations=400")
    add_system(arguments, SYSTEMS, "stargan_v2")
    add_override(arguments)
    add_resume(arguments)
    given = arguments.parse_args()
    config = load_config(SYSTEMS[given.system], given.override)
    toy = TOYS[config.system]
    # At 32 px two threads gain a tenth on a quiet machine, and lose half where a core is busy.
    print(f"device: {choose_device()}\nthreads: {one_thread()}", flush=True)

    toy.draw(config)
    print(f"drawn {toy.what}: {config.data.root}")
    trainer = Trainer(config, system_named(config.system))
    if given.resume is not None:
        trainer.resume(find_checkpoint(config, given.resume), given.allow_changes)
    begun = time.perf_counter()
    code = trainer.run()
    if code:
        return code
    minutes = (time.perf_counter() - begun) / 60
    print(f"{trainer.iteration} iterations done, in {minutes:.1f} minutes this time; measuring", flush=True)

    print("\n".join(toy.measure(trainer).lines()))
    sheets = sorted(trainer.folder.glob(f"samples/*_{toy.sheet}.png")) if trainer.folder else []
    if sheets:  # a finished run of elsewhere, resumed, has none here
        print(f"look at: {sheets[-1]}")
    return 0


if __name__ == "__main__":
    run_tool(main)
