"""NaN and infinity in nested dicts of numbers and arrays."""

from __future__ import annotations

import numpy as np


def first_not_finite(values: dict, prefix: str = "") -> str | None:
    """The name of the first entry of nested dicts of numbers and arrays that is not finite, such as "d_latent/reg"."""
    for key, value in values.items():
        if isinstance(value, dict):
            found = first_not_finite(value, f"{prefix}{key}/")
            if found:
                return found
        elif isinstance(value, (float, np.ndarray)) and not np.isfinite(value).all():
            return f"{prefix}{key}"
    return None


def first_bad_array(content: dict, parts) -> str | None:
    """Which array in ``parts`` of a file's content is not finite as float32, and what it holds; None where all are.

    Such as "averages/generator/from_rgb.bias holds NaN".
    """
    for part in parts:
        found = _bad_array(content.get(part), part)
        if found:
            return found
    return None


def _bad_array(value, name: str) -> str | None:
    if isinstance(value, dict):
        return next(filter(None, (_bad_array(entry, f"{name}/{key}") for key, entry in value.items())), None)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return None
    with np.errstate(over="ignore"):  # 1e300 of a float64 is infinity to a network
        value = value.astype("float32", copy=False)
    if np.isfinite(value).all():
        return None
    return f"{name} holds {'NaN' if np.isnan(value).any() else 'infinity'}"
