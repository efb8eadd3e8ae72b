"""What was computed before, in files named by a digest of all that it depends on: a changed input finds none."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
from pathlib import Path

import numpy as np

from ppstargan.errors import UserError
from ppstargan.files import short_name, whole_file


def digest(parts: dict) -> str:
    """SHA-256 of ``parts``, which are of what JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest_of_files(paths) -> str:
    """SHA-256 of the files' names, sizes and times of change, in their order."""
    found = []
    for path in paths:
        try:
            stat = os.stat(path)
            found.append((path.name, stat.st_size, stat.st_mtime_ns))
        except OSError:  # a link that leads nowhere, which reading will tell of
            found.append((path.name, None, None))
    return digest({"files": found})


def entry(folder: Path, name: str, parts: dict, ending: str) -> Path:
    """The file in ``folder`` for what depends on ``parts``; ``name`` is for people, and shortened where it is long."""
    return Path(folder) / f"{short_name(name)}_{digest(parts)[:16]}{ending}"


def write_text(path, text: str) -> None:
    r"""Writes ``path`` whole or not at all, with \udcc3 for a byte that is no text.

    Raises UserError where the disk does not take it.
    """
    with whole_file(path) as partial:
        # Names of folders may hold bytes that are no UTF-8: as \\udcb0, which JSON reads again.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def need_folder(folder: Path, advice: str) -> None:
    """Makes ``folder``, before the work. Raises UserError where it cannot be written to; ``advice`` says what to do."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {Path(folder).absolute()}: {error.strerror or error}; {advice}") from None


def write_features(path, features: np.ndarray) -> None:
    """Writes features [N, D] whole or not at all. Raises UserError where the disk does not take it."""
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, features=features)  # an .npz holds a checksum


def read_features(path, rows: int):
    """Features [rows, D], or None where there are none, or damaged ones."""
    with contextlib.suppress(Exception):  # a damaged archive raises nearly anything, and is computed again
        with np.load(path, allow_pickle=False) as archive:
            features = archive["features"]
        if features.ndim == 2 and len(features) == rows and np.isfinite(features).all():
            return features
    return None


def read_figures(path, names: tuple):
    """{name: number} with exactly these names, or None where there is no such file, or a damaged one."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return found if set(found) == set(names) and all(map(math.isfinite, found.values())) else None
    except (OSError, ValueError, TypeError):
        return None
