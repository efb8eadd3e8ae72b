"""DCGAN's generator and discriminator (Radford et al., ICLR 2016) for any power of two, as in the WGAN authors' code.

Layers have the authors' names, with the widths in them, such as ``main.pyramid:512-256:convt.weight``.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.norms import BatchNorm
from ppstargan.nets.resample import Conv2D, Conv2DTranspose

SLOPE = 0.2  # of the discriminator's leaky ReLU


def _normal(mean: float):
    return paddle.ParamAttr(initializer=nn.initializer.Normal(mean, 0.02))


def _conv(inputs: int, outputs: int, size: int, stride: int, padding: int):
    return Conv2D(inputs, outputs, size, stride, padding, weight_attr=_normal(0.0), bias_attr=False)


def _convt(inputs: int, outputs: int, size: int, stride: int, padding: int):
    return Conv2DTranspose(inputs, outputs, size, stride, padding, weight_attr=_normal(0.0), bias_attr=False)


def _block(name: str, conv, width: int, batch_norm: bool, activation: nn.Layer) -> list:
    """A convolution to ``width`` channels, whose name and layer ``conv`` is, batch norm, and an activation."""
    norm = [(f"{name}:{width}:batchnorm", BatchNorm(width, weight_attr=_normal(1.0)))] if batch_norm else []
    return [conv, *norm, (f"{name}:{width}:relu", activation)]


def _check(size: int) -> None:
    if size < 16 or size & (size - 1):
        raise ValueError(f"the side of an image must be a power of two from 16, not {size}")


class DCGAN_G(nn.Layer):
    """z -> 4 pixels a side, doubled until the image: transposed convolutions, batch norm, ReLU; tanh at the end."""

    def __init__(
        self, size: int = 64, nz: int = 100, nc: int = 3, ngf: int = 64, extra: int = 0, batch_norm: bool = True
    ):
        super().__init__()
        _check(size)
        width = ngf * size // 8
        first = (f"initial:{nz}-{width}:convt", _convt(nz, width, 4, 1, 0))
        layers = _block("initial", first, width, batch_norm, nn.ReLU())
        while width > ngf:  # twice the side with half the channels, until the last layer's doubling
            half = width // 2
            twice = (f"pyramid:{width}-{half}:convt", _convt(width, half, 4, 2, 1))
            layers += _block("pyramid", twice, half, batch_norm, nn.ReLU())
            width = half
        for i in range(extra):
            same = (f"extra-layers-{i}:{width}:conv", _conv(width, width, 3, 1, 1))
            layers += _block(f"extra-layers-{i}", same, width, batch_norm, nn.ReLU())
        layers += [(f"final:{width}-{nc}:convt", _convt(width, nc, 4, 2, 1)), (f"final:{nc}:tanh", nn.Tanh())]
        self.main = nn.Sequential(*layers)

    def forward(self, z: paddle.Tensor) -> paddle.Tensor:
        """z [N, nz] or [N, nz, 1, 1], standard normal -> images [N, nc, size, size] in [-1, 1]."""
        return self.main(z.reshape([z.shape[0], -1, 1, 1]))


class DCGAN_D(nn.Layer):
    """An image halved down to 4 pixels a side by convolutions with batch norm and leaky ReLU; then one number.

    The number is a logit for GAN, and the critic's value for WGAN; no layer ends it.
    """

    def __init__(self, size: int = 64, nc: int = 3, ndf: int = 64, extra: int = 0, batch_norm: bool = True):
        super().__init__()
        _check(size)
        width, side = ndf, size // 2
        first = (f"initial:{nc}-{width}:conv", _conv(nc, width, 4, 2, 1))
        layers = _block("initial", first, width, False, LeakyReLU(SLOPE))
        for i in range(extra):
            same = (f"extra-layers-{i}:{width}:conv", _conv(width, width, 3, 1, 1))
            layers += _block(f"extra-layers-{i}", same, width, batch_norm, LeakyReLU(SLOPE))
        while side > 4:
            half = (f"pyramid:{width}-{2 * width}:conv", _conv(width, 2 * width, 4, 2, 1))
            width, side = 2 * width, side // 2
            layers += _block("pyramid", half, width, batch_norm, LeakyReLU(SLOPE))
        layers += [(f"final:{width}-1:conv", _conv(width, 1, 4, 1, 0))]
        self.main = nn.Sequential(*layers)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images [N, nc, size, size] in [-1, 1] -> [N]."""
        return self.main(x).reshape([-1])
