"""The sample sheets of a run: which images and latents they show, the same ones on all sheets."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan import pictures
from ppstargan.data.batches import load_batch
from ppstargan.nets.stargan_v2 import Networks, mean_latents

SOURCES = 8  # images across a sheet
LATENTS = 2  # latents for each domain of a latent sheet


def sheet_images(val_images: dict, size: int) -> tuple:
    """(x_src, y_src, x_ref, y_ref) from the two ends of ``val_images`` {domain: paths}, the domains by turns.

    Images are [N, 3, size, size] in [-1, 1], domains [N]. Raises UserError for an image that cannot be read.
    """
    tensors = []
    for count, from_end in ((SOURCES, False), (max(SOURCES, len(val_images)), True)):
        chosen = [_image(list(val_images.values()), i, from_end) for i in range(count)]
        tensors.append(paddle.to_tensor(load_batch([path for path, _ in chosen], size)))
        tensors.append(paddle.to_tensor([y for _, y in chosen]))
    return tuple(tensors)


def sample_sheets(average: Networks, images: tuple, latent_dim: int, seed: int) -> dict:
    """{name: uint8 [H, W, 3]}: sheets of ``average`` on ``sheet_images`` and on latents that ``seed`` gives."""
    x_src, y_src, x_ref, y_ref = images
    rng = np.random.default_rng(seed)
    z = paddle.to_tensor(rng.standard_normal((LATENTS, latent_dim), "float32"))
    means = [average.mean_style(y, mean_latents(latent_dim)) for y in range(average.architecture["num_domains"])]
    n = x_src.shape[0]
    shifted = [(i + 1) % n for i in range(n)]  # so that source and reference differ in domain
    sheets = {
        "reference": pictures.reference_sheet(average, x_src, x_ref, y_ref),
        "cycle": pictures.cycle_sheet(average, x_src, y_src, paddle.stack([x_ref[i] for i in shifted]), y_ref[shifted]),
    }
    for psi, sheet in pictures.latent_sheets(average, x_src, z, means).items():
        sheets[f"latent_psi{psi}"] = sheet
    return sheets


def _image(domains: list, i: int, from_end: bool) -> tuple:
    """(path, domain) of the i-th image, the domains by turns; again from the first where they run out."""
    domain, j = i % len(domains), i // len(domains)
    images = domains[domain]
    return images[-(j % len(images)) - 1 if from_end else j % len(images)], domain
