"""The layers in float32, which is computed otherwise than the float64 of the parity cases: PyTorch's statistics."""

import numpy as np
import paddle
import pytest

from ppstargan.nets.norms import AdaIN, BatchNorm, GroupNorm, InstanceNorm, LayerNorm
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


def test_statistics_of_all_batches_and_of_none():
    """Without momentum, the running statistics are the mean over all batches; without ``track``, there are none."""
    batches = [values((3, 5, 4, 6), "float32", seed) for seed in range(3)]
    averaging, own = BatchNorm(5, momentum=None), BatchNorm(5, affine=False, track=False)
    for batch in batches:
        averaging(paddle.to_tensor(batch))
    means, variances = zip(*((x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)) for x in batches))
    np.testing.assert_allclose(averaging._mean.numpy(), np.mean(means, 0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(averaging._variance.numpy(), np.mean(variances, 0), rtol=1e-5)
    own.eval()
    assert own.state_dict() == {}
    y = own(paddle.to_tensor(batches[0])).numpy()
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], rtol=0, atol=1e-5)


def standardised(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


SHAPE = (3, 6, 5, 7)
LAYERS = {  # layer and, of x [3, 6, 5, 7], what it is before scale and shift
    "layer": (lambda: LayerNorm((6, 5, 7)), lambda x: standardised(x, (1, 2, 3))),
    "last axis": (lambda: LayerNorm([7], 1e-3), lambda x: standardised(x, 3, 1e-3)),
    "group": (lambda: GroupNorm(2, 6, 1e-3), lambda x: standardised(x.reshape(3, 2, -1), 2, 1e-3).reshape(SHAPE)),
    "instance": (lambda: InstanceNorm(6, affine=True), lambda x: standardised(x, (2, 3))),
    "tracked": (lambda: InstanceNorm(6, affine=True, track=True), lambda x: standardised(x, (2, 3))),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_float32(name):
    build, expected = LAYERS[name]
    net, x = build(), values(SHAPE, "float32")
    shape = net.weight.shape
    net.weight.set_value(values(shape, "float32", 1))
    net.bias.set_value(values(shape, "float32", 2))
    sides = [6, 1, 1] if shape == [6] else shape
    weight, bias = (parameter.numpy().reshape(sides) for parameter in (net.weight, net.bias))
    y = net(paddle.to_tensor(x))
    assert y.dtype == paddle.float32 and y.shape == list(SHAPE)
    np.testing.assert_allclose(y.numpy(), expected(x.astype("float64")) * weight + bias, rtol=0, atol=2e-5)


def test_running_statistics_of_an_instance_norm_are_the_means_of_the_samples():
    net, x = InstanceNorm(6, momentum=0.3, track=True), values(SHAPE, "float32")
    net(paddle.to_tensor(x))
    mean, variance = 0.3 * x.mean((0, 2, 3)), 0.7 + 0.3 * x.var((2, 3), ddof=1).mean(0)
    for _ in range(2):  # the second time in eval: nothing moves
        np.testing.assert_allclose(net._mean.numpy(), mean, rtol=0, atol=1e-6)
        np.testing.assert_allclose(net._variance.numpy(), variance, rtol=1e-5)
        assert int(net.num_batches_tracked) == 0  # as in PyTorch
        net.eval()
        y = net(paddle.to_tensor(x)).numpy()
    expected = (x - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


def test_large_maps_keep_their_digits_in_float32():
    """A plain sum over all of a sample is off by a thousandth on a CPU."""
    x = values((1, 4, 512, 512), "float32")
    for net, axes in ((LayerNorm((4, 512, 512)), (1, 2, 3)), (GroupNorm(1, 4), (1, 2, 3)), (InstanceNorm(4), (2, 3))):
        difference = net(paddle.to_tensor(x)).numpy() - standardised(x.astype("float64"), axes)
        assert np.abs(difference).max() < 1e-4


@pytest.mark.parametrize(
    "build",
    [
        lambda: BatchNorm(6),
        lambda: LayerNorm((6, 4, 4)),
        lambda: GroupNorm(3, 6),
        lambda: InstanceNorm(6, affine=True),
        lambda: InstanceNorm(6, affine=True, track=True),
    ],
)
def test_layers_can_be_differentiated_twice(build):
    """As a gradient penalty does; both ways of computing a layer give the same second derivatives."""
    found = []
    for dtype in ("float32", "float64"):
        paddle.set_default_dtype(dtype)
        net, x = build(), paddle.to_tensor(values((3, 6, 4, 4), dtype), stop_gradient=False)
        paddle.set_default_dtype("float32")
        net.weight.set_value(values(net.weight.shape, dtype, 1))
        gradient = paddle.grad((net(x) ** 3).sum(), x, create_graph=True)[0]
        gradient.square().sum().backward()
        found.append((x.grad.numpy(), net.weight.grad.numpy()))
    for single, double in zip(*found):
        assert np.linalg.norm(single - double) < 1e-4 * np.linalg.norm(double)


def test_adain_takes_scale_less_one_and_shift_from_the_style():
    net = AdaIN(4, 6)
    net.fc.weight.set_value(paddle.zeros([4, 12]))
    net.fc.bias.set_value(np.arange(12, dtype="float32"))
    x = values(SHAPE, "float32")
    y = net(paddle.to_tensor(x), paddle.ones([3, 4])).numpy()
    scale, shift = np.arange(12).reshape(2, 6, 1, 1)
    np.testing.assert_allclose(y, standardised(x, (2, 3)) * (1 + scale) + shift, rtol=0, atol=2e-5)


def test_one_value_a_channel_has_no_variance():
    with pytest.raises(ValueError, match="larger batch"):
        BatchNorm(3)(paddle.ones([1, 3, 1, 1]))
    with pytest.raises(ValueError, match="more than one pixel"):
        InstanceNorm(3)(paddle.ones([2, 3, 1, 1]))


def test_networks_in_double_precision_keep_double_statistics():
    with float64():
        net = BatchNorm(2)
    assert net._mean.dtype == net._variance.dtype == paddle.float64
