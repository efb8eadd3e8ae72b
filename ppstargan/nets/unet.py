"""pix2pix's generator, a U-Net: halvings down to the bottom, doublings back, and at each size what was there before."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.norms import BatchNorm
from ppstargan.nets.patchgan import convolution, norm_of, normal, zeros
from ppstargan.nets.resample import Conv2DTranspose

FEWEST = 2  # levels
DROPPED = 4  # the first level with dropout: the first whose widths are both the widest


class Level(nn.Layer):
    """x and, behind its channels, what ``layers`` make of it: down, the level below, and up to the same size."""

    def __init__(self, layers: list):
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return paddle.concat([x, self.model(x).astype(x.dtype)], axis=1)  # under autocast, norms may be in float32


class Outermost(Level):
    """The level that makes the image, and passes nothing by."""

    def forward(self, x):
        return self.model(x)


class UNet(nn.Layer):
    """Images [N, in_channels, H, W] -> [N, out_channels, H, W] in [-1, 1]; H and W are multiples of 2^``levels``.

    Each level halves, to twice the width of the one above it and 8 ``width`` at most. ``norm`` is "batch", "instance"
    or "none"; with ``dropout``, half of the values are dropped in the levels between the fourth and the innermost.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        levels: int,
        norm: str = "batch",
        dropout: bool = False,
    ):
        super().__init__()
        if levels < FEWEST:
            raise ValueError(f"a U-Net needs {FEWEST} levels, not {levels}")
        widths = [width * min(2**i, 8) for i in range(levels)]
        below: list = []  # the level under the one being built, from the bottom up
        for i in reversed(range(1, levels)):
            outer, inner, innermost = widths[i - 1], widths[i], i == levels - 1
            down = [LeakyReLU(0.2), convolution(outer, inner, 4, 2, 1, norm)]
            up = [nn.ReLU(), _doubling(inner if innermost else 2 * inner, outer, norm), norm_of(norm, outer)]
            if not innermost:
                down.append(norm_of(norm, inner))
                up += [nn.Dropout(0.5)] * (dropout and i >= DROPPED)
            below = [Level([*down, *below, *up])]
        first, last = convolution(in_channels, width, 4, 2, 1, norm), _doubling(2 * width, out_channels)
        self.model = Outermost([first, *below, nn.ReLU(), last, nn.Tanh()])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.model(x)


def _doubling(wide: int, narrow: int, norm: str | None = None) -> Conv2DTranspose:
    """A transposed convolution to twice the size, with a bias where ``convolution`` has one."""
    bias = zeros() if norm in (None, "instance") else False
    return Conv2DTranspose(wide, narrow, 4, 2, 1, weight_attr=normal(), bias_attr=bias)


@paddle.no_grad()
def each_by_itself(net: nn.Layer, x: paddle.Tensor) -> paddle.Tensor:
    """What ``net`` makes of each of x [N, C, H, W] when batch norms see it alone, as in training with a batch of 1.

    Without dropout; the running statistics are then as they were.
    """
    before = [(buffer, buffer.clone()) for buffer in net.buffers()]
    was_training = net.training
    net.eval()
    for layer in net.sublayers():
        if isinstance(layer, BatchNorm):
            layer.train()
    y = paddle.concat([net(one) for one in x.split([1] * x.shape[0])])
    for buffer, value in before:
        paddle.assign(value, buffer)
    if was_training:
        net.train()
    else:
        net.eval()
    return y
