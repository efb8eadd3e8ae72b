"""Face alignment networks: wing.ckpt of StarGAN v2, the Adaptive Wing authors' WFLW_4HG.pth, and those trained here."""

from __future__ import annotations

import re

from ppstargan.convert.shapes import convolution_shape
from ppstargan.convert.states import to_torch
from ppstargan.errors import UserError
from ppstargan.face.weights import fan_of
from ppstargan.nets.fan import FAN_SIZES, INPUT_SIZE


def stacks_of(state: dict) -> int:
    """How many hourglasses there are."""
    return sum(re.fullmatch(r"m\d+\.coordconv\.conv\.weight", key) is not None for key in state)


def architecture_of(state: dict, where: str) -> dict:
    """What builds the network with the arrays ``state``, for all its stacks; the input's size, which no array tells,
    is the authors'. Raises UserError where it lacks a layer."""
    return {
        "img_size": INPUT_SIZE,
        "points": convolution_shape(state, "l0.weight", where)[0] - 1,
        "stacks": stacks_of(state),
        "width": convolution_shape(state, "conv1.conv.weight", where)[0],
        "decoding": "peaks",
    }


def is_own(state: dict, all_stacks: bool) -> bool:
    """Whether the file becomes one of the system fan: where all is wanted, and where StarGAN v2's has other sizes."""
    if all_stacks:
        return True
    try:
        found = architecture_of(state, "")
    except UserError:  # told of by who takes the first stack
        return False
    return any(found[name] != FAN_SIZES[name] for name in ("points", "width"))


def remarks(state: dict) -> list:
    """A line on the stacks that are left out, if any."""
    stacks = stacks_of(state)
    if stacks < 2:
        return []
    return [f"the first of {stacks} stacks, as StarGAN v2 takes it; --all-stacks takes all, to train on or to measure"]


def alone(content: dict) -> bool:
    """Whether a file holds a face alignment network and nothing else, as a converted wing.ckpt."""
    return not content["architecture"] and list(content.get("nets") or {}) == ["fan"]


def to_authors(path, content: dict, part: str | None, net: str | None) -> tuple:
    """(what the authors' code loads, lines) of a file's face alignment network. Raises UserError."""
    if part == "averages" or net not in (None, "fan"):
        raise UserError(f"{path} holds the network fan alone; leave out --part and --net")
    fan = fan_of(content, path)
    values = {key: value.numpy() for key, value in fan.state_dict().items()}
    state = to_torch(values, fan, f"{path}, fan")
    for key, value in content["nets"]["fan"].items():
        if key in state:  # the batches that a norm has counted
            state[key] = value if state[key].shape == value.shape else state[key]
    told = ", ".join(f"{name} {size}" for name, size in fan.sizes.items())
    lost = [] if fan.img_size == INPUT_SIZE else [f"the file cannot tell that its input has {fan.img_size} px"]
    return {"state_dict": state}, [f"face alignment network, for PyTorch: {len(state)} tensors; {told}", *lost]
