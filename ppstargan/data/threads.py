"""Work on many image files in threads: in order, a block at a time, with a line now and then on how far it is."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterator, Sequence

AT_A_TIME = 1000  # handed to the threads at once, so that a million takes no memory
PROGRESS_SECONDS = 5


def in_threads(work: Callable, items: Sequence, say: Callable[[int], None], threads: int | None = None) -> Iterator:
    """Yields ``work(item)`` for each item; ``say`` is told how many are done. Closing it leaves the rest undone."""
    last_said, done = time.monotonic(), 0
    with ThreadPoolExecutor(threads) as executor:
        for start in range(0, len(items), AT_A_TIME):
            with contextlib.closing(executor.map(work, items[start : start + AT_A_TIME])) as results:
                for result in results:
                    yield result
                    done += 1
                    if time.monotonic() - last_said > PROGRESS_SECONDS:
                        last_said = time.monotonic()
                        say(done)
