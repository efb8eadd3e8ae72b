"""The table of names: what each parameter is called in Paddle and in PyTorch, by the kind of its layer."""

from __future__ import annotations

from typing import Iterable, NamedTuple

import numpy as np
from paddle import nn

from ppstargan.nets.domains import DomainLinear
from ppstargan.nets.norms import ILN, AdaILN, BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from ppstargan.nets.spectral_norm import SpectralNorm

BOTH = {"weight": "weight", "bias": "bias"}
RUNNING = {"_mean": "running_mean", "_variance": "running_var"}
COUNT = {"num_batches_tracked": "num_batches_tracked"}  # Paddle's own batch norm has none

# Kind of layer -> Paddle's name -> PyTorch's. A convolution's names and layout are equal on both sides.
TABLE = {
    nn.Conv2D: BOTH,
    nn.Conv2DTranspose: BOTH,
    nn.Embedding: {"weight": "weight"},
    nn.Linear: BOTH,  # the weight is [in, out] in Paddle, [out, in] in PyTorch
    DomainLinear: BOTH,  # a Linear for each domain in PyTorch, one behind another here
    nn.InstanceNorm2D: {"scale": "weight", "bias": "bias"},
    nn.BatchNorm2D: {**BOTH, **RUNNING},
    BatchNorm: {**BOTH, **RUNNING, **COUNT},
    InstanceNorm: {**BOTH, **RUNNING, **COUNT},
    LayerNorm: BOTH,
    GroupNorm: BOTH,
    ILN: {"rho": "rho", "gamma": "gamma", "beta": "beta"},
    AdaILN: {"rho": "rho"},
    SpectralNorm: {"bias": "bias", "weight_orig": "weight_orig", "weight_u": "weight_u", "weight_v": "weight_v"},
}


class Name(NamedTuple):
    """What one entry of a network is called by Paddle and by PyTorch, and how its array differs."""

    paddle: str
    torch: str
    transposed: bool
    domain: int | None = None  # where the PyTorch array is one domain's row of Paddle's


def names(net: nn.Layer) -> list:
    """A ``Name`` for each entry of ``net.state_dict()``, and for each domain of a ``DomainLinear``: PyTorch's order."""
    found = []
    for prefix, layer in net.named_sublayers(include_self=True):
        table = next((rows for kind, rows in TABLE.items() if isinstance(layer, kind)), {})
        dot = prefix + "." if prefix else ""
        for paddle_name, torch_name in table.items():
            parameter = getattr(layer, paddle_name, None)
            if parameter is None:
                continue
            transposed = isinstance(layer, (nn.Linear, DomainLinear)) and paddle_name == "weight"
            if isinstance(layer, DomainLinear):  # unshared.2.weight -> unshared.DOMAIN.2.weight
                first, _, rest = dot.partition(".")
                torch_names = [f"{first}.{domain}.{rest}{torch_name}" for domain in range(parameter.shape[0])]
                found += [Name(dot + paddle_name, name, transposed, i) for i, name in enumerate(torch_names)]
            else:
                found.append(Name(dot + paddle_name, dot + torch_name, transposed))
    unnamed = set(net.state_dict()) - {name.paddle for name in found}
    if unnamed:
        raise TypeError(f"no row in the table of names for {sorted(unnamed)} of {type(net).__name__}")
    # PyTorch's order is branch by branch, behind the layers that all share.
    return sorted(found, key=lambda name: -1 if name.domain is None else name.domain)


def torch_shape(name: Name, shape: Iterable[int]) -> tuple:
    """The shape of the PyTorch array whose Paddle array has ``shape``."""
    own = tuple(shape) if name.domain is None else tuple(shape)[1:]
    return own[::-1] if name.transposed else own


def in_paddle(rows: list, arrays: dict) -> dict:
    """{PyTorch's name: array} -> {Paddle's name: array in Paddle's layout}, for all of ``rows``."""
    found = {}
    for name in rows:
        found.setdefault(name.paddle, []).append(arrays[name.torch].T if name.transposed else arrays[name.torch])
    stacked = {name.paddle for name in rows if name.domain is not None}
    return {key: _contiguous(np.stack(parts) if key in stacked else parts[0]) for key, parts in found.items()}


def _contiguous(value: np.ndarray) -> np.ndarray:
    """``value``, which may be a transposed view, in a row; NumPy would make one dimension of none."""
    return np.ascontiguousarray(value).reshape(np.shape(value))


def in_torch(rows: list, values: dict) -> dict:
    """The way back of ``in_paddle``, for those of ``rows`` that ``values`` has."""
    found = {}
    for name in rows:
        if name.paddle in values:
            value = values[name.paddle] if name.domain is None else values[name.paddle][name.domain]
            found[name.torch] = _contiguous(value.T if name.transposed else value)
    return found
