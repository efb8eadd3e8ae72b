"""Cases of the normalisation layers: outputs, gradients and running statistics of each, in training and in eval."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan.convert.names import in_paddle, names, torch_shape
from ppstargan.nets.norms import ILN, AdaILN, AdaIN, BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from ppstargan.parity import fill
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64, torch_arrays
from ppstargan.parity.steps import tensor

# Paddle 2 keeps the constants of an operation (an epsilon, a momentum) in float32, even between float64 tensors.
TOLERANCE = 1e-7 if paddle.__version__.startswith("2.") else 1e-12
OPTIONS = {"eps": "epsilon", "momentum": "momentum", "affine": "affine", "track_running_stats": "track"}
AROUND = {"rho": 0.5, "gamma": 1.0}  # what a kit adds to these parameters of ILN and AdaILN


def build(row: dict) -> paddle.nn.Layer:
    """The layer that ``row`` of a kit describes, with PyTorch's options under our names."""
    options = {OPTIONS[name]: value for name, value in row.get("options", {}).items()}
    kind, channels = row["layer"], row["shape"][1]
    if kind == "instance":
        if options.get("momentum", 0.1) is None:
            options["momentum"] = 0.0  # PyTorch's instance norm counts no batches, and then follows none
        return InstanceNorm(channels, **options)
    if kind == "layer":
        return LayerNorm(row["shape"][-row["axes"] :], **options)
    if kind == "group":
        return GroupNorm(row["groups"], channels, **options)
    if kind == "adain":
        return AdaIN(row["style_dim"], channels)
    return {"batch1d": BatchNorm, "batch2d": BatchNorm, "iln": ILN, "adailn": AdaILN}[kind](channels, **options)


def filled(layer: paddle.nn.Layer, tag: str) -> paddle.nn.Layer:
    """``layer`` with the kit's parameters and running statistics for ``tag``."""
    state, arrays = layer.state_dict(), {}
    rows = [row for row in names(layer) if row.torch != "num_batches_tracked"]
    for row in rows:
        value = fill.weight(f"norms/{tag}", row.torch, torch_shape(row, state[row.paddle].shape))
        arrays[row.torch] = np.float32(AROUND.get(row.torch, 0)) + value
    for key, value in in_paddle(rows, arrays).items():
        state[key].set_value(value.astype(np.float64))
    return layer


def beside(row: dict, start: str) -> dict:
    """What the layer of ``row`` takes with x: {the kit's name: tensor}, in the order of its arguments."""
    n, channels = row["shape"][:2]
    if row["layer"] == "adain":
        return {"style": tensor(fill.normal(f"{start}/style", (n, row["style_dim"])))}
    if row["layer"] != "adailn":
        return {}
    gamma, beta = (tensor(fill.normal(f"{start}/{name}", (n, channels))) for name in ("gamma", "beta"))
    return {"gamma": 1 + 0.5 * gamma, "beta": 0.5 * beta}


def layers(case: Case):
    """Yields the checks of every layer: a training pass, a second where it has statistics, and one in eval."""
    for tag, row in case.settings["layers"].items():
        start = f"{case.prefix}/{tag}"
        with float64():
            layer = filled(build(row), tag)
            x, x2 = (0.5 + 2 * tensor(fill.normal(f"{start}/{name}", row["shape"])) for name in ("x", "x2"))
            r = tensor(fill.normal(f"{start}/r", row["shape"]))
            inputs = {"x": x, **beside(row, start)}
            for mode in ("train", "eval"):
                getattr(layer, mode)()
                yield from _pass_checks(case, f"{tag}/{mode}", layer, inputs, r)
                if mode == "train":
                    yield from _statistics_checks(case, f"{tag}/after1/", layer)
                    layer(*{**inputs, "x": x2}.values())
                    yield from _statistics_checks(case, f"{tag}/after2/", layer)


def _pass_checks(case: Case, tag: str, layer: paddle.nn.Layer, inputs: dict, r: paddle.Tensor):
    for value in inputs.values():
        value.stop_gradient = False
        value.clear_gradient()
    layer.clear_gradients()
    out = layer(*inputs.values())
    (out * r).sum().backward()
    yield case.array(f"{tag}/out", out.numpy(), TOLERANCE)
    arrays = torch_arrays(layer, {name: p.grad for name, p in layer.named_parameters()})
    arrays.update({name: value.grad.numpy() for name, value in inputs.items()})
    for name, value in arrays.items():
        yield case.array(f"{tag}/grad/{name}", value, TOLERANCE)


def _statistics_checks(case: Case, start: str, layer: paddle.nn.Layer):
    statistics = torch_arrays(layer, dict(layer.named_buffers()))
    for name, value in statistics.items():
        yield case.array(f"{start}{name}", value, TOLERANCE)


KINDS = {"layers": layers}
