"""The four updates of StarGAN v2: who learns from which, and how the weight of diversity falls."""

import numpy as np
import paddle
import pytest
from one_step import LOSS, STEPS

from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.systems.stargan_v2 import Batch, lambda_ds_at, updates
from ppstargan.training.step import only


@pytest.mark.parametrize("name", STEPS)
def test_an_update_gives_gradients_to_the_networks_that_step_on_it_alone(name):
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    rng = np.random.RandomState(0)
    images = [paddle.to_tensor(rng.uniform(-1, 1, (2, 3, 32, 32)).astype("float32")) for _ in range(3)]
    y = paddle.to_tensor([0, 1])
    batch = Batch(images[0], y, images[1], images[2], 1 - y, paddle.randn([2, 4]), paddle.randn([2, 4]))
    for update in updates(nets, batch, LOSS):
        assert update.steps == STEPS[update.name]
        if update.name != name:
            continue
        update.loss.backward()
        for kind in NETWORKS:
            learned = [p.grad is not None for p in getattr(nets, kind).parameters()]
            assert all(learned) if kind in update.steps else not any(learned), kind
    assert all(field.stop_gradient for field in batch)  # R1's gradient with respect to the images is a matter of D's
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_gradient_switches_come_back_after_an_error():
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    with pytest.raises(ZeroDivisionError), only(nets.trained, "generator"):
        raise ZeroDivisionError
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_what_was_frozen_before_stays_frozen():
    nets = {"a": paddle.nn.Linear(2, 2), "b": paddle.nn.Linear(2, 2)}
    nets["a"].weight.stop_gradient = True
    with only(nets, "b"):
        assert nets["a"].bias.stop_gradient and not nets["b"].weight.stop_gradient
    assert nets["a"].weight.stop_gradient and not nets["a"].bias.stop_gradient


def test_lambda_ds_falls_to_zero_and_stays():
    assert [lambda_ds_at(i, 2.0, 4) for i in (0, 1, 3, 4, 5, 100)] == [2.0, 1.5, 0.5, 0.0, 0.0, 0.0]
