"""Face alignment network: image -> heatmaps of 98 landmarks and the face's boundary -> landmarks.

One stacked hourglass with coordinate convolutions, as trained with the Adaptive Wing loss (Wang et al., ICCV 2019).
StarGAN v2 uses it frozen, for the masks of the high-pass features (appendix, "High-pass filtering").
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.resample import Conv2D

NUM_LANDMARKS = 98
INPUT_SIZE = 256  # px that the network sees
HEATMAP_SIZE = 64  # px of the heatmaps it returns


def coordinates(height: int, width: int) -> paddle.Tensor:
    """Row and column in [-1, 1] and the radius in [0, 1] of each pixel: [1, 3, height, width]."""
    rows, columns = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    radius = np.sqrt(rows**2 + columns**2)
    maps = np.stack([rows, columns, radius / radius.max()])[None]
    return paddle.to_tensor(maps.astype(np.float32))


class CoordConv(nn.Layer):
    """Convolution that sees the coordinate maps behind its input's channels."""

    def __init__(self, dim_in: int, dim_out: int, size: int, **convolution):
        super().__init__()
        self.conv = Conv2D(dim_in + 3, dim_out, **convolution)
        self.register_buffer("coordinates", coordinates(size, size), persistable=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        maps = self.coordinates.astype(x.dtype).expand([x.shape[0], -1, -1, -1])
        return self.conv(paddle.concat([x, maps], axis=1))


def _batch_norm(channels: int) -> nn.BatchNorm2D:
    return nn.BatchNorm2D(channels, use_global_stats=True)  # frozen, whatever mode a caller sets


class ConvBlock(nn.Layer):
    """Three 3x3 convolutions of falling width, whose outputs are joined and added to the input."""

    def __init__(self, dim_in: int, dim_out: int):
        super().__init__()
        half, quarter = dim_out // 2, dim_out // 4
        self.bn1, self.conv1 = _batch_norm(dim_in), Conv2D(dim_in, half, 3, padding=1, bias_attr=False)
        self.bn2, self.conv2 = _batch_norm(half), Conv2D(half, quarter, 3, padding=1, bias_attr=False)
        self.bn3, self.conv3 = _batch_norm(quarter), Conv2D(quarter, quarter, 3, padding=1, bias_attr=False)
        self.downsample = None
        if dim_in != dim_out:
            self.downsample = nn.Sequential(_batch_norm(dim_in), nn.ReLU(), Conv2D(dim_in, dim_out, 1, bias_attr=False))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        wide = self.conv1(F.relu(self.bn1(x)))
        middle = self.conv2(F.relu(self.bn2(wide)))
        narrow = self.conv3(F.relu(self.bn3(middle)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return paddle.concat([wide, middle, narrow], axis=1) + shortcut


class HourGlass(nn.Layer):
    """Four nested levels, each at half the size of the one around it."""

    depth = 4

    def __init__(self, channels: int = 256):
        super().__init__()
        self.coordconv = CoordConv(channels, channels, HEATMAP_SIZE, kernel_size=1)
        for level in range(self.depth, 0, -1):
            self.add_sublayer(f"b1_{level}", ConvBlock(channels, channels))
            self.add_sublayer(f"b2_{level}", ConvBlock(channels, channels))
            self.add_sublayer(f"b3_{level}", ConvBlock(channels, channels))
        self.b2_plus_1 = ConvBlock(channels, channels)

    def _level(self, level: int, x: paddle.Tensor) -> paddle.Tensor:
        beside = getattr(self, f"b1_{level}")(x)
        below = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        below = self._level(level - 1, below) if level > 1 else self.b2_plus_1(below)
        below = getattr(self, f"b3_{level}")(below)
        return beside + F.interpolate(below, scale_factor=2, mode="nearest")

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self._level(self.depth, self.coordconv(x))


class FAN(nn.Layer):
    """The network; frozen and in eval mode always. Weights: the authors' ``wing.ckpt``, converted."""

    def __init__(self):
        super().__init__()
        self.conv1 = CoordConv(3, 64, INPUT_SIZE, kernel_size=7, stride=2, padding=3)
        self.bn1 = _batch_norm(64)
        self.conv2 = ConvBlock(64, 128)
        self.conv3 = ConvBlock(128, 128)
        self.conv4 = ConvBlock(128, 256)
        self.m0 = HourGlass(256)
        self.top_m_0 = ConvBlock(256, 256)
        self.conv_last0 = Conv2D(256, 256, 1)
        self.bn_end0 = _batch_norm(256)
        self.l0 = Conv2D(256, NUM_LANDMARKS + 1, 1)
        for parameter in self.parameters():
            parameter.stop_gradient = True
        self.eval()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x [N, 3, 256, 256] in [0, 1] -> heatmaps [N, 99, 64, 64]: 98 landmarks, then the boundary; not clipped."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.avg_pool2d(self.conv2(x), 2)
        x = self.conv4(self.conv3(x))
        x = self.top_m_0(self.m0(x))
        return self.l0(F.relu(self.bn_end0(self.conv_last0(x))))

    @paddle.no_grad()
    def heatmaps(self, x: paddle.Tensor) -> paddle.Tensor:
        """Heatmaps [N, 98, 64, 64] of the landmarks for images [N, 3, H, W] in [-1, 1] of any size."""
        x = F.interpolate(x, size=[INPUT_SIZE, INPUT_SIZE], mode="bilinear")
        return self(x * 0.5 + 0.5)[:, :NUM_LANDMARKS]

    def landmarks(self, x: paddle.Tensor) -> np.ndarray:
        """Landmarks [N, 98, 2] as (x, y) in pixels of the images x [N, 3, H, W] in [-1, 1]."""
        scale = np.array([x.shape[3], x.shape[2]], np.float64) / HEATMAP_SIZE
        return peaks(self.heatmaps(x).numpy()) * scale


def peaks(heatmaps: np.ndarray) -> np.ndarray:
    """Where each map [N, L, H, W] is highest: [N, L, 2] as (x, y) in its own pixels, a quarter pixel fine.

    The peak moves by a quarter pixel towards the higher neighbour on each axis, except on the border.
    """
    height, width = heatmaps.shape[2:]
    row, column = np.divmod(heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(-1), width)
    n, landmark = np.ogrid[: heatmaps.shape[0], : heatmaps.shape[1]]
    inside = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    r, c = np.clip(row, 1, height - 2), np.clip(column, 1, width - 2)
    to_right = np.sign(heatmaps[n, landmark, r, c + 1] - heatmaps[n, landmark, r, c - 1])
    to_bottom = np.sign(heatmaps[n, landmark, r + 1, c] - heatmaps[n, landmark, r - 1, c])
    fine = 0.25 * inside[..., None] * np.stack([to_right, to_bottom], axis=-1)
    # Centres of pixels: the reference counts from 1 and takes half a pixel off.
    return np.stack([column, row], axis=-1) + 0.5 + fine
