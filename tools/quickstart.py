"""Draws what a system's toy configuration trains on, trains it, and measures the result: everything at once, with no
download. It draws faces for stargan_v2, where no system is named, digits for gan, wgan, wgan_gp and cgan, outlines and
faces for pix2pix, plain and striped ponies for cyclegan, people with attributes for stargan and with landmarks for
fan, cats and lions for ugatit, and faces and patterns for adain, which also trains its own encoder."""

import contextlib
import sys
import time
from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import add_override, add_resume, add_system, parser, run_tool
from ppstargan.metrics.toys import TOYS
from ppstargan.runtime import choose_device, one_thread, usable_cores
from ppstargan.systems.load import load_config, system_named
from ppstargan.training import distributed
from ppstargan.training.runs import to_resume
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
    toy, kind = TOYS[config.system], system_named(config.system)
    # At 32 px two threads gain a tenth on a quiet machine, and lose half where a core is busy; two processes gain half.
    device = choose_device()
    print(f"device: {device}\nthreads: {one_thread()}", flush=True)
    if distributed.is_second():
        return train(given, config, kind)[1]

    toy.draw(config)
    print(f"drawn {toy.what}: {config.data.root}", flush=True)
    begun = time.perf_counter()
    with processes(config, kind, device):
        trainer, code = train(given, config, kind)
    if code:
        return code
    minutes = (time.perf_counter() - begun) / 60
    print(f"{trainer.iteration} iterations done, in {minutes:.1f} minutes this time; measuring", flush=True)

    print("\n".join(toy.measure(trainer).lines()))
    sheets = sorted(trainer.folder.glob(f"samples/*_{toy.sheet}.png")) if trainer.folder else []
    if sheets:  # a finished run of elsewhere, resumed, has none here
        print(f"look at: {sheets[-1]}")
    return 0


def processes(config, kind, device: str):
    """A second process for the second core, where each can have its half of a batch."""
    halves = not (kind.System.across_batch or config.train.batch_size % (2 * config.train.accumulate))
    cores = usable_cores() if device.startswith("CPU") else 0
    if not halves or cores < 2 or distributed.launched() or sys.platform == "win32":
        return contextlib.nullcontext()
    print("processes: 2", flush=True)
    return distributed.beside([sys.executable, __file__, *sys.argv[1:]])


def train(given, config, kind) -> tuple:
    """The trainer, which has trained, and its exit code."""
    trainer = Trainer(config, kind)
    path = to_resume(config, given.resume, given.resume_or_start)
    if path:
        trainer.resume(path, given.allow_changes)
    return trainer, trainer.run()


if __name__ == "__main__":
    run_tool(main)
