"""StarGAN v2's training loader on drawn images, and how fast it reads them."""

from __future__ import annotations

import contextlib
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.config import Config
from ppstargan.data import toy
from ppstargan.data.batches import batches
from ppstargan.systems import stargan_v2

FACES, FACE_SIZE = 3, 512  # drawn for each domain, and their px, as AFHQ's
LOADER_SECONDS = 3


@contextlib.contextmanager
def drawn_batches(config: Config):
    """The training loader's batches, of arrays and without end, from drawn JPEGs of FACE_SIZE px."""
    t = config.train
    with tempfile.TemporaryDirectory() as folder:
        domains = {domain: [Path(folder, f"{domain}{i}.jpg") for i in range(FACES)] for domain in toy.DOMAINS}
        rng = np.random.default_rng(t.seed)
        for domain, paths in domains.items():
            for path in paths:
                Image.fromarray(toy.draw_face(domain, FACE_SIZE, rng)).save(path, quality=95)
        drawn = batches(
            partial(stargan_v2.draw, domains, config),
            start=0,
            batch_size=t.batch_size,
            seed=t.seed,
            count=FACES * len(domains),
            workers=config.data.workers,
        )
        with contextlib.closing(drawn):
            yield drawn


def loader_rate(config: Config) -> float:
    """Image files a second that the training loader gives, with nothing beside it; a training sample takes three."""
    with drawn_batches(config) as drawn:
        return rate_of(drawn)


def rate_of(drawn) -> float:
    """Image files a second that come in the batches ``drawn``."""
    next(drawn)  # starts the threads
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < LOADER_SECONDS:
        count += 3 * len(next(drawn).x_src)
    return count / (time.perf_counter() - begun)
