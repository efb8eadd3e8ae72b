"""What is found out about images before they are trained on: each is read once, as training does."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from statistics import median
from typing import Iterator, NamedTuple, Sequence

from PIL import ImageStat

from ppstargan.data.bad_files import LISTED, BadImage, shown
from ppstargan.data.pairs import open_pair, paths_of
from ppstargan.data.reading import read_picture
from ppstargan.data.threads import in_threads

UNIFORM = 2  # levels of 255 that the colours of a picture differ by, as a standard deviation


class Checked(NamedTuple):
    """An image file: its size in pixels, upright, and a digest of its bytes; or what is wrong with it.

    ``uniform`` says that its colours hardly differ, ``transparent`` that some are hidden.
    """

    path: Path
    width: int = 0
    height: int = 0
    digest: bytes = b""
    bad: str = ""
    uniform: bool = False
    transparent: bool = False


def check_images(items: Sequence, what: str = "images") -> Iterator[Checked]:
    """Checks images, or "pairs", in threads, in order, and says on stderr how far it is.

    Closing it leaves the rest undone.
    """

    def told(done: int) -> None:
        print(f"checked {done} of {len(items)} {what}", file=sys.stderr, flush=True)

    return in_threads(_check_pair if what == "pairs" else _check, items, told)


def _check(path: Path) -> Checked:
    try:
        image, width, height, transparent = read_picture(path)
        uniform = max(ImageStat.Stat(image).stddev) < UNIFORM
        return Checked(path, width, height, _digest(path), uniform=uniform, transparent=transparent)
    except BadImage as error:
        return Checked(path, bad=error.reason)
    except OSError as error:  # gone since it was read
        return Checked(path, bad=error.strerror or str(error))


def _check_pair(item) -> Checked:
    """The size is that of each half; uniform is a pair of which one half is."""
    first = paths_of(item)[0]
    try:
        halves = open_pair(item)
        uniform = any(max(ImageStat.Stat(half).stddev) < UNIFORM for half in halves)
        return Checked(first, *halves[0].size, _digest(*paths_of(item)), uniform=uniform)
    except BadImage as error:
        return Checked(error.path, bad=error.reason)
    except OSError as error:
        return Checked(first, bad=error.strerror or str(error))


def _digest(*paths: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.digest()


def duplicates(train: Sequence[Checked], val: Sequence[Checked]) -> list[tuple[Path, Path]]:
    """(train, val) for each good image of val whose bytes are also in train: an evaluation on it proves little."""
    first = {checked.digest: checked.path for checked in reversed(train) if not checked.bad}
    return [(first[c.digest], c.path) for c in val if c.digest in first]


def remarks(group: Sequence[Checked]) -> list[str]:
    """Lines on what the user should look at, though it is no fault."""
    lines = []
    hidden = "transparent in places, and trained on with the colours that they hide there"
    for told, some in (
        ("of nearly one colour", [checked.path for checked in group if checked.uniform]),
        (hidden, [checked.path for checked in group if checked.transparent]),
    ):
        if some:
            examples = ", ".join(map(shown, some[:LISTED])) + (f" and {len(some) - LISTED} more" * (len(some) > LISTED))
            lines.append(f"{len(some)} {told}: {examples}")
    return lines


def table(checks: dict[tuple[str, str], list[Checked]]) -> list[str]:
    """A line for each (part, domain), with the least, the median and the greatest width and height of good images."""
    lines = [f"{'part':5} {'images':>7} {'bad':>5}  {'width':>21}  {'height':>21}  domain"]
    for (part, domain), group in checks.items():
        good = [checked for checked in group if not checked.bad]
        spans = [_span([c.width for c in good]), _span([c.height for c in good])]
        counts = f"{len(group):7} {len(group) - len(good):5}"
        lines.append(f"{part:5} {counts}  {spans[0]:>21}  {spans[1]:>21}  {shown(domain)}")
    return lines


def _span(values: list[int]) -> str:
    return f"{min(values)} / {median(values):g} / {max(values)}" if values else "-"
