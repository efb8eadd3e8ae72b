"""The face alignment network's weights: where they are, and what gets them."""

from __future__ import annotations

import shlex
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets.fan import FAN

FAN_PATH = "data/wing.pdparams"
HOW_TO_GET = (
    "python tools/download.py wing, or convert the authors' wing.ckpt: "
    "python tools/convert_torch_weights.py wing.ckpt {path}"
)


def load_fan(path, advice: str = "") -> FAN:
    """The FAN with the weights in ``path``, a converted wing.ckpt.

    Raises UserError with the way to get them, and with the ``advice`` behind it.
    """
    how_to_get = HOW_TO_GET.format(path=shlex.quote(str(path))) + advice
    values = (checkpoint.load(path, how_to_get).get("nets") or {}).get("fan")
    if values is None:
        how_to_get = HOW_TO_GET.format(path=FAN_PATH) + advice  # and not over what the file holds
        raise UserError(f"{Path(path).absolute()} holds no face alignment network; {how_to_get}")
    fan = FAN()
    checkpoint.fill(fan, values, f"{Path(path).absolute()}, fan")
    return fan
