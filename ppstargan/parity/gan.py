"""Cases of the system gan, and of WGAN with a gradient penalty on its networks."""

from __future__ import annotations

from functools import partial

import numpy as np
import paddle
from paddle.nn import functional as F

from ppstargan import losses
from ppstargan.nets.dcgan import DCGAN_D, DCGAN_G
from ppstargan.nets.mlp import Discriminator, Generator
from ppstargan.parity import fill, steps
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64
from ppstargan.systems import gan, wgan
from ppstargan.training.rates import adams

FORWARD = 1e-5
LAMBDA_GP = 10.0


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of the multilayer networks' outputs."""
    for net in case.settings["nets"]:
        n, shape = net["batch"], (net["channels"], net["img_size"], net["img_size"])
        prefix, name = f"{case.prefix}/{net['name']}", net["name"]
        generator = steps.filled(Generator(net["img_size"], net["channels"], net["latent_dim"]), f"gan/{name}_G")
        z = steps.tensor(fill.normal(f"{prefix}/z", (n, net["latent_dim"])))
        generator.eval()
        yield case.array(f"{name}/G_eval", generator(z).numpy(), FORWARD)
        generator.train()
        yield case.array(f"{name}/G", generator(z).numpy(), FORWARD)
        discriminator = steps.filled(Discriminator(net["img_size"], net["channels"]), f"gan/{name}_D")
        out = discriminator(steps.tensor(fill.image(f"{prefix}/x", (n, *shape))))
        out = F.sigmoid(out) if net["script"] == "gan" else out
        yield case.array(f"{name}/D", out.reshape([n, 1]).numpy(), FORWARD)


def convolutional(case: Case, batch_norm: bool = True) -> dict:
    """DCGAN's networks with the kit's weights; ``batch_norm`` is the discriminator's."""
    s = case.settings
    return {
        "generator": steps.filled(DCGAN_G(s["size"], s["nz"], 3, s["ngf"]), "gan/G"),
        "discriminator": steps.filled(DCGAN_D(s["size"], 3, s["ndf"], batch_norm=batch_norm), "gan/D"),
    }


def inputs(case: Case, *names: str):
    """Images and noise of the case's inputs under ``names``: (x, z)."""
    s, prefix = case.settings, "/".join([case.prefix, *names])
    x = steps.tensor(fill.image(f"{prefix}/x", (s["batch"], 3, s["size"], s["size"])))
    return x, steps.tensor(fill.normal(f"{prefix}/z", (s["batch"], s["nz"], 1, 1)))


def convolutional_losses(case: Case):
    """Yields the checks of both objectives, and of all their gradients."""
    with float64():
        nets, (x, z) = convolutional(case), inputs(case)
        batch = gan.Batch(x, z, z)
        found = {
            objective: steps.gradients(nets, gan.updates(nets, batch, objective))
            for objective in ("saturating", "nonsaturating")
        }
    terms, arrays = found["saturating"]["discriminator"]
    yield steps.number(case, "D_real", terms["real"])
    yield steps.number(case, "D_fake", terms["fake"])
    yield from steps.gradient_checks(case, "D/grad/D/", arrays["discriminator"])
    for objective, by_update in found.items():
        terms, arrays = by_update["generator"]
        yield steps.number(case, objective, terms["adv"])
        yield from steps.gradient_checks(case, f"{objective}/grad/G/", arrays["generator"])


def convolutional_train(case: Case):
    """Yields the checks of a run: k steps of the discriminator to one of the generator."""
    s, reports = case.settings, []
    with float64():
        nets = convolutional(case)
        optimizers = adams(nets, s["lr"], s["beta1"], 0.999)
        for i in range(s["steps"]):
            row = []
            z_generator = inputs(case, f"step{i}")[1]
            for j in range(s["k"]):
                last = j == s["k"] - 1
                update = partial(gan.updates, objective=s["objective"], generator_due=last)
                batch = gan.Batch(*inputs(case, f"step{i}", f"critic{j}"), z_generator)
                report = steps.iteration(nets, optimizers, update, batch)
                row += [report["discriminator/real"], report["discriminator/fake"]]
            reports.append([*row, report["generator/adv"]])
    yield steps.trained(case, "losses", reports)
    yield from steps.final_checks(case, {"G": nets["generator"], "D": nets["discriminator"]})


