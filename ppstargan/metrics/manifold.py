"""Precision and recall (Kynkäänniemi et al., NeurIPS 2019), density and coverage (Naeem et al., ICML 2020).

A set of features stands for the balls around its rows, each of which reaches to the row's k-th nearest neighbour in the
set. Precision is the share of generated rows that lie in a ball of the real ones, and recall the share of real rows
that lie in a ball of the generated ones. One real image far off makes a large ball, which precision counts as any
other; so density counts in how many balls a generated row lies, and coverage is the share of real balls that hold one.

Distances are compared squared and in float64: each is the small rest of large sums, and in float32 the distance of two
equal images comes out like that of near ones. They are computed for some rows at a time: two sets of 10000 rows of 2048
need about 1 GB.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ppstargan.errors import UserError

NEAREST = 3  # k of precision and recall, as their authors have it
NEAREST_OF_DENSITY = 5  # of density and coverage
LEAST_REAL, LEAST_FAKE = NEAREST_OF_DENSITY + 1, NEAREST + 1  # rows: each has k others
_ROWS = 512  # whose distances to all others are in memory at a time
_ROUNDING = 1e-12  # of the squared lengths: a squared distance below is that of equal rows


class Manifold(NamedTuple):
    """Shares from 0 to 1; a density of 1 is that of the real images among themselves, and it may be more."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: np.ndarray, fake: np.ndarray, k: int = NEAREST, k_density: int = NEAREST_OF_DENSITY) -> Manifold:
    """The four figures of features [N, D] and [M, D], with ``k`` for precision and recall, ``k_density`` for the rest.

    A ball of precision and recall has its rim, and one of density and coverage has not, as in their authors' code.
    Raises UserError for other shapes, for sets in which a row has fewer than k others, and for NaN or infinity.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"precision compares features of one length, not of the shapes {real.shape} and {fake.shape}")
    for rows, most, what in ((real, max(k, k_density), "real"), (fake, k, "generated")):
        if len(rows) <= most:
            of = f"the {most} nearest others of each of the {what} images"
            raise UserError(f"precision, recall, density and coverage look at {of}: {most + 1} needed, not {len(rows)}")
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        raise UserError("the features contain NaN or infinity; check the images and the network's weights")
    middle = real.mean(axis=0, dtype=np.float64)  # near 0, squares lose the least
    real, fake = real - middle, fake - middle
    reach, reach_of_density = _reaches(real, (k, k_density))
    (reach_of_fake,) = _reaches(fake, (k,))
    precise = np.zeros(len(fake), bool)
    recalled = covered = balls = 0
    for rows in _blocks(len(real)):
        distances = _squared_distances(real[rows], fake)
        precise |= (distances <= reach[rows, None]).any(axis=0)
        recalled += (distances <= reach_of_fake).any(axis=1).sum()
        held = (distances < reach_of_density[rows, None]).sum(axis=1)  # in each ball
        balls, covered = balls + held.sum(), covered + (held > 0).sum()
    return Manifold(
        precision=float(precise.mean()),
        recall=float(recalled / len(real)),
        density=float(balls / (k_density * len(fake))),
        coverage=float(covered / len(real)),
    )


def _reaches(features: np.ndarray, nearest: tuple) -> list:
    """For each k of ``nearest`` the squared distance [N] of each row to its k-th nearest other one."""
    found = []
    for rows in _blocks(len(features)):  # a row itself is the 0-th
        found.append(np.partition(_squared_distances(features[rows], features), nearest, axis=1)[:, nearest])
    return list(np.concatenate(found).T)


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[N, M] for rows [N, D] and [M, D] in float64."""
    lengths = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)
    distances = x @ y.T
    distances *= -2
    distances += lengths
    lengths *= _ROUNDING
    distances[distances < lengths] = 0
    return distances


def _blocks(count: int):
    return (slice(start, start + _ROWS) for start in range(0, count, _ROWS))
