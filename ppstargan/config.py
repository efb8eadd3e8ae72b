"""Configuration: YAML files that start from each other by ``_base_``, and overrides ``a.b=value``, typed by a schema.

The schema is a system's ``Config``: a dataclass of sections that extends the one here, which has the keys of all
systems. A key's rule stands at the key; the values are in ``configs/``. ``systems/load.py`` brings the two together.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_type_hints

import yaml

from ppstargan import yaml_text
from ppstargan.errors import ROOT, UsageError
from ppstargan.files import expanded
from ppstargan.yaml_text import Text

CONFIGS = ROOT / "configs"
LARGEST = 10**12  # of whole numbers: more than any run does, and less than times are counted in
LARGEST_SEED = 2**32 - 1  # larger than any that people type, and whole in every library
WIDEST = 2**16  # of layers, and batches
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
RULE = {"least": None, "above": None, "most": None, "below": None, "choices": (), "path": False, "harmless": False}
RULE["absent"] = None


def key(**rule):
    """A key with its rule, some of RULE: the range of a number, a text's choices, or that it is a path.

    ``harmless``: it leaves a run's steps as they are, but for rounding, so that a resumed run may change it: where
    files lie, what is written, and how fast it goes. ``absent`` is the value in files that runs wrote before there was
    such a key.
    """
    return dataclasses.field(metadata={**RULE, **rule})


@dataclass
class Data:
    """``data``: the images, and how they are read."""

    root: str = key(path=True, harmless=True)
    max_bad_share: float = key(least=0, most=1, harmless=True)
    workers: int = key(least=0, most=1024, harmless=True)


@dataclass
class Train:
    """``train``: how long, in which pieces, and what is kept on the way."""

    iterations: int = key(least=0, harmless=True)
    batch_size: int = key(least=1, most=WIDEST)
    accumulate: int = key(least=1, harmless=True)
    amp: str = key(choices=("none", "float16", "bfloat16"))
    tf32: bool = key()
    channels_last: bool = key(harmless=True)
    deterministic: bool = key(harmless=True, absent=False)
    seed: int = key(least=0, most=LARGEST_SEED)
    log_every: int = key(least=1, harmless=True)
    sample_every: int = key(least=1, harmless=True)
    save_every: int = key(least=1, harmless=True)
    keep_last: int = key(least=1, harmless=True)
    keep_every: int = key(least=0, harmless=True)


@dataclass
class Config:
    """The keys of all systems. A system's own schema extends it, and so may its sections."""

    system: str = key()
    name: str = key(harmless=True)
    output: str = key(path=True, harmless=True)
    data: Data
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError where keys do not go together; a system's rules are added to these."""
        t = self.train
        if t.batch_size % t.accumulate:
            raise UsageError(
                f"{where}: train.accumulate cuts a batch into equal pieces, and train.batch_size {t.batch_size} "
                f"is no multiple of {t.accumulate}"
            )
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise UsageError(f"{where}: name {self.name!r} must be a plain folder name")


class Key(NamedTuple):
    """What a schema says of a key."""

    kind: type
    rule: dict


def sections(schema: type) -> dict:
    """{"train": its dataclass, …} of the schema, a subclass of ``Config``."""
    return {name: kind for name, kind in get_type_hints(schema).items() if dataclasses.is_dataclass(kind)}


def known_keys(schema: type) -> dict:
    """{"train.lr": Key, …}: every key of the schema."""
    found = {}
    for prefix, owner in {"": schema, **{f"{name}.": kind for name, kind in sections(schema).items()}}.items():
        kinds = get_type_hints(owner)
        found.update({prefix + f.name: Key(kinds[f.name], f.metadata) for f in dataclasses.fields(owner)})
    return {name: found[name] for name in found if name not in sections(schema)}


def find(name, folder=Path()) -> Path:
    """The file ``name`` in ``folder``, which may lack its .yaml, or else the one in CONFIGS of that name.

    For ``toy`` or ``configs/toy.yaml``, say. Where there is neither, the file as it was named.
    """
    asked = Path(folder, name)
    whole = asked if asked.suffix == ".yaml" else Path(f"{asked}.yaml")
    along = [CONFIGS / whole.name] if Path(name).parent in (Path(), Path("configs")) else []
    return next((path for path in (asked, whole, *along) if path.is_file()), asked)


def read(path, overrides=()) -> list:
    """[("train.lr", Text), …] of the file ``path`` and those it starts from, then of overrides: the last one holds.

    Raises UsageError for a missing file, bad YAML, and a key twice in a file.
    """
    return [*_read(Path(path), ()), *map(yaml_text.of_override, overrides)]


