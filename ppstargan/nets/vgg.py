"""AdaIN's two networks: VGG-19's layers up to relu4_1, and the decoder, which goes back from there to a picture.

Both are plain rows of layers, as their authors have them: a parameter is named by its layer's position. There are no
norms. The first layer of the encoder does the normalisation of colours, so it takes RGB in [0, 1] as it is.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.in_order import Doubled, Reflected
from ppstargan.nets.initialise import uniform
from ppstargan.nets.resample import Conv2D

SHRINKS = 8  # how many times smaller relu4_1 is than the picture
SMALLEST = 9  # px a side: of 8, relu4_1 would be made of a single pixel, which has nothing to reflect
RELUS = (3, 10, 17, 30)  # positions of relu1_1, relu2_1, relu3_1 and relu4_1, which is the last


def _conv(inputs: int, outputs: int, size: int = 3) -> Conv2D:
    """A convolution without padding that starts as PyTorch's."""
    fan_in = inputs * size * size
    return Conv2D(inputs, outputs, size, weight_attr=uniform(fan_in), bias_attr=uniform(fan_in))


def _layer(inputs: int, outputs: int) -> list:
    """A 3 x 3 convolution that reflects edges, and what goes with it."""
    return [Reflected(1), _conv(inputs, outputs), nn.ReLU()]


class Encoder(nn.Sequential):
    """Pictures RGB [N, 3, H, W] in [0, 1] -> relu4_1 [N, 8 ``width``, H / 8, W / 8], rounded up; at least SMALLEST px.

    ``width`` is that of the first convolutions, 64 in VGG-19; 2, 4 and 8 times as many follow behind each halving.
    """

    def __init__(self, width: int = 64):
        layers, inputs = [_conv(3, 3, 1)], 3
        for outputs, count in ((width, 2), (2 * width, 2), (4 * width, 4)):
            for _ in range(count):
                layers += _layer(inputs, outputs)
                inputs = outputs
            layers.append(nn.MaxPool2D(2, 2, ceil_mode=True))
        super().__init__(*layers, *_layer(inputs, 8 * width))

    def features(self, x: paddle.Tensor) -> list:
        """relu1_1, relu2_1, relu3_1 and relu4_1 of pictures [N, 3, H, W]."""
        found = []
        for position, layer in enumerate(self):
            x = layer(x)
            if position in RELUS:
                found.append(x)
        return found


class Decoder(nn.Sequential):
    """Features as relu4_1 [N, 8 ``width``, h, w] -> pictures [N, 3, 8 h, 8 w], near [0, 1] and not clipped to it."""

    def __init__(self, width: int = 64):
        layers, inputs = [], 8 * width
        for widths in ([4], [4, 4, 4, 2], [2, 1]):
            for times in widths:
                layers += _layer(inputs, times * width)
                inputs = times * width
            layers.append(Doubled())
        last = _layer(width, 3)[:-1]  # without an activation
        super().__init__(*layers, *_layer(width, width), *last)
