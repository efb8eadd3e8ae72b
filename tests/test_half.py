"""train.amp: what lies between two products stays in half precision, and float16's gradients are unscaled at one read.

Else the largest tensors of a network are kept in float32, and in half precision too, for the next product.
"""

import numpy as np
import paddle
import pytest
from device_reads import counted
from every_system import EVERY, plain
from half_on_a_cpu import HALF, half_on_a_cpu

from ppstargan.nets.generator import Generator
from ppstargan.parity.networks import float64
from ppstargan.training.amp import GradScaler, autocast
from ppstargan.training.step import iterate

GIVEN = {  # configuration -> channels of what a first layer is given, which is an image of 3 unless said here
    "fan_toy": {3 + 3},  # with coordinates
    "pix2pix_toy": {3, 3 + 3},  # pairs
    "stargan_toy": {3, 3 + 8},  # with labels
    "wgan_toy": {1, 16},  # noise
    "wgan_gp_toy": {1, 16},
}
UPSAMPLING = ("toy", "adain_toy", "ugatit_toy", "fan_toy")


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("cgan_toy", "gan_toy", "gan_mnist")])
def test_every_convolution_norm_and_upsampling_but_the_first_is_given_half_precision(data, monkeypatch, name):
    with plain(name, data) as (system, drawn), half_on_a_cpu(monkeypatch) as seen:
        for i, batch in enumerate(drawn[:2]):
            iterate(system, batch, i, precision="bfloat16")
    in_float32 = {(operation, shape[1]) for operation, shape, half in seen if not half}
    assert {channels for _, channels in in_float32} == GIVEN.get(name, {3})
    assert all(operation in ("conv2d", "conv2d_transpose") for operation, _ in in_float32)
    assert len([half for *_, half in seen if half]) > 20
    assert (name in UPSAMPLING) == ("nearest_interp_v2" in [operation for operation, *_ in seen])
    assert all(p.dtype == paddle.float64 for net in system.networks.values() for p in net.parameters())  # "float32"


def test_the_edges_of_the_high_pass_filter_are_in_half_precision(monkeypatch):
    with float64(), half_on_a_cpu(monkeypatch) as seen:
        net = Generator(64, style_dim=8, channel_base=256, max_channels=8, w_hpf=1)
        masks = [paddle.ones([1, 1, 256, 256])] * 2
        with autocast("float16"):
            image = net(paddle.rand([1, 3, 64, 64]), paddle.randn([1, 8]), masks)
    edges = [half for operation, _, half in seen if operation == "depthwise_conv2d"]
    assert edges == [True, True] and image.dtype == HALF  # at 32 and 64 px


def test_gradients_are_unscaled_together_at_one_read():
    weights = [paddle.create_parameter([3], "float32") for _ in range(3)]
    for overflowing, expected in ((None, True), (np.inf, False), (-np.inf, False), (np.nan, False)):
        scaler = GradScaler(4.0)
        for weight, value in zip(weights, (1.0, 3e38, 2.0)):  # whose sum is beyond float32, though none of them is
            weight.grad = paddle.full([3], value)
        if overflowing is not None:
            weights[2].grad = paddle.to_tensor(np.float32([1, overflowing, 1]))
        with counted() as reads:
            assert scaler.unscale(weights) == expected
        assert reads == ["__bool__"]
        assert scaler.state() == {"scale": 4.0 if expected else 2.0, "good_steps": int(expected)}
        if expected:
            found = [weight.grad.numpy().tolist() for weight in weights]
            assert found == [[0.25] * 3, [float(np.float32(3e38) / 4)] * 3, [0.5] * 3]
