"""A run's folder, OUTPUT/NAME-DATE-TIME, and the checkpoints in it: made, found, kept and pruned."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from datetime import datetime
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.config import Config, changes, to_yaml, unknown_keys
from ppstargan.errors import UsageError, UserError, as_typed
from ppstargan.files import dead_link, make_folder, reason, whole_file
from ppstargan.training import distributed, lock

_OURS = re.compile(r"(\d{7}|[1-9]\d{7,})\.pdparams")  # what checkpoint_path gives
_PARTIAL = re.compile(r"\.\d{7,}.*\.\d+\.partial")  # what files.replaced writes to at first


def resuming(run: Path) -> str:
    """The command by which a run goes on."""
    folder = shlex.quote(str(run))
    return as_typed(f"python tools/train.py -c {folder}/config.yaml --resume {folder}")


def left(run: Path) -> str:
    """What there is of a run whose training another process ended, and how it goes on."""
    found = checkpoints(run)
    if not run.is_dir():  # of the first host alone
        return f"the run is in {run} of the host of process 0: go on by the same command with --resume"
    if not found:
        return f"{run} has no checkpoint yet: start again"
    return f"the newest checkpoint is {found[-1]}: go on by the same command with --resume {shlex.quote(str(run))}"


def new_run_folder(config: Config) -> Path:
    """Makes OUTPUT/NAME-DATE-TIME, a folder that was not there before."""
    output, stem = Path(config.output), f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        make_folder(output)
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            with contextlib.suppress(FileExistsError):
                (output / (stem + suffix)).mkdir()
                return output / (stem + suffix)
    except OSError as error:
        folder = (output / stem).absolute()
        raise UserError(
            f"no run folder {folder} can be made ({reason(error, folder)}); name another by -o output=FOLDER"
        ) from None
    raise UserError(f"{output.absolute()} already holds many runs {stem}; try again in a second")


@contextlib.contextmanager
def taken(run: Path, iteration: int):
    """Within it, a training that has done ``iteration`` iterations is alone in the folder ``run``.

    Removes what a killed process left half-written. Raises lock.Busy where another trains there, and UserError where
    the folder cannot be written to or another has gone on in it since the training was loaded.
    """
    with lock.alone(run):
        found = checkpoints(run)
        if found and _iteration(found[-1]) > iteration:
            raise UserError(
                f"another training went on in {run.absolute()}: {found[-1].name} is newer than what was resumed, "
                f"iteration {iteration}; resume again, from the newest"
            )
        remove_partial_files(run)
        yield


def checkpoint_path(run: Path, iteration: int) -> Path:
    """Where the checkpoint after ``iteration`` goes."""
    return run / "checkpoints" / f"{iteration:07d}.pdparams"


def checkpoints(run: Path) -> list:
    """The checkpoints in a run's folder, the newest last."""
    found = [path for path in (run / "checkpoints").glob("*.pdparams") if _OURS.fullmatch(path.name)]
    return sorted(found, key=_iteration)


def _iteration(path: Path) -> int:
    return int(path.stem)


def own_folder(path: Path) -> Path | None:
    """The run's folder that goes on from the checkpoint ``path``, however that is named; None where a new one has to.

    A run goes on in its own folder only from its newest checkpoint: a branch would write over what came after.
    """
    path = Path(path)
    for named in (*_links(path), path.resolve()):
        newest = checkpoints(named.parents[1])[-1:] if named.parent.name == "checkpoints" else []
        if newest and path.exists() and newest[0].samefile(path):
            return named.parents[1]
    return None


def _links(path: Path):
    """``path``, absolute, and where it leads while that is a link: a folder above may be one too, and stay its name."""
    for _ in range(40):  # as many as the kernel follows
        path = Path(os.path.abspath(path))
        yield path
        if not path.is_symlink():
            return
        path = path.parent / os.readlink(path)


def find_checkpoint(config: Config, where: str | None) -> Path:
    """The checkpoint to go on from: a file, the newest of a run's folder, or of the newest run of this name.

    A damaged one of a run's folder is named and set aside, and the one before it is taken. Raises UserError where there
    is none, where the newest run has none and an older one has, and lock.Busy where the run still trains.
    """
    path = Path(where or config.output)
    lost = dead_link(path)
    if lost:
        raise UserError(f"nothing to resume: {lost}")
    if where and path.is_file():
        folder = own_folder(path)
        _check_free([folder] if folder else [])
        return path
    if where and not path.is_dir():
        raise UserError(f"nothing to resume at {path.absolute()}; give a checkpoint or a run's folder")
    if where:
        path = Path(os.path.abspath(path))  # "." has no name
        runs = [path.parent if path.name == "checkpoints" else path]
    else:
        runs = runs_of(config)
    _check_free(runs[:1])
    found = {run: checkpoints(run) for run in runs}
    older = next((run for run in runs if found[run]), None)
    if older is None:
        place = runs[0].absolute() if where else path.absolute() / f"{config.name}-*"
        raise UserError(f"no checkpoint to resume in {place}/checkpoints; start a run without --resume")
    if older != runs[0]:
        raise UserError(
            f"the newest run, {runs[0]}, ended before its first checkpoint, so nothing of it can go on; start it again "
            f"without --resume, or go on with the newest that has one: --resume {shlex.quote(str(older))}"
        )
    return _newest_whole(found[older])


def _check_free(runs: list) -> None:
    for run in runs:
        lock.check_free(run)


def to_resume(config: Config, where: str | None, or_start: bool) -> Path | None:
    """The checkpoint that ``find_checkpoint`` finds of ``where``, for all processes: the first looks, and tells it.

    Where ``where`` is None: with ``or_start``, that of the newest run of this name, and None where that has none; else
    None. Raises UserError as ``find_checkpoint``.
    """
    if or_start and where is not None:
        raise UsageError("--resume and --resume-or-start: give one of them")
    found = None
    if distributed.rank() == 0:  # which may hold the folder already while another asks, or set a damaged one aside
        newest = runs_of(config)[:1] if or_start else []
        _check_free(newest)
        if where is not None or (newest and checkpoints(newest[0])):
            found = str(find_checkpoint(config, where))
    found = distributed.exchange(found)[0]
    return Path(found) if found else None


def runs_of(config: Config) -> list:
    """The folders of the runs of this name, the newest first: NAME-DATE-TIME, and NAME-DATE-TIME-2 in one second."""
    ours = re.compile(re.escape(config.name) + r"-(\d{8}-\d{6})(?:-(\d+))?")
    output = Path(config.output)
    try:
        folders = [path for path in output.iterdir() if path.is_dir()] if output.is_dir() else []
    except OSError as error:
        raise UserError(f"{output.absolute()} cannot be read ({reason(error, output)})") from None
    found = [(ours.fullmatch(path.name), path) for path in folders]
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
    trained_with, harmless = content.get("config") or {}, []
    others = [f"{key} was given, which this version does not know" for key in unknown_keys(trained_with, type(config))]
    for key, (was, now, without_effect) in changes(trained_with, config).items():
        (harmless if without_effect else others).append(f"{key} was {was}, now {now}")
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
