"""Sizes, domains and widths that the parity cases do not reach, and what the networks promise."""

import numpy as np
import paddle
import pytest
from one_step import averages_of

from ppstargan.nets import domains
from ppstargan.nets.blocks import high_pass
from ppstargan.nets.fan import FAN, peaks
from ppstargan.nets.generator import Generator
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.training.step import follow

NARROW = {"style_dim": 8, "hidden_dim": 16, "latent_dim": 4}


@pytest.mark.parametrize(
    "size, base, domains, w_hpf",
    [(32, 128, 2, 0), (32, 128, 2, 1), (64, 256, 7, 0.5), (128, 512, 2, 1), (512, 512, 3, 0), (1024, 1024, 2, 1)],
)
def test_every_size_and_number_of_domains(size, base, domains, w_hpf):
    nets = Networks(domains, size, w_hpf=w_hpf, channel_base=base, max_channels=8, **NARROW)
    assert (nets.fan is not None) == (w_hpf > 0)
    x = paddle.rand([2, 3, size, size]) * 2 - 1
    y = paddle.to_tensor([0, domains - 1])
    with paddle.no_grad():
        s = nets.style_from_latent(paddle.randn([2, 4]), y)
        assert s.shape == nets.style_from_reference(x, y).shape == [2, 8]
        image = nets.translate(x, s)
        assert image.shape == x.shape and bool(paddle.isfinite(image).all())
        assert nets.discriminator(x, y).shape == [2]


def test_widths_follow_channel_base_up_to_the_cap():
    net = Generator(256, channel_base=2**14, max_channels=512)
    assert [block.conv2.weight.shape[0] for block in net.encode] == [128, 256, 512, 512, 512, 512]
    narrow = Generator(64, channel_base=1024, max_channels=64)
    assert [block.conv2.weight.shape[0] for block in narrow.encode] == [32, 64, 64, 64]
    least = Generator(64, channel_base=32, max_channels=8)  # no layer without a channel
    assert [block.conv2.weight.shape[0] for block in least.encode] == [2, 4, 4, 4]


def test_each_sample_gets_its_own_domains_branch_and_the_others_zero_gradients():
    layer = domains.DomainLinear(4, 3, 2)
    layer.bias.set_value(paddle.arange(8, dtype="float32").reshape([4, 2]))  # 0 to begin with
    x, y = paddle.randn([3, 3]), [2, 0, 2]
    found = layer(x, paddle.to_tensor(y))
    weight, bias, inputs = layer.weight.numpy(), layer.bias.numpy(), x.numpy()
    expected = [inputs[i] @ weight[domain] + bias[domain] for i, domain in enumerate(y)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(x, 3).numpy(), inputs @ weight[3] + bias[3], rtol=1e-5, atol=1e-6)
    found.sum().backward()
    by_hand = np.zeros_like(weight)
    for i, domain in enumerate(y):
        by_hand[domain] += inputs[i][:, None]
    np.testing.assert_allclose(layer.weight.grad.numpy(), by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer.bias.grad.numpy(), [[1, 1], [0, 0], [2, 2], [0, 0]])


def test_he_initialisation_by_fan_in_and_zero_biases():
    nets = Networks(2, 64, channel_base=4096, max_channels=256)
    weight = nets.discriminator.main[2].conv1.weight.numpy()
    assert weight.std() == pytest.approx(np.sqrt(2 / (9 * weight.shape[1])), rel=0.03)
    first, last = nets.mapping_network.shared[0].weight.numpy(), nets.mapping_network.unshared[-1].weight.numpy()
    assert first.shape == (16, 512) and first.std() == pytest.approx(np.sqrt(2 / 16), rel=0.03)
    assert last.shape == (2, 512, 64) and last.std() == pytest.approx(np.sqrt(2 / 512), rel=0.03)
    for net in (nets.generator, nets.mapping_network, nets.style_encoder, nets.discriminator):
        biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
        assert biases and all(float(bias.abs().max()) == 0 for bias in biases)


