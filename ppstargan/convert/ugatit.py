"""U-GAT-IT's NAME_params_0100000.pt: one dict of the state_dicts of all six networks, whose shapes tell all sizes."""

from __future__ import annotations

import math
import re

import numpy as np

from ppstargan.errors import UserError
from ppstargan.nets.ugatit import DISCRIMINATORS, GENERATORS

DESCRIPTION = "the networks of a U-GAT-IT run (the authors' *_params_*.pt)"
NETWORKS = (*GENERATORS, *DISCRIMINATORS)
AUTHORS_SIZE = 256  # px; a light model's file does not tell its own


def architecture_of(parts: dict, where: str) -> tuple:
    """The architecture of the state_dicts ``parts`` of the six networks, and remarks to print.

    Raises UserError where a layer that tells it is missing, or of no shape that the authors' has.
    """
    generator = parts[GENERATORS[0]]
    width = _shape(generator, "DownBlock.1.weight", 4, f"{where}, {GENERATORS[0]}")[0]
    inner, inputs = _shape(generator, "FC.0.weight", 2, f"{where}, {GENERATORS[0]}")
    light, remarks = inputs == inner, []
    img_size = AUTHORS_SIZE if light else 4 * math.isqrt(inputs // inner)
    if light:
        remarks = [f"a light model takes images of any size; its file does not tell it, and {img_size} is noted"]
    elif inner * (img_size // 4) ** 2 != inputs:
        what = f"FC.0 takes {inputs} numbers, which are no square of {inner} channels"
        raise UserError(f"{where}, {GENERATORS[0]}: {what}; only the authors' architecture can be converted")
    return {
        "img_size": img_size,
        "light": light,
        "g_width": width,
        "d_width": _shape(parts["disGA"], "model.1.weight_orig", 4, f"{where}, disGA")[0],
        "blocks": _count(generator, r"UpBlock1_\d+\.conv1\.weight"),
        "global_layers": _count(parts["disGA"], r"model\.\d+\.weight_orig") + 1,
        "local_layers": _count(parts["disLA"], r"model\.\d+\.weight_orig") + 1,
    }, remarks


def _count(state: dict, pattern: str) -> int:
    return sum(bool(re.fullmatch(pattern, key)) for key in state)


def _shape(state: dict, key: str, dimensions: int, where: str) -> tuple:
    shape = np.shape(state.get(key))
    if len(shape) != dimensions or 0 in shape:
        raise UserError(f"{where} has no layer {key} as the authors'; only their architecture can be converted")
    return shape
