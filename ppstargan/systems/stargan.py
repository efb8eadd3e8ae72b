"""StarGAN: one generator that redraws a face with other attributes, or as another class (Choi et al., CVPR 2018).

The label c that an image is to have is part of the generator's input. The discriminator, a Wasserstein critic of
patches, also tells the label of an image: on real ones it learns to, and on made ones the generator is led by it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Callable, NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import WIDEST, key
from ppstargan.data import attributes as faces
from ppstargan.data.batches import Images
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UsageError
from ppstargan.losses import attributes_loss, classes_loss, critic_mean, cycle_loss, gradient_penalty
from ppstargan.nets.gans import build
from ppstargan.nets.stargan import redrawn
from ppstargan.pictures import grid, to_uint8
from ppstargan.training import distributed
from ppstargan.training.amp import full_precision
from ppstargan.training.rates import Rates, adams, set_rate
from ppstargan.training.step import Update, only
from ppstargan.translate import demo_attributes, relabelled

SHOWN = 8  # faces on a sheet
sample, TAKES = relabelled.sample, relabelled.TAKES  # what tools/sample.py does with weights, by which options
comparisons, MEASURES = relabelled.comparisons, relabelled.MEASURES  # and tools/evaluate.py
page = demo_attributes.page  # and tools/demo.py


@dataclass
class Model:
    """``model``: sizes of both networks; how many labels there are is told by the data."""

    img_size: int = key(least=8, most=4096)
    g_width: int = key(least=1, most=WIDEST)
    g_blocks: int = key(least=0, most=64)
    d_width: int = key(least=1, most=WIDEST)
    d_layers: int = key(least=1, most=10)


@dataclass
class Data(config.Data):
    """``data``: which attributes count, and what is cut out of an image."""

    attributes: str = key()
    crop_size: int = key(least=8, most=8192)


@dataclass
class Loss:
    """``loss``: the weights of the terms."""

    lambda_cls: float = key(least=0)
    lambda_rec: float = key(least=0)
    lambda_gp: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: Adam's rates for both networks, how they fall, and how often the generator steps."""

    lr_hold: int = key(least=0)
    lr_fall: int = key(least=0)
    lr_every: int = key(least=1)
    n_critic: int = key(least=1)


@dataclass
class Config(config.Config):
    """The keys of a StarGAN."""

    data: Data
    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes or attributes that do not fit."""
        super().check(where)
        size, layers = self.model.img_size, self.model.d_layers
        if size % 4 or size % (1 << layers):
            halvings = f"the generator halves it twice, and the discriminator {layers} times (model.d_layers)"
            raise UsageError(f"{where}: model.img_size {size} is no multiple of {max(4, 1 << layers)}: {halvings}")
        if len(set(self.attributes)) < len(self.attributes):
            raise UsageError(f"{where}: data.attributes names one twice: {self.data.attributes}")

    @property
    def attributes(self) -> list:
        """The names in ``data.attributes``; [] for folders of classes."""
        return self.data.attributes.split()


class Batch(NamedTuple):
    """B faces at S pixels with their labels; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]
    c: np.ndarray  # [B, C] float32, 0 or 1: its own label
    c_target: np.ndarray  # [B, C]: the one that it is to have
    mix: np.ndarray  # [B, 1, 1, 1] in [0, 1): where the penalty looks between real and made


def read(config: Config) -> Images:
    """The faces of ``data.root``. Raises UserError as ``read_faces``."""
    return faces.read_faces(config.data.root, config.attributes)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """A face drawn uniformly, and the label of another one as its target: the authors exchange those of a batch."""
    pools, m = list(train.values()), config.model
    ends = np.cumsum([len(pool) for pool in pools])
    numbers = [int(number) for number in rng.integers(ends[-1], size=2)]
    where = [int(np.searchsorted(ends, number, side="right")) for number in numbers]
    (pool, place), target = ((i, number - (ends[i] - len(pools[i]))) for i, number in zip(where, numbers))
    image, item = load(pools[pool][place], pools[pool])
    if item != pools[pool][place]:  # which is bad, and this one came instead
        place = pools[pool].index(item)
    labels = [label(pools, *one) for one in ((pool, place), target)]
    x = faces.prepared(image, config.data.crop_size, m.img_size, flip=rng.random() < 0.5)
    return Batch(x, *labels, rng.random((1, 1, 1), dtype=np.float32))


