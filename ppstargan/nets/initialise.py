"""PyTorch's default initialisation of convolutions and linear layers."""

from __future__ import annotations

import math

import paddle
from paddle import nn


def uniform(fan_in: int) -> paddle.ParamAttr:
    """Uniform in +-1 / sqrt(fan_in), for a weight as for its bias. Paddle gives an attribute to one parameter each."""
    limit = 1 / math.sqrt(fan_in)
    return paddle.ParamAttr(initializer=nn.initializer.Uniform(-limit, limit))
