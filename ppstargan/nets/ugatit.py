"""U-GAT-IT's networks (Kim et al., ICLR 2020): class activation maps steer both, AdaILN the generator's second half.

Layers have the authors' names. Unless said otherwise, an image is [N, 3, H, W] in [-1, 1].
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.activation import LeakyReLU, leaky_relu
from ppstargan.nets.in_order import Doubled, Reflected
from ppstargan.nets.initialise import uniform
from ppstargan.nets.norms import ILN, AdaILN, InstanceNorm
from ppstargan.nets.resample import Conv2D
from ppstargan.nets.spectral_norm import SpectralConv2D, SpectralLinear

SLOPE = 0.2  # of the discriminators' leaky ReLU
GENERATORS = ("genA2B", "genB2A")
DISCRIMINATORS = ("disGA", "disGB", "disLA", "disLB")  # G: global, L: local; the last letter is the domain it judges


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, bias: bool = False) -> Conv2D:
    fan_in = inputs * size * size
    bias_attr = uniform(fan_in) if bias else False
    return Conv2D(inputs, outputs, size, stride, weight_attr=uniform(fan_in), bias_attr=bias_attr)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, weight_attr=uniform(inputs), bias_attr=False)


class ResnetBlock(nn.Layer):
    """x [N, C, H, W] and two convolutions of it, added."""

    def __init__(self, channels: int):
        super().__init__()
        first, second = ([Reflected(1), _conv(channels, channels, 3), InstanceNorm(channels)] for _ in range(2))
        self.conv_block = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return x + self.conv_block(x)


class ResnetAdaILNBlock(nn.Layer):
    """x [N, C, H, W] and two convolutions of it, both normalised by the same gamma and beta [N, C], added."""

    def __init__(self, channels: int):
        super().__init__()
        self.pad1, self.conv1, self.norm1 = Reflected(1), _conv(channels, channels, 3), AdaILN(channels)
        self.pad2, self.conv2, self.norm2 = Reflected(1), _conv(channels, channels, 3), AdaILN(channels)

    def forward(self, x: paddle.Tensor, gamma: paddle.Tensor, beta: paddle.Tensor) -> paddle.Tensor:
        h = F.relu(self.norm1(self.conv1(self.pad1(x)), gamma, beta))
        return x + self.norm2(self.conv2(self.pad2(h)), gamma, beta)


def attention(x, gap_fc, gmp_fc, gap_weight, gmp_weight) -> tuple:
    """Class activation maps: logits [N, 2] of x [N, C, H, W], and x weighted by what its channels say of the domain.

    The logits are those of the means over H and W by the layer ``gap_fc``, and of the maxima by ``gmp_fc``. The two
    weights, of C numbers each, scale the channels: [N, 2C, H, W].
    """
    largest = F.adaptive_max_pool2d(x, 1).flatten(1)  # unlike max, it has the gradient go to one pixel, as PyTorch's
    logits = paddle.concat([gap_fc(x.mean(axis=[2, 3])), gmp_fc(largest)], axis=1)
    scales = (weight.reshape([1, -1, 1, 1]).astype(x.dtype) for weight in (gap_weight, gmp_weight))
    return logits, paddle.concat([x * scale for scale in scales], axis=1)


class Generator(nn.Layer):
    """An image turned into the other domain: encoder, attention, AdaILN blocks by what is attended to, decoder.

    ``light`` takes gamma and beta from the mean of each channel. Else they come from every pixel, which takes a layer
    of (img_size / 4)^2 x 4 width x 4 width weights, and then ``img_size`` is the only size of its images.
    """

    def __init__(self, img_size: int = 256, width: int = 64, blocks: int = 4, light: bool = False):
        super().__init__()
        inner = 4 * width
        self.blocks, self.light = blocks, light
        self.gap_fc, self.gmp_fc = _linear(inner, 1), _linear(inner, 1)
        self.conv1x1 = _conv(2 * inner, inner, 1, bias=True)
        self.gamma, self.beta = _linear(inner, inner), _linear(inner, inner)
        for i in range(blocks):
            self.add_sublayer(f"UpBlock1_{i + 1}", ResnetAdaILNBlock(inner))

        down = [Reflected(3), _conv(3, width, 7), InstanceNorm(width), nn.ReLU()]
        for channels in (width, 2 * width):
            halved = _conv(channels, 2 * channels, 3, stride=2)
            down += [Reflected(1), halved, InstanceNorm(2 * channels), nn.ReLU()]
        self.DownBlock = nn.Sequential(*down, *(ResnetBlock(inner) for _ in range(blocks)))

        inputs = inner if light else inner * (img_size // 4) ** 2
        self.FC = nn.Sequential(_linear(inputs, inner), nn.ReLU(), _linear(inner, inner), nn.ReLU())

        up = []
        for channels in (inner, inner // 2):
            up += [Doubled(), Reflected(1), _conv(channels, channels // 2, 3), ILN(channels // 2), nn.ReLU()]
        self.UpBlock2 = nn.Sequential(*up, Reflected(3), _conv(width, 3, 7), nn.Tanh())

    def forward(self, x: paddle.Tensor) -> tuple:
        """An image -> (image, logits [N, 2] of its being of the SOURCE's domain, heatmap [N, 1, H/4, W/4])."""
        x = self.DownBlock(x)
        logits, x = attention(x, self.gap_fc, self.gmp_fc, self.gap_fc.weight, self.gmp_fc.weight)
        x = F.relu(self.conv1x1(x))
        heatmap = x.sum(axis=1, keepdim=True)
        z = self.FC(x.mean(axis=[2, 3]) if self.light else x.flatten(1))
        gamma, beta = self.gamma(z), self.beta(z)
        for i in range(self.blocks):
            x = getattr(self, f"UpBlock1_{i + 1}")(x, gamma, beta)
        return self.UpBlock2(x), logits, heatmap


class Discriminator(nn.Layer):
    """Whether patches of an image are real; ``layers`` - 2 halvings make the patches larger, 7 for the whole image.

    Every layer but the 1x1 convolution is under spectral norm. What scales the channels is the weight as it is learnt,
    and not that divided by its largest singular value.
    """

    def __init__(self, width: int = 64, layers: int = 5):
        super().__init__()
        widths = [3, *(width << i for i in range(layers - 1))]
        inner = widths[-1]
        self.gap_fc, self.gmp_fc = SpectralLinear(inner, 1), SpectralLinear(inner, 1)
        self.conv1x1 = _conv(2 * inner, inner, 1, bias=True)
        self.pad, self.conv = Reflected(1), SpectralConv2D(inner, 1, 4, bias=False)
        model = []
        for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            stride = 2 if i < layers - 2 else 1
            model += [Reflected(1), SpectralConv2D(inputs, outputs, 4, stride), LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*model)

    def forward(self, x: paddle.Tensor) -> tuple:
        """An image -> (scores [N, 1, h, w], scores of its attention [N, 2], heatmap [N, 1, h + 1, w + 1]).

        h is H / 2^(layers - 2), less 2.
        """
        x = self.model(x)
        logits, x = attention(x, self.gap_fc, self.gmp_fc, self.gap_fc.weight_orig, self.gmp_fc.weight_orig)
        x = leaky_relu(self.conv1x1(x), SLOPE)
        return self.conv(self.pad(x)), logits, x.sum(axis=1, keepdim=True)


def smallest(layers: int) -> int:
    """Px of the smallest image that a discriminator of ``layers`` takes: 96 for 7, 24 for 5."""
    return 3 << (layers - 2)
