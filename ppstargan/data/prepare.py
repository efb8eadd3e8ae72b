"""A folder of photographs for each domain to a data set of small squares, split into train and val once and for all.

The loader squeezes any image into a square, so the middle square of each is cut out here, unless the whole is asked
for. What was made from what is noted in MANIFEST, a line of JSON each, by which a run is resumed and repeated.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Callable, Iterator, NamedTuple

from PIL import Image

from ppstargan.data.folders import find_domains, find_images
from ppstargan.data.threads import in_threads
from ppstargan.data.transforms import fitted, load_rgb
from ppstargan.errors import UserError
from ppstargan.files import replaced
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
) -> Summary:
    """Makes ``root``/train/DOMAIN and ``root``/val/DOMAIN from the images in ``source``/DOMAIN.

    The middle square of each image, or for ``fit`` "squash" the whole, is resized to ``size`` pixels by Lanczos's
    filter; one that is smaller keeps its size. What is transparent is seen before ``background``, an (R, G, B).
    ``val`` is a share of each domain's images (below 1) or their number; which ones is drawn from ``seed`` and their
    paths. Where ``source`` holds train and val already, these stay, and ``val`` and ``seed`` do not count.
    Run again, it makes what is missing and what has changed, and images keep their part when others are added.
    Sources are only read. Bad ones are left out, named on stderr and in the result. Raises UserError where the input
    is no data set, where ``root`` holds anything else than what these settings made of this input, and where it
    cannot be written.
    """
    source, root = Path(source).resolve(), Path(root).resolve()
    if source == root or source in root.parents or root in source.parents:
        raise UserError(f"{root} and {source} lie in one another; name an output beside the input")
    parts = _find(source)
    settings = {"version": VERSION, "size": size, "format": image_format}
    for path in (path for domains in parts.values() for paths in domains.values() for path in paths):
        if root in path.resolve().parents:
            raise UserError(f"{path} leads into the output {root}; name an output beside the input")
    if fit != "square":
        settings["fit"] = fit
    if background is not None:
        settings["background"] = list(background)
    if "" in parts:
        settings.update(val=val if val < 1 else int(val), seed=seed)
    before = _load(root, settings)
    jobs = _jobs(source, parts, before, val, seed, image_format)
    gone = sorted(set(before) - {job.source for job in jobs})
    if gone:
        raise UserError(
            f"{len(gone)} images that {root} was made of are not in {source}, such as {gone[0]}; put them back, or "
            "name another output"
        )

    def draw(path: Path) -> Image.Image:
        return resized(fitted(load_rgb(path, background), fit), size)

    made, bad = [], []
    try:
        root.mkdir(parents=True, exist_ok=True)
        _save(root, settings, before.values())  # a line that was cut off is gone by this
        with open(root / MANIFEST, "a", encoding="utf-8") as manifest:
            for result in _run(jobs, source, root, draw, FORMATS[image_format], before):
                if isinstance(result, Made):
                    made.append(result)
                    if before.get(result.source) != result:
                        manifest.write(_line(result._asdict()))
                        manifest.flush()
                else:
                    bad.append(result)
                    print(result, file=sys.stderr, flush=True)
        # What a source gave before it went bad stays, with its line.
        kept = {**before, **{entry.source: entry for entry in made}}
        _save(root, settings, kept.values())
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {root}: {reason}; make room there, and the same command goes on") from None
    counts = Counter((entry.split, entry.image.split("/")[1]) for entry in kept.values())
    expected = {root / entry.image for entry in kept.values()}
    strays = [path for part in ("train", "val") for path in find_images(root / part) if path not in expected]
    return Summary(counts, sum(entry.size < size for entry in kept.values()), bad, strays)


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """The largest square in the middle of ``image``, ``resized``: cut out before, so that nothing around bleeds in."""
    return resized(fitted(image, "square"), size)


def resized(image: Image.Image, size: int) -> Image.Image:
    """``image`` as a square of ``size`` pixels by Lanczos's filter; a smaller one as large as its shorter side."""
    side = min(size, *image.size)
    return image if image.size == (side, side) else image.resize((side, side), Image.Resampling.LANCZOS)


def _find(source: Path) -> dict:
    """{part: {domain: paths}}; the part is "" where the input is not split."""
    if (source / "train").is_dir() and (source / "val").is_dir():
        return {part: find_domains(source / part) for part in ("train", "val")}
    return {"": find_domains(source, min_images=3)}


def _jobs(source: Path, parts: dict, before: dict, val: float, seed: int, image_format: str) -> list:
    jobs, taken = [], {entry.image for entry in before.values()}
    for part, domains in parts.items():
        for domain, paths in domains.items():
            names = [path.relative_to(source).as_posix() for path in paths]
            chosen = set() if part else _choose_val(names, before, val, seed, domain)
            for name in names:
                split = part or ("val" if name in chosen else "train")
                stem = f"{split}/{name[len(part) :].lstrip('/')}"
                image = str(PurePosixPath(stem).with_suffix(f".{image_format}"))
                if name in before:
                    split, image = before[name].split, before[name].image
                else:
                    while image in taken:  # 1.jpg and 1.png would both be 1.png
                        image = stem = f"{stem}.{image_format}"
                    taken.add(image)
                jobs.append(Job(name, split, image))
    return jobs


def _choose_val(names: list, before: dict, val: float, seed: int, domain: str) -> set:
    """The names for val: those that are there already, and then the first in the order of a digest of seed and name."""
    count = max(1, round(val * len(names))) if val < 1 else int(val)
    if count > len(names) - 2:
        raise UserError(
            f"domain {domain} has {len(names)} images, and training needs 2 of them; {count} for val are too many"
        )
    chosen = {name for name in names if name in before and before[name].split == "val"}
    free = [name for name in names if name not in before]
    free.sort(key=lambda name: hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest())
    return chosen.union(free[: max(0, count - len(chosen))])


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
        return f"cannot read image {path}: {error.strerror or error}; replace or remove the file"
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


def _load(root: Path, settings: dict) -> dict:
    """{source: Made} from the manifest in ``root``. Raises UserError unless ``root`` is new or made by ``settings``."""
    path = root / MANIFEST
    if not path.exists():
        if root.exists() and not (root.is_dir() and not any(root.iterdir())):
            raise UserError(f"{root} holds something else than images made here; name another output")
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]  # a killed run may leave half a line
        theirs, entries = dict(found[0]), [Made(**entry) for entry in found[1:]]
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); name another output") from None
    if theirs != settings:
        differing = [key for key in {**theirs, **settings} if theirs.get(key) != settings.get(key)]
        told = ", ".join(f"{key} {theirs[key]}" if key in theirs else f"no {key}" for key in differing)
        raise UserError(f"{root} was made with other settings ({told}); name another output")
    return {entry.source: entry for entry in entries}
