"""Generator G(x, s): a source image in the style of a code (section 2.1 and appendix, table of G)."""

from __future__ import annotations

import math
from typing import NamedTuple

import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.blocks import SLOPE, AdainResBlk, ResBlk, channel_widths, he_initialise, high_pass
from ppstargan.nets.norms import ScaledInstanceNorm
from ppstargan.nets.resample import Conv2D

HIGH_PASS_SIZES = (32, 64, 128)  # px at which the source's high-pass features enter the decoder


class Content(NamedTuple):
    """What the decoder needs of a source image; it does not depend on the style."""

    bottleneck: paddle.Tensor  # [N, C, H/16, W/16]; with w_hpf > 0 [N, C, H/32, W/32]
    high_pass: dict  # size in px -> the encoder's features at that size, [N, C, size, size]


class Generator(nn.Layer):
    """Encoder with instance norm, decoder with AdaIN.

    ``img_size`` is a power of two of at least 32; the features at r px have ``channel_base / r`` channels, at most
    ``max_channels``. ``w_hpf`` > 0 divides the high-pass filter of the masked skip connections; 0 leaves them out.
    """

    def __init__(
        self,
        img_size: int = 256,
        style_dim: int = 64,
        w_hpf: float = 0,
        channel_base: int = 2**14,
        max_channels: int = 512,
    ):
        super().__init__()
        self.w_hpf = w_hpf
        # Down to 16 px at 256 px; one level deeper where high-pass features help to carry the layout.
        levels = int(math.log2(img_size)) - 4 + (1 if w_hpf > 0 else 0)
        widths = channel_widths(img_size, levels, channel_base, max_channels)
        encode, decode = [], []
        for dim_in, dim_out in zip(widths, widths[1:]):
            encode.append(ResBlk(dim_in, dim_out, normalize=True, downsample=True))
            decode.insert(0, AdainResBlk(dim_out, dim_in, style_dim, w_hpf, upsample=True))
        for _ in range(2):
            encode.append(ResBlk(widths[-1], widths[-1], normalize=True))
            decode.insert(0, AdainResBlk(widths[-1], widths[-1], style_dim, w_hpf))

        self.from_rgb = Conv2D(3, widths[0], 3, padding=1)
        self.encode = nn.LayerList(encode)
        self.decode = nn.LayerList(decode)
        self.to_rgb = nn.Sequential(ScaledInstanceNorm(widths[0]), LeakyReLU(SLOPE), Conv2D(widths[0], 3, 1))
        he_initialise(self)

    def encode_content(self, x: paddle.Tensor) -> Content:
        """The style-independent half for x [N, 3, H, W] in [-1, 1]."""
        features = {}
        x = self.from_rgb(x)
        for block in self.encode:
            if self.w_hpf > 0 and x.shape[2] in HIGH_PASS_SIZES:
                features[x.shape[2]] = x
            x = block(x)
        return Content(x, features)

    def decode_content(self, content: Content, s: paddle.Tensor, masks=None) -> paddle.Tensor:
        """The image [N, 3, H, W] that ``content`` gives in the style s [N, style_dim].

        ``masks`` are the two of ``face.masks``, each [N, 1, M, M] in [0, 1], and belong to w_hpf > 0.
        """
        x = content.bottleneck
        for block in self.decode:
            x = block(x, s)
            size = x.shape[2]
            if masks is not None and size in content.high_pass:
                # The coarse level takes the mask of the whole face, the finer ones that of eyes and nose.
                mask = F.interpolate(masks[0 if size == 32 else 1], size=[size, size], mode="bilinear")
                edges = content.high_pass[size]
                mask = mask if mask.dtype == edges.dtype else mask.astype(edges.dtype)  # edges stay in half precision
                x = x + high_pass(mask * edges, self.w_hpf)
        return self.to_rgb(x)

    def forward(self, x: paddle.Tensor, s: paddle.Tensor, masks=None) -> paddle.Tensor:
        """x [N, 3, H, W] in [-1, 1] and s [N, style_dim] -> [N, 3, H, W], about [-1, 1], not clipped."""
        return self.decode_content(self.encode_content(x), s, masks)
