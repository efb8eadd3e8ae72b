"""The fused convolutions against the plain form."""

import numpy as np
import paddle
import pytest

from ppstargan.costs import plain
from ppstargan.nets import resample


def tensors(dtype, height, width):
    rng = np.random.RandomState(0)
    shapes = ((2, 3, height, width), (5, 3, 3, 3), (5,))
    values = [paddle.to_tensor(rng.standard_normal(shape).astype(dtype)) for shape in shapes]
    for value in values:
        value.stop_gradient = False
    return values


PAIRS = [(resample.conv_pool, plain.conv_pool), (resample.upsample_conv, plain.upsample_conv)]


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("fused, simple", PAIRS)
@pytest.mark.parametrize("height, width", [(8, 8), (2, 6)])
def test_values_and_gradients(fused, simple, dtype, tolerance, height, width):
    inputs = tensors(dtype, height, width)
    ours, theirs = fused(*inputs), simple(*inputs)
    assert ours.shape == theirs.shape
    pairs = [(ours, theirs), *zip(paddle.grad(ours.sin().sum(), inputs), paddle.grad(theirs.sin().sum(), inputs))]
    for a, b in pairs:
        scale = float(b.abs().max())
        assert float((a - b).abs().max()) <= 10 * tolerance * scale


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("ours, theirs", [(resample.pool, plain.pool), (resample.upsample, plain.upsample)])
@pytest.mark.parametrize("height, width", [(4, 8), (2, 6), (2, 66)])
def test_resampling_equals_paddles(ours, theirs, dtype, tolerance, height, width):
    x = tensors(dtype, height, width)[0]
    values = [f(x) for f in (ours, theirs)]
    gradients = [paddle.grad(value.sin().sum(), x)[0] for value in values]
    assert values[0].shape == values[1].shape
    for a, b in (values, gradients):
        assert float((a - b).abs().max()) <= tolerance * float(b.abs().max())


def test_second_derivatives_of_the_pooled_convolution():
    """What R1 needs: the gradient of a squared gradient, with respect to the 3x3 parameter."""
    found = []
    for function in (resample.conv_pool, plain.conv_pool):
        x, weight, bias = tensors("float64", 6, 6)
        first = paddle.grad(function(x, weight, bias).tanh().sum(), x, create_graph=True)[0]
        found.append(paddle.grad(first.square().sum(), weight)[0].numpy())
    assert np.abs(found[0]).max() > 0.1
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10, atol=1e-12)
