"""The terms of the objective as functions of their own: closed forms, and where a gradient flows."""

import numpy as np
import paddle
import pytest

from ppstargan import losses


def tensor(values):
    return paddle.to_tensor(np.array(values, np.float32), stop_gradient=False)


def test_adversarial_loss_is_the_cross_entropy_with_its_label():
    logits = tensor([-2.0, 0.0, 3.0])
    sigmoid = 1 / (1 + np.exp(-logits.numpy()))
    assert float(losses.adversarial_loss(logits, 1)) == pytest.approx(-np.log(sigmoid).mean(), rel=1e-6)
    assert float(losses.adversarial_loss(logits, 0)) == pytest.approx(-np.log(1 - sigmoid).mean(), rel=1e-6)


def test_r1_is_half_the_squared_gradient_of_each_image_and_has_a_gradient_itself():
    """Of the sum of a x^2 over an image, the gradient is 2 a x: its squares are 4 a^2 x^2, over 2 images."""
    x, a = tensor(np.arange(24).reshape(2, 3, 2, 2) / 10), tensor(0.5)
    penalty = losses.r1_penalty((a * x * x).sum(axis=[1, 2, 3]), x)
    squares = np.square(np.arange(24) / 10).sum()
    assert float(penalty) == pytest.approx(0.5**2 * squares, rel=1e-6)  # a^2 times the squares
    penalty.backward()
    assert float(a.grad) == pytest.approx(2 * 0.5 * squares, rel=1e-6)


@pytest.mark.parametrize("loss", [losses.style_reconstruction_loss, losses.cycle_loss, losses.diversity_loss])
def test_absolute_differences_and_the_gradients_of_both_sides(loss):
    x, y = tensor([[1.0, -3.0], [0.5, 2.0]]), tensor([[0.0, 1.0], [2.0, 2.5]])
    value = loss(x, y)
    assert float(value) == pytest.approx((1 + 4 + 1.5 + 0.5) / 4)
    value.backward()
    signs = np.array([[1, -1], [-1, -1]]) / 4
    np.testing.assert_allclose(x.grad.numpy(), signs)
    if loss is losses.diversity_loss:  # its second image is a constant
        assert y.grad is None
    else:
        np.testing.assert_allclose(y.grad.numpy(), -signs)
