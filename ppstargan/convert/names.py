"""The table of names: what each parameter is called in Paddle and in PyTorch, by the kind of its layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from paddle import nn

# Kind of layer -> Paddle's name -> PyTorch's. A convolution's names and layout are equal on both sides.
TABLE = {
    nn.Conv2D: {"weight": "weight", "bias": "bias"},
    nn.Linear: {"weight": "weight", "bias": "bias"},  # the weight is [in, out] in Paddle, [out, in] in PyTorch
    nn.InstanceNorm2D: {"scale": "weight", "bias": "bias"},
    nn.BatchNorm2D: {
        "weight": "weight",
        "bias": "bias",
        "_mean": "running_mean",
        "_variance": "running_var",
    },
}


class Name(NamedTuple):
    paddle: str
    torch: str
    transposed: bool


def names(net: nn.Layer) -> list:
    """A ``Name`` for each entry of ``net.state_dict()``, in its order."""
    found = []
    for prefix, layer in net.named_sublayers(include_self=True):
        table = next((rows for kind, rows in TABLE.items() if isinstance(layer, kind)), {})
        dot = prefix + "." if prefix else ""
        for paddle_name, torch_name in table.items():
            if getattr(layer, paddle_name, None) is not None:
                transposed = isinstance(layer, nn.Linear) and paddle_name == "weight"
                found.append(Name(dot + paddle_name, dot + torch_name, transposed))
    unnamed = set(net.state_dict()) - {name.paddle for name in found}
    if unnamed:
        raise TypeError(f"no row in the table of names for {sorted(unnamed)} of {type(net).__name__}")
    return found


def turn(array: np.ndarray, name: Name) -> np.ndarray:
    """``array`` in the other library's layout: a Linear weight is transposed, in both directions."""
    return np.ascontiguousarray(array.T) if name.transposed else array
