"""Convolutions: the plain one, and those next to a resampling as one convolution with stride 2.

A 3x3 convolution (padding 1) behind which only a 2x2 average pool stands is a 4x4 convolution with stride 2 and
padding 1; nearest upsampling in front of a 3x3 convolution is a 4x4 transposed convolution with stride 2 and
padding 1. The 4x4 kernel is a linear map of the 3x3 parameter, so parameters, gradients and second derivatives
stay those of the plain form, and the multiplications fall from 9 to 4 a pixel of the larger image.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.convolution import Linear, conv2d, conv2d_transpose
from ppstargan.nets.in_order import doubled


@functools.lru_cache(maxsize=None)
def _spread(kind: str, dtype: str, device: str) -> paddle.Tensor:
    """Constant [9, 16] matrix on ``device`` that takes a flat 3x3 kernel to the flat 4x4 one."""
    matrix = np.zeros((3, 3, 4, 4), dtype)
    for row, column, down, right in itertools.product(range(3), range(3), range(2), range(2)):
        if kind == "pool":
            matrix[row, column, row + down, column + right] = 0.25
        else:  # a transposed convolution scatters, so the kernel is flipped
            matrix[row, column, 2 - row + down, 2 - column + right] = 1.0
    return paddle.to_tensor(matrix.reshape(9, 16))


def _kernel_4x4(weight: paddle.Tensor, kind: str) -> paddle.Tensor:
    first, second = weight.shape[:2]
    spread = _spread(kind, dtype_name(weight), paddle.get_device())
    return paddle.matmul(weight.reshape([first * second, 9]), spread).reshape([first, second, 4, 4])


def _to_3x3(kernel: paddle.Tensor, kind: str) -> paddle.Tensor:
    first, second = kernel.shape[:2]
    spread = _spread(kind, dtype_name(kernel), paddle.get_device())
    return paddle.matmul(kernel.reshape([first * second, 16]), spread, transpose_y=True).reshape([first, second, 3, 3])


_POOLED = Linear(
    lambda shape: [*shape[:2], 4, 4],
    lambda weight: _kernel_4x4(weight, "pool"),
    lambda kernel: _to_3x3(kernel, "pool"),
)
_UPSAMPLED = Linear(  # a transposed convolution has its inputs first
    lambda shape: [shape[1], shape[0], 4, 4],
    lambda weight: _kernel_4x4(weight, "upsample").transpose([1, 0, 2, 3]),
    lambda kernel: _to_3x3(kernel.transpose([1, 0, 2, 3]), "upsample"),
)


class Conv2D(nn.Conv2D):
    """``paddle.nn.Conv2D`` with a faster sum of the bias, which leaves half precision as it is."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return conv2d(x, self.weight, self.bias, self._stride, self._padding)


class Conv2DTranspose(nn.Conv2DTranspose):
    """``paddle.nn.Conv2DTranspose`` with the sum of ``Conv2D``."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return conv2d_transpose(x, self.weight, self.bias, self._stride, self._padding, self.output_padding)


def conv_pool(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``avg_pool2d(conv2d(x, weight, bias, padding=1), 2)``: [N, C, H, W] -> [N, D, H/2, W/2], H and W even.

    ``weight`` is the 3x3 parameter [D, C, 3, 3].
    """
    return conv2d(x, weight, bias, stride=2, padding=1, by=_POOLED)


def upsample_conv(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``conv2d(upsample(x), weight, bias, padding=1)``: [N, C, H, W] -> [N, D, 2H, 2W], nearest upsampling.

    ``weight`` is the 3x3 parameter [D, C, 3, 3].
    """
    return conv2d_transpose(x, weight, bias, stride=2, padding=1, by=_UPSAMPLED)


def pool(x: paddle.Tensor) -> paddle.Tensor:
    """2x2 average pool: [N, C, H, W] -> [N, C, H/2, W/2], H and W even."""
    c, h, w = x.shape[1:]
    if not _narrow_on_cpu(w // 2):
        return F.avg_pool2d(x, 2)
    rows = x.reshape([-1, 2 * w])  # two rows of pixels behind each other
    return paddle.matmul(rows, _matrix("pool", w // 2, dtype_name(x))).reshape([-1, c, h // 2, w // 2])


def upsample(x: paddle.Tensor) -> paddle.Tensor:
    """Nearest upsampling by two: [N, C, H, W] -> [N, C, 2H, 2W]."""
    c, h, w = x.shape[1:]
    if not _narrow_on_cpu(w):
        return doubled(x)
    rows = x.reshape([-1, w])
    return paddle.matmul(rows, _matrix("upsample", w, dtype_name(x))).reshape([-1, c, 2 * h, 2 * w])


def _narrow_on_cpu(width: int) -> bool:
    # There both are up to ten times as fast as products; the wider the rows, the more of a product are zeros.
    return width <= 128 and paddle.get_device() == "cpu"


@functools.lru_cache(maxsize=None)
def _matrix(kind: str, width: int, dtype: str) -> paddle.Tensor:
    """Constant matrix between a row of ``width`` pixels and the two rows of twice its width."""
    upsampling = np.tile(np.kron(np.eye(width, dtype=dtype), np.ones((1, 2), dtype)), (1, 2))  # [width, 4 width]
    return paddle.to_tensor(upsampling if kind == "upsample" else upsampling.T / 4)


def dtype_name(x: paddle.Tensor) -> str:
    """"float32", say."""
    return str(x.dtype).split(".")[-1]
