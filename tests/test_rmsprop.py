"""RMSprop as PyTorch's, and its state saved and restored as Paddle's own optimisers' is."""

import numpy as np
import paddle
from paddle import nn

from ppstargan.training.rmsprop import RMSProp
from ppstargan.training.state import accumulators, set_accumulators


def step(net, optimizer, i):
    x = paddle.to_tensor(np.random.default_rng(i).normal(size=(4, 3)).astype("float32"))
    (net(x).square().mean() * 1e-4).backward()
    optimizer.step()
    optimizer.clear_grad()


def weights(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def test_epsilon_stands_outside_the_root():
    """Small gradients: sqrt(v) is far below 1e-4, where Paddle's default would make steps a thousand times as small."""
    parameter = paddle.create_parameter([2], "float64")
    parameter.set_value(np.array([1.0, -2.0]))
    optimizer, expected, v = RMSProp(5e-5, [parameter]), np.array([1.0, -2.0]), np.zeros(2)
    for i in range(4):
        gradient = np.array([1e-6, -3e-8]) * (i + 1)
        (parameter * paddle.to_tensor(gradient)).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
        v = 0.99 * v + 0.01 * gradient**2
        expected = expected - 5e-5 * gradient / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=0, atol=1e-11)


def test_a_restored_run_goes_on_bit_by_bit():
    paddle.seed(0)
    net = nn.Linear(3, 2)
    optimizer = RMSProp(1e-3, net.parameters())
    for i in range(3):
        step(net, optimizer, i)
    kept, state = weights(net), accumulators(net, optimizer)
    assert {name: list(entries) for name, entries in state.items()} == {
        "weight": ["mean_square"],
        "bias": ["mean_square"],
    }
    for i in range(3, 6):
        step(net, optimizer, i)

    other = nn.Linear(3, 2)
    other.set_state_dict({name: paddle.to_tensor(value) for name, value in kept.items()})
    again = RMSProp(1e-3, other.parameters())
    set_accumulators(other, again, state)
    for i in range(3, 6):
        step(other, again, i)
    for name, value in weights(net).items():
        np.testing.assert_array_equal(weights(other)[name], value)

    # And into an optimiser that has stepped already.
    set_accumulators(other, again, state)
    np.testing.assert_array_equal(accumulators(other, again)["weight"]["mean_square"], state["weight"]["mean_square"])


def test_what_has_no_gradient_stays_and_has_no_state():
    net = nn.Linear(3, 2)
    net.bias.stop_gradient = True
    before, optimizer = net.bias.numpy(), RMSProp(1e-3, net.parameters())
    step(net, optimizer, 0)
    np.testing.assert_array_equal(net.bias.numpy(), before)
    assert list(accumulators(net, optimizer)) == ["weight"]


def test_the_rate_can_be_set():
    net = nn.Linear(3, 2)
    optimizer = RMSProp(1e-3, net.parameters())
    optimizer.set_lr(0.0)
    before = weights(net)
    step(net, optimizer, 0)
    np.testing.assert_array_equal(weights(net)["weight"], before["weight"])
