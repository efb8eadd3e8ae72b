"""The plain form against the real one, the count of operations against hand counts, and the tool."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppstargan import losses
from ppstargan.costs import benchmark, plain
from ppstargan.costs.flops import counting
from ppstargan.nets import resample
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.parity.networks import float64
from ppstargan.systems.load import load_config
from ppstargan.systems.stargan_v2 import Loss, updates

ROOT = Path(__file__).parents[1]
SMALL = ["model.channel_base=128", "model.max_channels=8", "model.hidden_dim=16", "train.batch_size=2"]


def losses_and_gradients(form, nets, batch):
    found = {}
    for update in form(nets, batch, Loss(1.0, 1.5, 2.0, 0.5, ds_iter=1)):
        phase = update.name
        update.loss.backward()
        found[phase] = float(update.loss)
        found.update({f"{phase}/{name}": float(term) for name, term in update.terms.items()})
        for name in NETWORKS:
            for key, parameter in getattr(nets, name).named_parameters():
                if name in update.steps and parameter.grad is not None:
                    found[f"{phase}/{name}.{key}"] = parameter.grad.numpy()
                parameter.clear_gradient(False)
    return found


@pytest.mark.parametrize("w_hpf", [0, 1])
def test_the_plain_form_has_the_same_losses_and_gradients(w_hpf, monkeypatch):
    config = load_config(ROOT / "configs" / "toy.yaml", [*SMALL, "model.img_size=64", "model.channel_base=256"])
    with float64():
        nets = Networks(3, 64, style_dim=8, hidden_dim=16, channel_base=512, max_channels=16, w_hpf=w_hpf)
    batch = benchmark.random_batch(config, 2, 3)
    batch = batch._make(v if v.dtype == paddle.int64 else v.astype("float64") for v in batch)
    masks = [paddle.to_tensor(np.random.RandomState(i).rand(2, 1, 256, 256)) for i in range(2)] if w_hpf else None
    monkeypatch.setattr(nets, "masks", lambda x: masks)
    fused, conv_pool = losses_and_gradients(updates, nets, batch), resample.conv_pool
    plainly = losses_and_gradients(plain.updates, nets, batch)
    assert resample.conv_pool is conv_pool  # nothing of the plain form is left behind
    assert fused.keys() == plainly.keys() and len(fused) > 240
    for key, value in plainly.items():
        assert np.abs(fused[key] - value).max() <= 1e-10 * np.abs(value).max() + 1e-12, key


def test_r1_of_one_convolution_is_six_products():
    x, weight = paddle.randn([2, 3, 8, 8]), paddle.create_parameter([4, 3, 3, 3], "float32")
    x.stop_gradient = False
    product = 2 * (2 * 4 * 8 * 8) * (3 * 3 * 3)
    with counting() as tally:
        y = paddle.nn.functional.conv2d(x, weight, padding=1)
        assert tally.flop == product
        penalty = losses.r1_penalty(y.tanh().sum(axis=[1, 2, 3]), x)
        assert tally.flop == 2 * product  # the gradient of the image, not that of the weight
        (y.sum() + penalty).backward()
    # Two gradients of the first product, through y, and two of the second, through R1.
    assert tally.flop == 6 * product
    assert weight.grad.shape == weight.shape and x.grad.shape == x.shape
    assert float(paddle.nn.functional.conv2d(x, weight).abs().sum()) > 0  # afterwards all is computed again


def test_stride_transposition_and_frozen_weights():
    x, bias = paddle.randn([2, 3, 8, 8]), paddle.zeros([5])
    weight = paddle.create_parameter([5, 3, 3, 3], "float32")
    kernel, down, up = 2 * 5 * 3 * 9 * 16, 2 * 2 * 5 * 3 * 16 * 4 * 4, 2 * 2 * 5 * 3 * 16 * 8 * 8
    for function, product, size in ((resample.conv_pool, down, 4), (resample.upsample_conv, up, 16)):
        with counting() as tally:
            y = function(x, weight, bias)
            assert y.shape == [2, 5, size, size] and tally.flop == product + kernel
            y.sum().backward()
            assert tally.flop == 2 * (product + kernel)  # x needs no gradient
        x.stop_gradient, weight.stop_gradient = False, True
        with counting() as tally:
            function(x, weight, bias).sum().backward()
            assert tally.flop == 2 * product + kernel
        with counting() as tally, paddle.no_grad():
            function(x, weight, bias)
            assert tally.flop == product + kernel
        x.stop_gradient, weight.stop_gradient = True, False
    linear = paddle.nn.Linear(7, 6)
    with counting() as tally:
        linear(paddle.randn([4, 7])).sum().backward()
    assert tally.flop == 2 * (2 * 4 * 7 * 6)


@pytest.mark.slow
def test_operations_of_the_paper_s_setting():
    """Ours spend 1525 GFLOP an image and 7 a batch for its 4x4 kernels, the authors' code 2913."""
    config = load_config(ROOT / "configs" / "afhq.yaml", ["train.batch_size=1"])
    training, batch = benchmark.build(config, 3), benchmark.random_batch(config, 1, 3)
    for form, expected in (("ours", 1524.7 + 7), ("plain", 2913)):
        with counting() as tally:
            parts = benchmark.iteration(config, training, batch, form, lambda count=tally: count.flop)
        assert sum(parts.values()) == tally.flop == pytest.approx(expected * 1e9, rel=1e-3)


def tool(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "benchmark.py"), "-c", str(ROOT / "configs" / "toy.yaml")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300)


def test_the_tool_reports_and_writes_json(tmp_path):
    done = tool("-o", *SMALL, "--iterations", "2", "--compare", "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    for form in (figures, figures["plain"]):
        assert set(form["seconds_per_iteration"]) == {*plain.STEPS, "averages", "total"}
        gflop = form["gflop_per_image_iteration"]
        assert set(gflop) == {*plain.STEPS, "total"} and 0.01 < gflop["total"] < 1
        assert form["gflop_per_iteration"]["total"] == pytest.approx(2 * gflop["total"])
        assert form["images_per_second"] > 0 and form["peak_memory_bytes"] > 2**26
    assert figures["gflop_per_image_iteration"]["total"] < figures["plain"]["gflop_per_image_iteration"]["total"]
    assert figures["loader_images_per_second"] > 0 and figures["plain_over_fused"] > 0
    assert figures["machine"]["threads"] and figures["config"]["train"]["batch_size"] == 2
    for word in ("d_latent", "averages", "images/s", "GiB", "plain / ppstargan", "loader alone", "GFLOP"):
        assert word in done.stdout


def test_a_wrong_call_is_one_line():
    done = tool("--iterations", "0")
    assert (done.returncode, done.stderr) == (2, "error: --iterations is 0; give 1 or more\n")


def test_the_parts_of_an_accumulated_iteration_add_up_to_it():
    config = load_config(ROOT / "configs" / "toy.yaml", [*SMALL, "train.batch_size=4", "train.accumulate=2"])
    whole = load_config(ROOT / "configs" / "toy.yaml", [*SMALL, "train.batch_size=4"])
    training, batch = benchmark.build(config, 3), benchmark.random_batch(config, 4, 3)
    found = []
    for settings in (config, whole):
        with counting() as tally:
            parts = benchmark.iteration(settings, training, batch, "ours", lambda: tally.flop)
        assert list(parts) == [*plain.STEPS, "averages"] and sum(parts.values()) == tally.flop
        found.append(parts)
    for phase in plain.STEPS:  # two pieces make their 4x4 kernels twice, and nothing else more
        assert found[1][phase] <= found[0][phase] < 1.3 * found[1][phase], phase
