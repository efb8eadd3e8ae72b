"""How like real images are those that a model makes: FID, KID, precision, recall, density and coverage of any system.

A system says by a ``Comparison`` what it makes, and what that is to be like. StarGAN v2 has its paper's ``protocol``.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan.errors import UserError
from ppstargan.metrics import manifold as balls
from ppstargan.metrics import store
from ppstargan.metrics.figures import LEAST_REAL, MANIFOLD, enough_for_manifold, figures, names
from ppstargan.metrics.judges import Judge, preprocessing
from ppstargan.metrics.kid import LEAST
from ppstargan.metrics.protocol import features_of
from ppstargan.runtime import Progress

VERSION = 1  # raise it when figures change for the same input: earlier results are not reused
L1 = "l1"


class Comparison(NamedTuple):
    """Images that a model makes, and the real ones that they are to be like, all of ``size`` px squared."""

    name: str  # AtoB
    seed: int | None  # of what is drawn for it, if anything is
    size: int
    made: Callable  # () -> batches of images, uint8 [n, S, S, 3]
    count: int  # of all that are made
    real: list  # paths, pairs of paths, or images in memory
    seen: Callable  # one of ``real`` -> the RGB image of S px that a perfect model could make
    told: tuple  # what is made, and what is real (and how ``seen`` brings it to its size), in words
    made_of: dict  # all that ``made`` depends on, for JSON
    parts: dict = {}  # noqa: RUF012, never changed; {name: (rows of those made, rows of real)}, to measure by themselves
    paired: bool = False  # each image that is made has its true partner in ``real``, in the same order

    def sets(self) -> dict:
        """{name: (rows of those made, rows of real)} of the whole, and of its parts."""
        return {self.name: (np.arange(self.count), np.arange(len(self.real))), **self.parts}


def left_out(comparison: Comparison) -> list:
    """Which figures of a comparison there are not, and why, a line each. Raises UserError where there are none."""
    found: dict = {}  # what is left out: each time it is
    for name, (made, real) in comparison.sets().items():
        few, why = min(len(made), len(real)), f"{name} has {len(made)} generated and {len(real)} real images"
        if few < LEAST_REAL and name == comparison.name:
            raise UserError(f"{why}, and FID needs {LEAST_REAL} of each; give more")
        if few < LEAST_REAL:
            found.setdefault("all figures are", []).append(f"{why}, and FID needs {LEAST_REAL} of each")
        elif few < LEAST:
            found.setdefault(f"KID, {MANIFOLD} are", []).append(f"{why}, and KID needs {LEAST} of each")
        elif not enough_for_manifold(len(real), len(made)):
            found.setdefault(f"{MANIFOLD} are", []).append(f"{why}, and coverage needs {balls.LEAST_REAL} real ones")
    more = {what: f" (so it is with {len(whys) - 1} more)" if whys[1:] else "" for what, whys in found.items()}
    return [f"{what} left out: {whys[0]}{more[what]}" for what, whys in found.items()]


@paddle.no_grad()
def measure(comparisons: list, inception: Judge, folder, cache, batch_size: int = 8, workers: int = 4) -> list:
    """The figures of ``comparisons``: a dict for each and for each of its parts, of what, seed, counts and figures.

    Parts of fewer than two images are passed over. Each result is written to ``folder`` when it is there,
    and found again by the next call with the same inputs; features of the real images are kept in ``cache``. Raises
    UserError for unreadable images, for comparisons of fewer than two, and for features that are not finite.
    """
    rows, there = [], 0
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for comparison in comparisons:
            one = _One(comparison, inception, cache, batch_size, pool)
            path = one.entry(folder)
            found = store.read_figures(path, one.names)
            there += found is not None
            if found is None:
                found = one.measured()
                store.write_text(path, json.dumps(found) + "\n")
            rows += one.rows(found)
    if there:
        print(f"{there} of {len(comparisons)} comparisons were in {folder} already", flush=True)
    return rows


class _One:
    """The measurement of one comparison."""

    def __init__(self, comparison, inception, cache, batch_size, pool):
        self.comparison, self.inception, self.cache = comparison, inception, cache
        self.batch_size, self.pool = batch_size, pool
        self.sets = {n: rows for n, rows in comparison.sets().items() if min(map(len, rows)) >= LEAST_REAL}
        self.wanted = {name: names(inception.name, len(real), len(made)) for name, (made, real) in self.sets.items()}
        self.names = [f"{part}/{name}" for part, wanted in self.wanted.items() for name in wanted]
        if comparison.paired:
            self.names.append(f"{comparison.name}/{L1}")
        self.of_real = {
            "inception": inception.digest,
            "real": _digest(comparison.real),
            "seen": comparison.told[1],
            "preprocessing": preprocessing(inception, comparison.size),
        }

    def entry(self, folder):
        c = self.comparison
        parts = {name: [rows.tolist() for rows in sets] for name, sets in self.sets.items()}
        depends_on = {"version": VERSION, **self.of_real, **c.made_of, "seed": c.seed, "parts": parts}
        name = c.name if c.seed is None else f"{c.name}_seed{c.seed}"
        return store.entry(folder, name.replace(" ", "_"), depends_on, ".json")

    def measured(self) -> dict:
        """{part/figure: value}."""
        real = self._real_features()
        fake, l1 = self._made()
        found = {}
        for name, (made_rows, real_rows) in self.sets.items():
            values = figures(self.wanted[name], real[real_rows], fake[made_rows])
            found.update({f"{name}/{figure}": value for figure, value in values.items()})
        return {**found, f"{self.comparison.name}/{L1}": l1} if self.comparison.paired else found

    def rows(self, found: dict) -> list:
        c = self.comparison
        return [
            {
                "what": name,
                "seed": c.seed,
                "generated": len(made),
                "real": len(real),
                **{key[len(name) + 1 :]: value for key, value in found.items() if key.rpartition("/")[0] == name},
            }
            for name, (made, real) in self.sets.items()
        ]

    def _real_features(self) -> np.ndarray:
        """[N, D], from the cache where they are there."""
        c = self.comparison
        path = store.entry(self.cache, f"inception_{self.inception.name}_{c.name}", self.of_real, ".npz")
        found = store.read_features(path, len(c.real))
        if found is None:
            progress, batches = Progress("real images", len(c.real)), []
            for some in self._chunks(c.real):
                batches.append(features_of(self.inception, self.pool.map(c.seen, some), c.size, self.pool))
                progress.add(len(some), c.name)
            found = np.concatenate(batches)
            store.write_features(path, found)
        return found

    def _made(self) -> tuple:
        """Features [M, D] of what is made, and the mean distance to the true partners, or None."""
        c, features, distances, done = self.comparison, [], [], 0
        progress = Progress("generated images", c.count)
        for batch in c.made():
            for some in self._chunks(batch):
                features.append(features_of(self.inception, map(Image.fromarray, some), c.size, self.pool))
                if c.paired:
                    true = np.stack(list(self.pool.map(c.seen, c.real[done : done + len(some)]))).astype(np.float64)
                    distances.append(np.abs(some - true).mean(axis=(1, 2, 3)) / 127.5)  # as images in [-1, 1]
                done += len(some)
                progress.add(len(some), c.name)
        return np.concatenate(features), float(np.concatenate(distances).mean()) if c.paired else None

    def _chunks(self, items):
        return (items[start : start + self.batch_size] for start in range(0, len(items), self.batch_size))


def _digest(items: list) -> str:
    """SHA-256 of images in memory, or of the names, sizes and times of files."""
    if not isinstance(items[0], np.ndarray):
        return store.digest_of_files(path for item in items for path in (item if isinstance(item, tuple) else (item,)))
    sha = hashlib.sha256()
    for image in items:
        sha.update(f"{image.shape} ".encode())
        sha.update(image.tobytes())
    return sha.hexdigest()
