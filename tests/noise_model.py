"""Small GAN, WGAN and cGAN with random weights, for the tests of what uses them."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan import checkpoint
from ppstargan.nets.gans import build

DCGAN = {"network": "dcgan", "img_size": 16, "channels": 1, "latent_dim": 6, "g_width": 4, "d_width": 4,
         "extra_layers": 0, "g_batch_norm": True, "d_batch_norm": True}  # fmt: skip
ARCHITECTURES = {
    "gan": DCGAN,
    "wgan": {**DCGAN, "channels": 3},
    "cgan": {"img_size": 16, "channels": 1, "latent_dim": 6, "num_domains": 3},
}
NAMES = {"gan": ["images"], "wgan": None, "cgan": ["cat", "dog", "lion"]}


def networks(system, seed=0) -> dict:
    """With images that are neither grey nor black and white."""
    paddle.seed(seed)
    nets = build(system, ARCHITECTURES[system])
    last = [value for value in nets["generator"].parameters() if value.ndim > 1][-1]
    last.set_value(last * (40 if system == "cgan" else 3000))
    return nets


def save(path, system, domains=None, **parts):
    """Writes a file of weights with ``parts``, or the ``nets`` of ``networks``."""
    parts = parts or {"nets": {name: checkpoint.arrays(net) for name, net in networks(system).items()}}
    content = {"system": system, "architecture": ARCHITECTURES[system], "domains": domains or NAMES[system], **parts}
    checkpoint.save(content, path)
    return path


@paddle.no_grad()
def drawn(net, z, classes=None) -> np.ndarray:
    """Images of the network in float32 as uint8 [N, S, S, 3], which may be 1 off."""
    net.eval()
    inputs = [paddle.to_tensor(z)] if classes is None else [paddle.to_tensor(z), paddle.to_tensor(classes)]
    images = net(*inputs).expand([-1, 3, -1, -1]).numpy().transpose(0, 2, 3, 1)
    return np.round((images + 1) * 127.5).astype(int)
