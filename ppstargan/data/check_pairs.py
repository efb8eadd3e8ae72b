"""Checks pairs of pictures before they are trained on: every file is read as training reads it."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from pathlib import Path

from ppstargan.data.bad_files import BadImage, shown
from ppstargan.data.pairs import find_pairs, open_pair, paths_of
from ppstargan.data.threads import in_threads


def check_pairs(root: str | Path) -> int:
    """Prints what is in ``root``, and what does not fit; returns 1 for bad files or lone pictures, else 0.

    Pairs of val that are also in train are named, but are no fault. Raises UserError as ``find_pairs``.
    """
    found, bad, first, twins = find_pairs(root), [], {}, []
    for part, pairs in found.items():
        bad += pairs.alone
        sizes = []
        told = f"checked {{}} of {len(pairs.items)} pairs of {part}"
        checks = in_threads(_check, pairs.items, lambda done, told=told: print(told.format(done), file=sys.stderr))
        with contextlib.closing(checks):
            for item, (size, digest, error) in zip(pairs.items, checks):
                if error:
                    bad.append(error)
                    continue
                sizes.append(size)
                if part == "train":
                    first.setdefault(digest, item)
                elif digest in first:
                    twins.append((first[digest], item))
        spans = [f"{min(side)}" + (f" to {max(side)}" if max(side) > min(side) else "") for side in zip(*sizes)]
        of = f" of {' x '.join(spans)} px a picture" if spans else ""
        print(f"{part:5} {len(pairs.items):7} pairs{of}")
    for error in bad:
        print(f"bad: {shown(error.path)} ({error.reason})")
    for pair, twin in twins:
        print(f"in train and in val: {shown(paths_of(pair)[0])} = {shown(paths_of(twin)[0])}")
    total = sum(len(pairs.items) for pairs in found.values())
    lone = f"{len(bad)} bad files or pictures without a partner"
    print(f"{total} pairs, {lone}; {len(twins)} in val that are in train too")
    return 1 if bad else 0


def _check(item) -> tuple:
    """((width, height), digest of the files, None), or (None, None, BadImage)."""
    try:
        given, _ = open_pair(item)
        digest = hashlib.blake2b(b"".join(Path(path).read_bytes() for path in paths_of(item)), digest_size=16)
        return given.size, digest.digest(), None
    except BadImage as error:
        return None, None, error
    except OSError as error:  # gone since it was read
        return None, None, BadImage(paths_of(item)[0], error.strerror or str(error))
