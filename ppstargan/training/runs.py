"""A run's folder, OUTPUT/NAME-DATE-TIME, and the checkpoints in it: made, found, kept and pruned."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
from datetime import datetime
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.config import WITHOUT_EFFECT, Config, changes, to_yaml
from ppstargan.errors import UserError
from ppstargan.files import whole_file

_OURS = re.compile(r"(\d{7}|[1-9]\d{7,})\.pdparams")  # what checkpoint_path gives
_PARTIAL = re.compile(r"\.\d{7,}.*\.\d+\.partial")  # what files.replaced writes to at first


def resuming(run: Path) -> str:
    """The command by which a run goes on."""
    folder = shlex.quote(str(run))
    return f"python tools/train.py -c {folder}/config.yaml --resume {folder}"


def new_run_folder(config: Config) -> Path:
    """Makes OUTPUT/NAME-DATE-TIME, a folder that was not there before."""
    stem = f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{i}" for i in range(2, 100))):
        folder = Path(config.output) / (stem + suffix)
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(
                f"no run folder {folder.absolute()} can be made ({error.strerror}); name another by -o output=FOLDER"
            ) from None
    raise UserError(f"{Path(config.output).absolute()} already holds many runs {stem}; try again in a second")


def checkpoint_path(run: Path, iteration: int) -> Path:
    """Where the checkpoint after ``iteration`` goes."""
    return run / "checkpoints" / f"{iteration:07d}.pdparams"


def checkpoints(run: Path) -> list:
    """The checkpoints in a run's folder, the newest last."""
    found = [path for path in (run / "checkpoints").glob("*.pdparams") if _OURS.fullmatch(path.name)]
    return sorted(found, key=_iteration)


def _iteration(path: Path) -> int:
    return int(path.stem)


def find_checkpoint(config: Config, where: str | None) -> Path:
    """The checkpoint to go on from: a file, the newest of a run's folder, or of the newest run of this name.

    A damaged one of a run's folder is named and set aside, and the one before it is taken. Raises UserError where there
    is none.
    """
    if where and Path(where).is_file():
        return Path(where)
    if where and not Path(where).is_dir():
        raise UserError(f"nothing to resume at {Path(where).absolute()}; give a checkpoint or a run's folder")
    if where and Path(where).name == "checkpoints":
        where = str(Path(where).parent)
    runs = [Path(where)] if where else _runs(config)
    for run in runs:
        found = checkpoints(run)
        if found:
            return _newest_whole(found)
    place = Path(where).absolute() if where else Path(config.output).absolute() / f"{config.name}-*"
    raise UserError(f"no checkpoint to resume in {place}/checkpoints; start a run without --resume")


def _runs(config: Config) -> list:
    """The folders of the runs of this name, the newest first: NAME-DATE-TIME, and NAME-DATE-TIME-2 in one second."""
    ours = re.compile(re.escape(config.name) + r"-(\d{8}-\d{6})(?:-(\d+))?")
    output = Path(config.output)
    found = [(ours.fullmatch(path.name), path) for path in (output.iterdir() if output.is_dir() else ())]
    return [path for _, path in sorted(((m[1], int(m[2] or 1)), path) for m, path in found if m)][::-1]


def _newest_whole(found: list) -> Path:
    for path in reversed(found):
        try:
            checkpoint.load(path)  # whoever resumes loads it again: seconds, and no second way to say what is damaged
            return path
        except checkpoint.Damaged as error:
            aside = path.with_name(f"{path.name}.damaged")
            with contextlib.suppress(OSError):  # a folder that is read alone
                os.replace(path, aside)
            print(f"{error}; set aside as {aside.name}, and the checkpoint before it is taken", flush=True)
    raise UserError(
        f"every checkpoint in {found[0].parent.absolute()} is damaged; "
        "name another run by --resume PATH, or start one without --resume"
    )


def save_config(run: Path, config: Config, iteration: int) -> None:
    """Writes config.yaml; one that a resumed run changes is kept beside it, once for each ``iteration``."""
    path, until = run / "config.yaml", run / f"config_until_{iteration:07d}.yaml"
    now = to_yaml(config)
    if path.exists() and not until.exists() and path.read_text(encoding="utf-8") != now:
        path.rename(until)
    with whole_file(path) as partial:
        partial.write_text(now, encoding="utf-8")


def prune(run: Path, keep_last: int, keep_every: int) -> None:
    """Removes checkpoints but the newest ``keep_last`` (>= 1), and those of multiples of ``keep_every``, if not 0."""
    for path in checkpoints(run)[:-keep_last]:
        if not keep_every or _iteration(path) % keep_every:
            with contextlib.suppress(OSError):  # one that stays costs room, not the run
                path.unlink()


def remove_partial_files(run: Path) -> None:
    """Removes what a killed process had not written to its end."""
    for folder in (run / "checkpoints", run / "samples"):
        for path in folder.glob(".*.partial"):
            if _PARTIAL.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()


def compare_training(content: dict, config: Config, images: dict, path: Path, allow_changes: bool) -> None:
    """Prints where ``config`` differs from that of the checkpoint ``content`` of ``path``.

    Raises UserError where it, or the ``image_lists``, differ in a way that changes the training, unless that is
    allowed. Checkpoints of earlier versions and converted ones do not say what they were trained with.
    """
    harmless, others = [], []
    for key, (was, now) in changes(content.get("config") or {}, dataclasses.asdict(config)).items():
        (harmless if key in WITHOUT_EFFECT else others).append(f"{key} was {was}, now {now}")
    before = content.get("images") or {}
    for domain, (count, digest) in images.items():
        was, its_digest = before.get(domain, (count, digest))
        if digest != its_digest:
            others.append(f"images of {domain} were {was}, now {count}{' by other names' if count == was else ''}")
    if others and not allow_changes:
        raise UserError(
            f"this would not be the training of {path} any more: {'; '.join(others)}; "
            "give what it was trained with, or go on with the new by --allow-changes"
        )
    for line in harmless + others:
        print(f"changed: {line}")
