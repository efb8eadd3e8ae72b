"""One process at a time trains in a run's folder: a lock of the kernel's on a file in it.

The kernel drops the lock with the process that holds it, however that ends, so a killed run leaves none behind. The
file stays: removing it would let two processes lock two files of the same name.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from datetime import datetime
from pathlib import Path

from ppstargan.errors import UserError
from ppstargan.files import reason

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None

NAME = ".lock"
_PATIENCE = 1.0  # seconds: the ``check_free`` of another process holds the lock for a moment


class Busy(UserError):
    """Another training holds the run's folder."""


@contextlib.contextmanager
def alone(run: Path):
    """Within it, nobody else trains in the folder ``run``: no other process, and nothing else in this one.

    Raises Busy where somebody does, and UserError where the folder cannot be written to. A disk that knows no locks
    costs a warning.
    """
    path = (Path(run) / NAME).absolute()
    try:
        file = open(path, "a+b")  # NFS wants it writable, and "w" would empty what the holder wrote
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {reason(error, path)}; a run goes on in its own folder: make it "
            "writable, or copy it to a place that is, and resume there"
        ) from None
    with file:
        if _locked(file, run, shared=False):
            with contextlib.suppress(OSError):  # a full disk: the lock holds, and says less
                file.truncate(0)
                file.write(f"{os.getpid()}\n{socket.gethostname()}\n{datetime.now():%Y-%m-%d %H:%M:%S}".encode())
                file.flush()
        yield


def check_free(run: Path) -> None:
    """Raises Busy where somebody trains in the folder ``run``; writes nothing."""
    with contextlib.suppress(OSError), open(Path(run) / NAME, "rb") as file:
        _locked(file, run, shared=True)


def _locked(file, run: Path, shared: bool) -> bool:
    """Locks the open ``file`` until it is closed; False where that cannot be done. Raises Busy where it is locked."""
    if fcntl is None:
        return False
    until = time.monotonic() + (0 if shared else _PATIENCE)
    while True:
        try:
            # flock, not lockf, which lets the same process in twice and unlocks when any of its readers closes.
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Busy(_told(file, run)) from None
            time.sleep(0.05)
        except OSError as error:
            if not shared:
                what = f"this disk knows no locks ({error.strerror}), so nothing keeps a second training out of {run}"
                print(f"warning: {what}", file=sys.stderr, flush=True)
            return False


def _told(file, run: Path) -> str:
    file.seek(0)
    who, advice = "another process", "stop it"  # of one that has just begun, or found the disk full
    found = file.read(1000).decode(errors="replace").split("\n")
    if len(found) == 3:
        process, host, since = found
        here = host == socket.gethostname()
        who = f"process {process} on {host}, since {since},"
        advice = f"stop it there (Ctrl-C, or kill {process})"
        if here and process == str(os.getpid()):
            who = f"this very process ({process} on {host}), since {since},"
            advice = "stop it (in a notebook: interrupt the cell that trains)"
    return f"{who} trains in {Path(run).absolute()} already; wait until it ends or {advice}, then resume"
