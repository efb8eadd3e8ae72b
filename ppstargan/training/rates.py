"""An Adam for each network, and how learning rates fall with the iteration: as functions of it, so that a resumed run
needs no stored state."""

from __future__ import annotations

import math
from dataclasses import dataclass

import paddle

from ppstargan import config
from ppstargan.config import key


@dataclass
class Rates(config.Train):
    """``train`` of a system that trains all its networks by Adam at one rate."""

    lr: float = key(above=0)
    beta1: float = key(least=0, below=1)
    beta2: float = key(least=0, below=1)


def adams(networks: dict, lr: float, beta1: float, beta2: float, weight_decay: float | None = None) -> dict:
    """An Adam for each of ``networks`` {name: network}. The weight decay is L2, on every parameter, as in PyTorch's.

    One for each does the same as one for several: to a parameter, it matters not which others there are.
    """
    return {
        name: paddle.optimizer.Adam(lr, beta1, beta2, parameters=net.parameters(), weight_decay=weight_decay)
        for name, net in networks.items()
    }


def set_rate(optimizers: dict, lr: float) -> None:
    """All ``optimizers`` {name: optimizer} step at ``lr`` from now on."""
    for optimizer in optimizers.values():
        optimizer.set_lr(lr)


def held_then_falling(iteration: float, hold: float, fall: float) -> float:
    """The factor of the rate at ``iteration`` (from 0): 1 for ``hold`` iterations, then linearly to 0 in ``fall``.

    With ``fall`` 0 it stays 1. The schedule of pix2pix's and CycleGAN's authors is the same in epochs.
    """
    return max(0.0, 1 - max(0, iteration - hold) / fall) if fall else 1.0


def stepwise(iteration: float, hold: float) -> float:
    """A tenth after each ``hold`` iterations."""
    return 0.1 ** (iteration // hold)


def cosine(iteration: float, fall: float) -> float:
    """Half a cosine from 1 to 0 in ``fall`` iterations, and up again in as many, as PyTorch's."""
    return (1 + math.cos(math.pi * iteration / fall)) / 2
