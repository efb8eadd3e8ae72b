"""LPIPS v0.1 on AlexNet (Zhang et al., CVPR 2018), and its mean over the pairs of a group of images.

The paper's measure of diversity (section 3): ten outputs of one source, the mean over all their pairs.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.errors import UserError
from ppstargan.metrics.alexnet import CHANNELS, SMALLEST, AlexNet
from ppstargan.nets.resample import Conv2D

SHIFT = (-0.030, -0.088, -0.188)  # ImageNet's statistics for images in [-1, 1], as LPIPS rounds them
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10  # under the root of a feature vector's length


class Head(nn.Layer):
    """Non-negative weights [1, C, 1, 1] of a feature map's channels, where the published weights have them."""

    def __init__(self, channels: int):
        super().__init__()
        self.main = nn.Sequential(nn.Dropout(0.5), Conv2D(channels, 1, 1, bias_attr=False))


class LPIPS(nn.Layer):
    """AlexNet (``alexnet``) and a head for each of its five maps (``lpips_weights``). Frozen; eval mode always."""

    def __init__(self):
        super().__init__()
        self.alexnet = AlexNet()
        self.lpips_weights = nn.LayerList([Head(channels) for channels in CHANNELS])
        self.register_buffer("shift", paddle.to_tensor(SHIFT).reshape([1, 3, 1, 1]), persistable=False)
        self.register_buffer("scale", paddle.to_tensor(SCALE).reshape([1, 3, 1, 1]), persistable=False)
        for parameter in self.parameters():
            parameter.stop_gradient = True
        self.eval()

    @paddle.no_grad()
    def features(self, x: paddle.Tensor) -> list:
        """x [N, 3, H, W] in [-1, 1] -> five maps [N, C, h, w] whose feature vectors (over C) have length 1.

        Raises UserError for images under 31 px.
        """
        if min(x.shape[2:]) < SMALLEST:
            raise UserError(f"LPIPS needs images of at least {SMALLEST} px, not {x.shape[3]} x {x.shape[2]}")
        maps = self.alexnet((x - self.shift) / self.scale)
        return [m * paddle.rsqrt(m.square().sum(axis=1, keepdim=True) + EPSILON) for m in maps]

    @paddle.no_grad()
    def distance(self, fx: list, fy: list) -> paddle.Tensor:
        """LPIPS [N] between the images behind two lists of ``features``: 0 for equal ones."""
        total = 0.0
        for x, y, head in zip(fx, fy, self.lpips_weights):
            difference = (x - y).square().mean(axis=[2, 3])  # the head is linear: the spatial mean goes first
            total = total + paddle.matmul(difference, head.main[1].weight.reshape([-1]))
        return total

    def forward(self, x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """LPIPS [N] between images x and y [N, 3, H, W] in [-1, 1]."""
        return self.distance(self.features(x), self.features(y))


@paddle.no_grad()
def group_mean(net: LPIPS, images) -> paddle.Tensor:
    """Mean LPIPS over all pairs of a group, [N] for N groups side by side.

    ``images`` yields the group's members one by one, each [N, 3, H, W] in [-1, 1]; the features of two are held at a
    time. LPIPS is a squared distance, so the sum over all pairs is the group's size times the sum of squares about
    its mean, which Welford's recurrence gives with one distance a member. Raises UserError for fewer than two members.
    """
    members, squares, mean = 0, 0.0, None
    for x in images:
        members += 1
        features = net.features(x)
        if members == 1:
            mean = features
            continue
        squares = squares + net.distance(features, mean) * ((members - 1) / members)
        mean = [m + (f - m) / members for m, f in zip(mean, features)]
    if members < 2:
        raise UserError(f"LPIPS compares pairs: a group needs at least two images, not {members}")
    return squares * (2 / (members - 1))
