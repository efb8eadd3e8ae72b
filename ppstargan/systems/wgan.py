"""WGAN: a critic's values estimate Wasserstein's distance of real and generated images (Arjovsky et al., ICML 2017).

What keeps the critic's slopes small is the clipping of its weights, or a penalty on its gradients (Gulrajani et al.,
NeurIPS 2017).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import key
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError
from ppstargan.losses import critic_mean, gradient_penalty
from ppstargan.nets.gans import build
from ppstargan.systems import gan
from ppstargan.training.amp import full_precision
from ppstargan.training.rates import adams
from ppstargan.training.rmsprop import RMSProp
from ppstargan.training.step import Update, only

LONG_TURN, LONG_TURNS, PERIOD = 100, 25, 500  # the critic's long turns: the first 25, and every 500th
read = gan.read
sample, TAKES = gan.sample, gan.TAKES
comparisons, MEASURES, page = gan.comparisons, gan.MEASURES, gan.page


@dataclass
class Loss:
    """``loss``: what keeps the critic's slopes small; one of the two is 0."""

    clip: float = key(least=0)
    lambda_gp: float = key(least=0)


@dataclass
class Train(gan.Rates):
    """``train``: the optimiser, and how often the critic steps for each step of the generator."""

    optimizer: str = key(choices=("rmsprop", "adam"))
    critic_steps: int = key(least=1)
    long_turns: bool = key()


@dataclass
class Config(config.Config):
    """The keys of a WGAN."""

    model: gan.Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and where penalty, clipping and batch norm do not fit."""
        super().check(where)
        self.model.check(where)
        if bool(self.loss.clip) == bool(self.loss.lambda_gp):
            raise UsageError(f"{where}: WGAN needs one of loss.clip and loss.lambda_gp above 0, and the other 0")
        if self.loss.lambda_gp and self.model.network == "dcgan" and self.model.d_batch_norm:
            raise UsageError(
                f"{where}: loss.lambda_gp punishes each sample's own gradient, which a batch norm in the critic mixes "
                "with the others'; give model.d_batch_norm=false"
            )


class Batch(NamedTuple):
    """B samples at S pixels in C channels; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, C, S, S] float32 in [-1, 1]: real images
    z: np.ndarray  # [B, nz] standard normal: what the critic's fakes are made of
    z_generator: np.ndarray  # [B, nz]: and the generator's
    mix: np.ndarray  # [B, 1, 1, 1] in [0, 1): where the penalty looks between real and fake


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """An image drawn uniformly, noise, and a place between real and fake."""
    return Batch(*gan.draw(train, config, rng, load), rng.random((1, 1, 1), dtype=np.float32))


def critic_turn(generator_steps: int, critic_steps: int = 5) -> int:
    """How often the critic steps before the generator does, which has stepped ``generator_steps`` times."""
    return LONG_TURN if generator_steps < LONG_TURNS or generator_steps % PERIOD == 0 else critic_steps


def generator_is_due(iteration: int, critic_steps: int = 5, long_turns: bool = True) -> bool:
    """Whether the generator steps in ``iteration`` (from 0), in each of which the critic does."""
    done = iteration + 1
    if not long_turns:
        return done % critic_steps == 0
    first, later = _turns_end(0, critic_steps), _turns_end(PERIOD, critic_steps)
    if done > first[-1]:
        done, first = (done - first[-1] - 1) % later[-1] + 1, later
    return done in first


@lru_cache(maxsize=None)
def _turns_end(start: int, critic_steps: int) -> tuple:
    """How often the critic has stepped at the end of each turn of a period, which begins at turn ``start``."""
    return tuple(accumulate(critic_turn(start + turn, critic_steps) for turn in range(PERIOD)))


@paddle.no_grad()
def clip_weights(net: paddle.nn.Layer, limit: float) -> None:
    """Clips every parameter of ``net`` to +-``limit``, a batch norm's too; its running statistics stay."""
    for parameter in net.parameters():
        parameter.clip_(-limit, limit)


def clipping_updates(networks: dict, batch: Batch, clip: float = 0.01, generator_due: bool = True):
    """As the authors' code: weights are clipped before the critic's step, and it gives real images the LOW values."""
    generator, critic = networks["generator"], networks["critic"]
    clip_weights(critic, clip)
    with only(networks, "critic"):
        with paddle.no_grad():
            fake = generator(batch.z)
        parts = {"real": critic_mean(critic(batch.x)), "fake": critic_mean(critic(fake))}
        parts["distance"] = parts["fake"] - parts["real"]
        yield Update("critic", ("critic",), parts["real"] - parts["fake"], parts)
    if generator_due:
        with only(networks, "generator"):
            loss = critic_mean(critic(generator(batch.z_generator)))
            yield Update("generator", ("generator",), loss, {"adv": loss})


def penalty_updates(networks: dict, batch: Batch, lambda_gp: float = 10.0, generator_due: bool = True):
    """As in the second paper: the critic, without batch norm, gives real images the HIGH values."""
    generator, critic = networks["generator"], networks["critic"]
    with only(networks, "critic"):
        with paddle.no_grad():
            fake = generator(batch.z)
        parts = {"real": critic_mean(critic(batch.x)), "fake": critic_mean(critic(fake))}
        parts["distance"] = parts["real"] - parts["fake"]
        with full_precision():  # second derivatives
            parts["gp"] = gradient_penalty(critic, batch.x, fake.astype(batch.x.dtype), batch.mix)
        loss = parts["fake"] - parts["real"] + lambda_gp * parts["gp"]
        yield Update("critic", ("critic",), loss, parts)
    if generator_due:
        with only(networks, "generator"):
            loss = -critic_mean(critic(generator(batch.z_generator)))
            yield Update("generator", ("generator",), loss, {"adv": loss})


class System:
    """Networks, optimisers and updates of one run, and its sheets."""

    averaged, across_batch = ("generator",), True
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, t = config, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("wgan", self.architecture)
        self.across_batch = gan.looks_across(self.networks)
        self.optimizers = (
            {name: RMSProp(t.lr, net.parameters()) for name, net in self.networks.items()}
            if t.optimizer == "rmsprop"
            else adams(self.networks, t.lr, t.beta1, t.beta2)
        )

    def prepare(self, loaded: set) -> None:
        """Draws the noise of the sheets."""
        self.noise = gan.sheet_noise(self.config, gan.SIDE * gan.SIDE)

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """The critic steps in every iteration, and the generator in those that end a turn of the critic's."""
        t, loss = self.config.train, self.config.loss
        gan.set_rates(self.optimizers, t, iteration)
        due = generator_is_due(iteration, t.critic_steps, t.long_turns)
        if loss.lambda_gp:
            return penalty_updates(self.networks, batch, loss.lambda_gp, due)
        return clipping_updates(self.networks, batch, loss.clip, due)

    def sheets(self, networks: dict) -> dict:
        """{"samples": uint8 [H, W, 3]}: always from the same noise."""
        return {"samples": gan.sheet(networks["generator"], [self.noise], gan.SIDE)}
