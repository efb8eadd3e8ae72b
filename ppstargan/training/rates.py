"""How learning rates fall with the iteration: as functions of it, so that a resumed run needs no stored state."""

from __future__ import annotations

import math


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
