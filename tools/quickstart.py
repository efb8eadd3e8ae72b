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

import checkout  # noqa: F401

from ppstargan import checkpoint
from ppstargan.cli import add_override, add_resume, add_system, parser, run_tool
from ppstargan.errors import UserError
from ppstargan.files import make_folder
from ppstargan.metrics.toys import TOYS
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


def main() -> int:
    arguments = parser(__doc__, "python tools/quickstart.py gan -o train.iterations=400")
    add_system(arguments, SYSTEMS, "stargan_v2")
    add_override(arguments)
    add_resume(arguments)
    given = arguments.parse_args()
    config = load_config(SYSTEMS[given.system], given.override)
    # At 32 px two threads gain a tenth on a quiet machine, and lose half where a core is busy; two processes gain half.
    device = choose_device()
    print(f"device: {device}\nthreads: {one_thread()}", flush=True)
    if distributed.is_second():
        return train(config, given.resume, given.allow_changes)[1]
    if given.system == "faces" and not Path(config.face.fan).is_file():
        code = make_fan(config, given)
        if code:
            return code

    toy = TOYS[given.system if given.system in TOYS else config.system]
    toy.draw(config)
    print(f"drawn {toy.what}: {config.data.root}", flush=True)
    begun = time.perf_counter()
    with processes(config, device, given):
        trainer, code = train(config, given.resume, given.allow_changes)
    if code:
        return code
    report(trainer, toy, begun)
    return 0


def make_fan(config, given) -> int:
    """Puts the network of the newest finished run of fan_toy.yaml to ``config.face.fan``, or trains one to its end.

    A --resume is for that training then, and taken out of ``given``. Returns the exit code. Raises UserError.
    """
    theirs, toy = load_config(SYSTEMS["fan"], [f"output={config.output}"]), TOYS["fan"]
    path = finished(theirs)
    if path is None:
        start, given.resume = given.resume, None
        if start is not None:  # by the settings that it was begun with
            own = runs.find_checkpoint(theirs, start).parents[1] / "config.yaml"
            theirs = load_config(own) if own.is_file() else theirs
        print(f"no {config.face.fan}: training a face alignment network first", flush=True)
        toy.draw(theirs)
        print(f"drawn {toy.what}: {theirs.data.root}", flush=True)
        begun = time.perf_counter()
        trainer, code = train(theirs, start, given.allow_changes)
        if code:
            return code
        report(trainer, toy, begun)
        path = runs.checkpoints(trainer.folder)[-1]
    content = checkpoint.load(path)
    make_folder(Path(config.face.fan).parent)
    kept = {name: content[name] for name in ("system", "architecture", "domains")}
    checkpoint.save({**kept, "nets": {"fan": content["nets"]["fan"]}}, config.face.fan)
    print(f"face alignment network: {config.face.fan}, of {path}", flush=True)
    return 0


def finished(config) -> Path | None:
    """The last checkpoint of the newest run of the name of ``config`` that went to its end."""
    for run in runs.runs_of(config):
        with contextlib.suppress(UserError):  # of a run that another version wrote, say
            path = runs.checkpoint_path(run, load_config(run / "config.yaml").train.iterations)
            if path.is_file():
                return path
    return None


def report(trainer, toy, begun: float) -> None:
    """Prints the figures of what ``trainer`` has trained since ``begun``, and which picture to look at."""
    minutes = (time.perf_counter() - begun) / 60
    print(f"{trainer.iteration} iterations done, in {minutes:.1f} minutes this time; measuring", flush=True)
    print("\n".join(toy.measure(trainer).lines()))
    sheets = sorted(trainer.folder.glob(f"samples/*_{toy.sheet}.png")) if trainer.folder else []
    if sheets:  # a finished run of elsewhere, resumed, has none here
        print(f"look at: {sheets[-1]}", flush=True)


def processes(config, device: str, given):
    """A second process for the second core, where each can have its half of a batch; it does what ``given`` says."""
    across = system_named(config.system).System.across_batch
    halves = not (across or config.train.batch_size % (2 * config.train.accumulate))
    cores = usable_cores() if device.startswith("CPU") else 0
    if not halves or cores < 2 or distributed.launched() or sys.platform == "win32":
        return contextlib.nullcontext()
    print("processes: 2", flush=True)
    resume = [] if given.resume is None else ["--resume", *filter(None, [given.resume])]
    again = [given.system, *(["-o", *given.override] if given.override else []), *resume]
    return distributed.beside([sys.executable, __file__, *again, *(["--allow-changes"] if given.allow_changes else [])])


def train(config, resume: str | None, allow_changes: bool) -> tuple:
    """The trainer, which has trained, and its exit code."""
    trainer = Trainer(config, system_named(config.system))
    if resume is not None:
        trainer.resume(runs.find_checkpoint(config, resume), allow_changes)
    return trainer, trainer.run()


if __name__ == "__main__":
    run_tool(main)
