"""A data set that a user got by hand and unpacked, in the layout that training takes: its folders are linked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ppstargan.data.bad_files import shown
from ppstargan.download.fetch import disk_error
from ppstargan.download.unpack import partial_of, remove_partial
from ppstargan.errors import UserError


def arrange(source: Path, root: Path, places: dict) -> dict:
    """Makes ``root`` of ``places``, {place in root: its name in ``source``}, whole or not at all: {place: files in it}.

    Each is looked for in ``source`` and in the folders in there. A folder becomes a link, and a file a copy. Raises
    UserError where one is missing or empty, and where ``root`` cannot be written.
    """
    found = {place: _find(source, name) for place, name in places.items()}
    counts = {place: sum(len(files) for _, _, files in os.walk(path)) for place, path in found.items()}
    for place, path in found.items():
        if path.is_dir() and not counts[place]:
            raise UserError(f"{shown(path)} is empty; unpack what belongs there, and give the same command")
    partial = partial_of(root)
    try:
        remove_partial(root)
        partial.mkdir(parents=True)
        for place, path in found.items():
            if path.is_dir():
                (partial / place).symlink_to(path, target_is_directory=True)
            else:
                shutil.copyfile(path, partial / place)
        if root.is_dir():
            root.rmdir()
        partial.rename(root)
    except OSError as error:
        raise disk_error(error, root) from None
    finally:
        remove_partial(root)
    return {place: counts[place] or 1 for place in places}


def _find(source: Path, name: str) -> Path:
    """Where ``name`` is in ``source``; a folder with itself inside, as some pack it, is the one inside."""
    found = [*source.glob(name), *sorted(source.glob(f"*/{name}"))]
    if not found:
        raise UserError(f"{shown(source)} holds no {name}; unpack the archive with it there, and give this folder")
    inside = found[0] / name
    return Path(os.path.abspath(inside if inside.is_dir() else found[0]))
