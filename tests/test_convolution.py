"""Convolutions and leaky ReLUs by oneDNN against Paddle's own in float64, up to the second derivatives."""

import threading

import numpy as np
import paddle
import pytest
from every_system import ROOT
from paddle.base import core
from paddle.nn import functional as F

from ppstargan import losses
from ppstargan.costs import benchmark
from ppstargan.nets import activation, convolution, in_order, onednn, resample
from ppstargan.systems.load import load_config

FLOAT32 = 2e-6  # of the largest value
there = pytest.mark.skipif(onednn.library() is None, reason="Paddle 2, or a Paddle without oneDNN")

# Image, kernel, stride, padding: also a PatchGAN's, a kernel that is not square, and a border that no window meets.
GEOMETRIES = [
    ((2, 3, 8, 8), (5, 3, 3, 3), 1, 1),
    ((2, 4, 9, 12), (6, 4, 4, 4), 2, 1),
    ((1, 16, 7, 5), (16, 16, 3, 3), 1, 0),
    ((3, 2, 6, 11), (4, 2, 1, 5), [1, 2], [0, 2]),
    ((1, 3, 10, 10), (2, 3, 4, 4), 3, 0),
    ((2, 32, 8, 8), (48, 32, 7, 7), 1, 3),
]


@pytest.fixture
def made(monkeypatch):
    """What oneDNN computes during a test, in order: "x", "w" or "y" of convolutions."""
    seen, call = [], convolution._computed

    def computed(made, *rest, **more):
        seen.append(made)
        return call(made, *rest, **more)

    monkeypatch.setattr(convolution, "_computed", computed)
    return seen


@pytest.fixture(autouse=True)
def gradients_too():
    with onednn.for_one_backward():
        yield


def values(dtype, *shapes, seed=0):
    rng = np.random.RandomState(seed)
    scales = [1 / np.sqrt(max(np.prod(shape[1:]), 1)) if i else 1 for i, shape in enumerate(shapes)]  # of kernels
    found = [paddle.to_tensor((rng.randn(*shape) * scale).astype(dtype)) for shape, scale in zip(shapes, scales)]
    for each in found:
        each.stop_gradient = False
    return found


