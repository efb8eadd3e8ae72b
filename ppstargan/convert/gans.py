"""The networks of GAN, WGAN and conditional GAN in PyTorch's files: bare state_dicts of one network each.

WGAN's authors save netG_epoch_E.pth and netD_epoch_E.pth; of PyTorch-GAN's scripts gan, wgan_gp and cgan, which save
pictures alone, these are what users save. All sizes are in the shapes and, of DCGAN, in the keys.
"""

from __future__ import annotations

import math
import re

import numpy as np

from ppstargan.errors import UserError

DESCRIPTIONS = {
    "gan/generator": "a generator of PyTorch-GAN's gan or wgan_gp",
    "gan/discriminator": "a discriminator of PyTorch-GAN's gan, or a critic of its wgan_gp",
    "wgan/generator": "WGAN's generator (the authors' netG_epoch_*.pth)",
    "wgan/critic": "WGAN's critic (the authors' netD_epoch_*.pth)",
    "cgan/generator": "a generator of PyTorch-GAN's cgan",
    "cgan/discriminator": "a discriminator of PyTorch-GAN's cgan",
}
ALL = "networks of WGAN, pix2pix, CycleGAN, U-GAT-IT, PyTorch-GAN"
LATENT_DIM = 100  # of the authors, where a file does not tell
CHANNELS = (1, 3)


def kind_of(state: dict) -> str | None:
    """Which of ``DESCRIPTIONS`` the state_dict ``state`` is, by its keys; None for none of them."""
    if any(re.fullmatch(r"main\.(initial|final):\d+-\d+:convt\.weight", key) for key in state):
        return "wgan/generator"
    if any(re.fullmatch(r"main\.(initial|final):\d+-\d+:conv\.weight", key) for key in state):
        return "wgan/critic"
    if "label_emb.weight" in state:
        return "cgan/generator"
    if "label_embedding.weight" in state:
        return "cgan/discriminator"
    if _is_linear(state, "main.0.weight") and _is_linear(state, "main.6.weight"):
        return "wgan/critic" if np.shape(state["main.6.weight"])[0] == 1 else "wgan/generator"
    if _is_linear(state, "model.0.weight"):
        return "gan/generator" if "model.11.weight" in state else "gan/discriminator"
    return None


def _is_linear(state: dict, key: str) -> bool:
    return np.ndim(state.get(key)) == 2  # and no convolution of another system's under the same name


def architecture_of(kind: str, state: dict, where: str) -> dict:
    """The architecture of the network ``kind`` with the arrays ``state``. Raises UserError where it lacks a layer.

    What one network alone does not tell is the other's part: its width, and the noise.
    """
    if any(":" in key for key in state):
        return _dcgan(kind, state, where)
    if kind.startswith("wgan"):
        first, last = (_shape(state, f"main.{i}.weight", where) for i in (0, 6))
        channels, size = _image(last[0] if kind == "wgan/generator" else first[1], where)
        noise = first[1] if kind == "wgan/generator" else LATENT_DIM
        return _architecture("mlp", size, channels, noise, first[0])
    first = _shape(state, "model.0.weight", where)
    if kind.startswith("cgan"):
        name = "label_emb" if kind == "cgan/generator" else "label_embedding"
        classes = _shape(state, f"{name}.weight", where)[0]
        pixels = _shape(state, "model.11.weight", where)[0] if kind == "cgan/generator" else first[1] - classes
        channels, size = _image(pixels, where)
        noise = first[1] - classes if kind == "cgan/generator" else LATENT_DIM
        return {"img_size": size, "channels": channels, "latent_dim": noise, "num_domains": classes}
    generator = kind == "gan/generator"
    channels, size = _image(_shape(state, "model.11.weight", where)[0] if generator else first[1], where)
    return _architecture("pytorch_gan", size, channels, first[1] if generator else LATENT_DIM)


def _dcgan(kind: str, state: dict, where: str) -> dict:
    generator = kind == "wgan/generator"
    form = "convt" if generator else "conv"
    found = {}
    for name in ("initial", "final"):
        matches = [re.fullmatch(rf"main\.{name}:(\d+)-(\d+):{form}\.weight", key) for key in state]
        found[name] = [(int(match[1]), int(match[2])) for match in matches if match]
        if len(found[name]) != 1:
            raise UserError(f"{where} lacks the layer main.{name} of DCGAN, or has several; give netG or netD whole")
    ((first, inner),), ((last, end),) = found["initial"], found["final"]
    size = 8 << _count(state, rf"main\.pyramid:\d+-\d+:{form}\.weight")
    extra = _count(state, r"main\.extra-layers-\d+:\d+:conv\.weight")
    norm = any(":batchnorm." in key for key in state)
    if generator:
        return _architecture("dcgan", size, end, first, last, extra, g_norm=norm)
    return _architecture("dcgan", size, first, LATENT_DIM, inner, extra, d_norm=norm)


def _architecture(network, size, channels, noise, width=64, extra_layers=0, g_norm=True, d_norm=True) -> dict:
    return {
        "network": network,
        "img_size": size,
        "channels": channels,
        "latent_dim": noise,
        "g_width": width,
        "d_width": width,
        "extra_layers": extra_layers,
        "g_batch_norm": g_norm,
        "d_batch_norm": d_norm,
    }


def _count(state: dict, pattern: str) -> int:
    return sum(bool(re.fullmatch(pattern, key)) for key in state)


def _shape(state: dict, key: str, where: str) -> tuple:
    shape = np.shape(state.get(key))
    if len(shape) != 2 or 0 in shape:
        raise UserError(f"{where} has no linear layer {key}; only the authors' architecture can be converted")
    return shape


def _image(pixels: int, where: str) -> tuple:
    """(channels, side) of a square image of ``pixels`` numbers."""
    for channels in CHANNELS:
        side = math.isqrt(max(pixels, 0) // channels)
        if side and side * side * channels == pixels:
            return channels, side
    raise UserError(f"{where}: {pixels} numbers are no square image of 1 or 3 channels; it cannot be converted")
