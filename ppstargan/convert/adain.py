"""AdaIN's networks in the files of its users: bare state_dicts, whose keys are the positions of layers.

``vgg_normalised.pth`` is the encoder, with seven convolutions behind relu4_1 that nobody reads; ``decoder.pth``, or a
run's ``decoder_iter_160000.pth.tar``, is the decoder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import numpy as np

from ppstargan.convert.shapes import convolution_shape, rank
from ppstargan.errors import UserError

DESCRIPTIONS = {
    "adain/encoder": "AdaIN's encoder, a VGG-19 (the authors' vgg_normalised.pth)",
    "adain/decoder": "AdaIN's decoder (the authors' decoder.pth or decoder_iter_*.pth.tar)",
}
ENCODER_FILE = "vgg_normalised.pth"
BEHIND = r"(32|35|38|42|45|48|51)\.(weight|bias)"  # relu4_1
AUTHORS_SIZE = 256  # px that they train on; networks without a size of their own
ENCODER_BACK = f"these are the ten up to relu4_1; the authors' {ENCODER_FILE} has seven more, which their code asks for"


def kind_of(state: dict) -> str | None:
    """Which of ``DESCRIPTIONS`` the state_dict ``state`` is, by its keys and shapes; None for none of them."""
    if np.shape(state.get("0.weight")) == (3, 3, 1, 1) and rank(state, "2.weight") == 4:
        return "adain/encoder"
    decoder = rank(state, "1.weight") == rank(state, "5.weight") == 4 and np.shape(state.get("28.weight"))[:1] == (3,)
    return "adain/decoder" if decoder else None


def parts_of(path, kind: str, state: dict, read: Callable) -> tuple:
    """{network: its state_dict} of the file at ``path``, of a decoder with the encoder beside it, and remarks.

    ``read(path)`` gives another file's kind and parts.
    """
    beside = Path(path).with_name(ENCODER_FILE)
    if kind == "adain/encoder":
        return {"encoder": without_rest(state)}, left_out(state)
    if not beside.exists():
        alone = f"no {ENCODER_FILE} beside it: this is the decoder alone, enough for --init; sample.py needs both"
        return {"decoder": state}, [alone]
    found, theirs = read(beside)
    if found != "adain/encoder":
        raise UserError(f"{beside}, beside {Path(path).name}, is no encoder of AdaIN; move it away, or rename it")
    remarks = [f"with {ENCODER_FILE}, which is beside it", *left_out(theirs[found])]
    return {"decoder": state, "encoder": without_rest(theirs[found])}, remarks


def left_out(state: dict) -> list:
    """A remark on the convolutions of an encoder's ``state`` that are not read."""
    count = sum(bool(re.fullmatch(BEHIND, key)) for key in state) // 2
    return [f"of the encoder, {count} convolutions behind relu4_1 are left out, as nothing uses them"] if count else []


def without_rest(state: dict) -> dict:
    """An encoder's ``state`` up to relu4_1."""
    return {key: value for key, value in state.items() if not re.fullmatch(BEHIND, key)}


def architecture_of(parts: dict, where: str) -> tuple:
    """The architecture of the state_dicts ``parts``, and remarks. Raises UserError where they do not go together."""
    keys = {"decoder": ("25.weight", 1), "encoder": ("2.weight", 0)}
    widths = {name: convolution_shape(state, keys[name][0], f"{where}, {name}")[keys[name][1]]
              for name, state in parts.items()}  # fmt: skip
    if len(set(widths.values())) > 1:
        told = " and ".join(f"{name} is {width} wide" for name, width in widths.items())
        raise UserError(f"{where}: the {told}; give two files that go together")
    remarks = [f"the networks take pictures of any size; no file tells theirs, and {AUTHORS_SIZE} px are noted"]
    return {"img_size": AUTHORS_SIZE, "width": next(iter(widths.values()))}, remarks
