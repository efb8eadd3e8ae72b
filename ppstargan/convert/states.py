"""The state_dict of one PyTorch network <-> the arrays of ours."""

from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import paddle

from ppstargan.convert.names import in_paddle, in_torch, names, torch_shape
from ppstargan.convert.recognise import some
from ppstargan.errors import UserError

COUNTER = "num_batches_tracked"  # of PyTorch's batch norms; Paddle's own have none, and old files neither


def from_torch(state: dict, net: paddle.nn.Layer, where: str, unused: str = "") -> dict:
    """The state_dict of a PyTorch network, {its name: array}, as {our name: float32 array in Paddle's layout}.

    ``net`` is our network, for its names and shapes; entries that match ``unused`` may be left over. Raises UserError
    for any other left-over entry, a missing one, or one of another shape.
    """
    rows, ours = names(net), net.state_dict()  # once: Paddle 2.6.2 takes 15 ms for Inception's
    shapes = {name.torch: torch_shape(name, ours[name.paddle].shape) for name in rows}
    kept = {k: v for k, v in state.items() if k in shapes or not re.fullmatch(f"{unused}|(.*\\.)?{COUNTER}", k)}
    kept.update({k: np.zeros((), np.int64) for k in shapes if k.endswith(COUNTER) and k not in kept})
    check(kept, shapes, where)
    with np.errstate(over="ignore"):  # what float32 cannot hold is named before it is written
        return {
            key: value.astype("int64" if key.endswith(COUNTER) else "float32", copy=False)
            for key, value in in_paddle(rows, kept).items()
        }


def to_torch(values: dict, net: paddle.nn.Layer, where: str) -> OrderedDict:
    """The way back of ``from_torch``: the state_dict that PyTorch's ``load_state_dict`` takes. Raises UserError."""
    check(values, {name: tuple(value.shape) for name, value in net.state_dict().items()}, where)
    state = OrderedDict()
    for key, value in in_torch(names(net), values).items():
        state[key] = value
        if key.endswith("running_var"):
            state[key[: -len("running_var")] + COUNTER] = np.zeros((), np.int64)
    return state


def check(values: dict, shapes: dict, where: str) -> None:
    """Raises UserError unless ``values`` are floating-point arrays of exactly the names and shapes in ``shapes``.

    The counters of batch norms are whole numbers.
    """
    missing = [key for key in shapes if key not in values]
    left = [key for key in values if key not in shapes]
    if missing or left:
        parts = [f"lacks {some(missing)}"] * bool(missing) + [f"has the unknown {some(left)}"] * bool(left)
        raise UserError(f"{where} {' and '.join(parts)}; only the authors' architecture can be converted")
    for key, shape in shapes.items():
        kind, numbers = ("i", "whole") if key.endswith(COUNTER) else ("f", "floating-point")
        if not isinstance(values[key], np.ndarray) or values[key].dtype.kind != kind:
            raise UserError(f"{where}: {key} is no tensor of {numbers} numbers; save it as the authors' code does")
        if values[key].shape != shape:
            raise UserError(f"{where}: {key} has shape {list(values[key].shape)} in the file, not {list(shape)}")
