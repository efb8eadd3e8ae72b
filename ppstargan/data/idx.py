"""MNIST's four files, and those of sets in the same form: Fashion-MNIST, KMNIST, EMNIST, the drawn digits.

An idx file is two zero bytes, a byte for the type of its values (8: uint8), a byte for the number of its sides,
each side as 4 bytes, big-endian, and then the values. Files come as they are or gzip, and by names with "-" or ".".
Paddle's own reader (paddle.vision.datasets.MNIST) reads only gzip, and believes whatever the files say.
"""

from __future__ import annotations

import math
import os
import re
import zlib
from gzip import GzipFile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppstargan.data.bad_files import shown
from ppstargan.errors import UserError

HELP = (
    "see data/README.md; python tools/download.py mnist brings MNIST, and python tools/draw_toy.py gan draws digits "
    "without a download"
)
_NAME = re.compile(r"(.+[-_])?(train|t10k|test)[-.](images|labels)[-.]idx[13]-ubyte(\.gz)?", re.I)
_SIDES = {"images": 3, "labels": 1}
_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_GZIP = b"\x1f\x8b"
_SMALL, _MOST_RATIO = 100_000_000, 50  # bytes that any gzip may hold, and times its size: MNIST shrinks 5 times
_BLOCK = 1 << 24


class Part(NamedTuple):
    """One part of a set: N grey pictures and what each shows."""

    images: np.ndarray  # uint8 [N, H, W]
    labels: np.ndarray  # uint8 [N]


class Digits(NamedTuple):
    """A set of MNIST's form. ``names`` are its classes: as many digits each as the largest needs ("07", "10")."""

    train: Part
    test: Part
    names: list

    def by_class(self, part: str) -> dict:
        """The pictures of ``part`` ("train" or "test"), {name: [uint8 [H, W], ...]}, in the order of the file."""
        images, labels = getattr(self, part)
        return {name: list(images[labels == int(name)]) for name in self.names}


def is_idx(root: str | Path) -> bool:
    """Whether the folder holds a file of MNIST's form, to judge by the names."""
    return bool(_found(Path(root)))


def find(root: str | Path) -> dict:
    """The four files of the set in ``root``: {("train" or "test", "images" or "labels"): path}.

    Where a file is there as it is and gzip, the former is taken. Raises UserError when one is missing, or when
    ``root`` holds files of several sets.
    """
    root = Path(os.path.abspath(root))
    files = _found(root)
    if not files:
        below = sorted(path.parent for path in root.glob("*/**/*ubyte*") if _found(path.parent))
        way = f"they are in {shown(below[0])}: give that" if below else HELP
        state = "holds no files of MNIST's form" if root.is_dir() else "is no folder"
        raise UserError(f"{shown(root)} {state} (train-images-idx3-ubyte.gz and three more); {way}")
    sets = sorted({prefix for prefix, _, _ in files})
    if len(sets) > 1:
        names = ", ".join(prefix.rstrip("-_") or "MNIST" for prefix in sets)
        raise UserError(f"{shown(root)} holds files of several sets: {names}; put each into a folder of its own")
    four = {}
    for part in ("train", "test"):
        for kind in ("images", "labels"):
            four[part, kind] = files.get((sets[0], part, kind))
            if four[part, kind] is None:
                name = f"{sets[0]}{'t10k' if part == 'test' else part}-{kind}-idx{_SIDES[kind]}-ubyte.gz"
                there = ", ".join(shown(path.name) for path in files.values())
                raise UserError(f"{shown(root)} lacks {name}: it holds {there} only; add it, or {HELP}")
    return four


def read(root: str | Path) -> Digits:
    """Reads the set in the folder ``root``: its ``train`` and ``test`` pictures and labels, and its classes.

    EMNIST's pictures, which lie on their side in its files, are set upright. Raises UserError, in one line, for a
    file that is missing, cut short, damaged or of another kind, and for files that do not fit each other.
    """
    files = find(root)
    train, test = (read_part(files[part, "images"], files[part, "labels"]) for part in ("train", "test"))
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = [" x ".join(map(str, part.images.shape[1:])) for part in (train, test)]
        where = f"{shown(files['train', 'images'])} holds pictures of {sizes[0]} px, {shown(files['test', 'images'])}"
        raise UserError(f"{where} of {sizes[1]}; give two parts of one set")
    known = np.unique(train.labels)
    strange = np.setdiff1d(test.labels, known)
    if len(strange):
        where = f"{shown(files['test', 'labels'])} has the label {strange[0]}"
        raise UserError(f"{where}, which no training picture has; give two parts of one set")
    width = len(str(known[-1]))
    return Digits(train, test, [f"{label:0{width}d}" for label in known])


