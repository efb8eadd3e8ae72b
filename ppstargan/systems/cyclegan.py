"""CycleGAN: two generators between two sets of images without pairs, each the other's way back (Zhu et al., ICCV 2017).

G_A makes images of A into images of B, and G_B the other way. As in the authors' code, a discriminator has the letter
of the generator that it judges: D_A sees images of B, real ones and G_A's. The paper's G, F, D_Y, D_X are G_A, G_B,
D_A, D_B.
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
from ppstargan.data import sides
from ppstargan.data.batches import Images
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UsageError
from ppstargan.losses import adversarial_loss, cycle_loss, least_squares_loss, wasserstein_loss
from ppstargan.nets.gans import build
from ppstargan.pictures import grid, to_uint8
from ppstargan.systems.gan import looks_across
from ppstargan.training import distributed
from ppstargan.training.pool import Pool
from ppstargan.training.rates import Rates, adams, held_then_falling, set_rate
from ppstargan.training.step import Update, only
from ppstargan.translate import compared, demo_pictures, from_pictures
from ppstargan.translate.from_pictures import Way

SHOWN = 8  # images of each side on a sheet
GENERATORS = ("G_A", "G_B")
OBJECTIVES = {"lsgan": least_squares_loss, "vanilla": adversarial_loss, "wgangp": wasserstein_loss}
WAYS = {"AtoB": Way("G_A", "channels_a"), "BtoA": Way("G_B", "channels_b")}
# What tools/sample.py does with weights, by which options.
sample, TAKES = partial(from_pictures.sample, ways=WAYS), from_pictures.TAKES
comparisons, MEASURES = partial(compared.from_sides, ways=WAYS), compared.SIDES  # and what tools/evaluate.py does
page = partial(demo_pictures.page, title="CycleGAN", ways=WAYS)  # and tools/demo.py


def ways(content: dict) -> dict:
    """The directions of the system, of which the file of ``content`` may have one."""
    return WAYS


@dataclass
class Model:
    """``model``: sizes of the four networks; the generators' are equal, and so are the discriminators'."""

    img_size: int = key(least=16, most=4096)
    channels_a: int = key(choices=(1, 3))
    channels_b: int = key(choices=(1, 3))
    blocks: int = key(least=1, most=64)
    g_width: int = key(least=1, most=WIDEST)
    d_network: str = key(choices=("basic", "pixel"))
    d_width: int = key(least=1, most=WIDEST)
    d_layers: int = key(least=1, most=16)
    norm: str = key(choices=("instance", "batch", "none"))
    dropout: bool = key()


@dataclass
class Data(config.Data):
    """``data``: the size that images are resized to before a square is cut out."""

    load_size: int = key(least=16, most=8192)


@dataclass
class Loss:
    """``loss``: what the discriminators minimise, and the weights of the generators' terms."""

    objective: str = key(choices=tuple(OBJECTIVES))
    lambda_a: float = key(least=0)
    lambda_b: float = key(least=0)
    lambda_identity: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: one Adam's rates for all, and the pool."""

    lr_hold: int = key(least=0)
    lr_fall: int = key(least=0)
    pool_size: int = key(least=0, most=100000)