def alike(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        assert float((a.astype("float64") - b).abs().max()) <= FLOAT32 * max(float(b.abs().max()), 1e-9)


def derivatives(function, *inputs):
    """The value, the gradients of a loss of it, and the gradients of a function of the first of these."""
    y = function(*inputs)
    first = paddle.grad(y.sin().sum(), inputs, create_graph=True)
    second = paddle.grad(sum(each.square().sum() for each in first[:2]), inputs, allow_unused=True)
    return [y, *first, *(each for each in second if each is not None)]


def scattered(x, weight, bias, stride, padding, output_padding):
    """A transposed convolution by one of the image with zeros between pixels: Paddle's has no second derivatives."""
    n, c, h, w = x.shape
    spread = F.pad(x.reshape([n * c, h, 1, w, 1]), [0, stride - 1, 0, 0, 0, stride - 1], data_format="NCDHW")
    spread = spread.reshape([n, c, h * stride, w * stride])[:, :, : (h - 1) * stride + 1, : (w - 1) * stride + 1]
    edge = weight.shape[2] - 1 - padding
    spread = F.pad(spread, [edge, edge + output_padding, edge, edge + output_padding])
    return F.conv2d(spread, weight.flip([2, 3]).transpose([1, 0, 2, 3]), bias)


@there
@pytest.mark.parametrize("x, weight, stride, padding", GEOMETRIES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_values_and_derivatives(made, x, weight, stride, padding, with_bias):
    shapes = (x, weight, *([weight[:1]] if with_bias else []))
    found = derivatives(lambda x, w, b=None: convolution.conv2d(x, w, b, stride, padding), *values("float32", *shapes))
    assert set(made) == {"x", "w", "y"}
    del made[:]
    alike(found, derivatives(lambda x, w, b=None: F.conv2d(x, w, b, stride, padding), *values("float64", *shapes)))
    assert made == []


@there
@pytest.mark.parametrize("x, weight, stride, padding, more", [
    ((2, 5, 4, 4), (5, 3, 4, 4), 2, 1, 0),
    ((2, 5, 3, 6), (5, 4, 3, 3), 2, 1, 1),
    ((1, 16, 4, 3), (16, 16, 4, 4), 1, 0, 0),
])  # fmt: skip
def test_transposed(made, x, weight, stride, padding, more):
    shapes = (x, weight, weight[1:2])
    found = derivatives(
        lambda x, w, b: convolution.conv2d_transpose(x, w, b, stride, padding, more), *values("float32", *shapes)
    )
    assert set(made) == {"x", "w", "y"}
    expected = derivatives(lambda x, w, b: scattered(x, w, b, stride, padding, more), *values("float64", *shapes))
    alike(found, expected)


@there
@pytest.mark.parametrize("function", [resample.conv_pool, resample.upsample_conv])
def test_kernels_made_from_the_parameter(made, function):
    shapes = ((2, 6, 8, 8), (4, 6, 3, 3), (4,))

    def all_of(function, x, w, b):
        y = function(x, w, b)
        gradient = paddle.grad(y.sin().sum(), x, create_graph=True)[0]
        return [y, *paddle.grad((y * y.sin()).sum() + gradient.square().sum(), [x, w, b])]

    found = all_of(function, *values("float32", *shapes))
    assert set(made) == {"x", "w", "y"}

    def formula(x, w, b):
        if function is resample.conv_pool:
            return F.avg_pool2d(F.conv2d(x, w, b, padding=1), 2)
        return F.conv2d(in_order.copied(x), w, b, padding=1)

    alike(found, all_of(formula, *values("float64", *shapes)))


@there
@pytest.mark.parametrize("asked", ["x", "w", "b", "xw", "wb"])
def test_what_paddle_grad_is_asked_for(asked):
    """Of two convolutions, where the second's image comes from the first."""
    shapes = ((2, 3, 8, 8), (4, 3, 3, 3), (4,), (5, 4, 4, 4))
    found = []
    for dtype, conv in (("float32", convolution.conv2d), ("float64", F.conv2d)):
        x, w, b, w2 = values(dtype, *shapes)
        y = conv(conv(x, w, b, 1, 1), w2, None, 2, 1)
        named = {"x": x, "w": w, "b": b}
        found.append(paddle.grad(y.sin().sum(), [named[name] for name in asked]))
    alike(*found)


@there
@pytest.mark.parametrize("frozen", ["x", "w", "b", "xw", "wb", "xb"])
def test_what_stops_gradients(made, frozen):
    shapes = ((2, 3, 8, 8), (4, 3, 3, 3), (4,))
    found = []
    for dtype, conv in (("float32", convolution.conv2d), ("float64", F.conv2d)):
        tensors = values(dtype, *shapes)
        for name, tensor in zip("xwb", tensors):
            tensor.stop_gradient = name in frozen
        conv(*tensors, 1, 1).sin().sum().backward()
        assert [tensor.grad is None for tensor in tensors] == [name in frozen for name in "xwb"]
        found.append([tensor.grad for tensor in tensors if tensor.grad is not None])
    alike(*found)
    assert {"x", "w"} - set(made) >= set(frozen) & {"x", "w"}  # and none is computed


@pytest.mark.parametrize("frozen", [False, True])
def test_twice_through_one_graph_outside(monkeypatch, made, frozen):
    """Where a graph may be gone through twice, it is Paddle's own, as oneDNN's would end the process."""
    monkeypatch.setattr(onednn, "_for_one_backward", False)
    x, w, b = values("float32", (1, 3, 6, 6), (2, 3, 3, 3), (2,))
    x.stop_gradient = w.stop_gradient = frozen  # then the bias alone learns
    loss = activation.leaky_relu(convolution.conv2d(x, w, b, 1, 1), 0.2).sin().sum()
    loss.backward(retain_graph=True)
    once = b.grad.numpy()
    loss.backward()
    np.testing.assert_array_equal(b.grad.numpy(), 2 * once)
    assert made == []


@there
def test_training_is_by_it(monkeypatch, made):
    monkeypatch.setattr(onednn, "_for_one_backward", False)
    config = load_config(ROOT / "configs" / "toy.yaml", ["model.channel_base=128", "model.max_channels=4"])
    training, batch = benchmark.build(config, 2), benchmark.random_batch(config, 2, 2)
    benchmark.iteration(config, training, batch, "ours", benchmark.clock)
    assert set(made) == {"x", "w", "y"} and not onednn._for_one_backward


@there
def test_without_gradients_it_is_used_everywhere(monkeypatch, made):
    monkeypatch.setattr(onednn, "_for_one_backward", False)
    x, w = values("float32", (1, 3, 6, 6), (2, 3, 3, 3))
    with paddle.no_grad():
        y = convolution.conv2d(x, w, None, 1, 1)
    assert made == ["y"] and y.stop_gradient


@there
def test_a_penalty_makes_no_gradients_of_weights_on_its_way(made):
    x, w = values("float32", (2, 3, 8, 8), (4, 3, 4, 4))
    logits = convolution.conv2d(x, w, None, 2, 1).sin().sum(axis=[1, 2, 3])
    penalty = losses.r1_penalty(logits, x)
    assert made == ["y", "x"]
    penalty.backward()
    x, w64 = values("float64", (2, 3, 8, 8), (4, 3, 4, 4))
    losses.r1_penalty(F.conv2d(x, w64, None, 2, 1).sin().sum(axis=[1, 2, 3]), x).backward()
    alike([w.grad], [w64.grad])


@there
def test_what_a_graph_holds():
    """Of a resampled convolution, the image and the 3x3 parameter; of a leaky ReLU, its output alone."""
    allocated = lambda: core.host_memory_stat_current_value("Allocated", 0)  # noqa: E731
    x, w, b = values("float32", (1, 64, 8, 8), (64, 64, 3, 3), (64,))
    resample.conv_pool(x, w, b)  # constants are made once
    before = allocated()
    y = resample.conv_pool(x, w, b)
    assert allocated() - before < 2 * y.size * 4 < 64 * 64 * 16 * 4  # the 4x4 kernel is not there
    del y
    before = allocated()
    y = activation.leaky_relu(activation.leaky_relu(x * 2, 0.2), 0.2)
    assert allocated() - before < 2.5 * x.size * 4
    w.stop_gradient = True  # then the image is not needed either
    del y
    before = allocated()
    y = convolution.conv2d(x * 2, w, b, 1, 1)
    assert allocated() - before < 1.5 * y.size * 4


@there
def test_threads_share_it():
    """Each thread's results are its own, whatever the others compute at the time."""
    shapes = [((1, 8, 16 + i, 16), (8 + i, 8, 3, 3)) for i in range(4)]
    inputs = [values("float32", *shape, seed=i) for i, shape in enumerate(shapes)]
    expected = [convolution.conv2d(x, w, None, 1, 1).numpy() for x, w in inputs]
    wrong = []

    def work(i):
        with paddle.no_grad():
            for _ in range(200):
                for (x, w), y in zip(inputs[i:] + inputs[:i], expected[i:] + expected[:i]):
                    if not np.array_equal(convolution.conv2d(x, w, None, 1, 1).numpy(), y):
                        wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@there
def test_sizes_in_turn():
    """A larger convolution in between gives all of them another workspace."""
    library = onednn.library()
    for size in (4, 40, 4, 80, 40):
        (x, w), (x64, w64) = (values(dtype, (1, 16, size, size), (16, 16, 3, 3)) for dtype in ("float32", "float64"))
        alike([convolution.conv2d(x, w, None, 1, 1)], [F.conv2d(x64, w64, None, 1, 1)])
        library.workspace = library.workspace[:0]


@there
def test_tensors_that_are_views():
    (x, w), (x64, w64) = (values(dtype, (2, 8, 6, 3), (3, 5, 3, 3)) for dtype in ("float32", "float64"))
    found = convolution.conv2d(x.transpose([0, 3, 1, 2]), w.transpose([1, 0, 2, 3]), None, 1, 1)
    alike([found], [F.conv2d(x64.transpose([0, 3, 1, 2]), w64.transpose([1, 0, 2, 3]), None, 1, 1)])


@pytest.mark.parametrize("x, weight", [((1, 3, 4, 4), (2, 3, 1, 1)), ((0, 3, 4, 4), (2, 3, 3, 3))])
def test_left_to_paddle(made, x, weight):
    """1x1 kernels, an empty batch, float64, and all where it is switched off."""
    image, kernel = values("float32", x, weight)
    if x[0] or paddle.__version__ >= "3.1":  # earlier ones take no empty batch
        assert convolution.conv2d(image, kernel, None, 1, 1).shape == F.conv2d(image, kernel, None, 1, 1).shape
    assert convolution.conv2d(*values("float64", (1, 3, 4, 4), (2, 3, 3, 3))).dtype == paddle.float64
    assert made == []


def test_switched_off(monkeypatch, made):
    monkeypatch.setenv(onednn.SWITCH, "off")
    monkeypatch.setattr(onednn, "library", onednn.library.__wrapped__)
    x, w = values("float32", (1, 3, 4, 4), (2, 3, 3, 3))
    np.testing.assert_array_equal(convolution.conv2d(x, w, None, 1, 1), F.conv2d(x, w, None, 1, 1))
    assert made == []


def test_channels_that_do_not_fit_are_paddles_error():
    with pytest.raises(ValueError, match="channel"):
        convolution.conv2d(*values("float32", (1, 3, 4, 4), (2, 5, 3, 3)))


@there
@pytest.mark.parametrize("slope", [0.2, 0.01])
def test_leaky_relu(slope):
    found = []
    for dtype, function in (("float32", activation.leaky_relu), ("float64", F.leaky_relu)):
        (x,) = values(dtype, (2, 3, 5, 4))
        y = function(x, slope)
        gradient = paddle.grad((y * y.sin()).sum(), x, create_graph=True)[0]
        found.append([y, gradient, *paddle.grad(gradient.square().sum(), x)])
    alike(*found)
