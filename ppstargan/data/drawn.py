"""Drawn datasets on disk: whole or not at all, with a small label by which the very same set is used again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Callable

from ppstargan.errors import UsageError, UserError

LABEL = "toy.json"


def need_least(what: str, label: dict, least: dict) -> None:
    """Raises UsageError for the first number in ``label`` that is below that in ``least``."""
    for name, number in least.items():
        if label[name] < number:
            raise UsageError(f"{what}: {name} is {label[name]}; give {number} or more")


def write_drawn(root: str | Path, label: dict, what: str, draw: Callable[[Path], None]) -> bool:
    """Has ``draw`` fill a new folder, puts ``label`` beside that, and moves it all to ``root``.

    Returns False when ``root`` holds a set with this label already. Raises UserError, in which ``what`` names the
    set, when ``root`` holds anything else or cannot be written.
    """
    root = Path(os.path.abspath(root))
    if _label(root) == label:
        return False
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise UserError(f"{root} holds something else than the {what} asked for; choose another folder")
    drawing = root.parent / f".{root.name}-{os.getpid()}"  # renamed at the end: a half-drawn set never shows
    try:
        drawing.mkdir(parents=True)
        draw(drawing)
        (drawing / LABEL).write_text(json.dumps(label) + "\n", encoding="utf-8")
        if root.exists():
            root.rmdir()
        drawing.rename(root)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the {what} to {root}: {reason}; choose another folder") from error
    finally:
        shutil.rmtree(drawing, ignore_errors=True)
    return True


def _label(root: Path) -> dict | None:
    try:
        return json.loads((root / LABEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
