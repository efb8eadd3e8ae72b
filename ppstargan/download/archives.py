"""What is in an archive, zip or tar by gzip alike: its entries as it tells of them, which is not to be trusted."""

from __future__ import annotations

import contextlib
import gzip
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Callable, Iterator, NamedTuple

ENCRYPTED, IN_UTF8 = 0x1, 0x800  # of a zip entry's flags
ENCODINGS = ("utf-8", "gb18030", "cp437")  # of names without a flag, the first that reads all: macOS, Windows in China
GZIP = b"\x1f\x8b"
CHUNK = 1 << 20
# What readers raise on a damaged file. BadGzipFile is an OSError, which else tells of the disk.
DAMAGES = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError,
           RuntimeError, ValueError)  # fmt: skip


class Entry(NamedTuple):
    """A file or a folder of an archive, or what else the archive calls it."""

    name: str
    size: int  # of its content, unpacked
    plain: bool  # neither a link nor a device
    folder: bool
    encrypted: bool
    open: Callable[[], BinaryIO]  # its content: ``size`` bytes


class TooLarge(Exception):
    """The archive holds more than the bytes in its argument."""


@contextlib.contextmanager
def opened(archive: Path, most: int) -> Iterator[list[Entry]]:
    """The entries of ``archive``. Raises one of DAMAGES, then or while an entry is read, and OSError.

    A tar must be read to its end to know what is in it, so it may have ``most`` bytes, or TooLarge is raised.
    """
    with open(archive, "rb") as file:
        is_tar = file.read(len(GZIP)) == GZIP
    if is_tar:
        _measure(archive, most)
        with tarfile.open(archive, "r:gz", encoding="utf-8") as tar:
            yield [_of_tar(tar, member) for member in tar]
    else:
        with zipfile.ZipFile(archive) as zipped:
            infos = zipped.infolist()
            yield [_of_zip(zipped, info, name) for info, name in zip(infos, _names(infos))]


def _measure(archive: Path, most: int) -> None:
    size = 0
    with gzip.open(archive) as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise TooLarge(most)


def _of_tar(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    plain = member.isdir() or (member.isreg() and not member.issparse())
    return Entry(member.name, member.size, plain, member.isdir(), False, lambda: tar.extractfile(member))


def _of_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Entry:
    plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
    folder, encrypted = name.endswith(("/", "\\")), bool(info.flag_bits & ENCRYPTED)
    # Reads at most the size that it tells, and checks the CRC at its end.
    return Entry(name, info.file_size, plain, folder, encrypted, lambda: zipped.open(info))


def _names(entries: list) -> list:
    """The names of a zip's entries, decoded. Those without the flag of UTF-8 are in the encoding of who packed them."""
    raw = [None if info.flag_bits & IN_UTF8 else info.orig_filename.encode("cp437") for info in entries]
    for encoding in ENCODINGS:
        try:
            decoded = [name if name is None else name.decode(encoding) for name in raw]
        except UnicodeDecodeError:
            continue
        return [info.orig_filename if name is None else name for info, name in zip(entries, decoded)]
    raise AssertionError("cp437 reads all bytes")
