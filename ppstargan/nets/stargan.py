"""StarGAN's networks (Choi et al., CVPR 2018): one generator for all attributes, which are channels of its input.

Images x are [N, 3, H, W] in [-1, 1], labels c [N, C]: how much each of C attributes is there, 0 or 1.
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn

from ppstargan.nets.activation import LeakyReLU
from ppstargan.nets.initialise import uniform
from ppstargan.nets.norms import InstanceNorm
from ppstargan.nets.resample import Conv2D, Conv2DTranspose

SLOPE = 0.01  # of the discriminator's leaky ReLU
AT_ONCE = 50  # images that are redrawn together


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0, bias: bool = False) -> Conv2D:
    fan_in = inputs * size * size
    bias_attr = uniform(fan_in) if bias else False
    return Conv2D(inputs, outputs, size, stride, padding, weight_attr=uniform(fan_in), bias_attr=bias_attr)


def _doubling(inputs: int, outputs: int) -> Conv2DTranspose:
    """PyTorch takes the outputs for the fan-in here."""
    return Conv2DTranspose(inputs, outputs, 4, 2, 1, weight_attr=uniform(outputs * 16), bias_attr=False)


def _norm(channels: int) -> InstanceNorm:
    """It always goes by each image's own statistics. The authors' keeps running ones too, which nothing reads."""
    return InstanceNorm(channels, affine=True, track=True, own=True)


class ResidualBlock(nn.Layer):
    """x [N, C, H, W] and two convolutions of it, added."""

    def __init__(self, channels: int):
        super().__init__()
        first, second = ([_conv(channels, channels, 3, padding=1), _norm(channels)] for _ in range(2))
        self.main = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return x + self.main(x)


class Generator(nn.Layer):
    """Images and the labels that they are to have -> such images; their sides are multiples of 4.

    The label, as so many even channels, goes behind the colours. It would be invisible to the first instance norm but
    for the zeros around the image.
    """

    per_domain = ("main.0.",)  # what starts fresh with other labels

    def __init__(self, labels: int, width: int = 64, blocks: int = 6):
        super().__init__()
        layers = [_conv(3 + labels, width, 7, padding=3), _norm(width), nn.ReLU()]
        for narrow in (width, 2 * width):
            layers += [_conv(narrow, 2 * narrow, 4, 2, 1), _norm(2 * narrow), nn.ReLU()]
        layers += [ResidualBlock(4 * width) for _ in range(blocks)]
        for narrow in (2 * width, width):
            layers += [_doubling(2 * narrow, narrow), _norm(narrow), nn.ReLU()]
        self.main = nn.Sequential(*layers, _conv(width, 3, 7, padding=3), nn.Tanh())

    def forward(self, x: paddle.Tensor, c: paddle.Tensor) -> paddle.Tensor:
        planes = c.astype(x.dtype).unsqueeze([2, 3]).expand([-1, -1, *x.shape[2:]])
        return self.main(paddle.concat([x, planes], axis=1))


class Discriminator(nn.Layer):
    """Images of ``img_size`` px -> (how real each patch is [N, 1, h, h], logits of the label [N, labels]).

    h is img_size / 2^layers.
    """

    per_domain = ("conv2.",)

    def __init__(self, img_size: int, labels: int, width: int = 64, layers: int = 6):
        super().__init__()
        widths = [3, *(width << i for i in range(layers))]
        main = []
        for inputs, outputs in zip(widths, widths[1:]):
            main += [_conv(inputs, outputs, 4, 2, 1, bias=True), LeakyReLU(SLOPE)]
        self.main = nn.Sequential(*main)
        self.conv1 = _conv(widths[-1], 1, 3, padding=1)
        self.conv2 = _conv(widths[-1], labels, img_size >> layers)

    def forward(self, x: paddle.Tensor) -> tuple:
        h = self.main(x)
        return self.conv1(h), self.conv2(h).flatten(1)


@paddle.no_grad()
def redrawn(generator: Generator, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``images`` float32 [N, 3, H, W] in [-1, 1] with ``labels`` [N, C]; the running statistics stay as they are."""
    was_training = generator.training
    generator.eval()
    parts = [slice(i, i + AT_ONCE) for i in range(0, len(images), AT_ONCE)]
    made = [generator(paddle.to_tensor(images[part]), paddle.to_tensor(labels[part])).numpy() for part in parts]
    if was_training:
        generator.train()
    return np.concatenate(made)
