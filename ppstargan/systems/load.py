"""The system of a name, ``systems/wgan.py`` for ``system: wgan``, and the configurations of systems."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType

from ppstargan import checkpoint, config, systems
from ppstargan.errors import UsageError, UserError
from ppstargan.yaml_text import Text

NEEDED = {
    "": ("Config", "read", "draw", "System", "sample", "TAKES"),
    "System": ("averaged", "across_batch", "prepare", "updates", "schedule", "sheets"),
}


def names() -> list:
    """The systems that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(systems.__path__) if module.name != "load")


def system_named(name: str, where: str = "") -> ModuleType:
    """The module of the system ``name``. Raises UsageError for an unknown one, naming the nearest."""
    if name not in names():
        nearest = difflib.get_close_matches(name.lower(), names(), 1, 0.0)[0]
        raise UsageError(f"{where}no system {name!r}; the nearest is {nearest}, and there are {', '.join(names())}")
    module = importlib.import_module(f"{systems.__name__}.{name}")
    lacking = [f"{owner}.{part}".lstrip(".") for owner, parts in NEEDED.items() for part in parts
               if not hasattr(getattr(module, owner) if owner else module, part)]  # fmt: skip
    if lacking:  # here, and not after an hour of training
        raise TypeError(f"{module.__file__} lacks {', '.join(lacking)}")
    return module


def system_of_file(content: dict, path) -> ModuleType:
    """The module of the system of a file of weights. Raises UserError for one that this version lacks."""
    name = checkpoint.system_of(content)
    if name not in names():
        raise UserError(f"{path} is of the system {name}: update ppstargan, which has {', '.join(names())}")
    return system_named(name)


def load_config(path, overrides=(), only: str | None = None) -> config.Config:
    """The configuration in ``path`` with ``overrides`` such as ``train.batch_size=4`` on top, by its system's schema.

    A file that names no system is of StarGAN v2. Raises UsageError as ``config.read`` and ``config.typed``, for an
    unknown system, and for another than ``only``, the one that a tool is for.
    """
    found = config.read(path, overrides)
    named = [text for key, text in found if key == "system"]
    if not named:
        found.insert(0, ("system", Text("stargan_v2", str(path))))
    kind = system_named(named[-1].text, f"{named[-1].where}: ") if named else system_named("stargan_v2")
    name = kind.__name__.rpartition(".")[2]
    if only and name != only:
        raise UsageError(f"{path} is a configuration of {name}, and this tool takes those of {only} alone")
    where = f"{path} with -o {' '.join(overrides)}" if overrides else str(path)
    return config.typed(found, kind.Config, where)
