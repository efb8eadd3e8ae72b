"""Counts the arithmetic of a training step from what it calls for, by shapes, without computing it.

Within ``counting``, each convolution and matrix product (``conv2d``, ``conv2d_transpose``, ``linear``, ``matmul``, and
Paddle's layers of these) gives zeros of the right shape, and a PyLayer stands for it in Paddle's own graph. A product
and its two gradients are one trilinear form: each is a product of the same size out of the other two. So the stand-in's
backward pass is stand-ins again, up to the second derivatives of a penalty, and Paddle's autograd decides which are
made: those that ``stop_gradient``, ``no_grad`` and ``paddle.grad`` leave out are not counted. Element-wise work runs as
ever, on zeros.

A multiplication and an addition count as two operations. Nothing but these products is counted.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from unittest import mock

import paddle
from paddle.autograd import PyLayer
from paddle.nn import functional as F

from ppstargan.nets import onednn, resample


class Tally:
    """What was counted so far: ``flop``."""

    def __init__(self):
        self.flop = 0
        self.asked = False  # inside paddle.grad, which leaves out the gradients of weights


class _Product(PyLayer):
    """Zeros of ``shape`` in place of a product of a and b, with its ``multiplications``; b is the weight, if any is."""

    @staticmethod
    def forward(ctx, a, b, shape, multiplications, tally):
        ctx.save_for_backward(a, b)
        ctx.rest = (multiplications, tally)
        ctx.wanted = (not a.stop_gradient, not b.stop_gradient)
        tally.flop += 2 * multiplications
        return paddle.zeros(shape, a.dtype)

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensor()
        for_a, for_b = ctx.wanted
        for_b = for_b and not ctx.rest[-1].asked
        return (
            _Product.apply(gradient, b, a.shape, *ctx.rest) if for_a else None,
            _Product.apply(a, gradient, b.shape, *ctx.rest) if for_b else None,
        )


def _pair(value) -> list:
    return [value, value] if isinstance(value, int) else list(value)


@contextmanager
def counting():
    """Within it, products are counted in the ``Tally`` that it yields, and give zeros. Biases are left out."""
    tally, grad = Tally(), paddle.grad

    def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, **_):
        assert _pair(dilation) == [1, 1], "not counted: dilation"
        steps = zip(x.shape[2:], weight.shape[2:], _pair(stride), _pair(padding))
        shape = [x.shape[0], weight.shape[0], *((n + 2 * p - k) // s + 1 for n, k, s, p in steps)]
        return _Product.apply(x, weight, shape, math.prod(shape) * math.prod(weight.shape[1:]), tally)

    def conv2d_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1, **_):
        assert (_pair(dilation), groups) == ([1, 1], 1), "not counted: dilation and groups"
        steps = zip(x.shape[2:], weight.shape[2:], _pair(stride), _pair(padding), _pair(output_padding))
        shape = [x.shape[0], weight.shape[1], *((n - 1) * s + k - 2 * p + more for n, k, s, p, more in steps)]
        return _Product.apply(x, weight, shape, math.prod(x.shape) * math.prod(weight.shape[1:]), tally)

    def matmul(x, weight, transpose_x=False, transpose_y=False, name=None):
        assert not transpose_y, "not counted: transpose_y"
        rows = [*x.shape[:-2], x.shape[-1], x.shape[-2]] if transpose_x else x.shape
        # Of a batch of weights [N, in, out], x [N, 1, in] meets each its own; a vector [in] takes the last axis away.
        shape = [*rows[:-1], *weight.shape[1:][-1:]]
        return _Product.apply(x, weight, shape, math.prod(shape) * rows[-1], tally)

    def linear(x, weight, bias=None, name=None):
        return matmul(x, weight)

    def asked_grad(*arguments, **options):
        tally.asked = True
        try:
            return grad(*arguments, **options)
        finally:
            tally.asked = False

    stand_ins = {"conv2d": conv2d, "conv2d_transpose": conv2d_transpose, "linear": linear}
    # All convolutions go through F, those of nn.Conv2D by _conv_nd, and no resampling by a product of a CPU's.
    with mock.patch.multiple(F, **stand_ins), mock.patch.multiple(paddle, matmul=matmul, grad=asked_grad), \
            mock.patch.object(F.conv, "_conv_nd", conv2d), \
            mock.patch.object(resample, "_narrow_on_cpu", lambda width: False), \
            mock.patch.object(onednn, "library", lambda: None):  # fmt: skip
        yield tally
