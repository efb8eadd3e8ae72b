"""train.deterministic: other forms of what a GPU's gradients add atomically, compared with Paddle's own on a CPU."""

import ast

import numpy as np
import paddle
import pytest
from every_system import EVERY, ROOT, configured, made
from paddle.nn import functional as F

from ppstargan.nets import domains, in_order
from ppstargan.systems.load import system_named
from ppstargan.training.step import iterate
from ppstargan.training.trainer import Trainer

ATOMIC = {"gather", "gather_nd", "index_select", "take_along_axis", "index_sample", "scatter", "Upsample", "Pad2D"}


@pytest.fixture
def chosen(monkeypatch):
    """As ``choose`` leaves it on a GPU."""
    monkeypatch.setattr(in_order, "_chosen", False)
    return lambda on=True: monkeypatch.setattr(in_order, "_chosen", on)


def both(chosen, function, *inputs):
    """[(value, gradients of a sum of its squares)] of a function of tensors, as Paddle has it and in order."""
    found = []
    for on in (False, True):
        chosen(on)
        given = [paddle.to_tensor(array, stop_gradient=False) for array in inputs]
        value = function(*given)
        gradients = paddle.grad(value.square().sum(), given)
        found.append((value.numpy(), [gradient.numpy() for gradient in gradients]))
    return found


def assert_the_same(pair):
    (value, gradients), (other, others) = pair
    np.testing.assert_array_equal(value, other)  # of the same numbers
    for gradient, expected in zip(others, gradients):  # in another order
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 5)])
def test_rows(chosen, shape):
    table, y = np.random.default_rng(0).standard_normal(shape, np.float32), paddle.to_tensor([2, 0, 2, 2])
    pair = both(chosen, lambda t: in_order.rows(t, y), table)
    assert_the_same(pair)
    np.testing.assert_array_equal(pair[1][0], table[[2, 0, 2, 2]])
    assert (pair[1][1][0][1] == 0).all()  # of the row that is not among them


def test_branches_of_domains_are_the_same(chosen):
    paddle.seed(1)
    layer, x = domains.DomainLinear(4, 6, 3), np.random.default_rng(0).standard_normal((5, 6), np.float32)
    y = paddle.to_tensor([1, 3, 1, 0, 1])
    linear = lambda x, weight, bias: domains.linear(x, weight, bias, y)  # noqa: E731
    assert_the_same(both(chosen, linear, x, layer.weight.numpy(), np.float32(np.arange(12).reshape(4, 3))))


def test_doubling_and_reflecting(chosen):
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7), np.float32)
    assert_the_same(both(chosen, in_order.doubled, x))
    assert_the_same(both(chosen, in_order.Doubled(), x))
    np.testing.assert_array_equal(both(chosen, in_order.doubled, x)[1][0], x.repeat(2, 2).repeat(2, 3))
    for pixels in (1, 3, 4):
        pair = both(chosen, in_order.Reflected(pixels), x)
        assert_the_same(pair)
        np.testing.assert_array_equal(pair[1][0], np.pad(x, ((0, 0), (0, 0), (pixels,) * 2, (pixels,) * 2), "reflect"))


@pytest.mark.parametrize("name", EVERY)
def test_no_gradient_of_a_system_goes_by_what_adds_atomically(data, chosen, monkeypatch, name):
    """And the losses are the same. Embeddings have a flag of Paddle's, and its bilinear upsampling has no gradient."""
    reports = []
    for on in (False, True):
        chosen(on)
        if on:
            monkeypatch.setattr(paddle.Tensor, "gather", None)
            monkeypatch.setattr(F, "interpolate", None)
            monkeypatch.setattr(F, "pad", None)
            monkeypatch.setattr(paddle.nn.functional.common, "pad", None)
        system, drawn = made(configured(name, data))
        reports.append([iterate(system, batch, i) for i, batch in enumerate(drawn[:2])])
    for one, other in zip(*reports):
        assert one.keys() == other.keys() and len(one) > 0
        for key, value in one.items():
            assert float(other[key]) == pytest.approx(float(value), rel=1e-3, abs=1e-4), key


def test_networks_and_losses_have_no_other_operation_that_adds_atomically():
    """By name: what a new network takes of these goes into nets/in_order.py."""
    found = set()
    for path in (*(ROOT / "ppstargan" / "nets").glob("*.py"), ROOT / "ppstargan" / "losses.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in ATOMIC:
                found.add((path.name, name))
    assert found == {("in_order.py", "gather"), ("in_order.py", "Pad2D")}


def test_a_gpu_gets_paddle_s_flags_and_a_cpu_is_left_alone(data, tmp_path, monkeypatch):
    given, flags = configured("gan_toy", data, "train.deterministic=true", f"output={tmp_path}"), []
    monkeypatch.setattr(in_order, "_chosen", False)
    monkeypatch.setattr(paddle, "set_flags", flags.append)
    Trainer(given, system_named("gan"))
    assert not flags and not in_order._chosen
    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:1")
    monkeypatch.setattr("ppstargan.training.trainer.choose_gpu_arithmetic", lambda *_: None)
    Trainer(given, system_named("gan"))
    assert flags == [{"FLAGS_cudnn_deterministic": True, "FLAGS_embedding_deterministic": 1}] and in_order._chosen
    Trainer(configured("gan_toy", data, f"output={tmp_path}"), system_named("gan"))
    assert len(flags) == 1 and not in_order._chosen
