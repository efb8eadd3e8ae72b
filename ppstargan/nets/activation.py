"""The leaky ReLU: on a CPU it keeps its output for the gradient, as the convolution behind it does, not its input."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.autograd import PyLayer
from paddle.nn import functional as F

from ppstargan.nets import onednn


def leaky_relu(x: paddle.Tensor, slope: float) -> paddle.Tensor:
    """``F.leaky_relu`` with a ``slope`` above 0. On a CPU by oneDNN, on all threads."""
    return _LeakyReLU.apply(x, slope) if x.ndim and onednn.takes(x) else F.leaky_relu(x, slope)


class LeakyReLU(nn.LeakyReLU):
    """The layer ``leaky_relu``."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return leaky_relu(x, self._negative_slope)


class _LeakyReLU(PyLayer):
    @staticmethod
    def forward(ctx, x, slope):
        y = onednn.leaky_relu(tuple(x.shape), slope, False)(x)[0]
        ctx.save_for_backward(y.detach())  # y itself would hold what holds it
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensor()
        return _Sloped.apply(gradient, y, ctx.slope) if paddle.is_grad_enabled() else _sloped(gradient, y, ctx.slope)


class _Sloped(PyLayer):
    """``gradient`` where y is positive, and elsewhere ``slope`` times it: linear in it, and so its own gradient."""

    @staticmethod
    def forward(ctx, gradient, y, slope):
        ctx.save_for_backward(y)
        ctx.slope = slope
        return _sloped(gradient, y, slope)

    @staticmethod
    def backward(ctx, gradient):
        return _Sloped.apply(gradient, *ctx.saved_tensor(), ctx.slope), None


def _sloped(gradient, y, slope):
    return onednn.leaky_relu(tuple(y.shape), slope, True)(y, gradient)[0]
