"""What a folder notes of its downloads: the SHA-256 of what came first, and what a .part file is a part of."""

from __future__ import annotations

import json
from pathlib import Path

from ppstargan.download.fetch import disk_error
from ppstargan.errors import UserError
from ppstargan.files import replaced

RECORDS = "downloads.json"


def load_records(folder: Path) -> dict:
    """What ``save_records`` wrote to ``folder``, or {}. Raises UserError where it cannot be read or is damaged."""
    path = folder.absolute() / RECORDS
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; make it readable, or delete it") from None
    except (ValueError, RecursionError):
        records = None
    if isinstance(records, dict) and all(map(_is_record, records.values())):
        return records
    raise UserError(f"{path} is damaged; delete it: sums are recorded anew, and .part files begun anew")


def _is_record(record) -> bool:
    """Whether this is what ``download`` notes of a file, or of a set of files."""
    if not isinstance(record, dict) or not isinstance(record.get("part", {}), dict):
        return False
    part = record.get("part", {})
    if not (_is_begun(part) or all(map(_is_begun, part.values()))):  # a set has one for each of its files
        return False
    return all(isinstance(record.get(key, ""), str) for key in ("sha256", "source"))


def _is_begun(part) -> bool:
    """Whether this says what a .part file is a part of."""
    kinds = {"url": str, "validator": (str, type(None)), "bytes": (int, type(None))}
    return (
        isinstance(part, dict)
        and set(part) == set(kinds)
        and all(isinstance(part[key], kind) for key, kind in kinds.items())
    )


def save_records(records: dict, folder: Path) -> None:
    """Writes what is noted of each file, {name: record}. Raises UserError where the disk does not take it."""
    path = folder / RECORDS
    text = json.dumps({k: v for k, v in records.items() if v}, indent=1) + "\n"
    try:
        with replaced(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise disk_error(error, path) from None
