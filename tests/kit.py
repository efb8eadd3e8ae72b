"""The parity kit in tests/reference/parity: its README.md says what is in it and how an array is stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ppstargan.parity import fill  # noqa: F401 - the tests make their inputs with kit.fill

FOLDER = Path(__file__).parent / "reference" / "parity"

MANIFEST = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
PREFIX = MANIFEST["prefix"]
_KEEPS = (4096, 1024, 128, 32)


def load(case: str) -> dict[str, np.ndarray]:
    """All stored arrays of a case, by key."""
    with np.load(FOLDER / f"{case}.npz") as arrays:
        return dict(arrays)


def sample(array, reference: np.ndarray) -> np.ndarray:
    """The elements of ``array`` that the stored ``reference`` keeps: 1-D, as long as it."""
    flat = np.asarray(array).ravel()
    if reference.size == flat.size:
        return flat
    for keep in _KEEPS:
        kept = flat[:: max(1, flat.size // keep)]
        if kept.size == reference.size:
            return kept
    raise AssertionError(f"an array of {flat.size} elements has no sample of {reference.size}")


def relative_error(array, case: dict[str, np.ndarray], key: str) -> float:
    """||sample - reference|| / ||reference||, after checking the shape."""
    reference = case[key]
    shape = tuple(case[key + ".shape"]) if key + ".shape" in case else reference.shape
    assert np.shape(array) == shape, f"{key}: shape {np.shape(array)}, expected {shape}"
    difference = sample(array, reference).astype(np.float64) - reference.ravel()
    return float(np.linalg.norm(difference) / np.linalg.norm(reference.astype(np.float64)))
