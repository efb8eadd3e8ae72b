"""A data set in a zip archive to ROOT/train/DOMAIN and ROOT/val/DOMAIN, trusting nothing that the archive says."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath, PureWindowsPath

from ppstargan.data.folders import EXTENSIONS
from ppstargan.download.fetch import disk_error, megabytes, need_room
from ppstargan.errors import UserError
from ppstargan.files import short_name

MOST_RATIO = 20  # photographs hardly shrink in an archive: larger ones are bombs
SMALL = 100_000_000  # bytes that any archive may unpack to
ENCRYPTED, IN_UTF8 = 0x1, 0x800  # of an entry's flags
ENCODINGS = ("utf-8", "gb18030", "cp437")  # of names without a flag, the first that reads all: macOS, Windows in China
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
    partial = partial_of(root)
    try:
        remove_partial(root)
        with zipfile.ZipFile(archive) as opened:
            plan = _plan(opened, archive, domains)
            root.parent.mkdir(parents=True, exist_ok=True)
            need_room(sum(info.file_size for info in plan.values()), root.parent)
            for place, info in plan.items():
                target = partial / place
                target.parent.mkdir(parents=True, exist_ok=True)
                # Reads at most the size that the plan counted, and checks the CRC at its end.
                with opened.open(info) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
        if root.is_dir():
            root.rmdir()
        partial.rename(root)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UserError(f"{archive} is no zip archive, or a damaged one ({error}); get it again") from None
    except OSError as error:
        raise disk_error(error, root) from None
    finally:
        remove_partial(root)
    return Counter(tuple(place.parts[:2]) for place in plan)


def partial_of(root: Path) -> Path:
    """Where a data set is until it is whole."""
    return root.with_name(f".{root.name}.partial")


def remove_partial(root: Path) -> None:
    """Removes what a run left that was killed."""
    shutil.rmtree(partial_of(root), ignore_errors=True)


def _plan(opened: zipfile.ZipFile, archive: Path, domains: tuple) -> dict:
    """{place below the root: entry} for the images, after a look at every entry of the archive."""
    entries, images = opened.infolist(), []
    names = _names(entries)
    paths = [PureWindowsPath(name) for name in names]  # it splits names at slashes and backslashes, and knows drives
    anchors = {path.anchor for path in paths}
    # Packed with full paths, all names have one drive in front, which says nothing here: what is above train goes.
    harmless = anchors if len(anchors) == 1 and all(path.drive and path.root for path in paths) else {""}
    for info, name, path in zip(entries, names, paths):
        if path.anchor not in harmless or ".." in path.parts or "\0" in name:
            raise UserError(f"{archive} names a place outside itself, {name[:80]!r}: it is not unpacked")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UserError(f"{archive} holds {name[:80]!r}, a link or no plain file: it is not unpacked")
        path = PurePosixPath(*path.parts[bool(path.anchor) :])
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if not name.endswith(("/", "\\")) and not hidden and path.suffix.lower() in EXTENSIONS:
            if info.flag_bits & ENCRYPTED:
                raise UserError(f"{archive} is encrypted; unpack it yourself, and give data.root to the training")
            images.append((path, info))
    size = sum(info.file_size for _, info in images)
    if size > max(SMALL, MOST_RATIO * os.path.getsize(archive)):
        raise UserError(
            f"{archive} would unpack to {megabytes(size)}, far more than photographs do: it is not unpacked"
        )
    top = _top(images, archive)
    below = [(path.parts[len(top) :], info) for path, info in images if path.parts[: len(top)] == top]
    val = "val" if any(names[0] == "val" for names, _ in below) else "test"  # AFHQ v2 has train and test
    plan = {}
    for names, info in below:
        if len(names) < 3 or names[0] not in ("train", val):
            continue
        place = PurePosixPath("train" if names[0] == "train" else "val", *map(_on_disk, names[1:]))
        if place in plan:
            raise UserError(f"{archive} holds two files for {place}: it is not unpacked")
        plan[place] = info
    found = sorted({place.parts[:2] for place in plan})
    expected = sorted((part, domain) for part in ("train", "val") for domain in domains)
    if found != expected:
        told = ", ".join("/".join(pair) for pair in found)
        raise UserError(f"{archive} holds {told}, and not the train and val (or test) of {', '.join(domains)}")
    return plan


def _top(images: list, archive: Path) -> tuple:
    """The names of the folder in the archive that holds train."""
    tops = {path.parts[: path.parts.index("train")] for path, _ in images if "train" in path.parts[:-2]}
    if len(tops) != 1:
        told = f"{len(tops)} folders with one" if tops else "none"
        raise UserError(f"{archive} should hold one data set with train/DOMAIN/*.jpg, and holds {told}")
    return tops.pop()


def _names(entries: list) -> list:
    """The names of the entries, decoded. Those without the flag of UTF-8 are in the encoding of who packed them."""
    raw = [None if info.flag_bits & IN_UTF8 else info.orig_filename.encode("cp437") for info in entries]
    for encoding in ENCODINGS:
        try:
            decoded = [name if name is None else name.decode(encoding) for name in raw]
        except UnicodeDecodeError:
            continue
        return [info.orig_filename if name is None else name for info, name in zip(entries, decoded)]
    raise AssertionError("cp437 reads all bytes")


def _on_disk(name: str, windows: bool = os.name == "nt") -> str:
    """The name of a file or folder as this system takes it; in another encoding it may have become too long."""
    path = PurePosixPath(NOT_IN_WINDOWS.sub("_", name) if windows else name)
    return (
        short_name(path.stem, path.suffix, LONGEST)
        if path.suffix.lower() in EXTENSIONS
        else short_name(path.name, most=LONGEST)
    )
