"""Cases of the system wgan with clipped weights."""

from __future__ import annotations

from functools import partial

import numpy as np
import paddle
from PIL import Image

from ppstargan.data.transforms import middle_square, to_array
from ppstargan.nets.dcgan import DCGAN_D, DCGAN_G
from ppstargan.nets.mlp import MLP_D, MLP_G
from ppstargan.nets.norms import BatchNorm
from ppstargan.parity import fill, steps
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64
from ppstargan.systems import wgan
from ppstargan.training.rates import adams
from ppstargan.training.rmsprop import RMSProp

FORWARD = LOSSES = 2e-5


def build(net: str, size: int, width: int, nz: int, nc: int, extra: int) -> paddle.nn.Layer:
    """The network that a kit calls ``net``: G or D, with _nobn or _mlp behind it."""
    kind, _, form = net.partition("_")
    if form == "mlp":
        return MLP_G(size, nz, nc, width) if kind == "G" else MLP_D(size, nc, width)
    sizes = (size, nz, nc, width) if kind == "G" else (size, nc, width)
    return (DCGAN_G if kind == "G" else DCGAN_D)(*sizes, extra, batch_norm=form != "nobn")


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of outputs; of a critic, its mean over the batch and its value of each sample."""
    for row in case.settings["nets"]:
        name, size = row["name"], row["size"]
        net = build(row["net"], size, row["width"], row["nz"], row["nc"], row["extra"])
        steps.filled(net, f"wgan/{name}")
        critic, prefix = row["net"].startswith("D"), f"{case.prefix}/{name}"
        if critic:
            given = fill.image(f"{prefix}/x", (row["batch"], row["nc"], size, size))
        else:
            given = fill.normal(f"{prefix}/z", (row["batch"], row["nz"], 1, 1))
        if any(isinstance(layer, BatchNorm) for layer in net.sublayers()):
            net.eval()
            yield _output(case, f"eval/{name}", net(steps.tensor(given)), critic)
            net.train()
        out = net(steps.tensor(given))
        if critic:
            yield case.array(f"each/{name}", out.numpy(), FORWARD)
        yield _output(case, f"out/{name}", out, critic)


def _output(case: Case, key: str, out: paddle.Tensor, critic: bool):
    """Compares images, or the mean of a critic's values; where it cancels, it has the digits of its parts."""
    if not critic:
        return case.array(key, out.numpy(), FORWARD)
    floor = FORWARD * float(out.square().mean().sqrt())
    return case.array(key, out.mean().reshape([1]).numpy(), FORWARD, floor)


def networks(case: Case) -> dict:
    """The two networks of a case with the kit's weights."""
    s = case.settings
    sizes = {"nz": s["nz"], "nc": s.get("nc", 3), "extra": s["extra"], "size": s["size"]}
    return {
        "generator": steps.filled(build(s["netG"], width=s["widthG"], **sizes), "wgan/G"),
        "critic": steps.filled(build(s["netD"], width=s["widthD"], **sizes), "wgan/D"),
    }


def inputs(case: Case, critic: str, generator: str, count: int) -> wgan.Batch:
    """``count`` images and a full batch of noise under ``critic``, and the generator's noise under ``generator``."""
    s = case.settings
    x = fill.image("/".join(filter(None, (case.prefix, critic, "x"))), (count, s.get("nc", 3), s["size"], s["size"]))
    noise = [
        fill.normal("/".join(filter(None, (case.prefix, where, "z"))), (s["batch"], s["nz"], 1, 1))
        for where in (critic, generator)
    ]
    return wgan.Batch(*map(steps.tensor, (x, *noise)), mix=paddle.zeros([1]))  # nothing is mixed here


def losses(case: Case):
    """Yields the checks of losses and gradients, with the critic as it is filled and with it clipped."""
    s = case.settings
    with float64():
        for state, limit in (("free", np.inf), ("clamped", s["clamp"])):
            nets, batch = networks(case), inputs(case, "", "", s["batch"])
            found = steps.gradients(nets, wgan.clipping_updates(nets, batch, limit))
            terms, arrays = found["critic"]
            yield steps.number(case, f"{state}/D_real", terms["real"], LOSSES)
            yield steps.number(case, f"{state}/D_fake", terms["fake"], LOSSES)
            yield from steps.gradient_checks(case, f"{state}/grad/D/", arrays["critic"])
            terms, arrays = found["generator"]
            yield steps.number(case, f"{state}/G", terms["adv"], LOSSES)
            yield from steps.gradient_checks(case, f"{state}/grad/G/", arrays["generator"])


def turns(settings: dict):
    """Yields for each of the generator's steps the places in their epochs of the batches that the critic takes.

    A turn of the critic's ends with the epoch's batches, too.
    """
    done = 0
    for _ in range(settings["epochs"]):
        place = 0
        while place < settings["batches"]:
            end = min(place + wgan.critic_turn(done, settings["diters"]), settings["batches"])
            yield range(place, end)
            place, done = end, done + 1


def train(case: Case):
    """Yields the checks of a run of the authors' main script."""
    s, critic, generator, critic_updates = case.settings, [], [], []
    with float64():
        nets = networks(case)
        if s["adam"]:
            optimizers = adams(nets, s["lr"], s["beta1"], 0.999)
        else:
            optimizers = {name: RMSProp(s["lr"], net.parameters()) for name, net in nets.items()}
        for step, places in enumerate(turns(s)):
            for place in places:
                count = s["tail"] if place == s["batches"] - 1 else s["batch"]
                batch = inputs(case, f"critic{len(critic)}", f"step{step}", count)
                update = partial(wgan.clipping_updates, clip=s["clamp"], generator_due=place == places[-1])
                report = steps.iteration(nets, optimizers, update, batch)
                critic.append([report["critic/real"], report["critic/fake"]])
            generator.append(report["generator/adv"])
            critic_updates.append(len(places))
    yield case.largest("critic_updates", critic_updates, 0.0)
    yield steps.trained(case, "critic", critic)
    yield steps.trained(case, "generator", generator)
    yield from steps.final_checks(case, {"G": nets["generator"], "D": nets["critic"]})


def diters(case: Case):
    """Yields the check of how often the critic steps before each of the generator's steps."""
    yield case.largest("critic_updates", [len(places) for places in turns(case.settings)], 0.0)


def data(case: Case):
    """Yields the checks of prepared images: the same pixels, but for one level by a Pillow that rounds otherwise."""
    for row in case.settings["photos"]:
        height, width = row["photo"]
        image = Image.fromarray(fill.photo(f"{case.prefix}/{row['name']}", height, width))
        level = 2 * ONE_LEVEL if OLD_PILLOW and height > width else 0
        yield case.largest(row["name"], to_array(middle_square(image, row["size"])), level + 1e-6)


KINDS = {"forward": forward, "losses": losses, "train": train, "diters": diters, "data": data}
