"""What the shapes of a convolutional network's arrays tell of it."""

from __future__ import annotations

import numpy as np

from ppstargan.errors import UserError

CHANNELS = (1, 3)  # of images


def image_channels(count: int, where: str) -> int:
    """``count``. Raises UserError where images have another number of channels; ``where`` they are is for it."""
    if count not in CHANNELS:
        raise UserError(f"{where} has images of {count} channels, and 1 or 3 can be converted")
    return count


def rank(state: dict, key: str) -> int:
    """How many axes the array ``key`` has; 0 where there is none."""
    return np.ndim(state[key]) if key in state else 0


def convolution_shape(state: dict, key: str, where: str) -> tuple:
    """The four sizes of a convolution's weight. Raises UserError where it is none."""
    shape = np.shape(state.get(key))
    if len(shape) != 4 or 0 in shape:
        raise UserError(f"{where} has no convolution {key}; only the authors' architecture can be converted")
    return shape
