"""A data set in an archive to a folder: ROOT/train/DOMAIN and ROOT/val/DOMAIN, or ROOT/trainA and the like.

Nothing that the archive says is trusted.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Callable

from ppstargan.data.folders import EXTENSIONS
from ppstargan.download.archives import DAMAGES, Entry, TooLarge, opened
from ppstargan.download.fetch import disk_error, megabytes, need_room
from ppstargan.errors import UserError
from ppstargan.files import short_name

MOST_RATIO = 20  # photographs hardly shrink in an archive: larger ones are bombs
SMALL = 100_000_000  # bytes that any archive may unpack to
NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]')
LONGEST = 255  # bytes of a file's name


def unpack_dataset(archive: Path, root: Path, domains: tuple) -> Counter:
    """Unpacks the images of ``archive`` to the folder ``root``, whole or not at all: {(part, domain): images}.

    The archive holds ``train`` and ``val`` (or ``test``) in any one folder, each with a folder for each of ``domains``;
    whatever else it holds is left. Archives made on Windows may have backslashes between folders, one drive in front
    of every name, and names in GBK. Raises UserError for an archive that is damaged, encrypted, lays its images out
    otherwise, names places outside itself, holds links, or unpacks to far more than photographs do; nothing is written
    then. ``root`` must not exist, or be empty.
    """
    plan = _unpack(archive, root, lambda images: _by_domain(images, archive, domains))
    return Counter(tuple(place.parts[:2]) for place in plan)


def unpack_folders(archive: Path, root: Path, folders: tuple) -> Counter:
    """``unpack_dataset`` for an archive with all of ``folders``, such as trainA, in any one folder: {folder: images}.

    They lie in ``root`` as they do there.
    """
    plan = _unpack(archive, root, lambda images: _by_folder(images, archive, folders))
    return Counter(place.parts[0] for place in plan)


def _unpack(archive: Path, root: Path, planned: Callable) -> dict:
    """Unpacks what ``planned`` makes of the images, {place below the root: entry}, and returns that."""
    partial = partial_of(root)
    try:
        remove_partial(root)
        most = max(SMALL, MOST_RATIO * os.path.getsize(archive))
        with opened(archive, most) as entries:
            plan = planned(_images(entries, archive, most))
            root.parent.mkdir(parents=True, exist_ok=True)
            need_room(sum(entry.size for entry in plan.values()), root.parent)
            for place, entry in plan.items():
                target = partial / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with entry.open() as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
        if root.is_dir():
            root.rmdir()
        partial.rename(root)
    except TooLarge:
        raise _too_large(archive, f"more than {megabytes(most)}") from None
    except DAMAGES as error:
        raise UserError(f"{archive} is no archive (zip, tar.gz), or a damaged one ({error}); get it again") from None
    except OSError as error:
        raise disk_error(error, root) from None
    finally:
        remove_partial(root)
    return plan


def partial_of(root: Path) -> Path:
    """Where a data set is until it is whole."""
    return root.with_name(f".{root.name}.partial")


def remove_partial(root: Path) -> None:
    """Removes what a run left that was killed."""
    shutil.rmtree(partial_of(root), ignore_errors=True)


def _images(entries: list, archive: Path, most: int) -> list:
    """[(path, entry)] of the images, after a look at every entry of the archive."""
    images = []
    paths = [PureWindowsPath(entry.name) for entry in entries]  # splits at slashes and backslashes, and knows drives
    anchors = {path.anchor for path in paths}
    # Packed with full paths, all names have one drive in front, which says nothing here: what is above train goes.
    harmless = anchors if len(anchors) == 1 and all(path.drive and path.root for path in paths) else {""}
    for entry, path in zip(entries, paths):
        if path.anchor not in harmless or ".." in path.parts or "\0" in entry.name:
            raise UserError(f"{archive} names a place outside itself, {entry.name[:80]!r}: it is not unpacked")
        if not entry.plain:
            raise UserError(f"{archive} holds {entry.name[:80]!r}, a link or no plain file: it is not unpacked")
        path = PurePosixPath(*path.parts[bool(path.anchor) :])
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if not entry.folder and not hidden and path.suffix.lower() in EXTENSIONS:
            if entry.encrypted:
                raise UserError(f"{archive} is encrypted; unpack it yourself, and give data.root to the training")
            images.append((path, entry))
    size = sum(entry.size for _, entry in images)
    if size > most:
        raise _too_large(archive, megabytes(size))
    return images


def _too_large(archive: Path, size: str) -> UserError:
    return UserError(f"{archive} would unpack to {size}, far more than photographs do: it is not unpacked")


def _by_domain(images: list, archive: Path, domains: tuple) -> dict:
    top = _top({path.parts[: path.parts.index("train")] for path, _ in images if "train" in path.parts[:-2]}, archive)
    below = [(path.parts[len(top) :], entry) for path, entry in images if path.parts[: len(top)] == top]
    val = "val" if any(names[0] == "val" for names, _ in below) else "test"  # AFHQ v2 has train and test
    plan = {}
    for names, entry in below:
        if len(names) >= 3 and names[0] in ("train", val):
            _place(plan, ("train" if names[0] == "train" else "val", *names[1:]), entry, archive)
    found = sorted({place.parts[:2] for place in plan})
    expected = sorted((part, domain) for part in ("train", "val") for domain in domains)
    if found != expected:
        told = ", ".join("/".join(pair) for pair in found)
        raise UserError(f"{archive} holds {told}, and not the train and val (or test) of {', '.join(domains)}")
    return plan


def _by_folder(images: list, archive: Path, folders: tuple) -> dict:
    places = [[i for i, name in enumerate(path.parts[:-1]) if name in folders] for path, _ in images]
    top = _top({path.parts[: found[0]] for (path, _), found in zip(images, places) if found}, archive, folders[0])
    plan: dict = {}
    for (path, entry), found in zip(images, places):
        if found:
            _place(plan, path.parts[len(top) :], entry, archive)
    missing = [folder for folder in folders if folder not in {place.parts[0] for place in plan}]
    if missing:
        raise UserError(f"{archive} holds no images in {', '.join(missing)}: {', '.join(folders)} are needed")
    return plan


def _place(plan: dict, names: tuple, entry: Entry, archive: Path) -> None:
    place = PurePosixPath(*map(_on_disk, names))
    if place in plan:
        raise UserError(f"{archive} holds two files for {place}: it is not unpacked")
    plan[place] = entry


def _top(tops: set, archive: Path, folder: str = "train/DOMAIN") -> tuple:
    """The one of ``tops``: the names of the folder in the archive that holds ``folder``."""
    if len(tops) != 1:
        told = f"{len(tops)} folders with one" if tops else "none"
        raise UserError(f"{archive} should hold one data set with {folder}/*.jpg, and holds {told}")
    return tops.pop()


def _on_disk(name: str, windows: bool = os.name == "nt") -> str:
    """The name of a file or folder as this system takes it; in another encoding it may have become too long."""
    path = PurePosixPath(NOT_IN_WINDOWS.sub("_", name) if windows else name)
    return (
        short_name(path.stem, path.suffix, LONGEST)
        if path.suffix.lower() in EXTENSIONS
        else short_name(path.name, most=LONGEST)
    )
