"""The networks in operators that inference libraries take, while a model is traced for them."""

from __future__ import annotations

import contextlib
from unittest import mock

import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets import generator, resample
from ppstargan.nets.blocks import AdainResBlk, ResBlk
from ppstargan.nets.in_order import copied
from ppstargan.nets.norms import AdaIN

_interpolate = F.interpolate


def _resized(x: paddle.Tensor, size=None, scale_factor=None, mode: str = "nearest", **more) -> paddle.Tensor:
    if mode == "nearest" and scale_factor == 2:
        return copied(x)
    return _interpolate(x, size, scale_factor, mode, **more)


def _normalised(self: AdaIN, x: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
    scale, shift = self.fc(s).unsqueeze([2, 3]).chunk(2, axis=1)
    return F.instance_norm(x) * (1 + scale) + shift


def _high_pass(x: paddle.Tensor, w_hpf: float) -> paddle.Tensor:
    channels = x.shape[1]
    sums = F.conv2d(x, paddle.full([channels, 1, 3, 3], -1 / w_hpf), padding=1, groups=channels)
    return sums + x * (9 / w_hpf)


def _conv_pool(x: paddle.Tensor, kernel: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    return F.conv2d(x, kernel, stride=2, padding=1) + bias.reshape([-1, 1, 1])


def _upsample_conv(x: paddle.Tensor, kernel: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    return F.conv2d_transpose(x, kernel, stride=2, padding=1) + bias.reshape([-1, 1, 1])


def _fold(net: nn.Layer) -> None:
    """Puts the 4x4 kernels into ``net`` in the place of the 3x3 ones that they are made from."""
    for block in net.sublayers():
        if isinstance(block, ResBlk) and block.downsample:
            kernel = resample._kernel_4x4(block.conv1.weight, "pool")
        elif isinstance(block, AdainResBlk) and block.upsample:
            kernel = resample._kernel_4x4(block.conv1.weight, "upsample").transpose([1, 0, 2, 3])
        else:
            continue
        value = nn.initializer.Assign(kernel.numpy())
        block.conv1.weight = block.conv1.create_parameter(kernel.shape, default_initializer=value)


@contextlib.contextmanager
def forms_for_inference(net: nn.Layer):
    """Within it ``net``, which is changed for good, computes the same in operators that inference libraries take.

    Paddle 3.3.1 stores the factor of an interpolation in a type that its own oneDNN refuses (Paddle's issue 79749).
    Paddle2ONNX 2.1.0 refuses it as well, and constants that are lists, and an instance norm of an unknown number of
    channels.
    """
    _fold(net)
    with contextlib.ExitStack() as patches:
        for where, name, form in (
            (resample, "conv_pool", _conv_pool),
            (resample, "upsample_conv", _upsample_conv),
            (resample, "pool", lambda x: F.avg_pool2d(x, 2)),
            (resample, "upsample", copied),
            (F, "interpolate", _resized),
            (AdaIN, "forward", _normalised),
            (generator, "high_pass", _high_pass),
        ):
            patches.enter_context(mock.patch.object(where, name, form))
        yield
