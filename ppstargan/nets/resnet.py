"""The residual generator of pix2pix's and CycleGAN's authors, after Johnson et al. (ECCV 2016)."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.in_order import Reflected
from ppstargan.nets.patchgan import convolution, norm_of, normal, zeros
from ppstargan.nets.resample import Conv2DTranspose


class ResnetBlock(nn.Layer):
    """x + two 3 x 3 convolutions of x, each behind reflected edges and normalised; [N, C, H, W] -> the same shape."""

    def __init__(self, channels: int, norm: str, dropout: bool):
        super().__init__()
        first, second = (
            [Reflected(1), convolution(channels, channels, 3, 1, 0, norm), norm_of(norm, channels)]
            for _ in range(2)
        )
        self.conv_block = nn.Sequential(*first, nn.ReLU(), *[nn.Dropout(0.5)] * dropout, *second)

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Layer):
    """Images [N, in_channels, H, W] -> [N, out_channels, H, W] in [-1, 1]; H and W are multiples of 4.

    ``norm`` is "instance", "batch" or "none"; ``blocks`` residual blocks at a quarter of the size, 4 ``width`` wide.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        blocks: int,
        norm: str = "instance",
        dropout: bool = False,
    ):
        super().__init__()
        layers = [Reflected(3), convolution(in_channels, width, 7, 1, 0, norm)]
        layers += [norm_of(norm, width), nn.ReLU()]
        for narrow in (width, 2 * width):
            layers += [convolution(narrow, 2 * narrow, 3, 2, 1, norm), norm_of(norm, 2 * narrow), nn.ReLU()]
        layers += [ResnetBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for narrow in (2 * width, width):
            layers += [_doubling(2 * narrow, narrow, norm), norm_of(norm, narrow), nn.ReLU()]
        layers += [Reflected(3), convolution(width, out_channels, 7, 1, 0), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.model(x)


def _doubling(wide: int, narrow: int, norm: str) -> Conv2DTranspose:
    """A transposed convolution to exactly twice the size: one more row and column, at the bottom and on the right."""
    bias = zeros() if norm == "instance" else False
    return Conv2DTranspose(wide, narrow, 3, 2, 1, output_padding=1, weight_attr=normal(), bias_attr=bias)
