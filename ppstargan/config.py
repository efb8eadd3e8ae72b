"""Configuration: YAML files that start from each other by ``_base_``, and overrides ``a.b=value``.

The dataclasses below name every key; the values are in ``configs/base.yaml``. A key is the argument of the same name
of what it configures.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from pathlib import Path

import yaml

from ppstargan.errors import UsageError


@dataclass
class Model:
    img_size: int
    style_dim: int
    latent_dim: int
    hidden_dim: int
    w_hpf: float
    channel_base: int
    max_channels: int


@dataclass
class Data:
    root: str  # holds train/DOMAIN/* and val/DOMAIN/*
    crop_probability: float
    max_bad_share: float
    workers: int


@dataclass
class Face:
    fan: str  # converted weights of the face alignment network, needed where w_hpf > 0
    allow_random_fan: bool


@dataclass
class Loss:
    lambda_reg: float
    lambda_sty: float
    lambda_ds: float
    lambda_cyc: float
    ds_iter: int


@dataclass
class Train:
    iterations: int
    batch_size: int
    accumulate: int  # pieces of a batch; batch_size is a multiple of it
    amp: str  # of AMP
    tf32: bool
    channels_last: bool
    lr: float
    f_lr: float
    beta1: float
    beta2: float
    weight_decay: float
    ema_beta: float
    ema_warmup: bool
    seed: int
    log_every: int
    sample_every: int
    save_every: int
    keep_last: int
    keep_every: int
    eval_every: int
    eval_sources: int


@dataclass
class Config:
    name: str
    output: str
    model: Model
    data: Data
    face: Face
    loss: Loss
    train: Train


SECTIONS = {"model": Model, "data": Data, "face": Face, "loss": Loss, "train": Train}
AT_LEAST_ONE = (
    "model.style_dim model.latent_dim model.hidden_dim model.channel_base model.max_channels "
    "loss.ds_iter train.batch_size train.accumulate train.log_every train.sample_every train.save_every "
    "train.keep_last train.eval_sources"
).split()
NOT_NEGATIVE = (
    "model.w_hpf data.workers loss.lambda_reg loss.lambda_sty loss.lambda_ds loss.lambda_cyc "
    "train.iterations train.lr train.f_lr train.weight_decay train.seed train.keep_every train.eval_every"
).split()
# These leave a run's steps as they are, but for rounding: where files lie, what is written, and how fast it goes.
WITHOUT_EFFECT = (
    "name output data.root data.max_bad_share data.workers face.fan face.allow_random_fan train.iterations "
    "train.accumulate train.channels_last train.log_every train.sample_every train.save_every train.keep_last "
    "train.keep_every train.eval_every train.eval_sources"
).split()
CONFIGS = Path(__file__).parents[1] / "configs"  # where there is a checkout
AMP = ("none", "float16", "bfloat16")
LARGEST_SEED = 2**32 - 1  # larger than any that people type, and whole in every library
FRACTIONS = ("data.crop_probability", "data.max_bad_share", "train.ema_beta")
BELOW_ONE = ("train.beta1", "train.beta2")


def load_config(path, overrides=()) -> Config:
    """The configuration in ``path`` with ``overrides`` such as ``train.batch_size=4`` on top.

    Raises UsageError for a missing file, bad YAML, an unknown key (naming the nearest known one), a value of the wrong
    type, or one out of range.
    """
    values = _read(Path(path), ())
    for override in overrides:
        key, sign, text = override.partition("=")
        if not sign:
            raise UsageError(f"override {override!r} has no '='; write it as train.batch_size=4")
        _merge(values, _nest(key.split("."), _parse(text, f"override {override!r}")), f"override {override!r}")
    return from_dict(values, f"{path} with -o {' '.join(overrides)}" if overrides else str(path))


def from_dict(values: dict, where: str) -> Config:
    """The configuration that the nested ``values`` give; ``where`` they came from is for messages."""
    missing = _unset(values)
    if missing:
        raise UsageError(f"{where}: no value for {', '.join(missing)}; start the file with '_base_: base.yaml'")
    sections = {name: kind(**values[name]) for name, kind in SECTIONS.items()}
    config = Config(name=values["name"], output=values["output"], **sections)
    _check_ranges(config, where)
    return config


def to_yaml(config: Config) -> str:
    """The resolved configuration as YAML that ``load_config`` reads again."""
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True)


def changes(before: dict, now: dict) -> dict:
    """{"train.lr": (was, is), …}: where two configurations as nested dicts differ, of the keys that both have."""
    found = {}
    for key in known_keys():
        section, _, name = key.rpartition(".")
        values = [given.get(section, {}) if section else given for given in (before, now)]
        if all(name in given for given in values) and values[0][name] != values[1][name]:
            found[key] = (values[0][name], values[1][name])
    return found


def _read(path: Path, open_files: tuple) -> dict:
    path = path.absolute()
    if path in open_files:
        raise UsageError(f"{path}: its _base_ leads back to itself; remove one of them")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        asked = f", which {open_files[-1]} names as its _base_" if open_files else ""
        raise UsageError(f"no configuration {path}{asked}; the ones that come along are in {CONFIGS}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError for NUL in a name, and for what is no UTF-8
        raise UsageError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds no keys; start it with '_base_: base.yaml'")
    base = content.pop("_base_", None)
    values = _read(path.parent / str(base), (*open_files, path)) if base else {}
    _merge(values, content, str(path))
    return values


def _parse(text: str, where: str):
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"{where}: the value is no YAML") from None


def _nest(path: list, value) -> dict:
    return {path[0]: _nest(path[1:], value) if len(path) > 1 else value}


def known_keys() -> dict:
    """{"train.lr": "float", …}: every key with the name of its type."""
    known = {f.name: f.type for f in dataclasses.fields(Config) if f.name not in SECTIONS}
    for section, kind in SECTIONS.items():
        known.update({f"{section}.{f.name}": f.type for f in dataclasses.fields(kind)})
    return known


def _merge(values: dict, new: dict, where: str) -> None:
    known = known_keys()
    for key, value in new.items():
        entries = {key: value}
        if key in SECTIONS:
            if not isinstance(value, dict):
                raise UsageError(f"{where}: {key} is a section; set a key in it, such as {key}.{_first(key)}")
            entries = {f"{key}.{name}": entry for name, entry in value.items()}
        for name, entry in entries.items():
            if name not in known:
                while isinstance(entry, dict) and entry:  # a section that is none: its keys tell more
                    key, entry = next(iter(entry.items()))
                    name = f"{name}.{key}"
                nearest = difflib.get_close_matches(str(name), known, 1, 0.0)[0]
                all_keys = "docs/configuration.md lists all"
                raise UsageError(f"{where}: unknown key {name}; the nearest known one is {nearest}, and {all_keys}")
            section, _, last = name.rpartition(".")  # of the name: a file may say train.lr, too
            target = values.setdefault(section, {}) if section else values
            target[last] = _typed(name, entry, known[name], where)


def _first(section: str) -> str:
    return dataclasses.fields(SECTIONS[section])[0].name


def _typed(key: str, value, kind: str, where: str):
    """``value`` as the type that ``key`` has; YAML reads 1e-4 as text, which still is a number here."""
    try:
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind == "str" and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
        if kind == "float" and not isinstance(value, bool):
            return float(value)
        if kind == "int" and not isinstance(value, bool) and float(value) == int(float(value)):
            return value if isinstance(value, int) else int(float(value))
    except (TypeError, ValueError, OverflowError):
        pass
    names = {"bool": "true or false", "str": "text", "float": "a number", "int": "a whole number"}
    raise UsageError(f"{where}: {key} must be {names[kind]}, not {value!r}")


def _unset(values: dict) -> list:
    def is_set(key):
        section, _, name = key.rpartition(".")
        return name in (values.get(section, {}) if section else values)

    return [key for key in known_keys() if not is_set(key)]


def _check_ranges(config: Config, where: str) -> None:
    def value(key):
        section, _, name = key.partition(".")
        return getattr(getattr(config, section), name)

    size = config.model.img_size
    if size & (size - 1) or not 32 <= size <= 1024:
        raise UsageError(f"{where}: model.img_size must be 32, 64, 128, 256, 512 or 1024, not {size}")
    for key in AT_LEAST_ONE:
        if value(key) < 1:
            raise UsageError(f"{where}: {key} must be at least 1, not {value(key)}")
    for key in NOT_NEGATIVE:
        if not 0 <= value(key) < float("inf"):
            raise UsageError(f"{where}: {key} must not be negative, nor infinite, and is {value(key)}")
    for key in FRACTIONS:
        if not 0 <= value(key) <= 1:
            raise UsageError(f"{where}: {key} must be between 0 and 1, not {value(key)}")
    for key in BELOW_ONE:
        if not 0 <= value(key) < 1:
            raise UsageError(f"{where}: {key} must be 0 or more and below 1, not {value(key)}")
    t = config.train
    if t.seed > LARGEST_SEED:
        raise UsageError(f"{where}: train.seed must be at most {LARGEST_SEED}, not {t.seed}")
    if t.amp not in AMP:
        raise UsageError(f"{where}: train.amp must be {', '.join(AMP[:-1])} or {AMP[-1]}, not {t.amp}")
    if t.batch_size % t.accumulate:
        raise UsageError(
            f"{where}: train.accumulate cuts a batch into equal pieces, and train.batch_size {t.batch_size} "
            f"is no multiple of {t.accumulate}"
        )
    if not config.name or Path(config.name).name != config.name or config.name.startswith("."):
        raise UsageError(f"{where}: name {config.name!r} must be a plain folder name")
