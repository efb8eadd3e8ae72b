"""Checks a dataset before it is trained on: reads every image once, as training does."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from pathlib import Path
from statistics import median
from typing import Iterator, NamedTuple, Sequence

from PIL import ImageStat

from ppstargan.data.bad_files import LISTED, BadImage, shown
from ppstargan.data.check_idx import check_idx
from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import check_same_domains
from ppstargan.data.idx import is_idx
from ppstargan.data.pairs import POOL, find_pairs, has_pairs, open_pair, paths_of
from ppstargan.data.reading import read_picture
from ppstargan.data.sides import find_sides, has_sides
from ppstargan.data.styles import find_styles, has_styles
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


def check_dataset(root: str | Path, pairs: bool = False) -> int:
    """Prints what is in ``root``/train and ``root``/val, and what is wrong with it; returns 1 for bad files, else 0.

    Files that are in train and in val, of nearly one colour, or transparent are named, but are no fault. Raises
    UserError for what training would refuse to start on: a part that is missing, or domains that differ. Of trainA and
    trainB, or content and style, the second part is that of ``find_sides`` or ``find_styles``, or missing. So it is of
    ``pairs``, and of what can be nothing else, where pictures without a partner are bad files too. MNIST's files go to
    ``check_idx``.
    """
    if is_idx(root):
        return check_idx(root)
    what, alone = "images", {}
    if pairs or has_pairs(root):
        what, held = "pairs", find_pairs(root)
        parts = {"train": {}, "val": {}, **{part: {POOL: some.items} for part, some in held.items()}}
        alone = {part: [Checked(error.path, bad=error.reason) for error in some.alone] for part, some in held.items()}
    elif has_sides(root) or has_styles(root):
        parts = {"train": {}, "val": {}, **(find_sides if has_sides(root) else find_styles)(root)}
    else:
        parts = {"train": find_domains(Path(root) / "train", min_images=2), "val": find_domains(Path(root) / "val")}
    places = [(part, domain, path) for part in parts for domain in parts[part] for path in parts[part][domain]]
    found: dict[tuple[str, str], list[Checked]] = {}
    with contextlib.closing(check_images([item for _, _, item in places], what)) as checks:
        for (part, domain, _), checked in zip(places, checks):
            found.setdefault((part, domain), []).append(checked)
    for part, lone in alone.items():
        found.setdefault((part, POOL), []).extend(lone)

    print("\n".join(table(found)))
    everything = {part: [c for (p, _), group in found.items() if p == part for c in group] for part in parts}
    bad = [checked for group in everything.values() for checked in group if checked.bad]
    twins = duplicates(everything["train"], everything["val"])
    for checked in bad:
        print(f"bad: {shown(checked.path)} ({checked.bad})")
    for train, val in twins:
        print(f"in train and in val: {shown(train)} = {shown(val)}")
    for line in remarks([checked for group in everything.values() for checked in group]):
        print(line)
    count = sum(map(len, found.values()))
    print(f"{count} {what}, {len(bad)} of them bad; {len(twins)} in val that are in train too")
    if what == "images" and not has_sides(root) and not has_styles(root):  # whose names were compared
        check_same_domains(root, parts["train"], parts["val"])
    return 1 if bad else 0


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
