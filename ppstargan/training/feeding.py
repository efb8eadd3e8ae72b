"""Between the loader and the device: batches become tensors there, and the losses numbers here.

A GPU works behind what Python asks of it, and so it should stay: it never waits for a batch to be copied, and Python
never waits for it between two lines of the log.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterator

import paddle


def on_device(batches: Iterator, copy: Callable | None) -> Iterator:
    """The named tuples of arrays in ``batches`` as tensors. Closing it closes ``batches``.

    ``copy`` is that of ``copier``: where there is one, a thread gives it the next batch while one is trained on.
    """
    with contextlib.closing(batches), ThreadPoolExecutor(1) as thread:
        if copy is None:
            for batch in batches:
                yield batch._make(map(paddle.to_tensor, batch))
            return
        ahead = thread.submit(_next_copied, batches, copy)
        while (batch := ahead.result()) is not None:
            ahead = thread.submit(_next_copied, batches, copy)
            yield batch


def _next_copied(batches: Iterator, copy: Callable):
    batch = next(batches, None)  # a future keeps no StopIteration
    return None if batch is None else copy(batch)


def copier() -> Callable | None:
    """What starts to copy a batch to this process's GPU, and gives tensors there; None on a CPU."""
    device, _, number = paddle.get_device().partition(":")
    if device != "gpu":
        return None

    def copy(batch):
        # From pinned memory, without waiting; Paddle keeps that until the GPU has read it.
        pinned = [paddle.to_tensor(array, place=paddle.CUDAPinnedPlace()) for array in batch]
        return batch._make(tensor.cuda(int(number), blocking=False) for tensor in pinned)

    return copy


class Losses:
    """The losses of the iterations, which stay on the device until they are looked at."""

    def __init__(self):
        self._waiting = {}  # iteration -> the names of its losses, and all in one tensor

    def add(self, iteration: int, report: dict) -> None:
        """Keeps the ``report`` {name: scalar tensor} of an iteration."""
        self._waiting[iteration] = list(report), paddle.stack(list(report.values()))

    def read(self) -> Iterator:
        """(iteration, {name: number}) of those that nobody has looked at, the oldest first; one read for each."""
        while self._waiting:
            iteration = min(self._waiting)
            names, values = self._waiting.pop(iteration)
            yield iteration, dict(zip(names, values.numpy().tolist()))
