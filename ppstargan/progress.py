"""Saying how far some work is, and when it will be done."""

from __future__ import annotations

import time
from datetime import timedelta

SECONDS = 10  # between two lines


def time_left(seconds: float) -> timedelta:
    """Whole seconds, to print as 1:02:03."""
    return timedelta(seconds=round(seconds))


class Progress:
    """Prints how far the work on ``total`` things is, every ten seconds, and at its end where it took as long."""

    def __init__(self, what: str, total: int, things: str = "images"):
        self.what, self.total, self.things, self.done = what, total, things, 0
        self.start = self.last = time.monotonic()

    def add(self, count: int, where="") -> None:
        """Counts ``count`` more; the line says ``where`` they are from."""
        self.done += count
        now = time.monotonic()
        if now - (self.start if self.done == self.total else self.last) >= SECONDS:
            self.last, rate = now, self.done / max(now - self.start, 1e-9)
            parts = [f"{self.what} {self.done}/{self.total}", *([str(where)] if where else [])]
            left = time_left((self.total - self.done) / rate)
            print(" | ".join([*parts, f"{rate:.1f} {self.things}/s", f"ETA {left}"]), flush=True)
