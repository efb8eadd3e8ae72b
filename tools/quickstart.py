"""Draws what a system's toy configuration trains on, trains it, and measures the result: everything at once, with no
download. It draws animals for stargan_v2, where no system is named, digits for gan, wgan, wgan_gp and cgan, outlines
and faces for pix2pix, plain and striped ponies for cyclegan, people with attributes for stargan and with landmarks for
fan, cats and lions for ugatit, and faces and patterns for adain, which also trains its own encoder. And faces is
stargan_v2 on women and men, by the masks of a fan, which it trains first."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import NamedTuple

import checkout  # noqa: F401

from ppstargan import checkpoint
from ppstargan.cli import add_override, add_resume, add_system, parser, run_tool
from ppstargan.errors import UserError
from ppstargan.files import make_folder
from ppstargan.metrics.toys import TOYS, Toy
from ppstargan.runtime import choose_device, one_thread, usable_cores
from ppstargan.systems.load import load_config, system_named
from ppstargan.training import distributed, runs
from ppstargan.training.trainer import Trainer

CONFIGS = Path(__file__).parents[1] / "configs"
SYSTEMS = {
    "stargan_v2": CONFIGS / "toy.yaml",
    "faces": CONFIGS / "toy_faces.yaml",
    **{path.stem[: -len("_toy")]: path for path in sorted(CONFIGS.glob("*_toy.yaml"))},
}


class Part(NamedTuple):
    """A training of the command's, from the checkpoint that ``resume`` names, if it is not None."""

    config: object
    toy: Toy
    resume: str | None


def main() -> int:
    arguments = parser(__doc__, "python tools/quickstart.py gan -o train.iterations=400")
    add_system(arguments, SYSTEMS, "stargan_v2")
    add_override(arguments)
    add_resume(arguments)
    given = arguments.parse_args()
    parts = parts_of(given)
    # At 32 px two processes are as fast as one with two threads, which loses more where a core is busy.
    device, first = choose_device(), not distributed.is_second()
    print(f"device: {device}\nthreads: {one_thread()}", flush=True)
    for config, toy, _ in parts if first else ():
        toy.draw(config)
        print(f"drawn {toy.what}: {config.data.root}", flush=True)
    with processes(parts, device):
        for part in parts:
            begun = time.perf_counter()
            trainer, code = train(part, given)
            if code:
                if first:
                    print("or, to have it measured too: this command again, with --resume", flush=True)
                return code
            if part is not parts[-1]:
                with distributed.first_goes_first():
                    if first:
                        report(trainer, part.toy, begun)
                        keep_fan(runs.checkpoints(trainer.folder)[-1], parts[-1].config.face.fan)
    if first:
        report(trainer, part.toy, begun)
    return 0


def parts_of(given) -> list:
    """What is trained: for faces a fan first, where there is none. A --resume is for the first of both then."""
    config = load_config(SYSTEMS[given.system], given.override)
    part = Part(config, TOYS[given.system if given.system in TOYS else config.system], given.resume)
    if given.system != "faces" or Path(config.face.fan).is_file():
        return [part]
    fan = load_config(SYSTEMS["fan"], [f"output={config.output}"])
    path = finished(fan)
    if path:
        keep_fan(path, config.face.fan)
        return [part]
    if given.resume is not None:  # by the settings that it was begun with
        own = runs.find_checkpoint(fan, given.resume).parents[1] / "config.yaml"
        fan = load_config(own) if own.is_file() else fan
    return [Part(fan, TOYS["fan"], given.resume), part._replace(resume=None)]


def finished(config) -> Path | None:
    """The last checkpoint of the newest run of the name of ``config`` that went to its end."""
    for run in runs.runs_of(config):
        with contextlib.suppress(UserError):  # of a run that another version wrote, say
            path = runs.checkpoint_path(run, load_config(run / "config.yaml").train.iterations)
            if path.is_file():
                return path
    return None


def keep_fan(path: Path, to: str) -> None:
    """Writes the network of the checkpoint ``path`` to the file ``to``, and says so."""
    content = checkpoint.load(path)
    kept = {name: content[name] for name in ("system", "architecture", "domains")}
    make_folder(Path(to).parent)
    checkpoint.save({**kept, "nets": {"fan": content["nets"]["fan"]}}, to)
    print(f"face alignment network: {to}, of {path}", flush=True)


def report(trainer, toy: Toy, begun: float) -> None:
    """Prints the figures of what ``trainer`` has trained since ``begun``, and which picture to look at."""
    minutes = (time.perf_counter() - begun) / 60
    print(f"{trainer.iteration} iterations done, in {minutes:.1f} minutes this time; measuring", flush=True)
    print("\n".join(toy.measure(trainer).lines()))
    sheets = sorted(trainer.folder.glob(f"samples/*_{toy.sheet}.png")) if trainer.folder else []
    if sheets:  # a finished run of elsewhere, resumed, has none here
        print(f"look at: {sheets[-1]}", flush=True)


def processes(parts: list, device: str):
    """A second process for the second core, where each can have its half of every batch."""
    halves = all(
        (part.toy.halves or not system_named(part.config.system).System.across_batch)
        and part.config.train.batch_size % (2 * part.config.train.accumulate) == 0
        for part in parts
    )
    cores = usable_cores() if device.startswith("CPU") else 0
    if not halves or cores < 2 or distributed.launched() or sys.platform == "win32":
        return contextlib.nullcontext()
    print("processes: 2", flush=True)
    return distributed.beside([sys.executable, __file__, *sys.argv[1:]])


def train(part: Part, given) -> tuple:
    """The trainer, which has trained, and its exit code."""
    trainer = Trainer(part.config, system_named(part.config.system))
    path = runs.to_resume(part.config, part.resume, given.resume_or_start)
    if path:
        trainer.resume(path, given.allow_changes)
    return trainer, trainer.run()


if __name__ == "__main__":
    run_tool(main)
