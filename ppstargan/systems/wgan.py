"""WGAN: a critic's values estimate Wasserstein's distance of real and generated images (Arjovsky et al., ICML 2017).

What keeps the critic's slopes small is the clipping of its weights, or a penalty on its gradients (Gulrajani et al.,
NeurIPS 2017).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import paddle

from ppstargan.losses import critic_mean, gradient_penalty
from ppstargan.training.amp import autocast
from ppstargan.training.step import Update, only

LONG_TURN, LONG_TURNS, PERIOD = 100, 25, 500  # the critic's long turns: the first 25, and every 500th


class Batch(NamedTuple):
    x: paddle.Tensor  # [B, C, S, S] float32 in [-1, 1]: real images
    z: paddle.Tensor  # [B, nz] standard normal: what the critic's fakes are made of
    z_generator: paddle.Tensor  # [B, nz]: and the generator's
    mix: paddle.Tensor  # [B, 1, 1, 1] in [0, 1): where the penalty looks between real and fake


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
        with autocast("none"):  # second derivatives
            parts["gp"] = gradient_penalty(critic, batch.x, fake.astype(batch.x.dtype), batch.mix)
        loss = parts["fake"] - parts["real"] + lambda_gp * parts["gp"]
        yield Update("critic", ("critic",), loss, parts)
    if generator_due:
        with only(networks, "generator"):
            loss = -critic_mean(critic(generator(batch.z_generator)))
            yield Update("generator", ("generator",), loss, {"adv": loss})
