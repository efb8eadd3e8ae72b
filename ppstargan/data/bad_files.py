"""Image files that cannot be used: each is named once with the reason, and too many of them stop the training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterable

from ppstargan.errors import UserError

LISTED = 5  # bad files that one error names


class BadImage(UserError):
    """An image file that cannot be used: ``path``, and ``reason`` in a few words."""

    def __init__(self, path: str | Path, reason: str):
        self.path, self.reason = path, " ".join(reason.split())
        super().__init__(f"cannot read image {shown(path)}: {self.reason}; replace or remove the file")


class BadFiles:
    """The bad files that a run has met, of ``total`` images (``what`` they are) of which ``max_share`` may be bad.

    A resumed run begins anew, and names them again where it meets them.
    """

    def __init__(self, total: int, max_share: float, what: str = "training images"):
        self.total, self.max_share, self.what = total, max_share, what
        self.found: dict[str | Path, BadImage] = {}

    def add(self, bad: Iterable[BadImage]) -> None:
        """Names the new ones among them on stderr, a line each. Raises UserError where they are too many by now."""
        for image in bad:
            if image.path not in self.found:
                self.found[image.path] = image
                say_left_out(image)
        count = len(self.found)
        if count / self.total > self.max_share:
            raise UserError(
                f"{count} of {self.total} {self.what} {'is' if count == 1 else 'are'} bad, more than "
                f"data.max_bad_share={self.max_share:g} allows: {listing(self.found.values())}; "
                "python tools/check_dataset.py DATASET finds them all: replace or remove them, or allow more"
            )


def say_left_out(image: BadImage) -> None:
    """A line on stderr."""
    print(f"bad image, left out: {_described(image)}", file=sys.stderr, flush=True)


def listing(bad: Iterable[BadImage]) -> str:
    """The last few of them with their reasons, and how many more there are."""
    last_first = list(bad)[::-1]
    more = len(last_first) - LISTED
    return ", ".join(map(_described, last_first[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _described(image: BadImage) -> str:
    return f"{shown(image.path)} ({image.reason})"


def shown(path: str | Path) -> str:
    r"""The path for a message, where what is no text or would break the line becomes \udcb0 or \n.

    Names may hold bytes that are no UTF-8, as from an archive made elsewhere, and printing those as they are raises.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))
