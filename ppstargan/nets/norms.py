"""Normalisation layers, side by side: (x - mean) / sqrt(variance + epsilon), then scaled and shifted.

| layer        | one mean for each      | taken over       | scale and shift                                        |
| ------------ | ---------------------- | ---------------- | ------------------------------------------------------ |
| BatchNorm    | channel                | N, H, W          | learned, one a channel                                 |
| LayerNorm    | sample                 | C, H, W          | learned, one an element                                |
| InstanceNorm | sample and channel     | H, W             | none, or learned (``affine``), one a channel           |
| GroupNorm    | sample and C/G channels | C/G, H, W       | learned, one a channel                                 |
| AdaIN        | sample and channel     | H, W             | linear in the style: one a sample and channel          |
| ILN          | both: rho I + (1 - rho) L | I over H, W; L over C, H, W | learned, one a channel                   |
| AdaILN       | as ILN                 | as ILN           | given with x: one a sample and channel                 |

x is [N, C, H, W], of batch norm also [N, C] or [N, C, L]. Variances are biased (divided by n), those of ILN and AdaILN
unbiased (n - 1). Training and eval differ where running statistics are kept: in batch norm, and in instance norm with
``track``. Names, statistics and values are PyTorch's: Paddle's BatchNorm2D keeps other running variances, its
InstanceNorm2D keeps none, and its LayerNorm and GroupNorm cannot be differentiated twice, as a gradient penalty must.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

HALF = (paddle.float16, paddle.bfloat16)


class _ChannelNorm(nn.Layer):
    """What batch and instance norm share: a scale and a shift [C], and running statistics [C].

    As in PyTorch, running = (1 - momentum) running + momentum now, where the variance is now the unbiased one.
    """

    def __init__(self, channels, epsilon, momentum, affine, track, weight_attr=None):
        super().__init__()
        self.epsilon, self.momentum, self.track = epsilon, momentum, track
        self.weight = self.bias = None
        if affine:
            ones = nn.initializer.Constant(1.0)
            self.weight = self.create_parameter([channels], attr=weight_attr, default_initializer=ones)
            self.bias = self.create_parameter([channels], is_bias=True)
        if track:
            dtype = paddle.get_default_dtype()
            self.register_buffer("_mean", paddle.zeros([channels], dtype))  # named as in Paddle's layer
            self.register_buffer("_variance", paddle.ones([channels], dtype))
            self.register_buffer("num_batches_tracked", paddle.zeros([], "int64"))

    def _by_running(self, x):
        if x.dtype == paddle.float64:  # Paddle's operation has its epsilon in float32
            return _by(x, self._mean, self._variance, self.weight, self.bias, self.epsilon)
        return F.batch_norm(x, self._mean, self._variance, self.weight, self.bias, False, epsilon=self.epsilon)

    @paddle.no_grad()
    def _follow(self, mean, variance, momentum):
        for running, now in ((self._mean, mean), (self._variance, variance)):
            paddle.assign(running * (1 - momentum) + now * momentum, running)


class BatchNorm(_ChannelNorm):
    """Batch norm of x [N, C] or [N, C, …]; in training, and without ``track``, N times the pixels must be 2 or more.

    ``momentum`` None makes the running statistics the mean over all batches. It can be differentiated twice.
    """

    def __init__(
        self,
        channels: int,
        epsilon: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track: bool = True,
        weight_attr=None,
    ):
        super().__init__(channels, epsilon, momentum, affine, track, weight_attr)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if self.track and not self.training:
            return self._by_running(x)
        count = x.size // x.shape[1]
        if count == 1:
            raise ValueError("batch norm in training needs more than one value a channel; use a larger batch")
        y, mean, variance = _by_own(x, self.weight, self.bias, self.epsilon)
        if self.track:
            paddle.assign(self.num_batches_tracked + 1, self.num_batches_tracked)
            momentum = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
            self._follow(mean, variance * (count / (count - 1)), momentum)
        return y


class LayerNorm(nn.Layer):
    """Layer norm of x [N, …] over its last axes, whose sizes are ``shape``; the scale and the shift have this shape."""

    def __init__(self, shape, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.weight = self.create_parameter(list(shape), default_initializer=nn.initializer.Constant(1.0))
        self.bias = self.create_parameter(list(shape), is_bias=True)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        rows = x.astype(self.weight.dtype).reshape([1, -1, self.weight.size])  # statistics are never of half precision
        y = _by_own(rows, None, None, self.epsilon)[0].reshape(x.shape)
        return (y * self.weight + self.bias).astype(x.dtype)


class InstanceNorm(_ChannelNorm):
    """Instance norm of x [N, C, H, W] with 2 pixels or more.

    With ``affine`` it has a scale and a shift. With ``track`` it keeps running statistics: the means of the samples',
    which it normalises by in eval, but for ``own``. As in PyTorch, it has a count of batches, which does not move.
    """

    def __init__(
        self,
        channels: int,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track: bool = False,
        own: bool = False,
    ):
        super().__init__(channels, epsilon, momentum, affine, track)
        self.own = own

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if self.track and not self.training and not self.own:
            return self._by_running(x)
        n, c, h, w = x.shape
        if paddle.in_dynamic_mode() and h * w == 1:  # traced, sizes may be unknown
            raise ValueError("instance norm needs more than one pixel; use larger images or fewer layers")
        if not self.track or not self.training:
            return _instance_norm(x, self.weight, self.bias, self.epsilon)
        # A batch norm of N x C images of one channel.
        weight, bias = (None if p is None else p.tile([n]) for p in (self.weight, self.bias))
        y, mean, variance = _by_own(x.reshape([1, n * c, h, w]), weight, bias, self.epsilon)
        mean, variance = (each.reshape([n, c]).mean(axis=0) for each in (mean, variance))
        self._follow(mean, variance * (h * w / (h * w - 1)), self.momentum)
        return y.reshape([n, c, h, w])


class ScaledInstanceNorm(nn.InstanceNorm2D):
    """Paddle's own layer, whose scale and bias [C] are learned, but that half precision stays that."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return _instance_norm(x, self.scale, self.bias)


