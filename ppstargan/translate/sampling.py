"""From files and folders to translations, in sheets or a file each, of any number of images: few are in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple
from unicodedata import normalize

import numpy as np

from ppstargan.data.bad_files import BadImage, listing, say_left_out, shown
from ppstargan.data.inputs import Found
from ppstargan.errors import UsageError, UserError
from ppstargan.pictures import FORMATS, style_sheet
from ppstargan.translator import Translator


class Job(NamedTuple):
    """A picture, and the files to write: one for each style."""

    source: Path
    targets: list


def reference_domains(model: Translator, references: list[Found]) -> list[str]:
    """The domain of each reference: the nearest folder around it that is named as one. Raises UserError for others."""
    domains = []
    for path, folders in references:
        known = [name for name in (normalize("NFC", folder) for folder in folders) if name in model.domains]
        if not known:
            raise UserError(
                f"{path} lies in no folder named as one of the domains {', '.join(model.domains)}: say by --domain "
                "which it is; where the weights do not name their domains, --domain-names names them"
            )
        domains.append(known[0])
    return domains


def good_ones(model: Translator, found: list[Found]) -> list[Found]:
    """Those that can be read; the others are named on stderr. Raises UserError where there are none."""
    good, bad = [], []
    for picture in found:
        try:
            model.read(picture.path)
            good.append(picture)
        except BadImage as error:
            bad.append(error)
    if bad and not good:
        raise bad[0] if len(bad) == 1 else UserError(f"none of {len(bad)} pictures can be read: {listing(bad)}")
    for error in bad:
        say_left_out(error)
    return good


def find_jobs(inputs, found: list[Found], out: Path, count: int) -> list[Job]:
    """What is to be done to write each of the pictures ``found`` in ``inputs`` under its own name in ``out``.

    They keep the folders below the one that was given. What ends as no picture is written gets .png behind its name;
    with ``count`` styles the files are numbered. Raises UserError where two pictures would have one name, and
    where ``out`` lies in a folder that is read.
    """
    out, taken, jobs = out.absolute(), {}, []
    for path in map(Path, inputs):
        if path.is_dir() and path.resolve() in (out.resolve(), *out.resolve().parents):
            raise UsageError(f"--out-dir {out} lies in {path.absolute()}, which is read; name a folder outside it")
    for path, folders in {picture.path: picture for picture in found}.values():
        name = Path(*folders[-2::-1], path.name)
        target = out / (name if name.suffix.lower() in FORMATS else f"{name}.png")
        for file in numbered(target, count):
            # Some disks take a.png and A.PNG for one.
            other = taken.setdefault(str(file).casefold(), path)
            if other != path:
                what = f"{shown(other)} and {shown(path)} would both be {shown(file)}"
                raise UserError(f"{what}; rename one, or give each folder its own --out-dir")
        jobs.append(Job(path, numbered(target, count)))
    return jobs


def translate_each(model: Translator, jobs: list[Job], styles) -> Iterator[tuple]:
    """Yields (job, file to write, uint8 [S, S, 3]) for each job and style; (job, None, BadImage) for a bad picture."""
    for first in range(0, len(jobs), model.batch_size):
        good, pictures = [], []
        for job in jobs[first : first + model.batch_size]:
            try:
                pictures.append(model.read(job.source)[0])
                good.append(job)
            except BadImage as error:
                yield job, None, error
        prepared = model.prepare(pictures) if good else None
        for i, style in enumerate(styles if good else ()):
            for job, image in zip(good, model.render(prepared, style)):
                yield job, job.targets[i], image


def sheets(model: Translator, sources, styles, columns: int, rows: int, references=None) -> Iterator[np.ndarray]:
    """Sheets uint8 [H, W, 3]: ``sources`` across, ``styles`` [M, style_dim] down, at most so many on each.

    ``references``, the M images behind the styles, are shown beside their rows. The sheets come row by row of sheets.
    """
    for top in range(0, len(styles), rows):
        down = slice(top, top + rows)
        beside = None if references is None else model.read(references[down])
        for left in range(0, len(sources), columns):
            pictures = model.read(sources[left : left + columns])
            prepared = model.prepare(pictures)
            yield style_sheet(pictures, [model.render(prepared, style) for style in styles[down]], beside)


def numbered(path, count: int) -> list[Path]:
    """``count`` file names made of one: itself, or NAME_01.png and so on."""
    path, digits = Path(path), max(2, len(str(count)))
    names = [f"{path.stem}_{i:0{digits}d}{path.suffix}" for i in range(1, count + 1)]
    return [path] if count == 1 else [path.with_name(name) for name in names]


def free_names(out, count: int, inputs, force: bool) -> list[Path]:
    """The names of ``count`` files to write. Raises UserError where one is read, or there already without ``force``."""
    found = numbered(out, count)
    for path in found:
        if path.exists() and path.resolve() in {Path(name).resolve() for name in inputs}:
            raise UserError(f"{path.absolute()} is one of the files to read; give another --out")
        if path.exists() and not force:
            raise UserError(f"{path.absolute()} exists; give another --out, or --force to replace it")
    return found


def check_there(targets: list, inputs, force: bool) -> None:
    """The same for ``targets`` in --out-dir."""
    there = [path for path in targets if path.exists()]
    read = {Path(name).resolve() for name in inputs}
    for path in there:
        if path.resolve() in read:
            raise UserError(f"{shown(path)} is one of the files to read; give another --out-dir")
    if there and not force:
        what = f"{shown(there[0])} exists, as {len(there)} of {len(targets)} files do"
        raise UserError(f"{what}; give another --out-dir, or --force to replace them")
