"""Cases of the system pix2pix."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import paddle
from PIL import Image

from ppstargan.data.pairs import prepared
from ppstargan.errors import UserError
from ppstargan.losses import gradient_penalty
from ppstargan.nets.unet import UNet
from ppstargan.parity import cyclegan, fill, steps
from ppstargan.parity.cyclegan import GRADIENTS, MEANS
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.gan import adams
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64
from ppstargan.systems import pix2pix
from ppstargan.training.step import Update

COLUMNS = ("D_fake", "D_real", "G_GAN", "G_L1")  # of a run's losses


def build(kind: str, s: dict) -> paddle.nn.Layer:
    """The network that a kit calls ``kind``: unet_256, resnet_9blocks, basic, n_layers or pixel, by ``s``."""
    unet = re.fullmatch(r"unet_(\d+)", kind)
    if unet:
        levels = int(unet[1]).bit_length() - 1
        return UNet(s.get("input_nc", 3), s.get("output_nc", 3), s["ngf"], levels, s["norm"], s.get("dropout", False))
    if kind in ("basic", "n_layers"):
        layers = s.get("n_layers", s.get("n_layers_D", 3)) if kind == "n_layers" else 3
        return cyclegan.build("basic", {**s, "n_layers": layers})
    if kind == "pixel" or kind.startswith("resnet_"):
        return cyclegan.build(kind, s)
    known = "unet_SIZE, resnet_Nblocks, basic, n_layers and pixel"
    raise UserError(f"a case has the network {kind!r}; the known ones are {known}")


def networks(case: Case) -> dict:
    """Both networks of a case with the kit's weights, without dropout."""
    s = case.settings
    channels = s.get("input_nc", 3) + s.get("output_nc", 3)
    nets = {
        "generator": steps.filled(build(s["netG"], s), "pix2pix/G"),
        "discriminator": steps.filled(build(s["netD"], {**s, "input_nc": channels}), "pix2pix/D"),
    }
    cyclegan.dropouts(nets["generator"])
    return nets


def batch(case: Case, step: str = "") -> pix2pix.Batch:
    """The pair of a case or a step of it, exchanged where the direction is BtoA."""
    s = case.settings
    prefix = f"{case.prefix}/{step}" if step else case.prefix
    channels = {"A": s.get("input_nc", 3), "B": s.get("output_nc", 3)}
    if s.get("direction") == "BtoA":  # input_nc is of what is given
        channels = {"B": channels["A"], "A": channels["B"]}
    images = [fill.image(f"{prefix}/{side}", (s["batch"], count, *s["size"])) for side, count in channels.items()]
    return pix2pix.Batch(*map(steps.tensor, images))


def row(terms: dict) -> dict:
    """{the kit's name: a term}, of {"update/term": number}."""
    places = ("discriminator/fake", "discriminator/real", "generator/adv", "generator/l1")
    return {name: terms[place] for name, place in zip(COLUMNS, places)}


def losses(case: Case):
    """Yields the checks of losses and gradients by every objective, and of the gradient penalties; nothing steps."""
    s = case.settings
    modes = s.get("gan_modes") or [s["gan_mode"]]
    with float64():
        nets, pair = networks(case), batch(case)
        for mode in modes:
            loss, tolerance = pix2pix.Loss(mode, s["lambda_L1"]), MEANS if mode == "wgangp" else steps.LOSSES
            found = steps.gradients(nets, pix2pix.updates(nets, pair, loss))
            terms = row({f"{name}/{term}": value for name, (part, _) in found.items() for term, value in part.items()})
            terms["D"], terms["G"] = (terms["D_fake"] + terms["D_real"]) / 2, terms["G_GAN"] + terms["G_L1"]
            for name, value in terms.items():
                if case.keys(f"{mode}/{name}"):
                    yield steps.number(case, f"{mode}/{name}", value, tolerance)
            for update, name in (("generator", "G"), ("discriminator", "D")):
                yield from steps.gradient_checks(case, f"{mode}/grad/{name}/", found[update][1][update], GRADIENTS)
        if case.keys("gp/"):
            yield from penalties(case, nets, pair)


