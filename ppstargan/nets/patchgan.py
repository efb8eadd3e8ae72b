"""The discriminators of pix2pix's and CycleGAN's authors, which judge every patch of an image, or every pixel."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.norms import BatchNorm, InstanceNorm
from ppstargan.nets.resample import Conv2D

NORMS = ("instance", "batch", "none")
DEVIATION = 0.02  # of the first weights


def normal(mean: float = 0.0) -> paddle.ParamAttr:
    """First weights around ``mean``. Paddle gives an attribute to one parameter each."""
    return paddle.ParamAttr(initializer=nn.initializer.Normal(mean, DEVIATION))


def zeros() -> paddle.ParamAttr:
    """First biases."""
    return paddle.ParamAttr(initializer=nn.initializer.Constant(0.0))


def norm_of(norm: str, channels: int) -> nn.Layer:
    """The layer of one of ``NORMS``; only batch norm has weights."""
    if norm == "batch":
        return BatchNorm(channels, weight_attr=normal(1.0))
    return InstanceNorm(channels) if norm == "instance" else nn.Identity()


def convolution(narrow: int, wide: int, kernel: int, stride: int, padding: int, norm: str | None = None) -> Conv2D:
    """A convolution. The ``norm`` behind it says whether it has a bias: the authors' has one before instance norm."""
    bias = zeros() if norm in (None, "instance") else False
    return Conv2D(narrow, wide, kernel, stride, padding, weight_attr=normal(), bias_attr=bias)


class PatchGAN(nn.Layer):
    """Images [N, channels, H, W] -> logits [N, 1, h, w], one for each patch: of 70 px for 3 ``layers``, 34 for 2.

    ``layers`` convolutions halve the image, and two more look at it at that size; widths double to 8 ``width``.
    """

    def __init__(self, channels: int, width: int, layers: int = 3, norm: str = "instance"):
        super().__init__()
        found, narrow = [convolution(channels, width, 4, 2, 1), LeakyReLU(0.2)], width
        for i in range(1, layers + 1):
            wide = width * min(2**i, 8)
            found += [convolution(narrow, wide, 4, 2 if i < layers else 1, 1, norm), norm_of(norm, wide)]
            found += [LeakyReLU(0.2)]
            narrow = wide
        self.model = nn.Sequential(*found, convolution(narrow, 1, 4, 1, 1))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.model(x)


class PixelGAN(nn.Layer):
    """Images [N, channels, H, W] -> logits [N, 1, H, W], each by its own pixel, beside what a norm tells it."""

    def __init__(self, channels: int, width: int, norm: str = "instance"):
        super().__init__()
        self.net = nn.Sequential(
            convolution(channels, width, 1, 1, 0),
            LeakyReLU(0.2),
            convolution(width, 2 * width, 1, 1, 0, norm),
            norm_of(norm, 2 * width),
            LeakyReLU(0.2),
            convolution(2 * width, 1, 1, 1, 0, norm),
        )

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.net(x)
