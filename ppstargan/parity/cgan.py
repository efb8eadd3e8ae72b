"""Cases of the system cgan."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn

from ppstargan.nets.mlp import ConditionalDiscriminator, Generator
from ppstargan.parity import fill, steps
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64
from ppstargan.systems import cgan
from ppstargan.training.rates import adams

FORWARD = 1e-5
KEPT = -0.2533471  # a dropout of 0.4 keeps where a normal number is above this


class Mask(nn.Layer):
    """A dropout of 0.4 whose choice is given."""

    def __init__(self, kept: np.ndarray):
        super().__init__()
        self.factor = paddle.to_tensor((kept / 0.6).astype("float32"))

    def forward(self, x):
        return x * self.factor


def networks(settings: dict, names: tuple = ("cgan/G", "cgan/D")) -> dict:
    """The two networks for ``settings``, with the kit's weights under ``names`` and without dropout."""
    size, nc, classes = (settings[key] for key in ("img_size", "channels", "n_classes"))
    nets = {
        "generator": steps.filled(Generator(size, nc, settings["latent_dim"], classes), names[0]),
        "discriminator": steps.filled(ConditionalDiscriminator(size, nc, classes), names[1]),
    }
    for layer in nets["discriminator"].sublayers():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    return nets


def inputs(settings: dict, prefix: str, fake_label: str = "gen_label") -> cgan.Batch:
    """The batch of a case under ``prefix``."""
    n, size, classes = (settings[key] for key in ("batch", "img_size", "n_classes"))
    labels = [
        np.floor(steps.uniform(f"{prefix}/{key}", (n,)) * classes).astype(np.int64) for key in ("label", fake_label)
    ]
    x = fill.image(f"{prefix}/x", (n, settings["channels"], size, size))
    z = fill.normal(f"{prefix}/z", (n, settings["latent_dim"]))
    return cgan.Batch(*map(steps.tensor, (x, labels[0], z, labels[1])))


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of outputs; of the discriminator also with given dropouts."""
    for row in case.settings["nets"]:
        name, n = row["name"], row["batch"]
        generator, discriminator = networks(row, (f"cgan/{name}_G", f"cgan/{name}_D")).values()
        batch = inputs(row, f"{case.prefix}/{name}", "label")
        generator.eval()
        yield case.array(f"{name}/G_eval", generator(batch.z, batch.y).numpy(), FORWARD)
        generator.train()
        yield case.array(f"{name}/G", generator(batch.z, batch.y).numpy(), FORWARD)
        yield case.array(f"{name}/D", discriminator(batch.x, batch.y).reshape([n, 1]).numpy(), FORWARD)
        places = [i for i, layer in enumerate(discriminator.model) if isinstance(layer, nn.Dropout)]
        for i, place in enumerate(places):
            kept = fill.normal(f"{case.prefix}/{name}/dropout{i}", (n, 512)) > KEPT
            discriminator.model[place] = Mask(kept)
        yield case.array(f"{name}/D_dropout", discriminator(batch.x, batch.y).reshape([n, 1]).numpy(), FORWARD)


def losses(case: Case):
    """Yields the checks of losses and gradients."""
    with float64():
        nets = networks(case.settings)
        found = steps.gradients(nets, cgan.updates(nets, inputs(case.settings, f"{case.prefix}/step0")))
    terms, arrays = found["generator"]
    yield steps.number(case, "G", terms["adv"])
    yield from steps.gradient_checks(case, "grad/G/", arrays["generator"])
    terms, arrays = found["discriminator"]
    yield steps.number(case, "D_real", terms["real"])
    yield steps.number(case, "D_fake", terms["fake"])
    yield from steps.gradient_checks(case, "grad/D/", arrays["discriminator"])


def train(case: Case):
    """Yields the checks of a run."""
    s, reports = case.settings, []
    with float64():
        nets = networks(s)
        optimizers = adams(nets, s["lr"], s["b1"], s["b2"])
        for i in range(s["steps"]):
            report = steps.iteration(nets, optimizers, cgan.updates, inputs(s, f"{case.prefix}/step{i}"))
            reports.append([report[key] for key in ("generator/adv", "discriminator/real", "discriminator/fake")])
    yield steps.trained(case, "losses", reports)
    yield from steps.final_checks(case, {"G": nets["generator"], "D": nets["discriminator"]})


KINDS = {"forward": forward, "losses": losses, "train": train}
