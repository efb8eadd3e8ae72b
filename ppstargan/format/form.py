"""Whether the content of a file of weights has the form that ``checkpoint`` describes, before anything relies on it."""

from __future__ import annotations

import numpy as np

from ppstargan.format.finite import first_bad_array

# What a file may hold beside the architecture, and how many levels of names lead to its arrays.
_LEVELS = {"nets": 2, "averages": 2, "optimizers": 3, "memory": 1}
_DICTS = ("config", "images", "scaler")


def fault(content: dict) -> str | None:
    """What is wrong with the content of a file, for a message; None where it can be relied on."""
    domains, architecture = content.get("domains") or [], content["architecture"]
    if not isinstance(domains, (list, tuple)) or not all(map(_is_plain_name, domains)):  # they may name files
        return f"names domains that are no plain names: {domains!r}"
    if not all(type(value) in (int, float, bool, str) for value in architecture.values()):
        return f"has the architecture {architecture}, which builds no network"
    if not _is_plain_name(content.get("system", "stargan_v2")):
        return f"is of the system {content['system']!r}, which is no plain name"
    for part, levels in _LEVELS.items():
        if content.get(part) is not None and not _is_nested(content[part], levels):
            return f"has {part} that are no dicts of arrays; it was not written by ppstargan"
    for part in _DICTS:
        if not isinstance(content.get(part) or {}, dict):
            return f"has {part} in no dict; it was not written by ppstargan"
    if type(content.get("log_size")) not in (int, type(None)):
        return f"has the log_size {content['log_size']!r}, which is no number; it was not written by ppstargan"
    bad = first_bad_array(content, ("nets", "averages"))
    if bad:
        return (
            f"is of no use: {bad}; the training that wrote it had diverged, or it was made wrong: take an earlier "
            "checkpoint"
        )
    return None


def _is_plain_name(name) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _is_nested(value, levels: int) -> bool:
    if not levels:
        return isinstance(value, np.ndarray)
    if not isinstance(value, dict):
        return False
    return all(isinstance(key, str) and _is_nested(entry, levels - 1) for key, entry in value.items())
