"""Random batches of every system's form: noise costs what pictures cost, so that measuring needs no data."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan.errors import UsageError
from ppstargan.systems.load import system_named

DOMAINS = {"stargan_v2": 3, "cgan": 10, "stargan": 8}  # or classes, unless another number is asked for: AFHQ's, …
FEWEST = {"stargan_v2": 1, "cgan": 1, "stargan": 2}


def domains_of(config, asked: int | None = None) -> int:
    """How many domains, classes or attributes the images of ``config`` would have, ``asked`` where it is free; else 0.

    Raises UsageError where it is not.
    """
    system, attributes = config.system, getattr(config, "attributes", [])
    if asked and attributes:
        raise UsageError(f"--domains {asked}: {config.name} has the {len(attributes)} of data.attributes; leave it out")
    if asked and system not in DOMAINS:
        raise UsageError(f"--domains {asked}: images of {system} have none; leave it out")
    if asked and asked < FEWEST[system]:
        raise UsageError(f"--domains {asked}: {system} needs {FEWEST[system]} or more")
    return len(attributes) or asked or DOMAINS.get(system, 0)


def random_batch(config, batch_size: int, domains: int):
    """``batch_size`` samples as the system of ``config`` draws them, in tensors, with labels in 0 .. ``domains`` - 1.

    Shapes, types and ranges are those of a real batch, the values the same at every call.
    """
    rng = np.random.default_rng(config.train.seed)
    fields = FIELDS[config.system](config, rng, batch_size, domains)
    return system_named(config.system).Batch(*map(paddle.to_tensor, fields))


def _pictures(rng, shape, lowest=-1):
    return rng.uniform(lowest, 1, shape).astype(np.float32)


def _squares(config, rng, batch_size, *channels, lowest=-1):
    size = config.model.img_size
    return [_pictures(rng, (batch_size, count, size, size), lowest) for count in channels]


def _noise(config, rng, batch_size, count):
    return rng.standard_normal((count, batch_size, config.model.latent_dim), dtype=np.float32)


def _gan(config, rng, batch_size, _):
    return *_squares(config, rng, batch_size, config.model.channels), *_noise(config, rng, batch_size, 2)


def _wgan(config, rng, batch_size, _):
    return *_gan(config, rng, batch_size, _), rng.random((batch_size, 1, 1, 1), dtype=np.float32)


def _cgan(config, rng, batch_size, classes):
    (x,), (z,) = _squares(config, rng, batch_size, config.model.channels), _noise(config, rng, batch_size, 1)
    y, y_fake = rng.integers(classes, size=(2, batch_size))
    return x, y, z, y_fake


def _pix2pix(config, rng, batch_size, _):
    return _squares(config, rng, batch_size, config.model.in_channels, config.model.out_channels)


def _cyclegan(config, rng, batch_size, _):
    return _squares(config, rng, batch_size, config.model.channels_a, config.model.channels_b)


def _ugatit(config, rng, batch_size, _):
    return _squares(config, rng, batch_size, 3, 3)


def _adain(config, rng, batch_size, _):
    return _squares(config, rng, batch_size, 3, 3, lowest=0)


def _stargan(config, rng, batch_size, labels):
    (x,) = _squares(config, rng, batch_size, 3)
    if config.attributes:
        c = rng.integers(2, size=(2, batch_size, labels)).astype(np.float32)
    else:
        c = np.eye(labels, dtype=np.float32)[rng.integers(labels, size=(2, batch_size))]
    return x, *c, rng.random((batch_size, 1, 1, 1), dtype=np.float32)


def _fan(config, rng, batch_size, _):
    (x,), size, points = _squares(config, rng, batch_size, 3, lowest=0), config.model.img_size, config.model.points
    maps = _pictures(rng, (batch_size, points + 1, size // 4, size // 4), lowest=0)
    places = rng.uniform(0, size, (batch_size, points, 2)).astype(np.float32)
    return x, maps, (maps > 0.8).astype(np.float32), places


def _stargan_v2(config, rng, batch_size, domains):
    size = config.model.img_size
    images = _pictures(rng, (3, batch_size, 3, size, size))
    y_src, y_trg = rng.integers(domains, size=(2, batch_size))
    return images[0], y_src, images[1], images[2], y_trg, *_noise(config, rng, batch_size, 2)


FIELDS = {
    "adain": _adain,
    "cgan": _cgan,
    "cyclegan": _cyclegan,
    "fan": _fan,
    "gan": _gan,
    "pix2pix": _pix2pix,
    "stargan": _stargan,
    "stargan_v2": _stargan_v2,
    "ugatit": _ugatit,
    "wgan": _wgan,
}
