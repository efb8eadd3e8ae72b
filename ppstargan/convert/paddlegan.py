"""The networks of PaddleGAN's StarGAN v2 as the authors' state_dicts: the same functions, under Paddle's names.

PaddleGAN saves the networks that are trained (``iter_N_weight.pdparams``), not their moving averages. Its face masks
are no part of the file's networks, and another function than the authors': it scales every heatmap by the first one's
range. So a file's face alignment network is left out.
"""

from __future__ import annotations

import re

import numpy as np

from ppstargan.errors import UsageError, UserError
from ppstargan.format import foreign, safe_pickle
from ppstargan.nets.stargan_v2 import NETWORKS

DESCRIPTION = "the networks of a training run of PaddleGAN (iter_N_weight.pdparams)"
FAN_LEFT_OUT = "the file's fan is left out: masks come from the authors' wing.ckpt"


def load(path) -> dict | None:
    """The content of the file ``path`` where that is a pickle of a dict, as of ``paddle.save``; None for others."""
    try:
        with open(path, "rb") as file:
            content = None if foreign.is_torch(file.read(100)) else safe_pickle.load(file)
    except Exception:  # damaged, or no such pickle: whoever reads the other formats says more
        return None
    return content if isinstance(content, dict) else None


def state_dicts(content: dict, where: str) -> dict:
    """{network: the authors' state_dict} of the content of PaddleGAN's file.

    Raises UserError for the content of another file, and UsageError where that is ppstargan's own.
    """
    if isinstance(content.get("architecture"), dict):
        raise UsageError(f"{where} is ppstargan's own file already; give --reverse to convert it to PyTorch")
    if not foreign.is_paddlegan(content):
        raise UserError(
            f"{where} is a Paddle file with {foreign.described(content)}; of Paddle files StarGAN v2 of PaddleGAN "
            "alone can be converted, iter_N_weight.pdparams"
        )
    if any(re.search(r"_moment\d|^LR_Scheduler$|beta\d_pow_acc", str(key)) for key in content["generator"]):
        raise UserError(
            f"{where} holds optimisers under its networks' names, as iter_N_checkpoint.pdparams of PaddleGAN does; "
            "give iter_N_weight.pdparams of the same iteration"
        )
    return {name: _in_torch(content[name]) for name in NETWORKS if isinstance(content.get(name), dict)}


def _in_torch(state: dict) -> dict:
    """Instance norms have a ``scale`` there, and linear layers a transposed weight."""
    found = {}
    for key, value in state.items():
        if key != foreign.PADDLES_NAMES:
            linear = isinstance(value, np.ndarray) and value.ndim == 2 and key != "hpf.filter"
            found[re.sub(r"(norm[12]|to_rgb\.0)\.scale$", r"\1.weight", str(key))] = value.T if linear else value
    return found
