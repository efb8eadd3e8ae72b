"""Every gradient of the four phases in double precision, against PyTorch's (tests/reference/float64_gradients.py)."""

import dataclasses
from pathlib import Path

import numpy as np
import paddle
import pytest
from one_step import LOSS

from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.parity import fill
from ppstargan.parity.kit import fill_weights
from ppstargan.parity.networks import float64, torch_arrays
from ppstargan.systems.stargan_v2 import Batch, updates

REFERENCE = Path(__file__).parent / "reference" / "gradients_float64.npz"
KEPT = 64  # figures stored of each array
# Paddle 2 keeps the constants of an operation in float32, even between float64 tensors.
TOLERANCE = 1e-6 if paddle.__version__.startswith("2.") else 1e-8
CASES = {
    "plain": {"img_size": 64, "num_domains": 3, "w_hpf": 0, "channel_base": 1024, "max_channels": 64},
    "high_pass": {"img_size": 64, "num_domains": 2, "w_hpf": 1, "channel_base": 1024, "max_channels": 32},
}


def inputs(name, n, img_size, num_domains, **_):
    arrays = {k: fill.image(f"{name}/{k}", (n, 3, img_size, img_size)) for k in ("x_src", "x_ref", "x_ref2")}
    arrays.update({k: fill.normal(f"{name}/{k}", (n, 16)) for k in ("z_trg", "z_trg2")})
    tensors = {k: paddle.to_tensor(v.astype("float64")) for k, v in arrays.items()}
    index = paddle.arange(n)
    return Batch(y_src=index % num_domains, y_trg=(2 * index + 1) % num_domains, **tensors)


@pytest.mark.parametrize("name, n", [("plain", 3), ("high_pass", 2)])
def test_gradients_equal_pytorchs(name, n, monkeypatch):
    figures = np.load(REFERENCE)
    with float64():
        nets = Networks(**CASES[name])
        for kind in NETWORKS:
            fill_weights(getattr(nets, kind), kind)
    drawn = [(fill.image(f"{name}/mask{i}", (n, 3, 256, 256))[:, :1] + 1) / 2 for i in range(2)]
    masks = [paddle.to_tensor(mask.astype("float64")) for mask in drawn] if nets.fan else None
    monkeypatch.setattr(nets, "masks", lambda x: masks)
    compared = 0
    weights = dataclasses.replace(LOSS, lambda_ds=2.0)
    for update in updates(nets, inputs(name, n, **CASES[name]), weights):
        phase = update.name
        update.loss.backward()
        assert float(update.loss) == pytest.approx(float(figures[f"{name}/{phase}/total"]), rel=TOLERANCE)
        for kind in update.steps:
            net = getattr(nets, kind)
            found = torch_arrays(net, {k: p.grad for k, p in net.named_parameters() if p.grad is not None})
            stored = {k for k in figures.files if k.startswith(f"{name}/{phase}/{kind}/") and not k.endswith(".l2")}
            assert {f"{name}/{phase}/{kind}/{key}" for key in found} == stored
            for key, value in found.items():
                reference = figures[f"{name}/{phase}/{kind}/{key}"]
                flat = value.ravel()
                norm = float(figures[f"{name}/{phase}/{kind}/{key}.l2"])
                allowed = TOLERANCE * norm + 1e-4 * TOLERANCE
                # the second term for the biases in front of an instance norm, whose true gradient is 0
                assert np.abs(flat[:: max(1, flat.size // KEPT)] - reference).max() <= allowed, key
                assert abs(np.linalg.norm(flat) - norm) <= allowed, key
                compared += 1
            net.clear_gradients()
    assert compared > 250
