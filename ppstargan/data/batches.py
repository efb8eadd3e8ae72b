"""Training batches as a function of the seed and the iteration, so that a resumed run needs no stored state.

Each sample draws from its own generator, seeded by (seed, iteration, index): threads change nothing. Domains
are drawn uniformly, then images within one: in distribution, the authors' balanced weighted sampling.
"""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

import numpy as np

from ppstargan.data.transforms import for_testing, for_training, load_rgb


class Batch(NamedTuple):
    """B samples at S pixels over the domains 0..K-1; a single sample is the same without the leading B."""

    x_src: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]: the images to translate
    y_src: np.ndarray  # [B] int64: their domains
    x_ref: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]: references for the style
    x_ref2: np.ndarray  # [B, 3, S, S]: other images of the same domains
    y_trg: np.ndarray  # [B] int64: the domains of the references
    z_trg: np.ndarray  # [B, latent_dim] float32, standard normal
    z_trg2: np.ndarray  # [B, latent_dim]


def draw_batch(
    domains: dict[str, list[Path]],
    iteration: int,
    *,
    batch_size: int,
    img_size: int,
    latent_dim: int,
    crop_probability: float,
    seed: int,
) -> Batch:
    """The batch of ``iteration`` (>= 0), loaded in this thread.

    Each domain needs two images. Raises UserError for an image that cannot be read.
    """
    load = partial(_sample, domains, img_size, latent_dim, crop_probability, seed)
    return _stack([load(iteration, index) for index in range(batch_size)])


def training_batches(
    domains: dict[str, list[Path]],
    *,
    start: int,
    batch_size: int,
    img_size: int,
    latent_dim: int,
    crop_probability: float,
    seed: int,
    workers: int,
) -> Iterator[Batch]:
    """The batches of the iterations start, start + 1, … without end, as ``draw_batch`` gives them.

    ``workers`` threads load a few batches ahead; with 0 they are loaded when asked for. Closing the iterator,
    or dropping it, stops the threads. Raises UserError for an image that cannot be read.
    """
    load = partial(_sample, domains, img_size, latent_dim, crop_probability, seed)
    if workers == 0:
        for iteration in itertools.count(start):
            yield _stack([load(iteration, index) for index in range(batch_size)])
    # The pool's tasks are samples, not batches: all threads work on the batch that is needed next.
    executor = ThreadPoolExecutor(workers)
    ahead = 2 + workers // batch_size  # batches; enough for every thread to have a sample to load
    pending: deque = deque()
    try:
        for iteration in itertools.count(start):
            pending.append([executor.submit(load, iteration, index) for index in range(batch_size)])
            if len(pending) > ahead:
                yield _stack([future.result() for future in pending.popleft()])
    finally:
        for future in itertools.chain.from_iterable(pending):
            future.cancel()
        executor.shutdown()


def load_batch(paths: Sequence[str | Path], size: int) -> np.ndarray:
    """Whole images as float32 [N, 3, size, size] in [-1, 1]. Raises UserError for an unreadable one."""
    batch = np.empty((len(paths), 3, size, size), np.float32)
    for row, path in zip(batch, paths):
        row[:] = for_testing(load_rgb(path), size)
    return batch


def _sample(
    domains: dict[str, list[Path]],
    img_size: int,
    latent_dim: int,
    crop_probability: float,
    seed: int,
    iteration: int,
    index: int,
) -> Batch:
    rng = np.random.default_rng([seed, iteration, index])
    images = list(domains.values())
    y_src, y_trg = rng.integers(len(images), size=2)
    source = images[y_src][rng.integers(len(images[y_src]))]
    first, second = rng.choice(len(images[y_trg]), 2, replace=False)
    z_trg, z_trg2 = rng.standard_normal((2, latent_dim), dtype=np.float32)
    x_src, x_ref, x_ref2 = (
        for_training(load_rgb(path), img_size, crop_probability, rng)
        for path in (source, images[y_trg][first], images[y_trg][second])
    )
    return Batch(x_src, y_src, x_ref, x_ref2, y_trg, z_trg, z_trg2)


def _stack(samples: Sequence[Batch]) -> Batch:
    return Batch(*(np.stack(field) for field in zip(*samples)))
