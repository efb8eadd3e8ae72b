"""Conditional GAN: image and class go together (Mirza and Osindero, 2014), as in the collection PyTorch-GAN.

Its losses are least squares and the vectors of the classes are learnt; the paper has cross entropy and one-hot ones.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import WIDEST, key
from ppstargan.data.batches import Images
from ppstargan.data.classes import prepared, read_classes
from ppstargan.losses import least_squares_loss
from ppstargan.nets.gans import build
from ppstargan.systems import gan
from ppstargan.training.step import Update, only
from ppstargan.translate import from_noise

ROWS = 8  # of a sheet, with a column for each class
sample, TAKES = from_noise.sample, from_noise.WITH_CLASSES
comparisons, MEASURES, page = gan.comparisons, gan.MEASURES, gan.page


@dataclass
class Model:
    """``model``: sizes; the layers are the script's."""

    img_size: int = key(least=8, most=1024)
    channels: int = key(choices=(1, 3))
    latent_dim: int = key(least=1, most=WIDEST)


@dataclass
class Config(config.Config):
    """The keys of a conditional GAN."""

    model: Model
    train: gan.Rates


class Batch(NamedTuple):
    """B samples at S pixels in C channels; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, C, S, S] float32 in [-1, 1]: real images
    y: np.ndarray  # [B] int64: their classes
    z: np.ndarray  # [B, nz] standard normal: what the fakes are made of
    y_fake: np.ndarray  # [B] int64: and their classes


def read(config: Config) -> Images:
    """The images of ``data.root`` by class. Raises UserError as ``read_classes``."""
    return read_classes(config.data.root)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """An image drawn uniformly from all, with its class; and noise, with a class drawn uniformly."""
    classes, model = list(train.values()), config.model
    place, y = rng.integers(sum(map(len, classes))), 0
    while place >= len(classes[y]):
        place, y = place - len(classes[y]), y + 1
    image, _ = load(classes[y][place], classes[y])
    z = rng.standard_normal(model.latent_dim, dtype=np.float32)
    return Batch(prepared(image, model.img_size, model.channels), np.int64(y), z, rng.integers(len(classes)))


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


class System:
    """Networks, optimisers and updates of one run, and its sheets."""

    averaged = ("generator",)
    across_batch = True  # batch norm in the generator
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, t = config, config.train
        self.classes = len(data.names)
        self.architecture = {**dataclasses.asdict(config.model), "num_domains": self.classes}
        self.networks = build("cgan", self.architecture)
        self.optimizers = {
            name: paddle.optimizer.Adam(t.lr, t.beta1, t.beta2, parameters=net.parameters())
            for name, net in self.networks.items()
        }

    def prepare(self, loaded: set) -> None:
        """Draws the noise of the sheets: a row's images have the same, and a column's the same class."""
        noise = gan.sheet_noise(self.config, ROWS)
        self.inputs = [noise.repeat_interleave(self.classes, axis=0), paddle.arange(self.classes).tile([ROWS])]

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name, on the run's networks."""
        gan.set_rates(self.optimizers, self.config.train, iteration)
        return updates(self.networks, batch)

    def sheets(self, networks: dict) -> dict:
        """{"samples": uint8 [H, W, 3]}: a column for each class."""
        return {"samples": gan.sheet(networks["generator"], self.inputs, self.classes)}
