"""Inception v3 (Szegedy et al., CVPR 2016) up to its pooled features: the network under FID.

Two sets of weights are in use, and their figures do not compare: torchvision's, by which the paper's authors measure,
and the TensorFlow one of 2015 (Heusel et al., NIPS 2017), by which most other papers do. The latter's network pools
otherwise in nine places.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.resample import Conv2D

UNUSED = ("AuxLogits.", "fc.")  # beginnings of the keys in the published files that have no place here
FEATURES = 2048


class BasicConv2d(nn.Layer):
    """Convolution without bias, batch norm, ReLU. Padding is that which keeps the size, or 0 with ``valid``."""

    def __init__(self, dim_in: int, dim_out: int, kernel, stride: int = 1, valid: bool = False):
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = 0 if valid else (height // 2, width // 2)
        self.conv = Conv2D(dim_in, dim_out, (height, width), stride=stride, padding=padding, bias_attr=False)
        self.bn = nn.BatchNorm2D(dim_out, epsilon=0.001, use_global_stats=True)  # frozen, whatever the mode

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return F.relu(self.bn(self.conv(x)))


def _halve(dim_in: int, dim_out: int) -> BasicConv2d:
    return BasicConv2d(dim_in, dim_out, 3, stride=2, valid=True)


def _max_pool(x: paddle.Tensor) -> paddle.Tensor:
    return F.max_pool2d(x, 3, stride=2)


def _mean_with_border(x: paddle.Tensor) -> paddle.Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, exclusive=False)  # the zeros around the map count


def _mean_within(x: paddle.Tensor) -> paddle.Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, exclusive=True)  # they do not


def _max_within(x: paddle.Tensor) -> paddle.Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


class InceptionA(nn.Layer):
    """35 px: branches of 64, 64, 96 and ``pooled`` channels."""

    def __init__(self, dim_in: int, pooled: int, pool):
        super().__init__()
        self.pool = pool
        self.branch1x1 = BasicConv2d(dim_in, 64, 1)
        self.branch5x5_1 = BasicConv2d(dim_in, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5)
        self.branch3x3dbl_1 = BasicConv2d(dim_in, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3)
        self.branch_pool = BasicConv2d(dim_in, pooled, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return paddle.concat([self.branch1x1(x), five, double, self.branch_pool(self.pool(x))], axis=1)


class InceptionB(nn.Layer):
    """35 px to 17 px: branches of 384, 96 and the input's channels."""

    def __init__(self, dim_in: int):
        super().__init__()
        self.branch3x3 = _halve(dim_in, 384)
        self.branch3x3dbl_1 = BasicConv2d(dim_in, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3)
        self.branch3x3dbl_3 = _halve(96, 96)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return paddle.concat([self.branch3x3(x), double, _max_pool(x)], axis=1)


class InceptionC(nn.Layer):
    """17 px, 768 channels in and out: 7x7 convolutions of ``width`` channels as 1x7 and 7x1."""

    def __init__(self, width: int, pool):
        super().__init__()
        self.pool = pool
        row, column = (1, 7), (7, 1)
        self.branch1x1 = BasicConv2d(768, 192, 1)
        self.branch7x7_1 = BasicConv2d(768, width, 1)
        self.branch7x7_2 = BasicConv2d(width, width, row)
        self.branch7x7_3 = BasicConv2d(width, 192, column)
        self.branch7x7dbl_1 = BasicConv2d(768, width, 1)
        self.branch7x7dbl_2 = BasicConv2d(width, width, column)
        self.branch7x7dbl_3 = BasicConv2d(width, width, row)
        self.branch7x7dbl_4 = BasicConv2d(width, width, column)
        self.branch7x7dbl_5 = BasicConv2d(width, 192, row)
        self.branch_pool = BasicConv2d(768, 192, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return paddle.concat([self.branch1x1(x), seven, double, self.branch_pool(self.pool(x))], axis=1)


class InceptionD(nn.Layer):
    """17 px to 8 px: branches of 320, 192 and the input's 768 channels."""

    def __init__(self):
        super().__init__()
        self.branch3x3_1 = BasicConv2d(768, 192, 1)
        self.branch3x3_2 = _halve(192, 320)
        self.branch7x7x3_1 = BasicConv2d(768, 192, 1)
        self.branch7x7x3_2 = BasicConv2d(192, 192, (1, 7))
        self.branch7x7x3_3 = BasicConv2d(192, 192, (7, 1))
        self.branch7x7x3_4 = _halve(192, 192)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return paddle.concat([three, seven, _max_pool(x)], axis=1)


class InceptionE(nn.Layer):
    """8 px, 2048 channels out: two branches end in a 1x3 and a 3x1 convolution side by side."""

    def __init__(self, dim_in: int, pool):
        super().__init__()
        self.pool = pool
        self.branch1x1 = BasicConv2d(dim_in, 320, 1)
        self.branch3x3_1 = BasicConv2d(dim_in, 384, 1)
        self.branch3x3_2a = BasicConv2d(384, 384, (1, 3))
        self.branch3x3_2b = BasicConv2d(384, 384, (3, 1))
        self.branch3x3dbl_1 = BasicConv2d(dim_in, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3)
        self.branch3x3dbl_3a = BasicConv2d(384, 384, (1, 3))
        self.branch3x3dbl_3b = BasicConv2d(384, 384, (3, 1))
        self.branch_pool = BasicConv2d(dim_in, 192, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        branches += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(self.pool(x))]
        return paddle.concat(branches, axis=1)


class InceptionV3(nn.Layer):
    """The network; frozen and in eval mode always. Weights: torchvision's ``inception_v3``, converted.

    With ``tensorflow`` the network of Heusel et al., for its weights as pytorch-fid publishes them: the mean pools
    leave the border out, and the last block takes a maximum.
    """

    def __init__(self, tensorflow: bool = False):
        super().__init__()
        self.tensorflow = tensorflow
        mean, last = (_mean_within, _max_within) if tensorflow else (_mean_with_border, _mean_with_border)
        self.Conv2d_1a_3x3 = _halve(3, 32)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3, valid=True)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3, valid=True)
        self.Mixed_5b = InceptionA(192, 32, mean)
        self.Mixed_5c = InceptionA(256, 64, mean)
        self.Mixed_5d = InceptionA(288, 64, mean)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(128, mean)
        self.Mixed_6c = InceptionC(160, mean)
        self.Mixed_6d = InceptionC(160, mean)
        self.Mixed_6e = InceptionC(192, mean)
        self.Mixed_7a = InceptionD()
        self.Mixed_7b = InceptionE(1280, mean)
        self.Mixed_7c = InceptionE(2048, last)
        for parameter in self.parameters():
            parameter.stop_gradient = True
        self.eval()

    @paddle.no_grad()
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x [N, 3, 299, 299] as ``judges.prepare`` gives it -> pooled features [N, 2048]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_max_pool(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(_max_pool(x))))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(axis=[2, 3])
