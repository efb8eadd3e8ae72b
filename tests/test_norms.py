"""Batch norm: PyTorch's statistics, in both of the ways in which it is computed."""

import numpy as np
import paddle
import pytest

from ppstargan.nets.norms import BatchNorm
from ppstargan.parity.networks import float64


def values(shape, dtype="float64", seed=0):
    return (np.random.default_rng(seed).normal(0.5, 2, shape)).astype(dtype)


def layer(epsilon, dtype):
    paddle.set_default_dtype(dtype)
    net = BatchNorm(5, epsilon)
    paddle.set_default_dtype("float32")
    net.weight.set_value(values([5], dtype, 1))
    net.bias.set_value(values([5], dtype, 2))
    return net


# Paddle 2 keeps the constants of an operation, such as epsilon, in float32.
DOUBLE = 1e-7 if paddle.__version__.startswith("2.") else 1e-13


@pytest.mark.parametrize("dtype, tolerance", [("float32", 3e-6), ("float64", DOUBLE)])
@pytest.mark.parametrize("shape", [(4, 5), (3, 5, 4, 6), (2, 5, 1, 1)])
@pytest.mark.parametrize("epsilon", [1e-5, 0.8])
def test_batch_norm(shape, epsilon, dtype, tolerance):
    net, x = layer(epsilon, dtype), values(shape, dtype)
    axes, sides = tuple(i for i in range(len(shape)) if i != 1), [1, 5] + [1] * (len(shape) - 2)
    weight, bias = (p.numpy().reshape(sides) for p in (net.weight, net.bias))

    def expected(mean, variance):
        return (x - mean.reshape(sides)) / np.sqrt(variance.reshape(sides) + epsilon) * weight + bias

    y = net(paddle.to_tensor(x)).numpy()
    np.testing.assert_allclose(y, expected(x.mean(axes), x.var(axes)), rtol=0, atol=10 * tolerance)
    running = 0.1 * x.mean(axes), 0.9 + 0.1 * x.var(axes, ddof=1)  # unbiased
    np.testing.assert_allclose(net._mean.numpy(), running[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(net._variance.numpy(), running[1], rtol=tolerance)
    assert int(net.num_batches_tracked) == 1 and net.num_batches_tracked.shape == []
    net.eval()
    y = net(paddle.to_tensor(x)).numpy()
    np.testing.assert_allclose(y, expected(*running), rtol=0, atol=10 * tolerance)
    np.testing.assert_allclose(net._mean.numpy(), running[0], rtol=0, atol=tolerance)
    assert int(net.num_batches_tracked) == 1


def test_batch_norm_can_be_differentiated_twice():
    """Both ways of computing it give the same second derivatives."""
    found = []
    for dtype in ("float32", "float64"):
        net, x = layer(1e-5, dtype), paddle.to_tensor(values((3, 5, 4, 4), dtype), stop_gradient=False)
        gradient = paddle.grad((net(x) ** 3).sum(), x, create_graph=True)[0]
        gradient.square().sum().backward()
        found.append((x.grad.numpy(), net.weight.grad.numpy()))
    for single, double in zip(*found):
        assert np.linalg.norm(single - double) < 1e-4 * np.linalg.norm(double)


def test_one_value_a_channel_has_no_variance():
    with pytest.raises(ValueError, match="larger batch"):
        BatchNorm(3)(paddle.ones([1, 3, 1, 1]))


def test_networks_in_double_precision_keep_double_statistics():
    with float64():
        net = BatchNorm(2)
    assert net._mean.dtype == net._variance.dtype == paddle.float64
