"""Cases forward, losses and train: outputs, gradients, and full iterations of the four networks."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import Callable, NamedTuple

import numpy as np
import paddle

from ppstargan.convert.names import in_torch, names
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS, Networks
from ppstargan.parity.kit import Case, Check, fill_weights
from ppstargan.systems.stargan_v2 import Batch, Loss, adam_optimizers, lambda_ds_at, updates
from ppstargan.training.step import copies, follow, iterate

TRAIN_LOSSES = [
    *(f"{phase}/{part}" for phase in ("d_latent", "d_reference") for part in ("real", "fake", "reg")),
    *(f"{phase}/{part}" for phase in ("g_latent", "g_reference") for part in ("adv", "sty", "ds", "cyc")),
]


# A kit's gradients are float32's. Where an activation lies within rounding of a kink (leaky ReLU, the absolute values
# of the losses), rounding decides which slope counts, and the gradients behind it jump: PyTorch's own float64 gradients
# are up to 2e-3 away from the kit's on the case losses_small, and ours in float32 from ours in float64 by up to 1.4e-2
# on other inputs. Computed here in float64, ours differ from a kit by the kit's own jumps alone.
KINKS = 3e-2


# Paddle 2 keeps the constants of an operation (a slope, a factor) in float32, even between float64 tensors. From the
# 1e-8 that this costs an iteration, the kinks make as much in ten as from float32 itself: the kit's own run in float32
# strays by 1.3e-2.
TRAIN_TOLERANCE = 2e-2 if paddle.__version__.startswith("2.") else 1e-6


@contextmanager
def float64():
    """Within it, networks are built and run in double precision."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype("float64")
    try:
        yield
    finally:
        paddle.set_default_dtype(before)


def build(case: Case) -> Networks:
    """The networks of ``case`` with the kit's weights."""
    keys = ("num_domains", "img_size", "w_hpf", "channel_base", "max_channels")
    nets = Networks(**{key: case.settings[key] for key in keys})
    for kind in NETWORKS:
        fill_weights(getattr(nets, kind), kind)
    if nets.fan is not None:
        fill_weights(nets.fan, "fan")
    return nets


def tensors(case: Case, step: str = "") -> Batch:
    """The inputs of ``case`` as tensors in the default precision."""
    batch = case.batch(step)
    dtype = paddle.get_default_dtype()
    return Batch(**{k: paddle.to_tensor(v if v.dtype == np.int64 else v.astype(dtype)) for k, v in batch.items()})


def torch_arrays(net: paddle.nn.Layer, values: dict) -> dict:
    """{Paddle's name: tensor} -> {PyTorch's name: array in PyTorch's layout}, for the names that are there."""
    return in_torch(names(net), {key: value.numpy() for key, value in values.items()})


def forward(case: Case):
    """Yields the checks of a forward case, each network's blocks first where the case has them."""
    nets, batch = build(case), tensors(case)
    seen, hooks = {}, []
    for key in case.keys("block/"):
        _, kind, path = key.split("/", 2)
        layer = dict(getattr(nets, kind).named_sublayers())[path]

        def keep(layer, inputs, output, key=key):
            seen.setdefault(key, output)

        hooks.append(layer.register_forward_post_hook(keep))
    with paddle.no_grad():
        nets.discriminator.main(batch.x_src)  # the logits of all domains, of which the network computes each sample's
        masks = nets.masks(batch.x_src)
        outputs = {"out/style_z": nets.style_from_latent(batch.z_trg, batch.y_trg)}
        outputs["out/style_x"] = nets.style_from_reference(batch.x_ref, batch.y_trg)
        outputs["out/fake"] = nets.generator(batch.x_src, outputs["out/style_z"], masks)
        outputs["out/logit"] = nets.discriminator(batch.x_src, batch.y_src)
    for hook in hooks:
        hook.remove()
    for key in case.keys("block/"):
        yield case.array(key, seen[key].numpy(), 2e-5)
    for i, mask in enumerate(masks or ()):
        yield case.array(f"out/mask{i}", mask.numpy(), 1e-4)
    for key, value in outputs.items():
        yield case.array(key, value.numpy(), 2e-5)


def losses(case: Case, precision: Callable = float64):
    """Yields the checks of a losses case: every term of the four updates, and every gradient that one uses.

    Computed within ``precision()``; contextlib.nullcontext leaves float32.
    """
    with precision():
        nets, batch = build(case), tensors(case)
    for update in updates(nets, batch, loss_weights(case, 0)):
        update.loss.backward()
        for term, value in {"total": update.loss, **update.terms}.items():
            yield case.scalar(f"{update.name}/{term}", float(value), 2e-5)
        for kind in update.steps:
            net = getattr(nets, kind)
            gradients = {k: p.grad for k, p in net.named_parameters() if p.grad is not None}
            arrays = torch_arrays(net, gradients)
            prefix = f"{update.name}/grad/{kind}/"
            for key in case.keys(prefix):
                yield case.array(key, arrays[key[len(prefix) :]], KINKS, floor=1e-5)
            net.clear_gradients()


def loss_weights(case: Case, iteration: int) -> Loss:
    """The weights of the terms at an iteration (from 0); those of a losses case stay as they are."""
    settings = {field.name: case.settings.get(field.name, 0) for field in dataclasses.fields(Loss)}
    if settings["ds_iter"]:
        settings["lambda_ds"] = lambda_ds_at(iteration, settings["lambda_ds"], settings["ds_iter"])
    return Loss(**settings)


class Parts(NamedTuple):
    """What ``iterate`` trains."""

    networks: dict
    optimizers: dict
    updates: Callable


def train(case: Case):
    """Yields the checks of a train case: every loss of every iteration, the final weights and their averages."""
    settings, reports = case.settings, []
    with float64():
        nets = build(case)
        averages = copies(nets.trained, AVERAGED)
        parts = Parts(
            nets.trained, adam_optimizers(nets.trained), lambda batch, i: updates(nets, batch, loss_weights(case, i))
        )
        for i in range(settings["steps"]):
            report = iterate(parts, tensors(case, f"step{i}"), i)
            follow(averages, nets.trained, 0.999)
            reports.append([float(report[key]) for key in TRAIN_LOSSES])
    for key, ours, reference in zip(TRAIN_LOSSES, np.array(reports).T, case.figures["losses"].T):
        yield Check(case.name, f"losses/{key}", float(np.abs(ours - reference).max()), TRAIN_TOLERANCE, ours, reference)
    for which, found in (("final", nets.trained), ("ema", averages)):
        for kind, net in found.items():
            for key, value in torch_arrays(net, net.state_dict()).items():
                yield case.array(f"{which}/{kind}/{key}", value, TRAIN_TOLERANCE)
