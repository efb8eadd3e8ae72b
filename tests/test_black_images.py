"""Images without any contrast: nothing that is normalised by a deviation, or by a peak, may become NaN."""

import numpy as np
import paddle
import pytest
from one_step import train_step

from ppstargan.nets.fan import FAN
from ppstargan.nets.masks import face_masks, masks_from_heatmaps
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.systems.stargan_v2 import Batch, adam_optimizers

TINY = {"style_dim": 8, "latent_dim": 4, "hidden_dim": 16, "channel_base": 128, "max_channels": 8}
BLACK, GREY, WHITE, RED = (-1.0, -1.0, -1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.6, -0.7, -0.1)


def constant(*colours, size=32):
    """A constant image of each colour: [N, 3, size, size]."""
    return paddle.to_tensor(colours).reshape([-1, 3, 1, 1]).expand([-1, -1, size, size])


def finite(values) -> bool:
    return all(np.isfinite(value.numpy()).all() for value in values)


@pytest.mark.parametrize(
    "w_hpf, colours, beside, steps",
    [
        (0, (BLACK, GREY, WHITE, RED), 0, 3),
        (0, (BLACK, RED), 2, 3),
        (1, (BLACK, RED), 0, 1),  # one step, since the FAN takes seconds
    ],
)
def test_training_on_constant_images_stays_finite(w_hpf, colours, beside, steps):
    paddle.seed(0)
    nets = Networks(2, 32, w_hpf=w_hpf, **TINY)
    optimizers = adam_optimizers(nets.trained, lr=1e-3)
    x = paddle.concat([constant(*colours), paddle.rand([beside, 3, 32, 32])]) if beside else constant(*colours)
    y = paddle.arange(len(x)) % 2
    z = paddle.randn([2, len(x), 4])
    batch = Batch(x, y, x.flip(0), x, 1 - y, z[0], z[1])
    before = {name: [p.numpy() for p in getattr(nets, name).parameters()] for name in NETWORKS}
    for _ in range(steps):  # the later ones with weights that the first has made
        report = train_step(nets, optimizers, batch)
        assert len(report) == 14 and finite(report.values()), report
    for name in NETWORKS:
        parameters = getattr(nets, name).parameters()
        assert finite(parameters), name
        assert any(np.abs(p.numpy() - was).max() > 0 for p, was in zip(parameters, before[name])), name


def test_masks_of_constant_images_are_finite():
    paddle.seed(0)
    for mask in face_masks(FAN(), constant(GREY, WHITE, size=64)):
        assert mask.shape == [2, 1, 256, 256]
        assert finite([mask]) and float(mask.min()) >= 0 and float(mask.max()) <= 1


@pytest.mark.parametrize("level", [0.0, 0.05, 0.1, 1.0, -3.0, 1e30])
def test_masks_of_flat_heatmaps_are_empty(level):
    # Whatever the FAN says of an image without a face: a map that is the same everywhere has no peak.
    for mask in masks_from_heatmaps(paddle.full([1, 98, 256, 256], level)):
        assert float(mask.abs().max()) == 0
