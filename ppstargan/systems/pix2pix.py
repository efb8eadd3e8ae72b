"""pix2pix: of every picture of a pair the other one is to be made (Isola et al., CVPR 2017).

The generator, a U-Net, has no noise but its dropout. The discriminator sees what was given and what was made of it, and
judges every patch of the two together; the L1 distance to the true picture looks after the rest.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import WIDEST, key
from ppstargan.data import pairs
from ppstargan.data.bad_files import BadImage
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError
from ppstargan.losses import cycle_loss
from ppstargan.nets.gans import build
from ppstargan.nets.unet import each_by_itself
from ppstargan.pictures import grid, to_uint8
from ppstargan.systems.cyclegan import OBJECTIVES
from ppstargan.systems.gan import looks_across
from ppstargan.training import distributed
from ppstargan.training.rates import Rates, adams, cosine, held_then_falling, set_rate, stepwise
from ppstargan.training.step import Update, only
from ppstargan.translate import compared, demo_pictures, from_pictures
from ppstargan.translate.from_pictures import Way

SHOWN = 8  # pairs on a sheet
TAKES = from_pictures.TAKES_EVAL


@dataclass
class Model:
    """``model``: the direction, and the sizes of both networks."""

    img_size: int = key(least=4, most=4096)
    direction: str = key(choices=("AtoB", "BtoA"))
    in_channels: int = key(choices=(1, 3))
    out_channels: int = key(choices=(1, 3))
    levels: int = key(least=2, most=12)
    g_width: int = key(least=1, most=WIDEST)
    d_network: str = key(choices=("basic", "pixel"))
    d_width: int = key(least=1, most=WIDEST)
    d_layers: int = key(least=1, most=16)
    norm: str = key(choices=("batch", "instance", "none"))
    dropout: bool = key()


@dataclass
class Data(config.Data):
    """``data``: how a square is cut out of both pictures of a pair."""

    mode: str = key(choices=("resize_and_crop", "crop", "scale_width_and_crop"))
    load_size: int = key(least=4, most=8192)


@dataclass
class Loss:
    """``loss``: what the discriminator minimises, and the weight of the distance."""

    objective: str = key(choices=tuple(OBJECTIVES))
    lambda_l1: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: both Adams' rates."""

    lr_policy: str = key(choices=("linear", "step", "cosine"))
    lr_hold: int = key(least=0)
    lr_fall: int = key(least=0)


@dataclass
class Config(config.Config):
    """The keys of a pix2pix."""

    data: Data
    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes and a schedule that do not fit."""
        super().check(where)
        m, multiple = self.model, multiple_of({"levels": self.model.levels})
        if m.img_size % multiple:
            what = f"model.img_size must be a multiple of {multiple}, which model.levels {m.levels} halves to the end"
            raise UsageError(f"{where}: {what}, and is {m.img_size}")
        if self.data.mode != "crop" and self.data.load_size < m.img_size:
            larger = f"data.load_size {self.data.load_size}, which must be no smaller"
            raise UsageError(f"{where}: model.img_size {m.img_size} is cut out of {larger}")
        if self.train.lr_policy != "linear" and not self.train.lr_hold:
            raise UsageError(f"{where}: train.lr_policy {self.train.lr_policy} needs a train.lr_hold above 0")


class Batch(NamedTuple):
    """B pairs at S pixels; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, in_channels, S, S] float32 in [-1, 1]: what is given
    y: np.ndarray  # [B, out_channels, S, S]: what is to become of it


def read(config: Config) -> Images:
    """The pairs of ``data.root``. Raises UserError as ``read_pairs``."""
    return pairs.read_pairs(config.data.root, config.model.direction)


