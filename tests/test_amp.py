"""Mixed precision and accumulation. Paddle has no half-precision arithmetic on a CPU: here its factors are rounded."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paddle
import pytest
from one_step import LOSS, STEPS, train_step
from paddle.nn import functional as F

from ppstargan.costs.benchmark import random_batch
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import load_config
from ppstargan.systems.stargan_v2 import adam_optimizers, losses, updates
from ppstargan.training.amp import GROWTH_EVERY, GradScaler, autocast

CONFIG = load_config(Path(__file__).parents[1] / "configs" / "toy.yaml", ["model.hidden_dim=16"])
PRODUCTS = ((F, "conv2d"), (F, "conv2d_transpose"), (F, "linear"), (paddle, "matmul"))


@pytest.fixture
def networks():
    paddle.seed(3)
    return Networks(3, 32, hidden_dim=16, style_dim=8, channel_base=256, max_channels=16)


@pytest.fixture
def rounded(monkeypatch):
    """Within ``paddle.amp.auto_cast``, products round their factors to half precision, as a GPU's tensor cores do."""
    now = [None]

    @contextmanager
    def auto_cast(enable=True, custom_white_list=None, dtype="float16"):
        before, now[0] = now[0], dtype if enable else None
        try:
            yield
        finally:
            now[0] = before

    def rounding(product):
        def call(x, weight, *rest, **options):
            if now[0]:
                x, weight = (t.astype(now[0]).astype("float32") for t in (x, weight))
            return product(x, weight, *rest, **options)

        return call

    monkeypatch.setattr(paddle.amp, "auto_cast", auto_cast)
    for module, name in PRODUCTS:
        monkeypatch.setattr(module, name, rounding(getattr(module, name)))


def gradients(nets, amp="none"):
    """{phase: (parts of the loss, {parameter: gradient})}, without steps."""
    found = {}
    passes = updates(nets, random_batch(CONFIG, 4, 3), LOSS)
    while True:
        with autocast(amp):
            update = next(passes, None)
        if update is None:
            return found
        phase, parts = update.name, update.terms
        update.loss.backward()
        stepped = {f"{name}.{k}": p for name in update.steps for k, p in getattr(nets, name).named_parameters()}
        values = {key: p.grad.numpy() for key, p in stepped.items() if p.grad is not None}
        found[phase] = {key: float(part) for key, part in parts.items()}, values
        for name in NETWORKS:
            getattr(nets, name).clear_gradients()


@pytest.mark.parametrize("amp, near", [("bfloat16", 0.4), ("float16", 0.2)])
def test_half_precision_stays_near_and_leaves_r1_alone(networks, rounded, amp, near):
    full, half = gradients(networks), gradients(networks, amp)
    for phase, (parts, values) in full.items():
        for part in ("real", "reg") if phase.startswith("d_") else ():
            assert half[phase][0][part] == pytest.approx(parts[part], rel=1e-6)  # in full precision in both
        changed = [part for part in parts if half[phase][0][part] != parts[part]]
        assert changed, f"nothing of {phase} ran in {amp}"
        joined, other = (np.concatenate([v[k].ravel() for k in values]) for v in (values, half[phase][1]))
        assert 1e-5 < np.linalg.norm(other - joined) / np.linalg.norm(joined) < near


def test_losses_of_half_precision_outputs_are_float32():
    x, y = paddle.rand([2, 3, 4, 4]).astype("bfloat16"), paddle.rand([2, 3, 4, 4])
    expected = np.abs(x.astype("float32").numpy() - y.numpy()).mean()
    for loss in (losses.cycle_loss, losses.diversity_loss, losses.style_reconstruction_loss):
        assert loss(x, y).dtype == paddle.float32
        assert float(loss(x, y)) == pytest.approx(expected, rel=1e-6)
    logits = paddle.to_tensor([0.5, -1.0]).astype("bfloat16")
    assert float(losses.adversarial_loss(logits, 1)) == pytest.approx(np.log1p(np.exp([-0.5, 1.0])).mean())


def trained(networks, **options):
    """The weights after one iteration."""
    optimizers = adam_optimizers(networks.trained, lr=1e-2, f_lr=1e-2)
    report = train_step(networks, optimizers, random_batch(CONFIG, 4, 3), **options)
    weights = {f"{n}.{k}": v.numpy() for n in NETWORKS for k, v in getattr(networks, n).state_dict().items()}
    return weights, {key: float(value) for key, value in report.items()}


