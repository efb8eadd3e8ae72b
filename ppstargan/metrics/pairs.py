"""How good a translator of drawn outlines is: how far its pictures are from the true ones.

The error alone says little: who answers every outline by one and the same picture has some error too, and the least of
all such pictures has, in each pixel, the median of the true ones.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np


class Report(NamedTuple):
    """Mean absolute errors against the true pictures, in [-1, 1]."""

    error: float
    constant: float  # of the best constant picture
    images: int

    @property
    def share(self) -> float:
        """The error where that of the best constant picture is 1."""
        return self.error / self.constant

    def lines(self) -> list:
        """The report for people."""
        return [
            f"distance to the true picture (L1): {self.error:.3f} (mean of {self.images} held-out ones); "
            f"the best constant picture has {self.constant:.3f}",
            f"that is {self.share:.3f} of it",
        ]


def measure(translate: Callable, known: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> Report:
    """How far ``translate(given)`` is from ``wanted``, and how far the best constant picture for ``known`` is.

    All are images float32 [N, 3, S, S] in [-1, 1]: ``known`` the targets that were trained on, ``given`` and ``wanted``
    both sides of held-out pairs.
    """
    made = np.clip(translate(given), -1, 1)
    constant = np.median(known, axis=0)
    return Report(float(np.abs(made - wanted).mean()), float(np.abs(constant - wanted).mean()), len(wanted))