def opened(item, config: Config) -> tuple:
    """The images (given, wanted) of an item. Raises BadImage as ``open_pair``, and for images that are too small."""
    images, size = pairs.open_pair(item, config.model.direction), config.model.img_size
    if config.data.mode == "crop" and max(images[0].size) <= size != min(images[0].size):
        width, height = images[0].size
        raise BadImage(pairs.paths_of(item)[0], f"has {width} x {height} px a picture, and {size} x {size} are cut out")
    return images


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """A pair drawn uniformly, both cut at one place and mirrored together."""
    m, d, items = config.model, config.data, train[pairs.POOL]
    images, _ = load(items[rng.integers(len(items))], items, open_item=partial(opened, config=config))
    cut = pairs.drawn_cut(*images[0].size, d.mode, d.load_size, m.img_size, rng)
    return Batch(
        *(
            pairs.prepared(image, d.mode, d.load_size, m.img_size, *cut, channels)
            for image, channels in zip(images, (m.in_channels, m.out_channels))
        )
    )


def updates(networks: dict, batch: Batch, loss: Loss):
    """The discriminator steps first, then the generator against it as it is now, on the same fakes.

    A batch's pieces are computed in turn between the yields, so the fakes are made where no piece has G frozen.
    """
    generator, discriminator, gan = networks["generator"], networks["discriminator"], OBJECTIVES[loss.objective]

    def judged(y):
        return discriminator(paddle.concat([batch.x, y], axis=1))

    fake = generator(batch.x).astype(batch.x.dtype)
    parts = {"fake": gan(judged(fake.detach()), 0), "real": gan(judged(batch.y), 1)}  # in neither of which G is
    yield Update("discriminator", ("discriminator",), (parts["fake"] + parts["real"]) / 2, parts)
    with only(networks, "generator"):
        terms = {"adv": gan(judged(fake), 1), "l1": loss.lambda_l1 * cycle_loss(fake, batch.y)}
        yield Update("generator", ("generator",), terms["adv"] + terms["l1"], terms)


def rate(iteration: float, policy: str, hold: float, fall: float) -> float:
    """The factor of the learning rate at ``iteration``: "linear" holds and falls, the others know ``hold`` alone."""
    if policy == "linear":
        return held_then_falling(iteration, hold, fall)
    return stepwise(iteration, hold) if policy == "step" else cosine(iteration, hold)


def sample(given, content: dict) -> int:
    """What tools/sample.py does with weights: the direction that they were trained in, as in training but by --eval."""
    return from_pictures.sample(given, content, ways(content), multiple_of=multiple_of, as_trained=True)


def page(given, content: dict) -> demo_pictures.Page:
    """What tools/demo.py shows."""
    return demo_pictures.page(given, content, "pix2pix", ways(content), as_trained=True)


def ways(content: dict) -> dict:
    """The one direction of a file, {"AtoB": Way} or {"BtoA": Way}."""
    return {content["architecture"]["direction"]: Way("generator", "in_channels")}


comparisons, MEASURES = compared.from_pairs, compared.NOISE  # what tools/evaluate.py does with weights


def multiple_of(architecture: dict) -> int:
    """Of which an image's sides in px are multiples."""
    return 2 ** architecture["levels"]


class System:
    """Networks, optimisers and updates of one run, and its sheets."""

    averaged, across_batch = (), True
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("pix2pix", self.architecture)
        self.across_batch = looks_across(self.networks)
        self.optimizers = adams(self.networks, t.lr, t.beta1, t.beta2)

    def prepare(self, loaded: set) -> None:
        """Reads the pairs of the sheet: of val, or of train where there is no val. Raises UserError for a bad one."""
        if distributed.rank() > 0:  # the first draws them
            return
        items, m = (self.data.val or self.data.train)[pairs.POOL][:SHOWN], self.config.model
        images = pairs.load_pairs(items, m.direction, m.img_size, (m.in_channels, m.out_channels))
        self.looked_at = Batch(*map(paddle.to_tensor, images))

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration, but the rates."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name."""
        t = self.config.train
        set_rate(self.optimizers, t.lr * rate(iteration, t.lr_policy, t.lr_hold, t.lr_fall))
        return updates(self.networks, batch, self.config.loss)

    def sheets(self, networks: dict) -> dict:
        """{"pairs": uint8 [H, W, 3]}: what is given, what is made of it, and what it should be."""
        x, y = self.looked_at
        made = each_by_itself(networks["generator"], x)
        rows = [to_uint8(images.expand([-1, 3, -1, -1])) for images in (x, made, y)]
        return {"pairs": grid([list(row) for row in rows])}