def states(networks):
    return {name: {k: v.numpy() for k, v in getattr(networks, name).state_dict().items()} for name in NETWORKS}


def put_back(networks, values):
    for name, state in values.items():
        getattr(networks, name).set_state_dict(state)


@pytest.mark.parametrize("pieces", [2, 4])
def test_pieces_of_a_batch_make_the_same_step(networks, pieces):
    # Adam's first step is nearly the sign of a gradient, so gradients are compared: with SGD a step is the gradient.
    begin, found = states(networks), []
    for accumulate in (1, pieces):
        put_back(networks, begin)
        optimizers = {n: paddle.optimizer.SGD(1e-2, getattr(networks, n).parameters()) for n in NETWORKS}
        batch = random_batch(CONFIG, 4, 3)
        report = train_step(networks, optimizers, batch, accumulate=accumulate)
        found.append(({key: float(v) for key, v in report.items()}, states(networks)))
    for key, value in found[0][0].items():
        assert found[1][0][key] == pytest.approx(value, rel=1e-4), key
    for name in NETWORKS:
        for key, value in found[0][1][name].items():
            step = np.linalg.norm(value - begin[name][key])
            assert np.linalg.norm(value - found[1][1][name][key]) <= 1e-2 * step + 1e-6, (name, key)
    assert not any(p.stop_gradient for name in NETWORKS for p in getattr(networks, name).parameters())


def test_scaled_losses_make_the_same_step(networks):
    begin = states(networks)
    plain, report = trained(networks)
    put_back(networks, begin)
    scaler = GradScaler(2.0**10)
    scaled, report_scaled = trained(networks, scaler=scaler)
    assert report_scaled == report and scaler.state() == {"scale": 2.0**10, "good_steps": len(STEPS)}
    for key, value in plain.items():
        np.testing.assert_array_equal(scaled[key], value)  # a power of two changes no digit


def test_an_overflow_skips_all_networks_of_a_phase_and_halves_the_scale(networks, monkeypatch):
    begin = states(networks)
    first = networks.generator.from_rgb.weight  # of the three networks that g_latent steps on, the first overflows
    original = stargan_v2.generator_loss

    def overflowing(*arguments):
        total, parts = original(*arguments)
        return total + first.sum() * paddle.to_tensor(float("inf")), parts

    monkeypatch.setattr(stargan_v2, "generator_loss", overflowing)
    scaler = GradScaler(2.0**10)
    weights, _ = trained(networks, scaler=scaler)
    assert scaler.state() == {"scale": 2.0**8, "good_steps": 0}  # two phases stepped, and two overflowed
    for name in NETWORKS:
        moved = [key for key, value in begin[name].items() if not np.array_equal(weights[f"{name}.{key}"], value)]
        assert bool(moved) == (name == "discriminator"), name


def test_the_scale_grows_again_and_is_kept():
    weight = paddle.create_parameter([2], "float32")
    scaler = GradScaler(4.0)
    for _ in range(GROWTH_EVERY):
        (weight.sum() * scaler.scale).backward()
        assert scaler.unscale([weight])
        np.testing.assert_array_equal(weight.grad.numpy(), [1, 1])
        weight.clear_gradient(False)
    other = GradScaler()
    other.restore(scaler.state())
    assert other.state() == {"scale": 8.0, "good_steps": 0}


def test_no_mask_is_made_in_half_precision(rounded, monkeypatch):
    nets = Networks(3, 64, hidden_dim=16, style_dim=8, channel_base=512, max_channels=16, w_hpf=1)
    seen = []

    def masks(x):
        fine = paddle.matmul(paddle.full([1, 1], 1 + 2.0**-12), paddle.ones([1, 1]))
        seen.append((fine.item() == 1 + 2.0**-12, x.dtype))
        return [paddle.ones([x.shape[0], 1, 256, 256])] * 2

    monkeypatch.setattr(nets, "masks", masks)
    config = load_config(Path(__file__).parents[1] / "configs" / "toy.yaml", ["model.img_size=64"])
    optimizers = adam_optimizers(nets.trained)
    train_step(nets, optimizers, random_batch(config, 2, 3), precision="bfloat16")
    assert seen == [(True, paddle.float32)] * 3  # the source's, and those of both translations
