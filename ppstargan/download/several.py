"""A set of a few files, each with a known sum, from the first of several mirrors that gives it: MNIST's four."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Callable

from ppstargan.data import idx
from ppstargan.download.fetch import DiskError, disk_error, fetch, sha256_of
from ppstargan.errors import UserError


def fetch_files(files: dict, mirrors: tuple, folder: Path, known: dict, begun: Callable[[str, dict], None]) -> None:
    """Brings ``files``, {name: SHA-256}, into ``folder``; those that are there already came whole.

    ``mirrors`` are addresses of folders. ``known`` and ``begun`` are those of ``fetch``, by name. Raises UserError
    when no mirror has a file with its sum; what has arrived stays.
    """
    for name, digest in files.items():
        target, part = folder / name, folder / f"{name}.part"
        if target.is_file():
            continue
        for number, mirror in enumerate(mirrors, 1):
            url = mirror + name
            print(url, flush=True)
            try:
                fetch(url, part, known.get(name), partial(begun, name))
                found = sha256_of(part)
                if found == digest:
                    part.rename(target)
                    print(f"SHA-256 {digest}: as known", flush=True)
                    break
                part.unlink()
                raise UserError(f"{url} has SHA-256 {found}, not {digest}; name another folder by --mirror URL/")
            except OSError as error:
                raise disk_error(error, target) from None
            except DiskError:
                raise
            except UserError as error:
                if number == len(mirrors):
                    raise
                print(f"{error}; trying another mirror", flush=True)


def install_files(source: Path, target: Path, own: bool) -> str:
    """Moves the folder ``source`` to ``target``, or copies its four files where it is not our ``own``.

    Returns a line on what they hold. Raises UserError where they are no whole set, and nothing is at ``target`` then.
    """
    found = idx.read(source)
    ready = source if own else target.with_name(f".{target.name}.partial")
    try:
        if not own:
            shutil.rmtree(ready, ignore_errors=True)  # left by a run that was killed
            ready.mkdir(parents=True)
            for path in idx.find(source).values():
                shutil.copyfile(path, ready / path.name)
        if target.is_dir():
            target.rmdir()
        ready.rename(target)
    except OSError as error:
        raise disk_error(error, target) from None
    finally:
        if not own:
            shutil.rmtree(ready, ignore_errors=True)
    height, width = found.train.images.shape[1:]
    counts = f"train: {len(found.train.images)}, test: {len(found.test.images)}"
    return f"{counts} pictures of {width} x {height} px in {len(found.names)} classes"
