"""Conditional GAN: image and class go together (Mirza and Osindero, 2014), as in the collection PyTorch-GAN.

Its losses are least squares and the vectors of the classes are learnt; the paper has cross entropy and one-hot ones.
"""

from __future__ import annotations

from typing import NamedTuple

import paddle

from ppstargan.losses import least_squares_loss
from ppstargan.training.step import Update, only


class Batch(NamedTuple):
    x: paddle.Tensor  # [B, C, S, S] float32 in [-1, 1]: real images
    y: paddle.Tensor  # [B] int64: their classes
    z: paddle.Tensor  # [B, nz] standard normal: what the fakes are made of
    y_fake: paddle.Tensor  # [B] int64: and their classes


def updates(networks: dict, batch: Batch):
    """The generator steps first; the discriminator on the fakes made before it did, each image with its class."""
    generator, discriminator = networks["generator"], networks["discriminator"]
    with only(networks, "generator"):
        fake = generator(batch.z, batch.y_fake)
        loss = least_squares_loss(discriminator(fake, batch.y_fake), 1)
        yield Update("generator", ("generator",), loss, {"adv": loss})
    with only(networks, "discriminator"):
        real = discriminator(batch.x, batch.y)
        false = discriminator(fake.detach(), batch.y_fake)
        parts = {"real": least_squares_loss(real, 1), "fake": least_squares_loss(false, 0)}
        yield Update("discriminator", ("discriminator",), (parts["real"] + parts["fake"]) / 2, parts)
