"""KID, the kernel distance between two sets of Inception's features (Bińkowski et al., ICLR 2018).

Unlike FID it has no bias, so that it is the better measure of few images.
"""

from __future__ import annotations

import math

import numpy as np

from ppstargan.errors import UserError

LEAST = 4  # images of each set: two blocks of two
MOST = 5000  # images of each set that are compared, since the work grows with their square
BLOCKS = 20  # that are left out by turns, for the standard error


def kid(real: np.ndarray, fake: np.ndarray):
    """KID of features [N, D] and [M, D]: (the value, its standard error).

    The value is the unbiased estimate of the squared maximum mean discrepancy by the kernel (x·y / D + 1)³, over all
    pairs of up to 5000 rows of each set. The error is the jackknife's: it tells from the values without one block of
    each set. Rows of ``fake`` that depend on each other, such as the outputs for one source, belong side by side, so
    that a block holds them together. Raises UserError for other shapes, fewer than four rows, and NaN or infinity.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"KID compares features of one length, not of the shapes {real.shape} and {fake.shape}")
    fewest = min(len(real), len(fake))
    if fewest < LEAST:
        raise UserError(f"KID and its error need at least {LEAST} images in each set, not {fewest}")
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        raise UserError("the features contain NaN or infinity; check the images and the network's weights")
    shuffled = np.random.default_rng(0).permutation(len(real))  # files come sorted, by where they are from
    chosen = [_thinned(real[shuffled]), _thinned(fake)]
    count = min(BLOCKS, min(map(len, chosen)) // 2)
    x, y = (np.array_split(features, count) for features in chosen)
    within_x, within_y, between = _sums(x, x), _sums(y, y), _sums(x, y)
    sizes_x, sizes_y = (np.array([len(block) for block in blocks]) for blocks in (x, y))

    def value(kept: np.ndarray) -> float:
        n, m, pairs = sizes_x[kept].sum(), sizes_y[kept].sum(), np.ix_(kept, kept)
        same = within_x[pairs].sum() / (n * (n - 1)) + within_y[pairs].sum() / (m * (m - 1))
        return same - 2 * between[pairs].sum() / (n * m)

    everything = np.arange(count)
    without = [value(np.delete(everything, i)) for i in everything]
    return float(value(everything)), float(np.std(without) * math.sqrt(count - 1))


def _thinned(features: np.ndarray) -> np.ndarray:
    """At most 5000 rows, evenly over their order, in double precision."""
    chosen = np.linspace(0, len(features) - 1, min(len(features), MOST)).round().astype(int)
    return features[chosen].astype(np.float64)


def _sums(x: list, y: list) -> np.ndarray:
    """Sums of the kernel between blocks of rows, [blocks, blocks]; no row is compared with itself."""
    everything, starts = np.concatenate(y), np.cumsum([0, *map(len, y[:-1])])
    rows = []
    for i, a in enumerate(x):
        kernel = (a @ everything.T / a.shape[1] + 1) ** 3
        if a is y[i]:
            np.fill_diagonal(kernel[:, starts[i] :], 0)
        rows.append(np.add.reduceat(kernel.sum(axis=0), starts))
    return np.stack(rows)