def read_part(images: Path, labels: Path) -> Part:
    """The pictures and labels in two files. Raises UserError as ``read``."""
    part = Part(read_values(images, "images"), read_values(labels, "labels"))
    if len(part.images) != len(part.labels):
        counts = f"{len(part.images)} pictures, and {shown(labels)} {len(part.labels)} labels"
        raise UserError(f"{shown(images)} has {counts}; give two files of one part of a set")
    if images.name.lower().startswith("emnist"):
        return part._replace(images=part.images.transpose(0, 2, 1))
    return part


def read_values(path: Path, kind: str) -> np.ndarray:
    """The values of an idx file of ``kind`` "images", uint8 [N, H, W], or "labels", uint8 [N]; no other kind."""
    try:
        with open(path, "rb") as raw:
            beginning, stored = raw.read(4), os.fstat(raw.fileno()).st_size
            raw.seek(0)
            if beginning.startswith(_GZIP):  # by content: browsers unpack files, and leave their names
                with GzipFile(fileobj=raw) as file:
                    return _values(file, path, kind, max(_SMALL, _MOST_RATIO * stored))
            return _values(raw, path, kind, stored)
    except EOFError:
        raise UserError(f"{shown(path)} is cut short; get it again") from None
    except zlib.error as error:
        raise UserError(f"{shown(path)} is damaged ({error}); get it again") from None
    except OSError as error:  # BadGzipFile too
        raise UserError(f"cannot read {shown(path)}: {error.strerror or error}; get it again") from None


def _values(file, path: Path, kind: str, most: int) -> np.ndarray:
    """The values in ``file``, which can hold ``most`` bytes, so that no header has more memory asked for."""
    count = _SIDES[kind]
    head = file.read(4)
    if not head:
        raise UserError(f"{shown(path)} is empty; get it again")
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        begins = "a web page, maybe; " if head[:1] == b"<" else ""
        gzip = "neither gzip nor an idx file" if path.name.lower().endswith(".gz") else "no idx file"
        raise UserError(f"{shown(path)} is {gzip}: it begins with {head!r}; {begins}get it again")
    if head[2] != 0x08 or head[3] != count:
        other = next((name for name, sides in _SIDES.items() if head[2] == 0x08 and sides == head[3]), None)
        holds = other or f"{_TYPES[head[2]]} values of {head[3]} sides"
        raise UserError(f"{shown(path)} holds {holds}, not {kind} (uint8 of {count} sides); are two files mixed up?")
    sides = file.read(4 * count)
    if len(sides) < 4 * count:
        raise EOFError
    shape = tuple(int(side) for side in np.frombuffer(sides, ">u4"))
    size = math.prod(shape)
    told = f"{shown(path)} says that it holds {' x '.join(map(str, shape))} values"
    if size == 0:
        raise UserError(f"{told}: nothing; get it again")
    if size > most:
        raise UserError(f"{told}, far more than it has room for: cut short, or damaged; get it again")
    values = np.empty(size, np.uint8)
    done = 0
    while done < size:
        got = file.readinto(memoryview(values)[done : done + _BLOCK])
        if not got:
            raise UserError(f"{told}, and ends after {done}: it is cut short; get it again")
        done += got
    if file.read(1):  # also has gzip compare its sums
        raise UserError(f"{told}, and goes on after them: it is damaged; get it again")
    return values.reshape(shape)


def _found(root: Path) -> dict:
    """{(prefix, part, kind): path} by the names in ``root``, or in a folder there that an unpacker named so."""
    files = {}
    try:
        entries = sorted(root.iterdir())
        for folder in [path for path in entries if _NAME.fullmatch(path.name) and path.is_dir()]:
            entries += folder.iterdir()
    except OSError:
        return {}
    for path in entries:
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            prefix, part, kind, gzip = match.groups()
            place = prefix or "", "train" if part.lower() == "train" else "test", kind.lower()
            if place not in files or not gzip:
                files[place] = path
    return files