def test_high_pass_is_a_laplacian_over_its_weight():
    x = paddle.zeros([1, 2, 5, 5])
    x[0, 1, 2, 2] = 3.0
    edges = high_pass(x, 2).numpy()
    expected = np.full((3, 3), -1.5)
    expected[1, 1] = 12
    np.testing.assert_allclose(edges[0, 1, 1:4, 1:4], expected)
    assert np.abs(edges[0, 0]).max() == 0


def test_high_pass_features_enter_through_the_masks_only():
    net = Generator(64, w_hpf=1, channel_base=256, max_channels=8, style_dim=8)
    x, s = paddle.rand([1, 3, 64, 64]), paddle.randn([1, 8])
    nothing, everything = paddle.zeros([1, 1, 256, 256]), paddle.ones([1, 1, 256, 256])
    with paddle.no_grad():
        bare = net(x, s)
        assert float((net(x, s, (nothing, nothing)) - bare).abs().max()) == 0
        assert float((net(x, s, (everything, nothing)) - bare).abs().max()) > 1e-3
        assert float((net(x, s, (nothing, everything)) - bare).abs().max()) > 1e-3


def test_the_fan_never_learns_nor_counts():
    fan = FAN()
    before = {name: value.numpy() for name, value in fan.state_dict().items()}
    fan.train()
    x = paddle.rand([2, 3, 64, 64])
    x.stop_gradient = False
    assert fan.heatmaps(x).stop_gradient
    assert all(parameter.stop_gradient for parameter in fan.parameters())
    for name, value in fan.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_landmarks_are_in_pixels_of_the_image_whatever_its_shape(monkeypatch):
    maps = np.zeros((1, 98, 64, 64), np.float32)
    maps[:, :, 0, 40] = 1  # on the border, where no neighbour moves it
    fan = FAN()
    monkeypatch.setattr(fan, "heatmaps", lambda x: paddle.to_tensor(maps))
    found = fan.landmarks(paddle.zeros([1, 3, 128, 320]))
    np.testing.assert_allclose(found, np.broadcast_to([40.5 * 5, 0.5 * 2], (1, 98, 2)))


def test_peaks_are_a_quarter_pixel_fine_but_not_on_the_border():
    maps = np.zeros((1, 2, 8, 8), np.float32)
    maps[0, 0, 3, 5], maps[0, 0, 3, 6], maps[0, 0, 2, 5] = 1.0, 0.5, 0.2
    maps[0, 1, 0, 7] = 1.0
    np.testing.assert_allclose(peaks(maps)[0], [[5.75, 3.25], [7.5, 0.5]])


def test_moving_average():
    nets = Networks(2, 32, channel_base=64, max_channels=8, **NARROW)
    averages = averages_of(nets)
    average = nets.sharing(averages)
    for net, frozen in ((average, True), (nets, False)):
        assert all(p.stop_gradient == frozen for name in AVERAGED for p in getattr(net, name).parameters())
    before = {name: getattr(nets, name).parameters()[0].numpy().copy() for name in AVERAGED}
    for name in AVERAGED:
        parameter = getattr(nets, name).parameters()[0]
        parameter.set_value(parameter + 1.0)
    follow(averages, nets.trained, 0.75)
    for name in AVERAGED:
        np.testing.assert_allclose(getattr(average, name).parameters()[0].numpy(), before[name] + 0.25, atol=1e-6)
        np.testing.assert_allclose(getattr(nets, name).parameters()[0].numpy(), before[name] + 1.0, atol=1e-6)


def test_truncation_moves_styles_towards_the_mean():
    nets = Networks(3, 32, channel_base=64, max_channels=8, **NARROW)
    y, z = paddle.to_tensor([1, 1]), paddle.randn([2, 4])
    mean = nets.mean_style(1, paddle.randn([50, 4]))
    s = nets.style_from_latent(z, y).numpy()
    np.testing.assert_allclose(nets.style_from_latent(z, y, 1.0, mean).numpy(), s, atol=1e-6)
    half = nets.style_from_latent(z, y, 0.5, mean).numpy()
    np.testing.assert_allclose(half, 0.5 * (s + mean.numpy()), atol=1e-6)