@dataclass
class Config(config.Config):
    """The keys of a CycleGAN."""

    data: Data
    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes and weights that do not fit."""
        super().check(where)
        m, loss = self.model, self.loss
        if m.img_size % 4:
            raise UsageError(
                f"{where}: model.img_size must be a multiple of 4, not {m.img_size}: a generator halves twice"
            )
        if self.data.load_size < m.img_size:
            larger = f"data.load_size {self.data.load_size}, which must be no smaller"
            raise UsageError(f"{where}: model.img_size {m.img_size} is cut out of {larger}")
        if loss.lambda_identity and m.channels_a != m.channels_b:
            raise UsageError(
                f"{where}: loss.lambda_identity gives a generator images of the other side: model.channels_a and "
                "model.channels_b must be equal, or give loss.lambda_identity=0"
            )


class Batch(NamedTuple):
    """B images of each side at S pixels; a single sample is the same without the leading B."""

    a: np.ndarray  # [B, channels_a, S, S] float32 in [-1, 1]
    b: np.ndarray  # [B, channels_b, S, S]: no partners of those


def read(config: Config) -> Images:
    """Both sides of ``data.root``. Raises UserError as ``read_sides``."""
    return sides.read_sides(config.data.root)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """An image of each side, drawn uniformly, each cut and mirrored by itself."""
    m = config.model
    images = [load(items[rng.integers(len(items))], items)[0] for items in train.values()]
    return Batch(
        *(
            sides.jittered(image, config.data.load_size, m.img_size, rng, channels)
            for image, channels in zip(images, (m.channels_a, m.channels_b))
        )
    )


def updates(networks: dict, batch: Batch, loss: Loss, shown_b=paddle.assign, shown_a=paddle.assign):
    """Both generators step, then each discriminator on the fakes of before, or on what a pool gives for them.

    ``shown_b`` and ``shown_a`` are given the fakes of B and of A, and return what D_A and D_B are to see instead.
    """
    g_a, g_b, d_a, d_b = (networks[name] for name in ("G_A", "G_B", "D_A", "D_B"))
    gan = OBJECTIVES[loss.objective]
    with only(networks, *GENERATORS):
        fake_b = g_a(batch.a)
        terms = {"cycle_a": loss.lambda_a * cycle_loss(g_b(fake_b), batch.a)}
        fake_a = g_b(batch.b)
        terms["cycle_b"] = loss.lambda_b * cycle_loss(g_a(fake_a), batch.b)
        if loss.lambda_identity:  # crossed, as each generator keeps images of the side that it makes
            terms["identity_a"] = loss.lambda_identity * loss.lambda_b * cycle_loss(g_a(batch.b), batch.b)
            terms["identity_b"] = loss.lambda_identity * loss.lambda_a * cycle_loss(g_b(batch.a), batch.a)
        terms["adv_a"], terms["adv_b"] = gan(d_a(fake_b), 1), gan(d_b(fake_a), 1)
        yield Update("generators", GENERATORS, sum(terms.values()), terms)
    for name, real, fake, shown in (("D_A", batch.b, fake_b, shown_b), ("D_B", batch.a, fake_a, shown_a)):
        with only(networks, name):
            net = networks[name]
            parts = {"real": gan(net(real), 1), "fake": gan(net(shown(fake.detach().astype(real.dtype))), 0)}
            yield Update(name, (name,), (parts["real"] + parts["fake"]) / 2, parts)


class System:
    """Networks, optimisers, pools and updates of one run, and its sheets."""

    averaged, across_batch = (), True  # by batch norm, where model.norm says so
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("cyclegan", self.architecture)
        self.across_batch = looks_across(self.networks)
        self.optimizers = adams(self.networks, t.lr, t.beta1, t.beta2)
        self.pools = {"b": Pool(t.pool_size), "a": Pool(t.pool_size)}
        self.drawn_for, self.rng = None, None

    @property
    def memory(self) -> dict:
        """What a checkpoint keeps beside the networks: the images in both pools, {"pool_b": [n, C, S, S], ...}."""
        return {f"pool_{side}": pool.array() for side, pool in self.pools.items()}

    @memory.setter
    def memory(self, stored: dict) -> None:
        """Takes back what a checkpoint kept; images of another size, or more than the pools hold, are left out."""
        m = self.config.model
        for side, pool in self.pools.items():
            images = stored.get(f"pool_{side}", np.zeros(0, np.float32))
            if images.shape[1:] == (getattr(m, f"channels_{side}"), m.img_size, m.img_size):  # else of another size
                pool.fill(images)

    def prepare(self, loaded: set) -> None:
        """Reads the images of the sheets: of val, or of train where there is no val. Raises UserError for a bad one."""
        if distributed.rank() > 0:  # the first draws them
            return
        m, shown = self.config.model, self.data.val or self.data.train
        self.looked_at = Batch(
            *(
                paddle.to_tensor(
                    np.stack([sides.prepared(load_rgb(path), m.img_size, channels) for path in items[:SHOWN]])
                )
                for items, channels in zip(shown.values(), (m.channels_a, m.channels_b))
            )
        )

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration, but the rates."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name; what the pools draw depends on the seed and the iteration alone."""
        t = self.config.train
        set_rate(self.optimizers, t.lr * held_then_falling(iteration, t.lr_hold, t.lr_fall))
        if iteration != self.drawn_for:  # the pieces of a batch go on with the draws of one
            self.drawn_for, self.rng = iteration, np.random.default_rng([t.seed, iteration, WIDEST])
        shown_b, shown_a = (partial(self.pools[side].exchange, rng=self.rng) for side in "ba")
        return updates(self.networks, batch, self.config.loss, shown_b, shown_a)

    @paddle.no_grad()
    def sheets(self, networks: dict) -> dict:
        """{"a_to_b": uint8 [H, W, 3], "b_to_a": ...}: images, below them what they become, and the way back."""
        nets = [networks[name] for name in GENERATORS]
        for net in nets:
            net.eval()
        found = {}
        for name, images, (there, back) in zip(("a_to_b", "b_to_a"), self.looked_at, (nets, nets[::-1])):
            made = there(images)
            rows = [to_uint8(x.expand([-1, 3, -1, -1])) for x in (images, made, back(made))]
            found[name] = grid([list(row) for row in rows])
        for net in nets:
            net.train()
        return found
