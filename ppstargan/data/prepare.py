"""Photographs in any of the layouts that are known to a data set of small squares, split into train and val for good.

The loader squeezes any image into a square, so the middle square of each is cut out here, unless the whole is asked
for. What was made from what is noted in MANIFEST, a line of JSON each, by which a run is resumed and repeated.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path, PurePath, PurePosixPath
from typing import Callable, Iterable, Iterator, NamedTuple
from unicodedata import normalize

from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.folders import find_images
from ppstargan.data.layouts import Layout, find_layout
from ppstargan.data.split import choose_val, find_contents
from ppstargan.data.threads import in_threads
from ppstargan.data.transforms import fitted, load_rgb
from ppstargan.errors import UserError
from ppstargan.files import check_dead_link, is_partial, remove_partials, replaced
from ppstargan.runtime import usable_cores

MANIFEST = "manifest.jsonl"
VERSION = 2  # raise it when the same settings give other images: such a folder is not gone on with
FORMATS = {"png": {"format": "PNG"}, "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0}}  # for Pillow's save


class Job(NamedTuple):
    """An image to make."""

    source: str  # below the input, with slashes
    split: str  # train or val
    image: str  # below the output


class Made(NamedTuple):
    """A line of the manifest: the image ``image`` of ``size`` pixels was made from ``source``."""

    source: str
    sha256: str  # of the source's bytes
    split: str
    image: str
    size: int


class Summary(NamedTuple):
    """What is in the output now."""

    counts: Counter  # {(part, domain): images}
    small: int  # images that are smaller than asked
    bad: list  # a line for each source that could not be used
    strays: list  # images in the output that were not made here
    removed: int  # images whose sources are gone


def prepare(
    source: str | Path,
    root: str | Path,
    *,
    size: int,
    val: float,
    seed: int,
    image_format: str = "png",
    fit: str = "square",
    background: tuple | None = None,
    domains: Iterable[str] | None = None,
    remove_gone: bool = False,
) -> Summary:
    """Makes ``root``/train/DOMAIN and ``root``/val/DOMAIN from the images in ``source``, laid out as in ``layouts``.

    The middle square of each image, or for ``fit`` "squash" the whole, is resized to ``size`` pixels by Lanczos's
    filter; one that is smaller keeps its size. What is transparent is seen before ``background``, an (R, G, B).
    ``val`` is a share of each domain's images (below 1) or their number; which ones is drawn from ``seed`` and their
    paths, and files with the same bytes go together. Where ``source`` is split already, it stays so, and ``val`` and
    ``seed`` do not count. ``domains`` names the folders that are domains, where the layout does not tell.
    Run again, it makes what is missing and what has changed, and images keep their part when others are added. What was
    made of images that are gone is removed with ``remove_gone``, and refused without. Sources are only read. Bad ones
    are left out, named on stderr and in the result. Raises UserError where the input is no data set, where ``root``
    holds anything else than what these settings made of this input, and where it cannot be written.
    """
    check_dead_link(root)  # else its real path would be made, in the place of a disk that is not mounted
    source, root = Path(os.path.realpath(source)), Path(os.path.realpath(root))
    if source == root or source in root.parents or root in source.parents:
        raise UserError(f"{shown(root)} and {shown(source)} lie in one another; name an output beside the input")
    layout = find_layout(source, domains)
    for path in (path for found in layout.images.values() for paths in found.values() for path in paths):
        if root in Path(os.path.realpath(path)).parents:
            raise UserError(f"{shown(path)} leads into the output {shown(root)}; name an output beside the input")
    for note in layout.notes:
        print(note, file=sys.stderr, flush=True)
    settings = {"version": VERSION, "size": size, "format": image_format}
    if fit != "square":
        settings["fit"] = fit
    if background is not None:
        settings["background"] = list(background)
    if "" in layout.images:
        settings.update(val=val if val < 1 else int(val), seed=seed)
    before = _load(root, settings)
    gone = _gone(source, root, layout, before, remove_gone)
    kept = {name: entry for name, entry in before.items() if name not in gone}
    jobs = _jobs(source, layout, kept, gone, val, seed, image_format)

    def draw(path: Path) -> Image.Image:
        return resized(fitted(load_rgb(path, background), fit), size)

    made, bad = [], []
    try:
        root.mkdir(parents=True, exist_ok=True)
        remove_partials(root)
        _remove(root, gone.values())
        _save(root, settings, kept.values())  # a line that was cut off is gone by this
        with open(root / MANIFEST, "a", encoding="utf-8") as manifest:
            for result in _run(jobs, source, root, draw, FORMATS[image_format], kept):
                if isinstance(result, Made):
                    made.append(result)
                    if kept.get(result.source) != result:
                        manifest.write(_line(result._asdict()))
                        manifest.flush()
                else:
                    bad.append(result)
                    print(result, file=sys.stderr, flush=True)
        # What a source gave before it went bad stays, with its line.
        kept.update({entry.source: entry for entry in made})
        _save(root, settings, kept.values())
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way = "make room there, and the same command goes on" if full else "name another output"
        raise UserError(f"cannot write {shown(root)}: {error.strerror or error}; {way}") from None
    counts = Counter((entry.split, PurePosixPath(entry.image).parts[1]) for entry in kept.values())
    expected = {root / entry.image for entry in kept.values()}
    parts = [root / part for part in ("train", "val") if (root / part).is_dir()]
    strays = [path for part in parts for path in find_images(part) if path not in expected]
    return Summary(counts, sum(entry.size < size for entry in kept.values()), bad, strays, len(gone))


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """The largest square in the middle of ``image``, ``resized``: cut out before, so that nothing around bleeds in."""
    return resized(fitted(image, "square"), size)


def resized(image: Image.Image, size: int) -> Image.Image:
    """``image`` as a square of ``size`` pixels by Lanczos's filter; a smaller one as large as its shorter side."""
    side = min(size, *image.size)
    return image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS)