def penalty(case: Case):
    """Yields the checks of the gradient penalty on convolutions, and of its second derivatives."""
    with float64():
        nets, (x, z) = convolutional(case, batch_norm=False), inputs(case)
        with paddle.no_grad():
            fake = nets["generator"](z)
        mix = steps.tensor(steps.uniform(f"{case.prefix}/alpha", (case.settings["batch"], 1, 1, 1)))
        value = losses.gradient_penalty(nets["discriminator"], x, fake, mix)
        update = gan.Update("penalty", ("discriminator",), value, {"gp": value})
        terms, arrays = steps.gradients(nets, [update])["penalty"]
    yield steps.number(case, "penalty", terms["gp"])
    yield from steps.gradient_checks(case, "grad/D/", arrays["discriminator"])


class Script:
    """One of the scripts gan and wgan_gp on a case's inputs, with the multilayer networks."""

    def __init__(self, case: Case):
        self.case, s = case, case.settings
        self.penalised = s["script"] == "wgan_gp"
        self.second = "critic" if self.penalised else "discriminator"
        self.shape = (s["channels"], s["img_size"], s["img_size"])
        self.nets = {
            "generator": steps.filled(Generator(s["img_size"], s["channels"], s["latent_dim"]), "gan/G"),
            self.second: steps.filled(Discriminator(s["img_size"], s["channels"]), "gan/D"),
        }

    def batch(self, i: int):
        """The inputs of iteration ``i``, filled as the case says."""
        s, prefix = self.case.settings, f"{self.case.prefix}/step{i}"
        x = steps.tensor(fill.image(f"{prefix}/x", (s["batch"], *self.shape)))
        z = steps.tensor(fill.normal(f"{prefix}/z", (s["batch"], s["latent_dim"])))
        if not self.penalised:
            return gan.Batch(x, z, z)
        return wgan.Batch(x, z, z, steps.tensor(steps.uniform(f"{prefix}/alpha", (s["batch"], 1, 1, 1))))

    def updates(self, i: int):
        """The updates of iteration ``i``. The critic's script has the generator step first in the first of n."""
        if not self.penalised:
            return gan.script_updates
        due = i % self.case.settings["n_critic"] == 0
        return partial(wgan.penalty_updates, lambda_gp=LAMBDA_GP, generator_due=due)

    def row(self, terms: dict) -> list:
        """What a case keeps of the terms of the second network."""
        return [terms["real"], terms["fake"], *([terms["gp"]] if self.penalised else [])]


def script_losses(case: Case):
    """Yields the checks of a script's losses and gradients."""
    with float64():
        script = Script(case)
        found = steps.gradients(script.nets, script.updates(0)(script.nets, script.batch(0)))
    terms, arrays = found[script.second]
    yield steps.number(case, "D", script.row(terms))
    yield from steps.gradient_checks(case, "grad/D/", arrays[script.second])
    terms, arrays = found["generator"]
    yield steps.number(case, "G", terms["adv"])
    yield from steps.gradient_checks(case, "grad/G/", arrays["generator"])


def script_train(case: Case):
    """Yields the checks of a script's run."""
    s, second, first = case.settings, [], []
    with float64():
        script = Script(case)
        optimizers = adams(script.nets, s["lr"], s["b1"], s["b2"])
        for i in range(s["steps"]):
            report = steps.iteration(script.nets, optimizers, script.updates(i), script.batch(i))
            second.append(script.row({term: report.get(f"{script.second}/{term}") for term in ("real", "fake", "gp")}))
            if "generator/adv" in report:
                first.append(report["generator/adv"])
    yield steps.trained(case, "losses_D", np.array(second))
    yield steps.trained(case, "losses_G", np.array(first))
    yield from steps.final_checks(case, {"G": script.nets["generator"], "D": script.nets[script.second]})


KINDS = {
    "forward": forward,
    "losses": convolutional_losses,
    "train": convolutional_train,
    "penalty": penalty,
    "script_losses": script_losses,
    "script_train": script_train,
}