def typed(entries: list, schema: type, where: str) -> Config:
    """The configuration of a schema that ``read`` gave; ``where`` it came from is for messages.

    A value is what its key takes: text as it stands, decimal numbers, true or false; ~ in a path is the home folder.
    Raises UsageError for an unknown key (naming the nearest known one), a value of the wrong type or out of range, and
    for keys without a value.
    """
    known, values = known_keys(schema), {}
    for name, text in entries:
        values[name] = _typed(name, text, _known(name, text, schema).kind, known)
    later = {name: rule["absent"] for name, (_, rule) in known.items() if rule["absent"] is not None}
    values = {**later, **values}
    missing = [name for name in known if name not in values]
    if missing:
        raise UsageError(f"{where}: no value for {', '.join(missing)}; start the file with '_base_: base.yaml'")
    for name, (_, rule) in known.items():
        problem = _problem(values[name], rule)
        if problem:
            raise UsageError(f"{where}: {name} must be {problem}, not {values[name]}")
    parts = {
        section: kind(**{f.name: values[f"{section}.{f.name}"] for f in dataclasses.fields(kind)})
        for section, kind in sections(schema).items()
    }
    config = schema(**{name: values[name] for name in known if "." not in name}, **parts)
    config.check(where)
    return config


def to_yaml(config: Config) -> str:
    """The resolved configuration as YAML that ``read`` and ``typed`` take again."""
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True, width=float("inf"))


def changes(before: dict, config: Config) -> dict:
    """{"train.lr": (was, is, whether it is harmless), …}: where a configuration differs from a nested dict of before.

    Of the keys that both have.
    """
    now, found = dataclasses.asdict(config), {}
    for name, (_, rule) in known_keys(type(config)).items():
        section, _, last = name.rpartition(".")
        values = [given.get(section, {}) if section else given for given in (before, now)]
        if all(last in given for given in values) and values[0][last] != values[1][last]:
            found[name] = (values[0][last], values[1][last], rule["harmless"])
    return found


def unknown_keys(values: dict, schema: type) -> list:
    """The keys in nested ``values``, such as "train.lr", that the schema has not: another version's."""
    parts = {name: value if isinstance(value, dict) else {"": 0} for name, value in values.items()}
    found = [f"{part}.{name}" if name else part for part, entries in parts.items() for name in entries]
    return [name for name in found if name not in known_keys(schema)]


def _read(path: Path, open_files: tuple) -> list:
    path = Path(os.path.abspath(path))
    if os.path.realpath(path) in map(os.path.realpath, open_files):
        raise UsageError(f"{path}: its _base_ leads back to itself; remove one of them")
    try:
        content = yaml_text.read(path)
    except FileNotFoundError:
        asked = f", which {open_files[-1]} names as its _base_" if open_files else ""
        raise UsageError(f"no configuration {path}{asked}; the ones that come along are in {CONFIGS}") from None
    base = content.pop("_base_", None)
    named = base.text and expanded(yaml_text.one_line(base, "_base_")) if base else ""
    return [*(_read(find(named, path.parent), (*open_files, path)) if named else []), *content.items()]


def _known(name: str, value: Text, schema: type) -> Key:
    """What the schema says of the key ``name``. Raises UsageError where it has none."""
    known, shown = known_keys(schema), name if name.isprintable() else repr(name)
    hint = "; a key's colon wants a space behind it" if yaml_text.NO_SPACE.search(f"{name} {value.text}") else ""
    if name in sections(schema):
        first = dataclasses.fields(sections(schema)[name])[0].name
        raise UsageError(f"{value.where}: {name} is a section; set a key in it, such as {name}.{first}{hint}")
    if name not in known:
        nearest = difflib.get_close_matches(name.lower(), known, 1, 0.0)[0]
        all_keys = f"docs/configuration.md lists all{hint}"
        raise UsageError(f"{value.where}: unknown key {shown}; the nearest known one is {nearest}, and {all_keys}")
    return known[name]


def _typed(name: str, value: Text, kind: type, known: dict):
    """``value`` as the type that its key has."""
    if kind is str:
        text = yaml_text.one_line(value, name)
        return expanded(text) if known[name].rule["path"] else text
    text = value.text.strip()
    try:
        if kind is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind is int and re.fullmatch(r"[+-]?[0-9]+", text):
            return int(text)
        if kind is not bool and DECIMAL.fullmatch(text):
            number = float(text)
            if kind is float or number == int(number):
                return kind(number)
    except (ValueError, OverflowError):  # too many digits
        pass
    names = {bool: "true or false", float: "a number", int: "a whole number"}
    short = text if len(text) < 100 else f"{text[:100]}…"
    raise UsageError(f"{value.where}: {name} must be {names[kind]}, not {short!r}")


def _problem(value, rule: dict) -> str:
    """What a value must be, where it is not: "at least 1"; else ""."""
    if rule["choices"] and value not in rule["choices"]:
        *others, last = rule["choices"]
        return f"{', '.join(map(str, others))} or {last}"
    if isinstance(value, (bool, str)):
        return ""
    least, most, below = rule["least"], rule["most"], rule["below"]
    if most is None and isinstance(value, int):
        most = LARGEST
    low, high = least is not None and value < least, most is not None and value > most
    if (low or high) and least is not None and rule["most"] is not None and isinstance(value, float):
        return f"between {least} and {most}"
    if below is not None and not (least or 0) <= value < below:
        return f"{least or 0} or more and below {below}"
    if low:
        return f"at least {least}"
    if rule["above"] is not None and value <= rule["above"]:
        return f"above {rule['above']}"
    if high:
        return f"at most {most}"
    return "" if math.isfinite(value) else "finite"
