"""A small model with random weights and a few drawn faces, for the tests of what uses a model."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan import checkpoint
from ppstargan.data.toy import write_dataset
from ppstargan.nets.stargan_v2 import AVERAGED, Networks

SIZES = {"num_domains": 3, "img_size": 32, "style_dim": 8, "latent_dim": 4, "hidden_dim": 16, "w_hpf": 0,
         "channel_base": 128, "max_channels": 8}  # fmt: skip
DOMAINS = ["cat", "dog", "lion"]


def networks(seed=0, **sizes) -> Networks:
    paddle.seed(seed)
    nets = Networks(**{**SIZES, **sizes})
    for name, parameter in nets.generator.named_parameters():  # so that images are inside of [-1, 1], and differ
        if name == "to_rgb.2.weight":
            parameter.set_value(parameter * 0.2)
    return nets


def values(nets) -> dict:
    """{network: {parameter: array}} of G, F and E."""
    return {name: checkpoint.arrays(getattr(nets, name)) for name in AVERAGED}


def save(path, model, domains=DOMAINS, **parts):
    """Writes a file of weights: ``parts`` as they are, or the networks of ``model`` as moving averages."""
    parts = parts or {"averages": values(model)}
    checkpoint.save({"architecture": model.architecture, "domains": domains, **parts}, path)
    return path


def faces(root, count=3):
    """{domain: paths} of drawn faces of 48 px: not the size of the networks."""
    write_dataset(root, size=48, train_count=2, val_count=count, seed=0)
    return {domain: sorted((root / "val" / domain).iterdir()) for domain in DOMAINS}


def cell(sheet, row, column, size=32, gap=2):
    """One image of a sheet as an array."""
    top, left = gap + row * (size + gap), gap + column * (size + gap)
    return np.asarray(sheet)[top : top + size, left : left + size]