def penalties(case: Case, nets: dict, pair: pix2pix.Batch):
    """Yields the checks of the gradient penalty between real and fake pairs, on the real ones, and on the fake ones."""
    s, n = case.settings, len(pair.x)
    with paddle.no_grad():
        fake = paddle.concat([pair.x, nets["generator"](pair.x)], axis=1)
    real = paddle.concat([pair.x, pair.y], axis=1)
    drawn = np.abs(fill.normal(f"{case.prefix}/alpha", (n, 1)).astype(np.float64)) % 1
    shares = {"mixed": drawn, "real": np.ones((n, 1)), "fake": np.zeros((n, 1))}
    for kind, share in shares.items():
        if not case.keys(f"gp/{kind}"):
            continue
        mix = steps.tensor(share.reshape([n, 1, 1, 1]))
        value = s["lambda_gp"] * gradient_penalty(nets["discriminator"], real, fake, mix)
        terms, arrays = steps.gradients(nets, [Update("gp", ("discriminator",), value, {"gp": value})])["gp"]
        yield steps.number(case, f"gp/{kind}", terms["gp"])
        if kind == "mixed":
            yield from steps.gradient_checks(case, "gp/grad/D/", arrays["discriminator"], GRADIENTS)


def factor(s: dict, k: int) -> float:
    """The factor of the rate after ``k`` steps of the schedule that the settings ``s`` describe."""
    policy = s.get("lr_policy", "linear")
    if policy == "linear":
        return pix2pix.rate(k + s.get("epoch_count", 1), policy, s["n_epochs"], s["n_epochs_decay"] + 1)
    return pix2pix.rate(k, policy, s["lr_decay_iters"] if policy == "step" else s["n_epochs"], 0)


def train(case: Case):
    """Yields the checks of a run in which every iteration is an epoch of the schedule, which steps before it."""
    s, reports, rates = case.settings, [], []
    loss = pix2pix.Loss(s["gan_mode"], s["lambda_L1"])
    with float64():
        nets = networks(case)
        optimizers = adams(nets, s["lr"], s["beta1"], 0.999)
        for i in range(s["steps"]):
            rates.append(s["lr"] * factor(s, i + 1))
            for optimizer in optimizers.values():
                optimizer.set_lr(rates[-1])
            report = steps.iteration(nets, optimizers, partial(pix2pix.updates, loss=loss), batch(case, f"step{i}"))
            reports.append(list(row(report).values()))
    yield case.largest("lr", rates, 1e-12)
    yield steps.trained(case, "losses", reports)
    yield from steps.final_checks(case, {"G": nets["generator"], "D": nets["discriminator"]})


def schedule(case: Case):
    """Yields the checks of each epoch's rate, when the schedule steps before it and when behind it."""
    for name, s in case.settings["rows"].items():
        for key, first in (("start", 1), ("end", 0)):
            rates = [s["lr"] * factor(s, first + i) for i in range(s["epochs"])]
            yield case.largest(f"{name}/{key}", rates, 1e-9 * s["lr"])


def data(case: Case):
    """Yields the checks of both pictures of pairs: the same pixels.

    Pillow before 13, which these figures are of, resizes tall images horizontally first: later ones are a level apart.
    """
    for s in case.settings["photos"]:
        height, width = s["photo"]
        both = fill.photo(f"{case.prefix}/{s['name']}", height, 2 * width)
        channels = [s.get("input_nc", 3), s.get("output_nc", 3)]
        if s.get("direction") == "BtoA":
            channels.reverse()
        tolerance = 2 * ONE_LEVEL * (height > width and not OLD_PILLOW) + 1e-6
        for side, pixels, count in zip("AB", (both[:, :width], both[:, width:]), channels):
            cut = (s["preprocess"], s["load_size"], s["crop_size"], *s["crop"], s["flip"], count)
            yield case.largest(f"{s['name']}/{side}", prepared(Image.fromarray(pixels), *cut), tolerance)


KINDS = {
    "forward": partial(cyclegan.forward, build=build, system="pix2pix"),
    "losses": losses,
    "train": train,
    "schedule": schedule,
    "aligned": data,
}
