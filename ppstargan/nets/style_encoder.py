"""Style encoder E(x, y): the style code of a reference image in its domain (section 2.1)."""

from __future__ import annotations

import math

import paddle
from paddle import nn

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.blocks import SLOPE, ResBlk, channel_widths, he_initialise
from ppstargan.nets.domains import DomainLinear
from ppstargan.nets.resample import Conv2D


def downsampling_trunk(img_size: int, channel_base: int, max_channels: int):
    """Layers from an image [N, 3, H, W] to [N, C, 1, 1], and C: what E and D have in common (appendix)."""
    widths = channel_widths(img_size, int(math.log2(img_size)) - 2, channel_base, max_channels)
    layers = [Conv2D(3, widths[0], 3, padding=1)]
    layers += [ResBlk(dim_in, dim_out, downsample=True) for dim_in, dim_out in zip(widths, widths[1:])]
    width = widths[-1]
    layers += [LeakyReLU(SLOPE), Conv2D(width, width, 4), LeakyReLU(SLOPE)]
    return layers, width


class StyleEncoder(nn.Layer):
    """A trunk that all domains share, then one linear layer for each domain."""

    per_domain = ("unshared.",)  # where parameters belong to the domains, and not to all

    def __init__(
        self,
        img_size: int = 256,
        style_dim: int = 64,
        num_domains: int = 2,
        channel_base: int = 2**14,
        max_channels: int = 512,
    ):
        super().__init__()
        layers, width = downsampling_trunk(img_size, channel_base, max_channels)
        self.shared = nn.Sequential(*layers)
        self.unshared = DomainLinear(num_domains, width, style_dim)
        he_initialise(self)

    def forward(self, x: paddle.Tensor, y) -> paddle.Tensor:
        """x [N, 3, H, W] in [-1, 1] and int64 labels y [N], or one domain for all -> style codes [N, style_dim]."""
        h = self.shared(x)
        return self.unshared(h.reshape([h.shape[0], -1]), y)