class GroupNorm(nn.Layer):
    """Group norm of x [N, C, H, W]: ``groups`` of neighbouring channels, each with one mean and one variance."""

    def __init__(self, groups: int, channels: int, epsilon: float = 1e-5):
        super().__init__()
        self.groups, self.epsilon = groups, epsilon
        self.weight = self.create_parameter([channels], default_initializer=nn.initializer.Constant(1.0))
        self.bias = self.create_parameter([channels], is_bias=True)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        rows = x.astype(self.weight.dtype).reshape([1, x.shape[0] * self.groups, -1])
        y = _by_own(rows, None, None, self.epsilon)[0].reshape(x.shape)
        return (y * _channels(self.weight, x) + _channels(self.bias, x)).astype(x.dtype)


class AdaIN(nn.Layer):
    """Instance norm whose scale (less 1) and shift are linear in the style: x [N, C, H, W], s [N, S].

    This is StarGAN v2's. Huang and Belongie's has no parameters: it takes both from another picture (nets/adain.py).
    """

    def __init__(self, style_dim: int, num_features: int):
        super().__init__()
        self.fc = nn.Linear(style_dim, 2 * num_features)

    def forward(self, x: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
        scale, shift = self.fc(s).astype(self.fc.weight.dtype).chunk(2, axis=1)  # a norm's are never half precision
        # The norm of N x C images of one channel takes scale and shift as its own: no product and sum to keep.
        c, h, w = x.shape[1:]
        y = _instance_norm(x.reshape([1, -1, h, w]), 1 + scale.reshape([-1]), shift.reshape([-1]))
        return y.reshape([-1, c, h, w])


class ILN(nn.Layer):
    """U-GAT-IT's instance-layer norm of x [N, C, H, W]: gamma (rho I(x) + (1 - rho) L(x)) + beta.

    I normalises a channel of a sample, L a sample, both by the UNBIASED variance. rho starts at 0: L alone.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.rho, self.gamma, self.beta = (_channel_parameter(self, channels, value) for value in (0.0, 1.0, 0.0))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return _instance_layer_norm(x, self.rho, self.gamma, self.beta)


class AdaILN(nn.Layer):
    """ILN whose gamma and beta [N, C] come from outside, one for each sample, as they are; rho starts at 0.9."""

    def __init__(self, channels: int):
        super().__init__()
        self.rho = _channel_parameter(self, channels, 0.9)

    def forward(self, x: paddle.Tensor, gamma: paddle.Tensor, beta: paddle.Tensor) -> paddle.Tensor:
        gamma, beta = (each.astype(self.rho.dtype).unsqueeze([2, 3]) for each in (gamma, beta))
        return _instance_layer_norm(x, self.rho, gamma, beta)


def _channel_parameter(layer: nn.Layer, channels: int, value: float):
    return layer.create_parameter([1, channels, 1, 1], default_initializer=nn.initializer.Constant(value))


def _channels(values: paddle.Tensor, x: paddle.Tensor) -> paddle.Tensor:
    """``values`` [C] in the shape that goes with x [N, C, …]; without the leading 1, which is slow on a CPU."""
    return values.reshape([-1] + [1] * (x.ndim - 2))


def _by(x, mean, variance, weight, bias, epsilon):
    """x [N, C, …] by the statistics [C], as a formula; a quotient, differentiated twice, ends Paddle 2.6."""
    scale = (variance + epsilon).rsqrt()
    y = (x - _channels(mean, x)) * _channels(scale if weight is None else weight * scale, x)
    return y if bias is None else y + _channels(bias, x)


def _by_own(x, weight, bias, epsilon):
    """x [N, C, …] by each channel's mean and biased variance over all other axes, and these two, [C]."""
    axes, channels = [0, *range(2, x.ndim)], x.shape[1]
    if x.dtype == paddle.float64 or x.size == channels:  # Paddle's operation returns single values as they are
        mean = x.mean(axis=axes)
        variance = (x - _channels(mean, x)).square().mean(axis=axes)
        return _by(x, mean, variance, weight, bias, epsilon), mean, variance
    # One fused operation, ten times as fast and more exact; with momentum 0, what it saw last is in its buffers.
    mean, variance = paddle.zeros([channels]), paddle.ones([channels])
    y = F.batch_norm(x, mean, variance, weight, bias, True, momentum=0.0, epsilon=epsilon)
    if not x.place.is_cpu_place():  # cuDNN's variance may be the unbiased one already
        with paddle.no_grad():
            variance = (x.astype(mean.dtype) - _channels(mean, x)).square().mean(axis=axes)
    return y, mean, variance


def _instance_norm(x, weight=None, bias=None, epsilon=1e-5):
    # One return, and no "with" here: Paddle 2 cannot trace a function that returns from within one.
    fastest = _instance_norm_on_a_cpu if paddle.in_dynamic_mode() and paddle.get_device() == "cpu" else F.instance_norm
    by = {paddle.float64: _instance_norm_by_means, **dict.fromkeys(HALF, _half_instance_norm)}
    return by.get(x.dtype, fastest)(x, weight=weight, bias=bias, eps=epsilon)


def _instance_norm_on_a_cpu(x, weight, bias, eps):
    """As the batch norm of one sample with all their channels, which is two to three times as fast there."""
    n, c, h, w = x.shape
    if n > 1 and weight is not None:
        weight, bias = weight.tile([n]), bias.tile([n])
    return _by_own(x.reshape([1, n * c, h, w]), weight, bias, eps)[0].reshape([n, c, h, w])


def _half_instance_norm(x, **given):
    with paddle.amp.auto_cast(enable=False):  # it would make x float32 for the scale; statistics are float32 anyway
        return F.instance_norm(x, **given)


def _instance_norm_by_means(x, weight, bias, eps):
    mean = x.mean(axis=[2, 3], keepdim=True)
    scale = ((x - mean).square().mean(axis=[2, 3], keepdim=True) + eps).rsqrt()
    y = (x - mean) * (scale if weight is None else _channels(weight, x) * scale)
    return y if bias is None else y + _channels(bias, x)


def _instance_layer_norm(x, rho, gamma, beta, epsilon: float = 1e-5):
    """gamma (rho I + (1 - rho) L) + beta, with I = (x - m) a by channel and L = (x - M) b by sample.

    Written as gamma ((rho a + (1 - rho) b) (x - m) + (1 - rho) b (m - M)) + beta, it goes through x a quarter as often.
    L's variance is made of the channels': on a CPU, float32's sum over all of a large x is off by a percent.
    """
    given, x = x.dtype, x.astype(rho.dtype)  # statistics are never of half precision
    channels, pixels = x.shape[1], x.shape[2] * x.shape[3]
    mean = x.mean(axis=[2, 3], keepdim=True)
    centred = x - mean
    squares = centred.square().sum(axis=[2, 3], keepdim=True)
    layer_mean = mean.mean(axis=1, keepdim=True)
    layer_squares = (squares + pixels * (mean - layer_mean).square()).sum(axis=1, keepdim=True)
    instance = rho * (squares / (pixels - 1) + epsilon).rsqrt()
    layer = (1 - rho) * (layer_squares / (channels * pixels - 1) + epsilon).rsqrt()
    y = (gamma * (instance + layer)) * centred + (gamma * layer * (mean - layer_mean) + beta)
    return y.astype(given)
