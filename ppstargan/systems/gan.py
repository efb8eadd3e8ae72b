"""GAN: a generator learns to make images that a discriminator takes for real ones (Goodfellow et al., NeurIPS 2014)."""

from __future__ import annotations

from typing import NamedTuple

import paddle

from ppstargan.losses import adversarial_loss, probability_loss, saturating_loss
from ppstargan.training.step import Update, only


class Batch(NamedTuple):
    x: paddle.Tensor  # [B, C, S, S] float32 in [-1, 1]: real images
    z: paddle.Tensor  # [B, nz] standard normal: what the discriminator's fakes are made of
    z_generator: paddle.Tensor  # [B, nz]: and the generator's


def updates(networks: dict, batch: Batch, objective: str = "nonsaturating", generator_due: bool = True):
    """Algorithm 1: the discriminator steps, and, where it is ``generator_due``, the generator on noise of its own.

    ``objective`` is the generator's: "nonsaturating", which the paper trains by, or "saturating", the minimax game's.
    """
    generator, discriminator = networks["generator"], networks["discriminator"]
    with only(networks, "discriminator"):
        with paddle.no_grad():
            fake = generator(batch.z)
        parts = {"real": adversarial_loss(discriminator(batch.x), 1), "fake": adversarial_loss(discriminator(fake), 0)}
        yield Update("discriminator", ("discriminator",), parts["real"] + parts["fake"], parts)
    if generator_due:
        with only(networks, "generator"):
            logits = discriminator(generator(batch.z_generator))
            loss = saturating_loss(logits) if objective == "saturating" else adversarial_loss(logits, 1)
            yield Update("generator", ("generator",), loss, {"adv": loss})


def script_updates(networks: dict, batch: Batch):
    """The order of PyTorch-GAN's script gan: the generator steps first, the discriminator on the fakes of before."""
    generator, discriminator = networks["generator"], networks["discriminator"]
    with only(networks, "generator"):
        fake = generator(batch.z)
        loss = probability_loss(discriminator(fake), 1)
        yield Update("generator", ("generator",), loss, {"adv": loss})
    with only(networks, "discriminator"):
        real, false = discriminator(batch.x), discriminator(fake.detach())
        parts = {"real": probability_loss(real, 1), "fake": probability_loss(false, 0)}
        yield Update("discriminator", ("discriminator",), (parts["real"] + parts["fake"]) / 2, parts)