def _gone(source: Path, root: Path, layout: Layout, before: dict, remove_gone: bool) -> dict:
    """{source: Made} of what was made of images that are not there any more. Raises UserError unless it may go."""
    there = {_name(path, source) for found in layout.images.values() for paths in found.values() for path in paths}
    gone = {name: entry for name, entry in before.items() if name not in there}
    if gone and not remove_gone:
        raise UserError(
            f"{len(gone)} images that {shown(root)} was made of are not in {shown(source)} any more, such as "
            f"{shown(min(gone))}; put them back, or add --remove-gone to remove what was made of them"
        )
    return gone


def _remove(root: Path, entries: Iterable[Made]) -> None:
    """Removes these images, and the folders that are empty then: an empty domain would be none."""
    for entry in entries:
        (root / entry.image).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # of one that is not empty
            for folder in list((root / entry.image).relative_to(root).parents)[:-1]:
                (root / folder).rmdir()


def _name(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix()


def _jobs(source: Path, layout: Layout, before: dict, gone: dict, val: float, seed: int, image_format: str) -> list:
    """What is to be made, and where; what is there already stays where it is."""
    jobs, taken = [], {_key(entry.image) for entry in before.values()}
    chosen: set = set()
    if "" in layout.images:
        names = {domain: [_name(path, source) for path in paths] for domain, paths in layout.images[""].items()}
        contents = find_contents(source, [name for found in names.values() for name in found], every=bool(gone))
        known = {entry.sha256: entry.split for entry in gone.values()}  # one that has only been renamed keeps its part
        known.update({name: entry.split for name, entry in before.items()})
        chosen = choose_val(names, contents, known, val, seed)
    for part, domains in layout.images.items():
        for domain, paths in domains.items():
            for path in paths:
                name = _name(path, source)
                split = part or ("val" if name in chosen else "train")
                stem = f"{split}/{domain}/{_name(path, layout.folders[part][domain])}"
                image = str(PurePosixPath(stem).with_suffix(f".{image_format}"))
                if name in before:
                    split, image = before[name].split, before[name].image
                else:
                    while _key(image) in taken:  # 1.jpg and 1.png would both be 1.png
                        image = stem = f"{stem}.{image_format}"
                    taken.add(_key(image))
                jobs.append(Job(name, split, image))
    return jobs


def _key(image: str) -> str:
    """What is the same for two images that are one file where systems do not tell A from a."""
    return normalize("NFC", image).casefold()


def _run(jobs: list, source: Path, root: Path, draw: Callable, options: dict, before: dict) -> Iterator:
    """A ``Made`` or the line on a bad file for each job, in order. Closing it leaves the rest undone."""

    def made(job: Job):
        return _make(job, source, root, draw, options, before.get(job.source))

    def told(done: int) -> None:
        print(f"{done} of {len(jobs)} images", flush=True)

    return in_threads(made, jobs, told, usable_cores())


def _make(job: Job, source: Path, root: Path, draw: Callable, options: dict, before: Made | None):
    path, target = source / job.source, root / job.image
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot read image {shown(path)}: {error.strerror or error}; replace or remove the file"
    if before and before.sha256 == digest and target.is_file():
        return before
    try:
        image = draw(path)
    except UserError as error:
        return str(error)
    with replaced(target) as partial:
        image.save(partial, **options)
    return Made(job.source, digest, job.split, job.image, image.width)


def _line(entry: dict) -> str:
    return json.dumps(entry) + "\n"


def _save(root: Path, settings: dict, entries) -> None:
    with replaced(root / MANIFEST) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(_line(settings))
        file.writelines(_line(entry._asdict()) for entry in sorted(entries))


def _made(entry: dict) -> Made:
    """A line of the manifest. Raises ValueError for one that names a place outside: the folder may be another's."""
    made = Made(**entry)
    if not all(isinstance(text, str) and "\0" not in text for text in made[:4]) or type(made.size) is not int:
        raise ValueError(f"{entry} tells of no image")
    parts = PurePath(made.image).parts
    if made.split not in ("train", "val") or parts[:1] != (made.split,) or len(parts) < 3 or ".." in parts:
        raise ValueError(f"{made.image!r} is no place in train or val")
    return made


def _load(root: Path, settings: dict) -> dict:
    """{source: Made} from the manifest in ``root``. Raises UserError unless ``root`` is new or made by ``settings``."""
    path = root / MANIFEST
    try:
        held = set(os.listdir(root))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"cannot write {shown(root)}: {error.strerror or error}; name another output") from None
    if MANIFEST not in held:
        if any(not is_partial(name) for name in held):
            raise UserError(f"{shown(root)} holds something else than images made here; name another output")
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]  # a killed run may leave half a line
        theirs, entries = found[0], [_made(entry) for entry in found[1:]]
        if not isinstance(theirs, dict):
            raise ValueError("no settings in its first line")
    except (OSError, ValueError, IndexError, TypeError, RecursionError) as error:
        raise UserError(f"{shown(path)} is damaged ({error}); name another output") from None
    if theirs != settings:
        differing = [key for key in {**theirs, **settings} if theirs.get(key) != settings.get(key)]
        told = ", ".join(f"{key} {theirs[key]}" if key in theirs else f"no {key}" for key in differing)
        raise UserError(f"{shown(root)} was made with other settings ({told}); name another output")
    return {entry.source: entry for entry in entries}
