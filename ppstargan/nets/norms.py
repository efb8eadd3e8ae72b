"""Normalisation layers that Paddle lacks, and those with the statistics of PyTorch's, where Paddle's keep others."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F


class BatchNorm(nn.Layer):
    """Batch norm of [N, C] or [N, C, …]: (x - mean) / sqrt(variance + epsilon), scaled and shifted by channel.

    In training, the statistics are the batch's own, and the running ones follow: running = 0.9 running + 0.1 batch.
    As in PyTorch, the running variance takes the batch's unbiased one (Paddle's layer: the biased one), and the batches
    are counted. It can be differentiated twice.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5, momentum: float = 0.1, weight_attr=None):
        super().__init__()
        self.epsilon, self.momentum = epsilon, momentum
        ones = nn.initializer.Constant(1.0)
        self.weight = self.create_parameter([channels], attr=weight_attr, default_initializer=ones)
        self.bias = self.create_parameter([channels], is_bias=True)
        dtype = self.weight.dtype
        self.register_buffer("_mean", paddle.zeros([channels], dtype))  # named as in Paddle's layer
        self.register_buffer("_variance", paddle.ones([channels], dtype))
        self.register_buffer("num_batches_tracked", paddle.zeros([], "int64"))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, …] -> the same shape; in training, N times the pixels must be 2 or more."""
        if not self.training:
            return self._normalised(x, self._mean, self._variance)
        count = x.size // x.shape[1]
        if count == 1:
            raise ValueError("batch norm in training needs more than one value a channel; use a larger batch")
        if x.dtype == paddle.float64:
            axes = [0, *range(2, x.ndim)]
            mean = x.mean(axis=axes)
            variance = (x - _channels(mean, x)).square().mean(axis=axes)
            y = self._normalised(x, mean, variance)
        else:  # one fused operation, ten times as fast; with momentum 0 the last batch's statistics are in its buffers
            mean, variance = paddle.zeros_like(self._mean), paddle.ones_like(self._variance)
            y = F.batch_norm(x, mean, variance, self.weight, self.bias, True, momentum=0.0, epsilon=self.epsilon)
            if not x.place.is_cpu_place():  # cuDNN's variance may be the unbiased one already
                variance = _variance(x, mean)
        self._follow(mean, variance * (count / (count - 1)))
        return y

    def _normalised(self, x, mean, variance):
        if x.dtype != paddle.float64:
            return F.batch_norm(x, mean, variance, self.weight, self.bias, False, epsilon=self.epsilon)
        # Paddle's operation has its epsilon in float32; a quotient, differentiated twice, ends Paddle 2.6.
        scale = self.weight * (variance + self.epsilon).rsqrt()
        return (x - _channels(mean, x)) * _channels(scale, x) + _channels(self.bias, x)

    @paddle.no_grad()
    def _follow(self, mean, variance):
        for running, now in ((self._mean, mean), (self._variance, variance)):
            paddle.assign(running * (1 - self.momentum) + now * self.momentum, running)
        paddle.assign(self.num_batches_tracked + 1, self.num_batches_tracked)


def _channels(values: paddle.Tensor, x: paddle.Tensor) -> paddle.Tensor:
    """``values`` [C] in the shape that goes with x [N, C, …]; without the leading 1, which is slow on a CPU."""
    return values.reshape([-1] + [1] * (x.ndim - 2))


@paddle.no_grad()
def _variance(x: paddle.Tensor, mean: paddle.Tensor) -> paddle.Tensor:
    x = x.astype(mean.dtype)
    return (x - _channels(mean, x)).square().mean(axis=[0, *range(2, x.ndim)])


class InstanceNorm(nn.Layer):
    """Instance norm of x [N, C, H, W] by the biased variance, without parameters or running statistics."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if x.dtype != paddle.float64:
            return F.instance_norm(x)
        centred = x - x.mean(axis=[2, 3], keepdim=True)  # Paddle's operation has its epsilon in float32
        return centred * (centred.square().mean(axis=[2, 3], keepdim=True) + 1e-5).rsqrt()


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


@paddle.no_grad()
def each_by_itself(net: nn.Layer, x: paddle.Tensor) -> paddle.Tensor:
    """What ``net`` makes of each of x [N, C, H, W] when batch norms see it alone, as in training with a batch of 1.

    Without dropout; the running statistics are then as they were.
    """
    before = [(buffer, buffer.clone()) for buffer in net.buffers()]
    was_training = net.training
    net.eval()
    for layer in net.sublayers():
        if isinstance(layer, BatchNorm):
            layer.train()
    y = paddle.concat([net(one) for one in x.split([1] * x.shape[0])])
    for buffer, value in before:
        paddle.assign(value, buffer)
    if was_training:
        net.train()
    else:
        net.eval()
    return y