def label(pools: list, pool: int, place: int) -> np.ndarray:
    """What the face at ``place`` of a pool is, float32 [C]: its attributes, or the class that the pool is."""
    if isinstance(pools[pool], faces.Faces):
        return pools[pool].labels[place].astype(np.float32)
    return np.eye(len(pools), dtype=np.float32)[pool]


def updates(networks: dict, batch: Batch, loss: Loss, classify: Callable, generator_due: bool = True):
    """The discriminator steps, and the generator where it is due, on the same faces and targets.

    ``classify(logits, c)`` is the loss of the discriminator's guess: ``attributes_loss`` or ``classes_loss``.
    """
    generator, discriminator = networks["generator"], networks["discriminator"]
    with only(networks, "discriminator"):
        with paddle.no_grad():
            fake = generator(batch.x, batch.c_target)
        (real, logits), made = discriminator(batch.x), discriminator(fake)[0]
        parts = {"real": -critic_mean(real), "fake": critic_mean(made), "cls": classify(logits, batch.c)}
        with full_precision():  # second derivatives
            fake = fake.astype(batch.x.dtype)
            parts["gp"] = gradient_penalty(lambda x: discriminator(x)[0], batch.x, fake, batch.mix)
        total = parts["real"] + parts["fake"] + loss.lambda_cls * parts["cls"] + loss.lambda_gp * parts["gp"]
        yield Update("discriminator", ("discriminator",), total, parts)
    if generator_due:
        with only(networks, "generator"):
            fake = generator(batch.x, batch.c_target)
            made, logits = discriminator(fake)
            parts = {"adv": -critic_mean(made), "cls": classify(logits, batch.c_target)}
            parts["rec"] = cycle_loss(generator(fake, batch.c), batch.x)
            total = parts["adv"] + loss.lambda_cls * parts["cls"] + loss.lambda_rec * parts["rec"]
            yield Update("generator", ("generator",), total, parts)


def rate(iteration: int, lr: float, lr_hold: int, lr_fall: int, lr_every: int) -> float:
    """The learning rate at ``iteration`` (from 0).

    Behind ``lr_hold`` iterations, every ``lr_every``-th takes 1 / ``lr_fall`` of ``lr`` away. The paper lets it fall to
    0 in 100000 iterations, which is an ``lr_every`` of 1; in the authors' code it is 1000, and the rate hardly falls.
    """
    steps = max(0, iteration // lr_every - lr_hold // lr_every)
    return lr * max(0.0, 1 - steps / lr_fall) if lr_fall else lr


class System:
    """Networks, optimisers and updates of one run, and its sheet."""

    averaged, across_batch = (), False
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.exclusive = not config.attributes
        architecture = {**dataclasses.asdict(config.model), "exclusive": self.exclusive}
        self.architecture = {**architecture, "num_domains": len(data.names)}
        self.networks = build("stargan", self.architecture)
        self.optimizers = adams(self.networks, t.lr, t.beta1, t.beta2)

    def prepare(self, loaded: set) -> None:
        """Reads the faces of the sheets: of val, or of train where there is no val. Raises UserError for a bad one."""
        if distributed.rank() > 0:  # the first draws them
            return
        pools = list((self.data.val or self.data.train).values())
        each = -(-SHOWN // len(pools))
        chosen = [(i, place) for i, pool in enumerate(pools) for place in range(min(each, len(pool)))][:SHOWN]
        crop, size = self.config.data.crop_size, self.config.model.img_size
        images = [faces.prepared(load_rgb(pools[i][place]), crop, size) for i, place in chosen]
        self.looked_at = np.stack(images), np.stack([label(pools, *one) for one in chosen])

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration but the rates, which the curves have anyway."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name, on the run's networks."""
        t = self.config.train
        set_rate(self.optimizers, rate(iteration, t.lr, t.lr_hold, t.lr_fall, t.lr_every))
        classify = classes_loss if self.exclusive else attributes_loss
        due = (iteration + 1) % t.n_critic == 0
        return updates(self.networks, batch, self.config.loss, classify, due)

    def sheets(self, networks: dict) -> dict:
        """{"attributes": uint8 [H, W, 3]}: a row a face: itself, then with each attribute turned, or as each class."""
        images, labels = self.looked_at
        asked = faces.targets(labels, self.data.names, self.exclusive)
        columns = [images, *(redrawn(networks["generator"], images, c) for c in asked)]
        return {"attributes": grid([list(row) for row in zip(*map(to_uint8, columns))])}
