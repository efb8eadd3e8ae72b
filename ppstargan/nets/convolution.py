"""Convolutions: on a CPU by oneDNN, up to five times as fast as Paddle's own there, else by Paddle.

For an image x, a kernel w and y = conv(x, w), the gradients of x and w are convolutions of the same geometry, and so
are theirs in turn: of the three, each follows from the two others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import paddle
from paddle.autograd import PyLayer
from paddle.nn import functional as F

from ppstargan.nets import onednn
from ppstargan.nets.onednn import OTHERS

_inputs_alone = False


class Linear(NamedTuple):
    """A linear map from a layer's parameter to the kernel of its convolution, and the transposed map back."""

    kernel_shape: Callable  # of the parameter's shape
    kernel: Callable
    transposed: Callable


def conv2d(x: paddle.Tensor, weight: paddle.Tensor, bias=None, stride=1, padding=0, by: Linear | None = None):
    """``F.conv2d`` without groups and dilation: x [N, C, H, W], weight [D, C, h, w], bias [D] -> [N, D, H', W'].

    The kernel is ``weight`` or, with ``by``, made from it: at each use anew, so that no graph has to hold it.
    """
    geometry, shape = None, tuple(by.kernel_shape(weight.shape) if by else weight.shape)
    if _taken(shape, x, weight, *([] if bias is None else [bias])) and x.shape[1] == shape[1]:
        strides, around = _pair(stride), _pair(padding)
        sizes = zip(x.shape[2:], shape[2:], strides, around)
        sizes = [(size + 2 * edge - kernel) // step + 1 for size, kernel, step, edge in sizes]
        geometry = _geometry(x.shape, shape, [x.shape[0], shape[0], *sizes], strides, around)
    if _by_onednn("y", geometry, x, weight, bias):
        return _convolve("y", {"x": x, "w": weight, "b": bias}, geometry, by)
    return add_bias(F.conv2d(x, _kernel(weight, by), None, stride, padding), bias)


def conv2d_transpose(
    x: paddle.Tensor, weight: paddle.Tensor, bias=None, stride=1, padding=0, output_padding=0, by: Linear | None = None
):
    """``F.conv2d_transpose``, as ``conv2d``: x [N, C, H, W], weight [C, D, h, w], bias [D] -> [N, D, H', W']."""
    geometry, shape = None, tuple(by.kernel_shape(weight.shape) if by else weight.shape)
    if _taken(shape, x, weight) and x.shape[1] == shape[0]:
        strides, around = _pair(stride), _pair(padding)
        sizes = zip(x.shape[2:], shape[2:], strides, around, _pair(output_padding))
        sizes = [(size - 1) * step + kernel - 2 * edge + more for size, kernel, step, edge, more in sizes]
        geometry = _geometry([x.shape[0], shape[1], *sizes], shape, x.shape, strides, around)
    if _by_onednn("x", geometry, x, weight):
        return add_bias(_convolve("x", {"y": x, "w": weight, "b": None}, geometry, by), bias)
    return add_bias(F.conv2d_transpose(x, _kernel(weight, by), None, stride, padding, output_padding), bias)


def add_bias(x: paddle.Tensor, bias: paddle.Tensor | None) -> paddle.Tensor:
    """x [N, C, H, W] and a number [C] for each channel, in the precision of x."""
    if bias is None:
        return x
    # Paddle's convolution adds its bias as [1, C, 1, 1]; on a CPU that broadcast takes 15 times as long as this one.
    bias = bias.reshape([-1, 1, 1])
    return x + (bias if bias.dtype == x.dtype else bias.astype(x.dtype))  # in float32, it would make x that too


@contextmanager
def gradients_of_inputs_alone():
    """Within it, a backward pass leaves the gradients of weights out, which ``paddle.grad`` of an image asks not."""
    global _inputs_alone
    _inputs_alone = True
    try:
        yield
    finally:
        _inputs_alone = False


class _Convolution(PyLayer):
    """What ``made`` is ("x", "w", or "y" with its bias "b"), of the others, with gradients of any order."""

    @staticmethod
    def forward(ctx, tensors, names, made, geometry, by):
        known = dict(zip(names, tensors))
        ctx.wanted = {name: not tensor.stop_gradient for name, tensor in known.items()}
        # Each is kept for the other's gradient alone.
        kept = [name for name, other in zip(OTHERS[made], OTHERS[made][::-1]) if ctx.wanted[other]]
        ctx.save_for_backward(*(known[name] for name in kept))
        ctx.made, ctx.geometry, ctx.by, ctx.kept = made, geometry, by, kept
        ctx.shapes = {name: tensor.shape for name, tensor in known.items()}
        return _computed(made, known, geometry, by)

    @staticmethod
    def backward(ctx, gradient):
        known = {ctx.made: gradient, **dict(zip(ctx.kept, ctx.saved_tensor()))}
        found, wanted = dict.fromkeys(ctx.wanted), [name for name, wanted in ctx.wanted.items() if wanted]
        if {"w", "b"} <= set(wanted) and not paddle.is_grad_enabled():  # the sums come along
            found["w"], found["b"] = _computed("w", known, ctx.geometry, ctx.by, bias=True)
            wanted = [name for name in wanted if name == "x"]
        for name in wanted:
            if _inputs_alone and name in "wb":  # not None: Paddle goes on into what a weight was made from
                found[name] = paddle.zeros(ctx.shapes[name])
            elif name == "b":
                found[name] = gradient.sum(axis=[0, 2, 3])
            else:
                found[name] = _convolve(name, known, ctx.geometry, ctx.by)
        return list(found.values())


def _convolve(made, known, geometry, by):
    if not paddle.is_grad_enabled():
        return _computed(made, known, geometry, by)
    names = [*OTHERS[made], "b"] if made == "y" and known.get("b") is not None else list(OTHERS[made])
    # As one list: of tensors one by one, Paddle's PyLayer wants None for each gradient that paddle.grad was not asked
    # for, and does not say which. Of a list it asks this of the first alone, if that has no gradient.
    names.sort(key=lambda name: known[name].stop_gradient)
    return _Convolution.apply([known[name] for name in names], names, made, geometry, by)


def _computed(made, known, geometry, by, bias: bool = False):
    """What is ``made``; with ``bias``, of the weight's gradient, that of the bias too."""
    taken = [known[name] for name in OTHERS[made]]
    if by is not None and made != "w":
        taken[1] = by.kernel(taken[1])
    if made == "y" and known.get("b") is not None:
        taken.append(known["b"])
    results = onednn.convolution(made, *geometry, bias or len(taken) == 3)(*taken)
    if by is not None and made == "w":
        results[0] = by.transposed(results[0])
    return results if bias else results[0]


def _kernel(weight, by):
    kernel = weight
    if by is not None:
        with paddle.amp.auto_cast(enable=False):  # sums of weights, before these are rounded to half precision
            kernel = by.kernel(weight)
    return kernel


def _taken(shape, *tensors) -> bool:
    """Whether oneDNN may be asked. Not for 1x1 kernels: those are one matrix product, which Paddle does faster."""
    return max(shape[2:]) > 1 and onednn.takes(*tensors)


def _geometry(x, w, y, strides, around):
    """What ``onednn.convolution`` is told, or None where nothing is left of the image."""
    return (tuple(x), tuple(w), tuple(y), strides, around) if min(*x, *w, *y) > 0 else None


def _by_onednn(made, geometry, image, weight, bias=None) -> bool:
    """Whether oneDNN has a fast kernel for what is to be ``made`` and, where they will be asked for, the gradients."""
    if geometry is None:
        return False
    differentiable = paddle.is_grad_enabled() and not (image.stop_gradient and weight.stop_gradient)
    wanted = OTHERS if differentiable else (made,)
    return all(onednn.convolution(each, *geometry, bias is not None and each != "x") is not None for each in wanted)


def _pair(value) -> tuple:
    return (value, value) if isinstance(value, int) else tuple(value)
