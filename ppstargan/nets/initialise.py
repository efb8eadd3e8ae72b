"""First weights: PyTorch's default of convolutions and linear layers, and He's."""

from __future__ import annotations

import math

import paddle
from paddle import nn


def uniform(fan_in: int) -> paddle.ParamAttr:
    """Uniform in +-1 / sqrt(fan_in), for a weight as for its bias. Paddle gives an attribute to one parameter each."""
    limit = 1 / math.sqrt(fan_in)
    return paddle.ParamAttr(initializer=nn.initializer.Uniform(-limit, limit))


def he(net: nn.Layer) -> None:
    """Gives the convolutions of ``net`` He's first weights, which keep the size of what goes through a ReLU network.

    By PyTorch's, it shrinks: what ten layers without norms pass on is next to nothing, and learning starts late.
    """
    for layer in net.sublayers():
        if isinstance(layer, nn.Conv2D):
            nn.initializer.KaimingNormal()(layer.weight)
            nn.initializer.Constant(0.0)(layer.bias)
