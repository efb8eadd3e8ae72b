"""Spectral norm: a layer's weight divided by its largest singular value (Miyato et al., ICLR 2018), as in PyTorch."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.convolution import conv2d
from ppstargan.nets.initialise import uniform


class SpectralNorm(nn.Layer):
    """A layer whose weight is W / sigma, with sigma = u . (W v) for the matrix W [out, rest] of ``weight_orig``.

    Each forward in training moves the buffers, v to W^T u and u to W v, both of length 1: one round of the power
    iteration, towards the vectors of the largest singular value. Evaluation uses them as they are. The gradient goes
    through sigma into W, with u and v as constants.
    """

    def __init__(self, shape: list, bias: bool):
        super().__init__()
        fan_in = int(np.prod(shape[1:]))
        self.bias = self.create_parameter(shape[:1], attr=uniform(fan_in), is_bias=True) if bias else None
        self.weight_orig = self.create_parameter(shape, attr=uniform(fan_in))
        dtype = self.weight_orig.dtype
        self.register_buffer("weight_u", _unit(paddle.randn(shape[:1], dtype)))
        self.register_buffer("weight_v", _unit(paddle.randn([fan_in], dtype)))

    def weight(self) -> paddle.Tensor:
        """W / sigma in the shape of ``weight_orig``. In training it moves u and v, so it is to be called once."""
        with paddle.amp.auto_cast(enable=False):  # half precision would not tell how far u still has to go
            matrix = self.weight_orig.reshape([self.weight_orig.shape[0], -1])
            if self.training:  # new tensors in their places: the ones of before are in other passes' graphs
                self.weight_v = _unit(paddle.matmul(matrix.detach(), self.weight_u, transpose_x=True))
            stretched = paddle.matmul(matrix, self.weight_v)
            if self.training:
                self.weight_u = _unit(stretched.detach())
            return self.weight_orig / (self.weight_u * stretched).sum()


class SpectralConv2D(SpectralNorm):
    """Convolution without padding by a weight [outputs, inputs, size, size] under spectral norm."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, bias: bool = True):
        super().__init__([outputs, inputs, size, size], bias)
        self.stride = stride

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return conv2d(x, self.weight(), self.bias, self.stride)


class SpectralLinear(SpectralNorm):
    """Linear layer without bias under spectral norm. Its weight is [outputs, inputs], PyTorch's layout."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__([outputs, inputs], bias=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return F.linear(x, self.weight().transpose([1, 0]))


def vectors(nets) -> list:
    """[(layer, its u, its v), …] of all layers of ``nets`` that have them, as they are now, for ``put_back``."""
    layers = [layer for net in nets for layer in net.sublayers() if isinstance(layer, SpectralNorm)]
    return [(layer, layer.weight_u, layer.weight_v) for layer in layers]


def put_back(held: list) -> None:
    """Gives the layers the u and v that they had when ``vectors`` was called."""
    for layer, u, v in held:
        layer.weight_u, layer.weight_v = u, v


def _unit(x: paddle.Tensor) -> paddle.Tensor:
    return x / x.square().sum().sqrt().clip(min=1e-12)
