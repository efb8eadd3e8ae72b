"""Discriminator D(x, y): one logit for each domain, of which the sample's own counts (section 2.1)."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets import domains
from ppstargan.nets.blocks import he_initialise
from ppstargan.nets.resample import Conv2D
from ppstargan.nets.style_encoder import downsampling_trunk


class Discriminator(nn.Layer):
    """The style encoder's trunk, then a 1x1 convolution with an output for each domain."""

    def __init__(self, img_size: int = 256, num_domains: int = 2, channel_base: int = 2**14, max_channels: int = 512):
        super().__init__()
        layers, width = downsampling_trunk(img_size, channel_base, max_channels)
        self.main = nn.Sequential(*layers, Conv2D(width, num_domains, 1))
        self.per_domain = (f"main.{len(layers)}.",)  # where parameters belong to the domains, and not to all
        he_initialise(self)

    def forward(self, x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """x [N, 3, H, W] in [-1, 1] and int64 labels y [N] -> logits [N] of "real in domain y"."""
        *trunk, head = self.main
        for layer in trunk:
            x = layer(x)
        weight = head.weight.reshape([*head.weight.shape[:2], 1])  # [D, C, 1]: a linear layer for each domain
        return domains.linear(x.reshape([x.shape[0], -1]), weight, head.bias.unsqueeze(1), y).squeeze(1)
