"""Which images go to val: drawn by a seed, those with the same content together, so that none of val is in train."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Mapping

from ppstargan.data.bad_files import shown
from ppstargan.data.threads import in_threads
from ppstargan.errors import UserError


def choose_val(
    names: Mapping[str, list], contents: Mapping[str, str], known: Mapping[str, str], val: float, seed: int
) -> set:
    """The names that go to val, of the ``names`` {domain: names} of all images.

    ``contents`` is {name: what tells its content from others}. ``known`` {name or content: train or val} says where
    some are already, and they stay there. ``val`` is a share of each domain, or a number; of the images that are free,
    the first in the order of a digest of seed and name are taken, and those that several files hold only when there
    are no others. Raises UserError where a domain would have none in val, or less than two in train.
    """
    domain_of = {name: domain for domain, of_domain in names.items() for name in of_domain}
    groups: dict = {}
    for name in domain_of:
        groups.setdefault(contents[name], []).append(name)
    chosen: set = set()
    free: dict = {domain: [] for domain in names}
    for content, group in groups.items():
        part = next((known[key] for key in (content, *group) if key in known), None)
        chosen.update(name for name in group if known.get(name, part) == "val")
        if part is None:
            for domain in dict.fromkeys(domain_of[name] for name in group):
                free[domain].append(group)
    count = Counter(domain_of[name] for name in chosen)
    for domain, of_domain in names.items():
        wanted = max(1, round(val * len(of_domain))) if val < 1 else int(val)
        if wanted > len(of_domain) - 2:
            raise UserError(
                f"domain {shown(domain)} has {len(of_domain)} images, and training needs 2 of them; "
                f"{wanted} for val are too many"
            )
        for group in sorted(free[domain], key=lambda group: (len(group) > 1, _drawn(seed, group[0]))):
            added = Counter(domain_of[name] for name in group if name not in chosen)
            if count[domain] >= wanted:
                break
            if all(count[d] + n <= len(names[d]) - 2 for d, n in added.items()):
                chosen.update(group)
                count.update(added)
        if not count[domain]:
            raise UserError(
                f"domain {shown(domain)} would have no image in val that is not in train too: its images, such as "
                f"{shown(of_domain[0])}, are copies of one another or all in train already; add others"
            )
    for domain, of_domain in names.items():
        if count[domain] > len(of_domain) - 2:
            raise UserError(
                f"domain {shown(domain)} would have {len(of_domain) - count[domain]} images in train, which needs 2; "
                "add others, or name another output"
            )
    return chosen


def find_contents(source: Path, names: list, every: bool = False) -> dict:
    """{name: SHA-256 of its bytes}, or {name: name} for a file that no other can equal, unless ``every`` is asked for.

    Files of one size may be equal, and only they are read. One that cannot be read is told when it is made.
    """
    sizes = {name: _size(source / name) for name in names}
    several = Counter(sizes.values())
    equal = [name for name in names if sizes[name] > 0 and (every or several[sizes[name]] > 1)]

    def told(done: int) -> None:
        print(f"compared {done} of {len(equal)} images", flush=True)

    digests = in_threads(lambda name: _digest(source / name) or name, equal, told)
    return {**dict(zip(names, names)), **dict(zip(equal, digests))}


def _drawn(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
