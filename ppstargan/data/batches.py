"""Training batches as a function of the seed and the iteration, so that a resumed run needs no stored state.

Each sample draws from its own generator, seeded by (seed, iteration, index): threads change nothing. Domains
are drawn uniformly, then images within one: in distribution, the authors' balanced weighted sampling. In place
of a bad file, the sample's generator draws another one of the same domain, so that batches depend on nothing but the
seed, the iteration and the files.
"""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

import numpy as np

from ppstargan.data.bad_files import BadFiles, BadImage, listing
from ppstargan.data.transforms import for_testing, for_training, load_rgb
from ppstargan.errors import UserError


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
    max_bad_share: float = 0.0,
) -> Batch:
    """The batch of ``iteration`` (>= 0), loaded in this thread. Raises UserError as ``training_batches`` does."""
    bad_files = BadFiles(sum(map(len, domains.values())), max_bad_share)
    load = partial(_sample, domains, img_size, latent_dim, crop_probability, seed)
    return _stack([load(iteration, index) for index in range(batch_size)], bad_files)


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
    max_bad_share: float = 0.0,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Batch]:
    """The batches of the iterations start, start + 1, … without end, as ``draw_batch`` gives them.

    ``share`` (i, n) gives the i-th of n equal parts of each batch, for process i of n.

    Each domain needs two images. ``workers`` threads load a few batches ahead; with 0 they are loaded when asked
    for. Closing the iterator, or dropping it, stops the threads. A file that cannot be used is named once, and left
    out. Raises UserError when more than the share ``max_bad_share`` of all files was found to be bad, and when a
    domain runs out of good ones.
    """
    bad_files = BadFiles(sum(map(len, domains.values())), max_bad_share)
    load = partial(_sample, domains, img_size, latent_dim, crop_probability, seed)
    part, parts = share
    batch_size //= parts
    indices = range(part * batch_size, (part + 1) * batch_size)
    if workers == 0:
        for iteration in itertools.count(start):
            yield _stack([load(iteration, index) for index in indices], bad_files)
    # The pool's tasks are samples, not batches: all threads work on the batch that is needed next.
    executor = ThreadPoolExecutor(workers)
    ahead = 2 + workers // batch_size  # batches; enough for every thread to have a sample to load
    pending: deque = deque()
    try:
        for iteration in itertools.count(start):
            pending.append([executor.submit(load, iteration, index) for index in indices])
            if len(pending) > ahead:
                yield _stack([future.result() for future in pending.popleft()], bad_files)
    finally:
        for future in itertools.chain.from_iterable(pending):
            future.cancel()
        executor.shutdown()


def batch_files(
    domains: dict[str, list[Path]],
    iteration: int,
    *,
    batch_size: int,
    img_size: int,
    latent_dim: int,
    crop_probability: float,
    seed: int,
) -> list[tuple[Path, Path, Path]]:
    """The files of x_src, x_ref and x_ref2 of each sample in the batch of ``iteration``, bad files replaced.

    Draws and loads them again, so that batches need not carry names for the rare one that is asked about.
    """
    load = partial(_sample, domains, img_size, latent_dim, crop_probability, seed, iteration)
    return [load(index)[1] for index in range(batch_size)]


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
) -> tuple[Batch, tuple[Path, Path, Path], dict[Path, BadImage]]:
    """A sample, the files of its three images, and the bad files that were met on the way to it."""
    rng = np.random.default_rng([seed, iteration, index])
    names = list(domains)
    y_src, y_trg = rng.integers(len(names), size=2)
    sources, references = domains[names[y_src]], domains[names[y_trg]]
    source = sources[rng.integers(len(sources))]
    first, second = (references[i] for i in rng.choice(len(references), 2, replace=False))
    z_trg, z_trg2 = rng.standard_normal((2, latent_dim), dtype=np.float32)
    bad: dict[Path, BadImage] = {}

    def load(path: Path, domain: int, partner: Path | None = None) -> tuple[np.ndarray, Path]:
        """The image, or another one of its domain where it is bad, but not ``partner``; and which one it is."""
        while True:
            try:
                return for_training(load_rgb(path), img_size, crop_probability, rng), path
            except BadImage as error:
                bad[path] = error
            images = domains[names[domain]]
            others = [other for other in images if other not in bad and other != partner]
            if not others:
                raise UserError(
                    f"domain {names[domain]} has too few good images to train on; bad are "
                    f"{listing(bad[image] for image in dict.fromkeys(images) if image in bad)}; replace them"
                )
            path = others[rng.integers(len(others))]

    x_src, source = load(source, y_src)
    x_ref, first = load(first, y_trg, partner=second)
    x_ref2, second = load(second, y_trg, partner=first)
    return Batch(x_src, y_src, x_ref, x_ref2, y_trg, z_trg, z_trg2), (source, first, second), bad


def _stack(samples: Sequence[tuple[Batch, tuple, dict[Path, BadImage]]], bad_files: BadFiles) -> Batch:
    # Reported here, in the order of the samples, and not by the threads that load: these change nothing.
    bad_files.add(image for _, _, bad in samples for image in bad.values())
    return Batch(*(np.stack(field) for field in zip(*(sample for sample, _, _ in samples))))
