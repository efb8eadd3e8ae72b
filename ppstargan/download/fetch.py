"""One file from an HTTP server to the disk, in as many attempts as it takes."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ppstargan.errors import UserError

OTHERWISE = "give another address by --mirror URL, or a file that you have by --from FILE"
WAITS = (1, 4, 10)  # seconds before each new attempt; bytes that arrive start the count anew
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 18  # bytes


class _Broken(Exception):
    """The transfer failed, for the reason in the text; it may work another time."""


class _Unreachable(_Broken):
    """The server did not even answer."""


class DiskError(UserError):
    """The disk is at fault, not the file or the server."""


def fetch(url: str, part: Path, known: dict | None, begun: Callable[[dict], None]) -> None:
    """Brings the file at ``url`` into ``part``, whole, and keeps what ``part`` holds of it already.

    ``begun`` is called with {"url", "validator", "bytes"} whenever ``part`` is begun from its first byte; ``known`` is
    what it was called with for the ``part`` that is there. The server is asked to go on only if its file still has
    that validator, a strong ETag or a date (If-Range: RFC 9110, section 13.1.5); else ``part`` is begun anew.
    A connection that breaks is taken up again a few times. Raises UserError, in one line, for what cannot be mended;
    ``part`` stays then, as it does on Ctrl-C.
    """
    state = known if known and known["url"] == url and part.exists() else None
    reached, most, failures = False, 0, 0
    while True:
        have = part.stat().st_size if state else 0
        if state and have == state["bytes"]:
            return
        if not (state and state["validator"]):
            have = 0
        try:
            with _open(url, have, state) as response:
                reached = True
                if have and response.status in (206, 416) and not _goes_on(response, have, state):
                    state = None  # not the file that was begun: asked again for all of it
                    continue
                if have and response.status == 206:
                    print(f"going on after {megabytes(have)}", flush=True)
                else:
                    if have:
                        print("the server's file has changed, or it sends whole files only: begun anew", flush=True)
                    have, state = 0, _begin(url, part, response, begun)
                _copy(response, part, have, state["bytes"])
            if state["bytes"] in (None, part.stat().st_size):
                return
            raise _Broken("it ended early")
        except _Broken as broken:
            if isinstance(broken, _Unreachable) and not reached:  # no network, or a wrong address
                raise UserError(f"cannot reach {url} ({broken}); try again later, or {OTHERWISE}") from None
            arrived = part.stat().st_size if state else 0
            failures = 1 if arrived > most else failures + 1
            most = max(most, arrived)
            if failures > len(WAITS):
                raise UserError(
                    f"{url}: the connection broke {failures} times at {megabytes(arrived)} ({broken}); {part} is kept, "
                    f"and the same command goes on; or {OTHERWISE}"
                ) from None
            print(f"the connection broke at {megabytes(arrived)} ({broken}); trying again", flush=True)
            time.sleep(WAITS[failures - 1])


def megabytes(count: int) -> str:
    """A number of bytes for a person, in decimal units."""
    return next(
        (f"{count / unit:.1f} {name}" for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= unit),
        f"{count} bytes",
    )


def disk_error(error: OSError, path: Path) -> DiskError:
    """What to tell where ``path`` cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskError(f"the disk of {path.absolute()} is full; make room, and the same command goes on")
    return DiskError(f"cannot write {path.absolute()} ({error.strerror or error}); name another folder by --out")


def need_room(count: int, folder: Path) -> None:
    """Raises DiskError where the disk of ``folder`` has no room for ``count`` more bytes."""
    free = shutil.disk_usage(folder).free
    if free < count:
        raise DiskError(
            f"{folder.absolute()} has {megabytes(free)} free, and {megabytes(count)} are needed; make room, "
            "or name another folder by --out"
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises UserError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    return digest.hexdigest()


def _open(url: str, have: int, state: dict | None):
    headers = {"User-Agent": "ppstargan", "Accept-Encoding": "identity"}
    if have:
        headers.update({"Range": f"bytes={have}-", "If-Range": state["validator"]})
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416 and have:
            return error  # readable as a response: `part` is longer than the file
        error.close()
        if error.code >= 500 or error.code == 429:
            raise _Broken(f"HTTP {error.code}, {error.reason}") from None
        raise UserError(f"{url} answers HTTP {error.code} ({error.reason}); {OTHERWISE}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Unreachable(_reason(error)) from None
    if response.headers.get_content_type() == "text/html":
        response.close()
        raise UserError(f"{url} answers with a web page in place of the file; {OTHERWISE}")
    return response


def _reason(error: Exception) -> str:
    error = getattr(error, "reason", error)  # what urllib wraps
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())


def _validator(headers) -> str | None:
    """A strong ETag, else the date: a weak ETag cannot vouch for single bytes."""
    tag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if tag.startswith("W/") else tag


def _goes_on(response, have: int, state: dict) -> bool:
    """Whether a partial answer really goes on with the file that was begun: not every server heeds If-Range."""
    total = "\\d+|\\*" if state["bytes"] is None else state["bytes"]
    span = re.fullmatch(rf"bytes {have}-\d+/({total})", response.headers.get("Content-Range", ""))
    return bool(span) and _validator(response.headers) in (None, state["validator"])


def _begin(url: str, part: Path, response, begun: Callable[[dict], None]) -> dict:
    length = response.headers.get("Content-Length", "")
    state = {"url": url, "validator": _validator(response.headers), "bytes": int(length) if length.isdigit() else None}
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        need_room((state["bytes"] or 0) - (part.stat().st_size if part.exists() else 0), part.parent)
        part.write_bytes(b"")  # before it is noted what it is a part of
    except OSError as error:
        raise disk_error(error, part) from None
    begun(state)
    return state


def _copy(response, part: Path, have: int, total: int | None) -> None:
    meter = _Meter(have, total)
    try:
        with open(part, "ab") as file:
            while total is None or have < total:
                try:
                    # What has arrived, without a wait for more, and to the disk: an end at any time loses none of it.
                    chunk = response.read1(CHUNK if total is None else min(CHUNK, total - have))
                except (OSError, HTTPException, ValueError) as error:
                    raise _Broken(_reason(error)) from None
                if not chunk:
                    break
                file.write(chunk)
                file.flush()
                have += len(chunk)
                meter.show(have)
    except OSError as error:
        raise disk_error(error, part) from None
    finally:
        meter.close()


class _Meter:
    """How far a download is: a line that is overwritten on a terminal, or a line now and then in a log."""

    def __init__(self, have: int, total: int | None):
        self.begun_with, self.have, self.total = have, have, total
        self.start, self.shown = time.monotonic(), 0.0
        self.terminal = sys.stdout.isatty()

    def show(self, have: int, last: bool = False) -> None:
        now, self.have = time.monotonic(), have
        if not last and now - max(self.shown, self.start) < (0.5 if self.terminal else 30):
            return
        self.shown, rate = now, (have - self.begun_with) / max(now - self.start, 1e-9)
        line = f"{megabytes(have)}, {megabytes(int(rate))}/s"
        if self.total:
            left = int((self.total - have) / max(rate, 1))
            line = f"{have / self.total:.0%} of {megabytes(self.total)}, {megabytes(int(rate))}/s, {left} s left"
        print(f"\r{line:<60}" if self.terminal else line, end="" if self.terminal else "\n", flush=True)

    def close(self) -> None:
        if self.terminal and self.shown:
            self.show(self.have, last=True)
            print(flush=True)
