"""Multilayer perceptrons as generators and discriminators: PyTorch-GAN's, with classes or without, and WGAN's."""

from __future__ import annotations

import math

import paddle
from paddle import nn

from ppstargan.nets.norms import BatchNorm

SLOPE = 0.2
EPSILON = 0.8  # of PyTorch-GAN's batch norm; its author meant a momentum, and every file of weights has learnt with it


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with PyTorch's initialisation: weight and bias uniform in +-1 / sqrt(inputs)."""
    uniform = nn.initializer.Uniform(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs))
    weight, bias = (paddle.ParamAttr(initializer=uniform) for _ in range(2))
    return nn.Linear(inputs, outputs, weight_attr=weight, bias_attr=bias)


def _embedding(classes: int) -> nn.Embedding:
    """A vector of as many numbers as there are classes for each, from N(0, 1) as PyTorch's."""
    return nn.Embedding(classes, classes, weight_attr=paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, 1.0)))


class Generator(nn.Layer):
    """z, behind the learnt vector of its class where there are ``classes`` -> an image, by five linear layers."""

    per_domain = ("label_emb.", "model.0.")  # what starts fresh with other classes

    def __init__(self, size: int = 28, nc: int = 1, nz: int = 100, classes: int = 0):
        super().__init__()
        self.shape = [nc, size, size]
        if classes:
            self.label_emb = _embedding(classes)
        layers = [_linear(classes + nz, 128), nn.LeakyReLU(SLOPE)]
        for inputs, outputs in ((128, 256), (256, 512), (512, 1024)):
            layers += [_linear(inputs, outputs), BatchNorm(outputs, EPSILON), nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*layers, _linear(1024, nc * size * size), nn.Tanh())

    def forward(self, z: paddle.Tensor, y: paddle.Tensor | None = None) -> paddle.Tensor:
        """z [N, nz], standard normal, and int64 classes y [N] if there are any -> [N, nc, size, size] in [-1, 1]."""
        h = z if y is None else paddle.concat([self.label_emb(y), z], axis=1)
        return self.model(h).reshape([-1, *self.shape])


class Discriminator(nn.Layer):
    """An image -> one number by three linear layers: a logit for GAN, the critic's value for WGAN."""

    def __init__(self, size: int = 28, nc: int = 1):
        super().__init__()
        hidden = [_linear(nc * size * size, 512), nn.LeakyReLU(SLOPE), _linear(512, 256), nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*hidden, _linear(256, 1))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, nc, size, size] -> [N]."""
        return self.model(x.reshape([x.shape[0], -1])).reshape([-1])


class ConditionalDiscriminator(nn.Layer):
    """An image and the learnt vector of its class -> one number; dropout in front of two of the activations."""

    per_domain = ("label_embedding.", "model.0.")

    def __init__(self, size: int = 32, nc: int = 1, classes: int = 10):
        super().__init__()
        self.label_embedding = _embedding(classes)
        layers = [_linear(nc * size * size + classes, 512), nn.LeakyReLU(SLOPE)]
        for _ in range(2):
            layers += [_linear(512, 512), nn.Dropout(0.4), nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*layers, _linear(512, 1))

    def forward(self, x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """[N, nc, size, size] and int64 classes y [N] -> [N]."""
        return self.model(paddle.concat([x.reshape([x.shape[0], -1]), self.label_embedding(y)], axis=1)).reshape([-1])


class MLP_G(nn.Layer):
    """WGAN's: z -> an image by four linear layers with ReLU; no tanh ends it."""

    def __init__(self, size: int = 64, nz: int = 100, nc: int = 3, ngf: int = 512):
        super().__init__()
        self.shape = [nc, size, size]
        self.main = _four_layers(nz, ngf, nc * size * size)

    def forward(self, z: paddle.Tensor) -> paddle.Tensor:
        """z [N, nz] or [N, nz, 1, 1], standard normal -> [N, nc, size, size], about [-1, 1], not clipped."""
        return self.main(z.reshape([z.shape[0], -1])).reshape([-1, *self.shape])


class MLP_D(nn.Layer):
    """WGAN's: an image -> the critic's value by four linear layers with ReLU."""

    def __init__(self, size: int = 64, nc: int = 3, ndf: int = 512):
        super().__init__()
        self.main = _four_layers(nc * size * size, ndf, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, nc, size, size] -> [N]."""
        return self.main(x.reshape([x.shape[0], -1])).reshape([-1])


def _four_layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    layers = []
    for first in (inputs, width, width):
        layers += [_linear(first, width), nn.ReLU()]
    return nn.Sequential(*layers, _linear(width, outputs))
