"""Residual blocks with instance normalisation or AdaIN, the high-pass filter, and the initialisation."""

from __future__ import annotations

import functools
import math

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets import resample
from ppstargan.nets.activation import leaky_relu
from ppstargan.nets.domains import DomainLinear
from ppstargan.nets.norms import AdaIN, ScaledInstanceNorm
from ppstargan.nets.resample import Conv2D

SLOPE = 0.2  # of every leaky ReLU


def channel_widths(img_size: int, levels: int, channel_base: int, max_channels: int) -> list:
    """Channels before and after each of ``levels`` downsamplings: ``channel_base / r`` at r px, capped."""
    first = max(channel_base // img_size, 1)
    return [min(first << level, max_channels) for level in range(levels + 1)]


def he_initialise(net: nn.Layer) -> nn.Layer:
    """He initialisation (normal, fan in, gain of ReLU) of every convolution and linear layer; biases 0."""
    for layer in net.sublayers():
        if not isinstance(layer, (nn.Conv2D, nn.Linear, DomainLinear)):
            continue
        shape = layer.weight.shape
        fan_in = int(np.prod(shape[1:])) if isinstance(layer, nn.Conv2D) else shape[-2]
        nn.initializer.Normal(0.0, math.sqrt(2.0 / fan_in))(layer.weight)
        if layer.bias is not None:
            nn.initializer.Constant(0.0)(layer.bias)
    return net


class ResBlk(nn.Layer):
    """Pre-activation residual block, [N, C, H, W] -> [N, D, H, W] or, downsampling, [N, D, H/2, W/2]."""

    def __init__(self, dim_in: int, dim_out: int, normalize: bool = False, downsample: bool = False):
        super().__init__()
        self.downsample = downsample
        self.conv1 = Conv2D(dim_in, dim_in, 3, padding=1)
        self.conv2 = Conv2D(dim_in, dim_out, 3, padding=1)
        self.norm1 = ScaledInstanceNorm(dim_in) if normalize else None
        self.norm2 = ScaledInstanceNorm(dim_in) if normalize else None
        self.conv1x1 = Conv2D(dim_in, dim_out, 1, bias_attr=False) if dim_in != dim_out else None

    def shortcut(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [N, D, H, W] or [N, D, H/2, W/2], by a 1x1 convolution where D is not C."""
        if self.downsample:  # a 1x1 convolution commutes with the pool: pool first, at a quarter of the cost
            x = resample.pool(x)
        return x if self.conv1x1 is None else self.conv1x1(x)

    def residual(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [N, D, H, W] or [N, D, H/2, W/2], by two convolutions."""
        x = x if self.norm1 is None else self.norm1(x)
        x = leaky_relu(x, SLOPE)
        if self.downsample:
            x = resample.conv_pool(x, self.conv1.weight, self.conv1.bias)
        else:
            x = self.conv1(x)
        x = x if self.norm2 is None else self.norm2(x)
        return self.conv2(leaky_relu(x, SLOPE))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return (self.shortcut(x) + self.residual(x)) / math.sqrt(2)


class AdainResBlk(nn.Layer):
    """Residual block of the decoder, [N, C, H, W] -> [N, D, H, W] or, upsampling, [N, D, 2H, 2W].

    With ``w_hpf > 0`` the block has no shortcut in its sum: the high-pass features take its place (appendix of the
    paper). The shortcut's convolution stays a parameter, since the authors' checkpoints hold it.
    """

    def __init__(self, dim_in: int, dim_out: int, style_dim: int, w_hpf: float = 0, upsample: bool = False):
        super().__init__()
        self.w_hpf = w_hpf
        self.upsample = upsample
        self.conv1 = Conv2D(dim_in, dim_out, 3, padding=1)
        self.conv2 = Conv2D(dim_out, dim_out, 3, padding=1)
        self.norm1 = AdaIN(style_dim, dim_in)
        self.norm2 = AdaIN(style_dim, dim_out)
        self.conv1x1 = Conv2D(dim_in, dim_out, 1, bias_attr=False) if dim_in != dim_out else None

    def shortcut(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [N, D, H, W] or [N, D, 2H, 2W], by a 1x1 convolution where D is not C."""
        x = x if self.conv1x1 is None else self.conv1x1(x)
        return resample.upsample(x) if self.upsample else x

    def residual(self, x: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
        """x [N, C, H, W] in the style s [N, S] -> [N, D, H, W] or [N, D, 2H, 2W], by two convolutions."""
        x = leaky_relu(self.norm1(x, s), SLOPE)
        if self.upsample:
            x = resample.upsample_conv(x, self.conv1.weight, self.conv1.bias)
        else:
            x = self.conv1(x)
        return self.conv2(leaky_relu(self.norm2(x, s), SLOPE))

    def forward(self, x: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
        if self.w_hpf > 0:
            return self.residual(x, s)
        return (self.shortcut(x) + self.residual(x, s)) / math.sqrt(2)


def high_pass(x: paddle.Tensor, w_hpf: float) -> paddle.Tensor:
    """Laplacian of each channel divided by ``w_hpf``: [N, C, H, W] -> the same shape, zero padding."""
    channels = x.shape[1]
    weight = _laplacian(channels, w_hpf, resample.dtype_name(x), paddle.get_device())
    return F.conv2d(x, weight, padding=1, groups=channels)


@functools.lru_cache(maxsize=None)  # made at every call, it would be copied to a GPU 24 times an iteration
def _laplacian(channels: int, w_hpf: float, dtype: str, device: str) -> paddle.Tensor:
    """Constant kernel [channels, 1, 3, 3] on ``device``."""
    kernel = -np.ones((3, 3), np.float32)
    kernel[1, 1] = 8
    return paddle.to_tensor(np.tile(kernel / w_hpf, (channels, 1, 1, 1)), dtype=dtype)
