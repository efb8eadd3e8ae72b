"""Files that appear whole or not at all: written beside their place, then moved there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import threading
import time
from pathlib import Path

from ppstargan.errors import UsageError, UserError

_KEPT = 50  # characters of a file's name in that of its partial file: 255 bytes are the most that a name may have
_PARTIAL = re.compile(r"\..+\.\d+\.\d+\.partial")  # what replaced writes to at first


def expanded(path: str) -> str:
    """``path`` with its ~ as the home folder, as a shell has it. Raises UsageError where no such home is known."""
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise UsageError(f"{path}: the home folder that ~ stands for is not known; give the whole path, or ./{path}")
    return found


def dead_link(path) -> str:
    """Where a link in ``path`` that leads nowhere leads, for a message; "" where there is none."""
    path = Path(path).absolute()
    for part in (*reversed(path.parents), path):
        if part.is_symlink() and not part.exists():
            return f"{part} is a link to {os.readlink(part)}, which is not there; is its disk mounted?"
    return ""


def check_dead_link(path) -> None:
    """Raises UserError where a link in ``path`` leads nowhere, as to a disk that is not mounted."""
    lost = dead_link(path)
    if lost:
        where = Path(path).absolute()
        raise UserError(lost if lost.startswith(f"{where} ") else f"no {where}: {lost}")


def make_folder(path) -> None:
    """Makes the folder ``path`` and those that it lies in, unless they are there. Raises OSError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        lost = dead_link(path)
        if lost:
            raise OSError(errno.ENOENT, lost) from None
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from None  # a file in its place


def reason(error: OSError, path=None) -> str:
    """What an OSError says, and of which file, unless that is ``path``, which the message names already."""
    what, name = error.strerror or str(error), error.filename
    if name is None:
        return what
    name = Path(os.fsdecode(name))
    known = path is not None and name.parent == Path(path).parent and (name == Path(path) or name.suffix == ".partial")
    return what if known else f"{what}: {name}"


@contextlib.contextmanager
def replaced(path, sync: bool = False):
    """A path beside ``path`` to write to: at the end it becomes ``path``, and after an error it is gone.

    Makes the folder. The name is this process's and thread's own. With ``sync``, the content is on the disk before it
    takes the place of an older one. Raises OSError where the disk does not take it.
    """
    path = Path(path).absolute()
    partial = path.with_name(f".{path.name[:_KEPT]}.{threading.get_ident()}.{os.getpid()}.partial")
    try:
        make_folder(path.parent)
        yield partial
        if sync:
            with open(partial, "r+b") as file:  # Windows wants it writable
                os.fsync(file.fileno())
        os.replace(partial, path)
        if sync:
            _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def is_partial(name: str) -> bool:
    """Whether a file of this name is one that ``replaced`` writes to."""
    return bool(_PARTIAL.fullmatch(name))


def remove_partials(folder) -> None:
    """Removes what killed processes had not written to its end, at any depth below ``folder``."""
    for parent, _, names in os.walk(folder):
        for name in filter(is_partial, names):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(parent, name))


@contextlib.contextmanager
def whole_file(path):
    """``replaced``, for files that the user chose a place for: raises UserError where the disk does not take it."""
    try:
        with replaced(path) as partial:
            yield partial
    except OSError as error:
        where = Path(path).absolute()
        raise UserError(f"cannot write {where}: {reason(error, where)}; choose another place") from None


def _sync_folder(folder: Path) -> None:
    """Has the disk keep the names in ``folder`` too, where the system can: Windows cannot."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def short_name(name: str, ending: str = "", most: int = 120) -> str:
    """A file's name of ``name`` and ``ending``, of at most ``most`` bytes: where it is longer, its beginning and a
    digest of the whole, so that the same name is always shortened to the same one, and others to others.

    255 bytes are the most that file systems take, and a Chinese character has three.
    """
    whole = os.fsencode(name)
    if len(whole) + len(os.fsencode(ending)) <= most:
        return name + ending
    digest = f"_{hashlib.sha256(whole).hexdigest()[:16]}{ending}"
    return whole[: most - len(os.fsencode(digest))].decode("utf-8", "ignore") + digest


def remove_leftovers(path) -> None:
    """Removes what killed processes left of ``replaced(path)``; what a running one still writes to stays.

    A number of a process is given again: what is an hour old is left by one that had it before.
    """
    path = Path(path).absolute()
    partial = re.compile(rf"{re.escape('.' + path.name[:_KEPT])}\.\d+\.(\d+)\.partial")
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            found = partial.fullmatch(entry.name)
            if found and (not _runs(int(found[1])) or time.time() - entry.stat().st_mtime > 3600):
                os.unlink(entry.path)


def _runs(process: int) -> bool:
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
