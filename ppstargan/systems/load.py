"""The system of a name: ``system: wgan`` in a configuration is the file ``systems/wgan.py``."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType

from ppstargan import systems
from ppstargan.errors import UsageError

NEEDED = {
    "": ("Config", "read", "draw", "System"),
    "System": ("averaged", "across_batch", "prepare", "updates", "schedule", "sheets"),
}


def names() -> list:
    """The systems that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(systems.__path__) if module.name != "load")


def system_named(name: str) -> ModuleType:
    """The module of the system ``name``. Raises UsageError for an unknown one, naming the nearest."""
    if name not in names():
        nearest = difflib.get_close_matches(name, names(), 1, 0.0)[0]
        raise UsageError(f"no system {name!r}; the nearest is {nearest}, and there are {', '.join(names())}")
    module = importlib.import_module(f"{systems.__name__}.{name}")
    lacking = [f"{owner}.{part}".lstrip(".") for owner, parts in NEEDED.items() for part in parts
               if not hasattr(getattr(module, owner) if owner else module, part)]  # fmt: skip
    if lacking:  # here, and not after an hour of training
        raise TypeError(f"{module.__file__} lacks {', '.join(lacking)}")
    return module
