"""Branches: layers of which each domain has its own (section 2.1), computed for each sample's own domain alone."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.in_order import rows


def linear(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, y) -> paddle.Tensor:
    """Each sample's own linear layer: x [N, in], weight [D, in, out], bias [D, out] -> [N, out].

    ``y`` are int64 labels [N] in 0..D-1, or one domain as an int for all samples. The gradients of a domain that no
    sample has are zeros, not None, so Adam goes on with them as it does where all branches are computed.
    """
    if isinstance(y, int):
        return paddle.matmul(x, weight[y]) + bias[y]
    return paddle.matmul(x.unsqueeze(1), rows(weight, y)).squeeze(1) + rows(bias, y)


class DomainLinear(nn.Layer):
    """A linear layer for each domain, all in one weight [D, in, out] and one bias [D, out]."""

    def __init__(self, num_domains: int, dim_in: int, dim_out: int):
        super().__init__()
        self.weight = self.create_parameter([num_domains, dim_in, dim_out])
        self.bias = self.create_parameter([num_domains, dim_out], is_bias=True)

    def forward(self, x: paddle.Tensor, y) -> paddle.Tensor:
        return linear(x, self.weight, self.bias, y)
