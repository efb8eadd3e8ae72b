"""Face alignment network: image -> heatmaps of 98 landmarks and the face's boundary -> landmarks.

Stacked hourglasses with coordinate convolutions, as trained with the Adaptive Wing loss (Wang et al., ICCV 2019).
StarGAN v2 uses one, frozen, for the masks of the high-pass features (appendix, "High-pass filtering").
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.in_order import doubled
from ppstargan.nets.norms import BatchNorm
from ppstargan.nets.resample import Conv2D

NUM_LANDMARKS = 98
INPUT_SIZE = 256  # px that the network sees
HEATMAP_SIZE = 64  # px of the heatmaps it returns
FAN_SIZES = {"stacks": 1, "points": NUM_LANDMARKS, "width": 64, "img_size": INPUT_SIZE}  # of StarGAN v2's
GATE = 0.05  # above which a stack's boundary shows the next one where the face is


def coordinates(height: int, width: int) -> paddle.Tensor:
    """Row and column in [-1, 1] and the radius in [0, 1] of each pixel: [1, 3, height, width], default precision."""
    rows, columns = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    radius = np.sqrt(rows**2 + columns**2)
    maps = np.stack([rows, columns, radius / radius.max()])[None]
    return paddle.to_tensor(maps.astype(paddle.get_default_dtype()))


class CoordConv(nn.Layer):
    """Convolution that sees the coordinate maps behind its input's channels.

    With ``gated`` it also sees row and column where a map ``gate`` [N, 1, H, W] of zeros and ones is 1.
    """

    def __init__(self, dim_in: int, dim_out: int, size: int, gated: bool = False, **convolution):
        super().__init__()
        self.conv = Conv2D(dim_in + (5 if gated else 3), dim_out, **convolution)
        self.register_buffer("coordinates", coordinates(size, size), persistable=False)

    def seen(self, x: paddle.Tensor, gate: paddle.Tensor | None = None) -> paddle.Tensor:
        """What the convolution sees: x [N, C, H, W] with the maps behind it."""
        maps = self.coordinates.astype(x.dtype).expand([x.shape[0], -1, -1, -1])
        gated = [] if gate is None else [maps[:, :2] * gate]
        return paddle.concat([x, maps, *gated], axis=1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.conv(self.seen(x))


def _frozen_norm(channels: int) -> nn.BatchNorm2D:
    return nn.BatchNorm2D(channels, use_global_stats=True)  # frozen, whatever mode a caller sets


class ConvBlock(nn.Layer):
    """Three 3x3 convolutions of falling width, whose outputs are joined and added to the input."""

    def __init__(self, dim_in: int, dim_out: int, norm=_frozen_norm):
        super().__init__()
        half, quarter = dim_out // 2, dim_out // 4
        self.bn1, self.conv1 = norm(dim_in), Conv2D(dim_in, half, 3, padding=1, bias_attr=False)
        self.bn2, self.conv2 = norm(half), Conv2D(half, quarter, 3, padding=1, bias_attr=False)
        self.bn3, self.conv3 = norm(quarter), Conv2D(quarter, quarter, 3, padding=1, bias_attr=False)
        self.downsample = None
        if dim_in != dim_out:
            self.downsample = nn.Sequential(norm(dim_in), nn.ReLU(), Conv2D(dim_in, dim_out, 1, bias_attr=False))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        wide = self.conv1(F.relu(self.bn1(x)))
        middle = self.conv2(F.relu(self.bn2(wide)))
        narrow = self.conv3(F.relu(self.bn3(middle)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return paddle.concat([wide, middle, narrow], axis=1) + shortcut


class HourGlass(nn.Layer):
    """Four nested levels, each at half the size of the one around it."""

    depth = 4

    def __init__(self, channels: int = 256, size: int = HEATMAP_SIZE, gated: bool = False, norm=_frozen_norm):
        super().__init__()
        self.coordconv = CoordConv(channels, channels, size, gated, kernel_size=1)
        for level in range(self.depth, 0, -1):
            self.add_sublayer(f"b1_{level}", ConvBlock(channels, channels, norm))
            self.add_sublayer(f"b2_{level}", ConvBlock(channels, channels, norm))
            self.add_sublayer(f"b3_{level}", ConvBlock(channels, channels, norm))
        self.b2_plus_1 = ConvBlock(channels, channels, norm)

    def _level(self, level: int, x: paddle.Tensor) -> paddle.Tensor:
        beside = getattr(self, f"b1_{level}")(x)
        below = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        below = self._level(level - 1, below) if level > 1 else self.b2_plus_1(below)
        below = getattr(self, f"b3_{level}")(below)
        return beside + doubled(below)

    def forward(self, x: paddle.Tensor, gate: paddle.Tensor | None = None):
        """(x after the hourglass, the last two channels of what its coordinate convolution sees)"""
        seen = self.coordconv.seen(x, gate)
        return self._level(self.depth, self.coordconv.conv(seen)), seen[:, -2:]


class FAN(nn.Layer):
    """The network: ``stacks`` hourglasses, each of which gives heatmaps that the next one sees.

    By default that of StarGAN v2: one hourglass, frozen, and in eval mode always; weights: the authors' ``wing.ckpt``,
    converted. With ``trainable`` its batch norms keep PyTorch's statistics. ``width`` is that of the first convolution,
    a quarter of the hourglasses'; ``img_size``, a multiple of 64, what the network sees, with heatmaps of a quarter.
    """

    def __init__(
        self,
        stacks: int = 1,
        points: int = NUM_LANDMARKS,
        width: int = 64,
        img_size: int = INPUT_SIZE,
        trainable: bool = False,
    ):
        super().__init__()
        if width < 4 or width % 4 or img_size < 64 or img_size % 64 or stacks < 1 or points < 1:
            raise ValueError(f"no FAN has width {width}, {stacks} stacks, {points} points and {img_size} px")
        norm = BatchNorm if trainable else _frozen_norm
        self.stacks, self.points, self.width, self.img_size = stacks, points, width, img_size
        self.map_size = img_size // 4
        self.conv1 = CoordConv(3, width, img_size, kernel_size=7, stride=2, padding=3)
        self.bn1 = norm(width)
        self.conv2 = ConvBlock(width, 2 * width, norm)
        self.conv3 = ConvBlock(2 * width, 2 * width, norm)
        self.conv4 = ConvBlock(2 * width, 4 * width, norm)
        wide = 4 * width
        for s in range(stacks):
            self.add_sublayer(f"m{s}", HourGlass(wide, self.map_size, s > 0, norm))
            self.add_sublayer(f"top_m_{s}", ConvBlock(wide, wide, norm))
            self.add_sublayer(f"conv_last{s}", Conv2D(wide, wide, 1))
            self.add_sublayer(f"bn_end{s}", norm(wide))
            self.add_sublayer(f"l{s}", Conv2D(wide, points + 1, 1))
            if s < stacks - 1:
                self.add_sublayer(f"bl{s}", Conv2D(wide, wide, 1))
                self.add_sublayer(f"al{s}", Conv2D(points + 1, wide, 1))
        if trainable:
            _initialise(self)
        else:
            for parameter in self.parameters():
                parameter.stop_gradient = True
            self.eval()

    @property
    def sizes(self) -> dict:
        """What builds such a network again: {"stacks": …}."""
        return {name: getattr(self, name) for name in FAN_SIZES}

    def each_stack(self, x: paddle.Tensor) -> list:
        """[(heatmaps [N, points + 1, S/4, S/4], two channels [N, 2, S/4, S/4])] of each stack for x [N, 3, S, S].

        x is in [0, 1]. The two channels are the last that an hourglass's coordinate convolution sees: column and radius
        in the first stack, then row and column where the stack before has seen the face's boundary.
        """
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.avg_pool2d(self.conv2(x), 2)
        x = self.conv4(self.conv3(x))
        found, gate = [], None
        for s in range(self.stacks):
            inner, last = getattr(self, f"m{s}")(x, gate)
            inner = getattr(self, f"top_m_{s}")(inner)
            inner = F.relu(getattr(self, f"bn_end{s}")(getattr(self, f"conv_last{s}")(inner)))
            heatmaps = getattr(self, f"l{s}")(inner)
            found.append((heatmaps, last))
            if s < self.stacks - 1:
                gate = (heatmaps[:, -1:].detach() > GATE).astype(x.dtype)
                x = x + getattr(self, f"bl{s}")(inner) + getattr(self, f"al{s}")(heatmaps)
        return found

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x [N, 3, S, S] in [0, 1] -> the last stack's heatmaps [N, points + 1, S/4, S/4], not clipped.

        First those of the landmarks, then that of the boundary.
        """
        return self.each_stack(x)[-1][0]

    @paddle.no_grad()
    def heatmaps(self, x: paddle.Tensor) -> paddle.Tensor:
        """Heatmaps [N, points, S/4, S/4] of the landmarks for images [N, 3, H, W] in [-1, 1] of any size."""
        x = F.interpolate(x, size=[self.img_size, self.img_size], mode="bilinear")
        return self(x * 0.5 + 0.5)[:, : self.points]

    def landmarks(self, x: paddle.Tensor) -> np.ndarray:
        """Landmarks [N, points, 2] as (x, y) in pixels of the images x [N, 3, H, W] in [-1, 1]."""
        scale = np.array([x.shape[3], x.shape[2]], np.float64) / self.map_size
        return peaks(self.heatmaps(x).numpy()) * scale


def _initialise(net: nn.Layer) -> None:
    """PyTorch's default: convolutions uniform within 1 / sqrt(inputs of an output), biases too."""
    for layer in net.sublayers():
        if isinstance(layer, nn.Conv2D):
            bound = 1 / float(np.prod(layer.weight.shape[1:])) ** 0.5
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    nn.initializer.Uniform(-bound, bound)(parameter)


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


def centres(heatmaps: paddle.Tensor) -> paddle.Tensor:
    """The mean place of each map [N, L, H, W] under its softmax: [N, L, 2] as (x, y) in its own pixels; smooth."""
    height, width = heatmaps.shape[2:]
    share = F.softmax(heatmaps.reshape([0, 0, -1]), axis=-1).reshape(heatmaps.shape)
    x = (share.sum(axis=2) * (paddle.arange(width).astype(share.dtype) + 0.5)).sum(axis=-1)
    y = (share.sum(axis=3) * (paddle.arange(height).astype(share.dtype) + 0.5)).sum(axis=-1)
    return paddle.stack([x, y], axis=-1)
