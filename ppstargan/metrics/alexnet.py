"""AlexNet up to its last feature map, in torchvision's layout: the network under LPIPS."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.resample import Conv2D

CHANNELS = (64, 192, 384, 256, 256)  # of the five ReLU outputs
SMALLEST = 31  # px that the two pools need


class AlexNet(nn.Sequential):
    """Parameters are named as those of ``torchvision.models.alexnet().features``: ``0.weight`` to ``10.bias``.

    The classifier is not here, nor the pool behind the last ReLU. Frozen.
    """

    def __init__(self):
        one, two, three, four, five = CHANNELS
        super().__init__(
            *(Conv2D(3, one, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2D(3, 2)),
            *(Conv2D(one, two, 5, padding=2), nn.ReLU(), nn.MaxPool2D(3, 2)),
            *(Conv2D(two, three, 3, padding=1), nn.ReLU()),
            *(Conv2D(three, four, 3, padding=1), nn.ReLU()),
            *(Conv2D(four, five, 3, padding=1), nn.ReLU()),
        )
        for parameter in self.parameters():
            parameter.stop_gradient = True
        self.eval()

    def forward(self, x: paddle.Tensor) -> list:
        """Normalised x [N, 3, H, W] of at least 31 px -> the five ReLU outputs [N, CHANNELS[i], h, w]."""
        maps = []
        for layer in self.children():
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                maps.append(x)
        return maps
