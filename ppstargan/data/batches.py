"""Training batches as a function of the seed and the iteration, so that a resumed run needs no stored state.

What a sample is, a system's ``draw`` says; it gets a generator of its own, seeded by (seed, iteration, index), so that
threads change nothing, and a ``load`` that opens an image. In place of a bad file, that draws another one by the same
generator: batches depend on nothing but the seed, the iteration and the files.
"""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Sequence

import numpy as np

from ppstargan.data.bad_files import BadFiles, BadImage, listing
from ppstargan.data.transforms import for_testing, load_rgb
from ppstargan.errors import UserError


class Images(NamedTuple):
    """What a system trains on and looks at. An item is a path, several in a tuple, or an image in memory."""

    train: dict  # {name of a domain or class: items to draw samples from}
    val: dict  # the same for sheets and measurements
    digests: dict  # {name: [count, digest]} of train, by which a checkpoint knows its images again

    @property
    def names(self) -> list:
        """The domains or classes, in the order of their numbers."""
        return list(self.train)

    @property
    def count(self) -> int:
        """How many images there are to train on."""
        return sum(map(len, self.train.values()))


def sample(draw: Callable, seed: int, iteration: int, index: int) -> tuple:
    """Sample ``index`` of the batch of ``iteration`` (>= 0), the items it was loaded from, and the bad files met.

    ``draw(rng, load)`` gives a named tuple of arrays. ``load(item, others, but=None)`` opens an item, or, where it is
    bad, one of ``others`` that is neither bad nor ``but``, and gives (image, the item that it is). What opens an item,
    or raises BadImage, is ``open_item``; an item of several files is a tuple of paths. Raises UserError where there is
    none left.
    """
    rng = np.random.default_rng([seed, iteration, index])
    loaded: list = []
    bad: dict[Path, BadImage] = {}

    def load(item, others: Sequence, but=None, open_item: Callable = load_rgb) -> tuple:
        while True:
            try:
                image = item if isinstance(item, np.ndarray) else open_item(item)
            except BadImage as error:
                bad[item] = error
            else:
                loaded.extend(item if isinstance(item, tuple) else [item])
                return image, item
            rest = [other for other in others if other not in bad and other != but]
            if not rest:
                raise UserError(
                    f"too few good images to train on in {_folder(others)}; bad are "
                    f"{listing(bad[other] for other in dict.fromkeys(others) if other in bad)}; replace them"
                )
            item = rest[rng.integers(len(rest))]

    return draw(rng, load), loaded, bad


def batches(
    draw: Callable,
    *,
    start: int,
    batch_size: int,
    seed: int,
    count: int,
    workers: int,
    max_bad_share: float = 0.0,
    share: tuple[int, int] = (0, 1),
) -> Iterator:
    """The batches of the iterations start, start + 1, … without end: named tuples of arrays [batch_size, …].

    ``draw`` is that of ``sample``; ``share`` (i, n) gives the i-th of n equal parts of each batch, for process i of n.
    ``workers`` threads load a few batches ahead; with 0 they are loaded when asked for. Closing the iterator, or
    dropping it, stops the threads. A file that cannot be used is named once, and left out. Raises UserError when more
    than the share ``max_bad_share`` of the ``count`` files was found to be bad, and as ``sample`` does.
    """
    bad_files = BadFiles(count, max_bad_share)
    load = partial(sample, draw, seed)
    part, parts = share
    batch_size //= parts
    indices = range(part * batch_size, (part + 1) * batch_size)
    if workers == 0:
        for iteration in itertools.count(start):
            batch, bad = _stacked([load(iteration, index) for index in indices])
            bad_files.add(bad)
            yield batch
    # The pool's tasks are samples, not batches: all threads work on the batch that is needed next. The task behind a
    # batch's samples stacks them; when it gets a thread, all of these have had one.
    executor = ThreadPoolExecutor(workers)
    ahead = 2 + workers // batch_size  # batches; enough for every thread to have a sample to load
    pending: deque = deque()
    try:
        for iteration in itertools.count(start):
            samples = [executor.submit(load, iteration, index) for index in indices]
            pending.append((samples, executor.submit(_stacked_once_there, samples)))
            if len(pending) > ahead:
                batch, bad = pending.popleft()[1].result()
                bad_files.add(bad)  # here, in the order of the batches, and not by the threads: these change nothing
                yield batch
    finally:
        for samples, stacked in pending:
            for future in (*samples, stacked):
                future.cancel()
        executor.shutdown()


def load_batch(paths: Sequence[str | Path], size: int) -> np.ndarray:
    """Whole images as float32 [N, 3, size, size] in [-1, 1]. Raises UserError for an unreadable one."""
    batch = np.empty((len(paths), 3, size, size), np.float32)
    for row, path in zip(batch, paths):
        row[:] = for_testing(load_rgb(path), size)
    return batch


def _folder(items: Sequence) -> Path:
    """The folder, of a domain say, that most of ``items`` lie in."""
    folders = [(item[0] if isinstance(item, tuple) else item).parent for item in items]
    return max(set(folders), key=folders.count)


def _stacked_once_there(futures: list) -> tuple:
    found = _stacked([future.result() for future in futures])
    futures.clear()  # a batch is kept once
    return found


def _stacked(samples: Sequence[tuple]) -> tuple:
    """The batch of ``samples``, and the bad files that they met, in their order."""
    drawn, _, bad = zip(*samples)
    return type(drawn[0])(*map(np.stack, zip(*drawn))), [image for met in bad for image in met.values()]
