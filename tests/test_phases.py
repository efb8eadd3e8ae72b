"""The four phases: who learns from which, and how the weight of diversity falls."""

import numpy as np
import paddle
import pytest

from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.systems.stargan_v2 import STEPPED, Weights, gradients_for, lambda_ds_at, phase_losses


@pytest.mark.parametrize("phase", STEPPED)
def test_a_phase_gives_gradients_to_the_networks_that_step_on_it_alone(phase):
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    rng = np.random.RandomState(0)
    images = [paddle.to_tensor(rng.uniform(-1, 1, (2, 3, 32, 32)).astype("float32")) for _ in range(3)]
    y = paddle.to_tensor([0, 1])
    from ppstargan.data.batches import Batch

    batch = Batch(images[0], y, images[1], images[2], 1 - y, paddle.randn([2, 4]), paddle.randn([2, 4]))
    for found, loss, _ in phase_losses(nets, batch, Weights()):
        if found != phase:
            continue
        loss.backward()
        for name in NETWORKS:
            learned = [p.grad is not None for p in getattr(nets, name).parameters()]
            assert all(learned) if name in STEPPED[phase] else not any(learned), name
    assert all(field.stop_gradient for field in batch)  # R1's gradient with respect to the images is a matter of D's
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_gradient_switches_come_back_after_an_error():
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    with pytest.raises(ZeroDivisionError), gradients_for(nets, ("generator",)):
        raise ZeroDivisionError
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_lambda_ds_falls_to_zero_and_stays():
    assert [lambda_ds_at(i, 2.0, 4) for i in (0, 1, 3, 4, 5, 100)] == [2.0, 1.5, 0.5, 0.0, 0.0, 0.0]
