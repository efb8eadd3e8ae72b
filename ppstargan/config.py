"""Configuration: YAML files that start from each other by ``_base_``, and overrides ``a.b=value``.

The dataclasses below name every key; the values are in ``configs/base.yaml``. A key is the argument of the same name
of what it configures.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from ppstargan import yaml_text
from ppstargan.errors import UsageError
from ppstargan.files import expanded
from ppstargan.yaml_text import Text


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
LARGEST = 10**12  # of other whole numbers: more than any run does, and less than times are counted in
AT_MOST = {
    "train.seed": 2**32 - 1,  # larger than any that people type, and whole in every library
    "data.workers": 1024,
    **dict.fromkeys(
        "model.style_dim model.latent_dim model.hidden_dim model.max_channels train.batch_size".split(), 2**16
    ),
}
FEWEST_CHANNELS = 3  # those of an image; fewer carry no colours
FRACTIONS = ("data.crop_probability", "data.max_bad_share")
BELOW_ONE = ("train.beta1", "train.beta2", "train.ema_beta")  # at 1, a mean never moves
PATHS = ("output", "data.root", "face.fan")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def load_config(path, overrides=()) -> Config:
    """The configuration in ``path`` with ``overrides`` such as ``train.batch_size=4`` on top, of a key's the last.

    A value is what its key takes: text as it stands, decimal numbers, true or false; ~ in a path is the home folder.
    Raises UsageError for a missing file, bad YAML, a key twice in a file, an unknown key (naming the nearest known
    one), a value of the wrong type, or one out of range.
    """
    values = _read(Path(path), ())
    for override in overrides:
        _set(values, *yaml_text.of_override(override))
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
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True, width=float("inf"))


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
    values = _read(path.parent / named, (*open_files, path)) if named else {}
    for key, value in content.items():
        _set(values, key, value)
    return values


def known_keys() -> dict:
    """{"train.lr": "float", …}: every key with the name of its type."""
    known = {f.name: f.type for f in dataclasses.fields(Config) if f.name not in SECTIONS}
    for section, kind in SECTIONS.items():
        known.update({f"{section}.{f.name}": f.type for f in dataclasses.fields(kind)})
    return known


def _set(values: dict, key: str, value: Text) -> None:
    """Sets ``key`` in the nested ``values`` to what ``value`` stands for."""
    known, shown = known_keys(), key if key.isprintable() else repr(key)
    hint = "; a key's colon wants a space behind it" if yaml_text.NO_SPACE.search(f"{key} {value.text}") else ""
    if key in SECTIONS:
        first = dataclasses.fields(SECTIONS[key])[0].name
        raise UsageError(f"{value.where}: {key} is a section; set a key in it, such as {key}.{first}{hint}")
    if key not in known:
        nearest = difflib.get_close_matches(key, known, 1, 0.0)[0]
        all_keys = f"docs/configuration.md lists all{hint}"
        raise UsageError(f"{value.where}: unknown key {shown}; the nearest known one is {nearest}, and {all_keys}")
    section, _, name = key.rpartition(".")
    target = values.setdefault(section, {}) if section else values
    target[name] = _typed(key, value, known[key])


def _typed(key: str, value: Text, kind: str):
    """``value`` as the type that ``key`` has."""
    if kind == "str":
        text = yaml_text.one_line(value, key)
        return expanded(text) if key in PATHS else text
    text = value.text.strip()
    try:
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int" and re.fullmatch(r"[+-]?[0-9]+", text):
            return int(text)
        if kind != "bool" and DECIMAL.fullmatch(text):
            number = float(text)
            if kind == "float" or number == int(number):
                return number if kind == "float" else int(number)
    except (ValueError, OverflowError):  # too many digits
        pass
    names = {"bool": "true or false", "float": "a number", "int": "a whole number"}
    short = text if len(text) < 100 else f"{text[:100]}…"
    raise UsageError(f"{value.where}: {key} must be {names[kind]}, not {short!r}")


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
    for key, kind in known_keys().items():
        if kind == "int" and value(key) > AT_MOST.get(key, LARGEST):
            raise UsageError(f"{where}: {key} must be at most {AT_MOST.get(key, LARGEST)}, not {value(key)}")
    if config.train.lr == 0:
        raise UsageError(f"{where}: train.lr must be above 0: at 0, nothing is learnt")
    for key in FRACTIONS:
        if not 0 <= value(key) <= 1:
            raise UsageError(f"{where}: {key} must be between 0 and 1, not {value(key)}")
    for key in BELOW_ONE:
        if not 0 <= value(key) < 1:
            raise UsageError(f"{where}: {key} must be 0 or more and below 1, not {value(key)}")
    t, m = config.train, config.model
    channels = min(m.channel_base // size, m.max_channels)
    if channels < FEWEST_CHANNELS:
        raise UsageError(
            f"{where}: layers at {size} px would have {channels} channels, by model.channel_base {m.channel_base} and "
            f"model.max_channels {m.max_channels}, and an image has {FEWEST_CHANNELS}; give at least "
            f"model.channel_base={FEWEST_CHANNELS * size} and model.max_channels={FEWEST_CHANNELS}"
        )
    if t.amp not in AMP:
        raise UsageError(f"{where}: train.amp must be {', '.join(AMP[:-1])} or {AMP[-1]}, not {t.amp}")
    if t.batch_size % t.accumulate:
        raise UsageError(
            f"{where}: train.accumulate cuts a batch into equal pieces, and train.batch_size {t.batch_size} "
            f"is no multiple of {t.accumulate}"
        )
    if not config.name or Path(config.name).name != config.name or config.name.startswith("."):
        raise UsageError(f"{where}: name {config.name!r} must be a plain folder name")
