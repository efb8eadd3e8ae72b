"""GAN: a generator learns to make images that a discriminator takes for real ones (Goodfellow et al., NeurIPS 2014).

By default the two step in the order of the paper's algorithm 1: the discriminator on fakes of its own, then the
generator on fresh noise, so that each meets the other as it is now. PyTorch-GAN's script has the generator step first,
and both on the same fakes, which saves one pass of the generator.
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
from ppstargan.data.classes import POOLED, prepared, read_pooled
from ppstargan.errors import UsageError
from ppstargan.losses import adversarial_loss, probability_loss, saturating_loss
from ppstargan.nets.gans import NETWORKS, build
from ppstargan.nets.norms import BatchNorm
from ppstargan.pictures import grid, to_uint8
from ppstargan.training import rates
from ppstargan.training.step import Update, only
from ppstargan.translate import compared, demo_noise, from_noise

SIDE = 8  # images along a side of a sheet
sample, TAKES = from_noise.sample, from_noise.TAKES  # what tools/sample.py does with weights, by which options
comparisons, MEASURES = compared.from_noise, compared.NOISE  # and what tools/evaluate.py does
page = demo_noise.page  # and tools/demo.py


@dataclass
class Model:
    """``model``: which networks, and how large."""

    network: str = key(choices=NETWORKS)
    img_size: int = key(least=8, most=1024)
    channels: int = key(choices=(1, 3))
    latent_dim: int = key(least=1, most=WIDEST)
    g_width: int = key(least=1, most=WIDEST)
    d_width: int = key(least=1, most=WIDEST)
    extra_layers: int = key(least=0, most=64)
    g_batch_norm: bool = key()
    d_batch_norm: bool = key()

    def check(self, where: str) -> None:
        """Raises UsageError for a size that DCGAN cannot have."""
        if self.network == "dcgan" and (self.img_size < 16 or self.img_size & (self.img_size - 1)):
            raise UsageError(
                f"{where}: model.network dcgan doubles 4 px up to model.img_size, which must be 16, 32, 64, …, "
                f"not {self.img_size}"
            )


@dataclass
class Loss:
    """``loss``: what the generator minimises."""

    objective: str = key(choices=("nonsaturating", "saturating"))


@dataclass
class Rates(rates.Rates):
    """What the three systems that start from noise have in common."""

    lr_iter: int = key(least=0)
    ema_beta: float = key(least=0, below=1)
    ema_warmup: bool = key()


@dataclass
class Train(Rates):
    """``train``: who steps, when, and at which rates."""

    discriminator_steps: int = key(least=1)
    generator_first: bool = key()


@dataclass
class Config(config.Config):
    """The keys of a GAN."""

    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and where the order of the steps does not fit the rest."""
        super().check(where)
        self.model.check(where)
        if self.train.generator_first and (self.train.discriminator_steps > 1 or self.loss.objective == "saturating"):
            raise UsageError(
                f"{where}: train.generator_first is the script's order, with loss.objective nonsaturating and "
                "train.discriminator_steps 1; leave these, or give train.generator_first=false"
            )


class Batch(NamedTuple):
    """B samples at S pixels in C channels; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, C, S, S] float32 in [-1, 1]: real images
    z: np.ndarray  # [B, nz] standard normal: what the discriminator's fakes are made of
    z_generator: np.ndarray  # [B, nz]: and the generator's


def read(config: Config) -> Images:
    """All images of ``data.root``, whatever their class. Raises UserError as ``read_classes``."""
    return read_pooled(config.data.root)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """An image drawn uniformly, and noise."""
    model, items = config.model, train[POOLED]
    image, _ = load(items[rng.integers(len(items))], items)
    z, z_generator = rng.standard_normal((2, model.latent_dim), dtype=np.float32)
    return Batch(prepared(image, model.img_size, model.channels), z, z_generator)


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


class System:
    """Networks, optimisers and updates of one run, and its sheets."""

    averaged, across_batch = ("generator",), True
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, t = config, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("gan", self.architecture)
        self.across_batch = looks_across(self.networks)
        self.optimizers = rates.adams(self.networks, t.lr, t.beta1, t.beta2)

    def prepare(self, loaded: set) -> None:
        """Draws the noise of the sheets."""
        self.noise = sheet_noise(self.config, SIDE * SIDE)

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """Where the discriminator makes several steps to one of the generator's, that comes with the last of them."""
        t = self.config.train
        set_rates(self.optimizers, t, iteration)
        if t.generator_first:
            return script_updates(self.networks, batch)
        due = (iteration + 1) % t.discriminator_steps == 0
        return updates(self.networks, batch, self.config.loss.objective, due)

    def sheets(self, networks: dict) -> dict:
        """{"samples": uint8 [H, W, 3]}: always from the same noise."""
        return {"samples": sheet(networks["generator"], [self.noise], SIDE)}


def set_rates(optimizers: dict, train: Rates, iteration: int) -> None:
    """The learning rate at ``iteration``: ``train.lr``, or falling linearly to 0 at iteration ``train.lr_iter``.

    As Gulrajani et al. train their larger networks: late small steps sharpen what the early large ones have found.
    """
    rates.set_rate(optimizers, train.lr * rates.held_then_falling(iteration, 0, train.lr_iter))


def looks_across(networks: dict) -> bool:
    """Whether a layer of ``networks`` looks across the batch."""
    return any(isinstance(layer, BatchNorm) for net in networks.values() for layer in net.sublayers())


def sheet_noise(config, count: int) -> paddle.Tensor:
    """Noise [count, latent_dim] that depends on the run's seed alone."""
    rng = np.random.default_rng(config.train.seed)
    return paddle.to_tensor(rng.standard_normal((count, config.model.latent_dim), dtype=np.float32))


@paddle.no_grad()
def sheet(generator: paddle.nn.Layer, inputs: list, columns: int) -> np.ndarray:
    """Images of ``inputs``, row by row, uint8 [H, W, 3].

    By running statistics: an image depends on its noise alone, and drawing a sheet moves nothing.
    """
    generator.eval()
    images = to_uint8(generator(*inputs).expand([-1, 3, -1, -1]))
    generator.train()
    return grid([list(images[i : i + columns]) for i in range(0, len(images), columns)])
