"""Operations whose gradients a GPU sums in any order, and the forms of them that it always sums in one.

Paddle's gradients of gathering, of nearest upsampling and of padding by reflection add atomically there, in the order
in which threads happen to come, so that the last digits differ from run to run. By ``choose``, the same values come
from products, copies and flips.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

FLAGS = {"FLAGS_cudnn_deterministic": True, "FLAGS_embedding_deterministic": 1}  # Paddle's, in its GPU builds alone
_chosen = False


def choose(chosen: bool) -> None:
    """Whether a GPU sums in one order from now on; a CPU does so anyway."""
    global _chosen
    _chosen = chosen and paddle.get_device().startswith("gpu")
    if _chosen:
        paddle.set_flags(FLAGS)


def rows(table: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """The rows y [N] of table [D, …]: [N, …]. The gradient of a row that is not among them is zeros."""
    if not _chosen:
        return table.gather(y)
    one_hot = F.one_hot(y, table.shape[0]).astype(table.dtype)
    if table.ndim == 2:  # a product would round to TF32, which matters to what is no factor of a next one
        return (one_hot.unsqueeze(2) * table).sum(axis=1)
    return paddle.matmul(one_hot, table.reshape([table.shape[0], -1])).reshape([-1, *table.shape[1:]])


def doubled(x: paddle.Tensor) -> paddle.Tensor:
    """Nearest upsampling by two: [N, C, H, W] -> [N, C, 2H, 2W]."""
    return copied(x) if _chosen else F.interpolate(x, scale_factor=2, mode="nearest")


def copied(x: paddle.Tensor) -> paddle.Tensor:
    """``doubled`` by copies."""
    channels, height, width = x.shape[1:]
    pixels = x.unsqueeze([3, 5]).expand([-1, channels, height, 2, width, 2])
    return pixels.reshape([-1, channels, 2 * height, 2 * width])


class Doubled(nn.Layer):
    """The layer ``doubled``."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return doubled(x)


class Reflected(nn.Pad2D):
    """x [N, C, H, W] with ``pixels`` more on each side, which reflect it: [N, C, H + 2 pixels, W + 2 pixels]."""

    def __init__(self, pixels: int):
        super().__init__(pixels, mode="reflect")
        self.pixels = pixels

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        # No super() and one return: Paddle 2 cannot trace the others.
        return flipped(x, self.pixels) if _chosen else nn.Pad2D.forward(self, x)


def flipped(x: paddle.Tensor, pixels: int) -> paddle.Tensor:
    """``Reflected`` by slices and flips."""
    for axis in (2, 3):
        size = x.shape[axis]
        before, after = (x.slice([axis], [start], [start + pixels]).flip(axis) for start in (1, size - 1 - pixels))
        x = paddle.concat([before, x, after], axis=axis)
    return x
