"""The face alignment network's weights: where they are, and what gets them."""

from __future__ import annotations

import shlex
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets.fan import FAN, FAN_SIZES, NUM_LANDMARKS

FAN_PATH, TOY_FAN_PATH = "data/wing.pdparams", "data/fan_toy.pdparams"
HOW_TO_GET = (
    "python tools/download.py wing, or convert the authors' wing.ckpt: "
    "python tools/convert_torch_weights.py wing.ckpt {path}"
)


def load_fan(path, advice: str = "") -> FAN:
    """The FAN with the weights in ``path``, a converted wing.ckpt or one that was trained here.

    Raises UserError with the way to get them, and with the ``advice`` behind it.
    """
    how_to_get = HOW_TO_GET.format(path=shlex.quote(str(path))) + advice
    if Path(path).name == Path(TOY_FAN_PATH).name:
        there = "" if str(path) == TOY_FAN_PATH else f" -o face.fan={shlex.quote(str(path))}"
        how_to_get = f"python tools/quickstart.py faces{there} trains it on drawn people first{advice}"
    content = checkpoint.load(path, how_to_get)
    if "fan" not in (content.get("nets") or {}):
        how_to_get = HOW_TO_GET.format(path=FAN_PATH) + advice  # and not over what the file holds
        raise UserError(f"{Path(path).absolute()} holds no face alignment network; {how_to_get}")
    fan = fan_of(content, Path(path).absolute())
    if fan.points != NUM_LANDMARKS:
        raise UserError(f"{Path(path).absolute()} finds {fan.points} points, and masks and frames need {NUM_LANDMARKS}")
    return fan


def load_fan_to_train_by(path, random: bool) -> FAN | None:
    """``load_fan``, or None, and says so, where there is no such file and ``random`` weights will do."""
    if random and not Path(path).is_file():
        print(f"no {path}: the face alignment network has RANDOM weights, and its masks mean nothing")
        return None
    return load_fan(path, "; or try without by -o face.allow_random_fan=true")


def fan_of(content: dict, where) -> FAN:
    """The frozen FAN of a file's content, of the sizes that the file says; ``where`` it is from is for messages.

    A converted wing.ckpt says none and has StarGAN v2's. Raises UserError for what is none, or does not fit.
    """
    start = "" if checkpoint.system_of(content) == "fan" else "fan_"
    architecture, values = content["architecture"], (content.get("nets") or {}).get("fan")
    if values is None:
        raise UserError(f"{where} holds no face alignment network")
    sizes = {name: architecture[start + name] for name in FAN_SIZES if start + name in architecture}
    try:
        fan = FAN(**sizes)
    except (TypeError, ValueError):
        raise UserError(f"{where} has the architecture {architecture}, which is no face alignment network") from None
    kept = {name: value for name, value in values.items() if not name.endswith("num_batches_tracked")}
    checkpoint.fill(fan, kept, f"{where}, fan")
    return fan
