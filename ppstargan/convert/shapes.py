"""What the keys and shapes of a convolutional network's arrays tell of it."""

from __future__ import annotations

import re
from pathlib import Path

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


def norm_behind(state: dict, convolution: str, norm: str) -> str:
    """Which of batch, instance and none: by the keys of a convolution and of the norm behind it.

    An instance norm has no keys, and the authors' convolution has a bias before that alone.
    """
    if f"{norm}.weight" in state:
        return "batch"
    return "instance" if f"{convolution}.bias" in state else "none"


def is_discriminator(state: dict, channels) -> bool:
    """Whether ``state`` is a discriminator of patches or of pixels that sees one of the numbers of ``channels``."""
    firsts = (("model.0.weight", "model.2.weight"), ("net.0.weight", "net.2.weight"))
    return any(rank(state, a) == rank(state, b) == 4 and np.shape(state[a])[1] in channels for a, b in firsts)


def discriminator(state: dict, where: str) -> tuple:
    """Part of the architecture of a discriminator of patches or of pixels, and how many channels it sees.

    Raises UserError where its first layer is missing.
    """
    prefix = "net" if "net.0.weight" in state else "model"
    first = convolution_shape(state, f"{prefix}.0.weight", where)
    norm = norm_behind(state, f"{prefix}.2", f"{prefix}.3")
    told = {"d_network": "pixel" if prefix == "net" else "basic", "d_width": first[0], "norm": norm}
    if prefix == "model":  # two convolutions behind those that halve the image
        told["d_layers"] = sum(rank(state, key) == 4 for key in state) - 2
    return told, first[1]


def beside(path: Path, pattern: str, letter: str, held: str) -> Path | None:
    """The file of the other network of G and D that a run has saved with ``path``, where it is there.

    ``pattern`` is of names: what is before the letter, the letter, and what is behind it. Raises UserError where
    ``path``, which holds ``letter``'s network (``held``, in words), is called as the other's.
    """
    named = re.fullmatch(pattern, path.name)
    if named and named[2] != letter:
        raise UserError(f"{path} is called {named[2]}, and holds {held}; give it the name that it had")
    other = path.with_name(f"{named[1]}{'D' if letter == 'G' else 'G'}{named[3]}") if named else path
    return other if named and other.exists() else None
