"""DCGAN's generator and discriminator (Radford et al., ICLR 2016) for any power of two, as in the WGAN authors' code.

Layers have the authors' names, with the widths in them, such as ``main.pyramid:512-256:convt.weight``.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.norms import BatchNorm

SLOPE = 0.2  # of the discriminator's leaky ReLU


def _normal(mean: float):
    return paddle.ParamAttr(initializer=nn.initializer.Normal(mean, 0.02))


def _conv(inputs: int, outputs: int, size: int, stride: int, padding: int):
    return nn.Conv2D(inputs, outputs, size, stride, padding, weight_attr=_normal(0.0), bias_attr=False)


def _convt(inputs: int, outputs: int, size: int, stride: int, padding: int):
    return nn.Conv2DTranspose(inputs, outputs, size, stride, padding, weight_attr=_normal(0.0), bias_attr=False)


def _norm(name: str, width: int, batch_norm: bool) -> list:
    return [(f"{name}:{width}:batchnorm", BatchNorm(width, weight_attr=_normal(1.0)))] if batch_norm else []


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
        layers = [(f"initial:{nz}-{width}:convt", _convt(nz, width, 4, 1, 0))]
        layers += [*_norm("initial", width, batch_norm), (f"initial:{width}:relu", nn.ReLU())]
        while width > ngf:  # 4 pixels with 8 ngf of 64, and half the channels at twice the side
            layers += [(f"pyramid:{width}-{width // 2}:convt", _convt(width, width // 2, 4, 2, 1))]
            width //= 2
            layers += [*_norm("pyramid", width, batch_norm), (f"pyramid:{width}:relu", nn.ReLU())]
        for i in range(extra):
            layers += [(f"extra-layers-{i}:{width}:conv", _conv(width, width, 3, 1, 1))]
            layers += [*_norm(f"extra-layers-{i}", width, batch_norm), (f"extra-layers-{i}:{width}:relu", nn.ReLU())]
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
        layers = [(f"initial:{nc}-{width}:conv", _conv(nc, width, 4, 2, 1)), (f"initial:{width}:relu", nn.LeakyReLU(SLOPE))]
        for i in range(extra):
            layers += [(f"extra-layers-{i}:{width}:conv", _conv(width, width, 3, 1, 1))]
            layers += [*_norm(f"extra-layers-{i}", width, batch_norm), (f"extra-layers-{i}:{width}:relu", nn.LeakyReLU(SLOPE))]
        while side > 4:
            layers += [(f"pyramid:{width}-{2 * width}:conv", _conv(width, 2 * width, 4, 2, 1))]
            width, side = 2 * width, side // 2
            layers += [*_norm("pyramid", width, batch_norm), (f"pyramid:{width}:relu", nn.LeakyReLU(SLOPE))]
        layers += [(f"final:{width}-1:conv", _conv(width, 1, 4, 1, 0))]
        self.main = nn.Sequential(*layers)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Images [N, nc, size, size] in [-1, 1] -> [N]."""
        return self.main(x).reshape([-1])
