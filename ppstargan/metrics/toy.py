"""How good a model of the drawn faces is: do its images land in the target domain, vary with the style, and come back?

The judge of domains is a small classifier that saw the drawn faces only, so it owes nothing to the discriminator.
"""

from __future__ import annotations

from itertools import combinations, repeat
from typing import NamedTuple

import numpy as np
import paddle
from paddle import nn

from ppstargan.data.batches import load_batch
from ppstargan.metrics.classifier import fit
from ppstargan.nets.resample import Conv2D
from ppstargan.nets.stargan_v2 import Networks

OUTPUTS = 10  # images for each source and target domain, as many as in the paper's LPIPS protocol
BATCH = 40


class Report(NamedTuple):
    """How far translations of the drawn faces are what was asked for."""

    accuracy: float  # share of the drawn val faces that the classifier gets right
    latent_share: float  # share of latent-guided translations that it gives to the target domain
    reference_share: float  # the same for reference-guided ones
    latent_spread: float  # mean L1 between two of the outputs for one source and domain, images in [-1, 1]
    reference_spread: float
    cycle_error: float  # mean L1 between a source and its translation turned back, images in [-1, 1]
    images: int  # translations behind each share

    def lines(self) -> list:
        """The report for people."""
        return [
            f"domain classifier, trained on drawn faces only: {self.accuracy:.1%} of the drawn val faces right",
            f"translations in their target domain: {self.latent_share:.1%} latent-guided, "
            f"{self.reference_share:.1%} reference-guided (of {self.images} each)",
            f"spread among {OUTPUTS} outputs for one input (mean L1): {self.latent_spread:.3f} latent-guided, "
            f"{self.reference_spread:.3f} reference-guided",
            f"cycle error (mean L1): {self.cycle_error:.3f}",
        ]


def train_classifier(images: dict, size: int, epochs: int, seed: int = 0) -> nn.Layer:
    """A small network that tells domains apart, trained on ``images`` {domain: paths} at ``size`` px."""
    paddle.seed(seed)
    layers, width = [], 3
    for wider in (16, 32, 64):
        layers += [Conv2D(width, wider, 3, padding=1), nn.ReLU(), nn.MaxPool2D(2)]
        width = wider
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2D(2), nn.Flatten(), nn.Linear(4 * width, len(images)))
    x = load_batch([path for paths in images.values() for path in paths], size)
    y = np.concatenate([np.full(len(paths), domain) for domain, paths in enumerate(images.values())])

    def batches():
        rng = np.random.default_rng(seed)
        for _ in range(epochs):
            for chosen in np.array_split(rng.permutation(len(y)), max(1, len(y) // 32)):
                yield x[chosen, :, :, :: rng.choice([-1, 1])].copy(), y[chosen]

    return fit(net, batches(), repeat(1e-3))


@paddle.no_grad()
def measure(
    nets: Networks, train_images: dict, val_images: dict, size: int, latent_dim: int, epochs: int = 6, seed: int = 0
) -> Report:
    """Measures ``nets`` (the moving averages) on every val face and every domain but its own.

    ``train_images`` and ``val_images`` are {domain: paths}, and the classifier sees the first for ``epochs``; the
    figures are those of ``Report``.
    """
    with paddle.enable_grad():
        classifier = train_classifier(train_images, size, epochs)
    x = load_batch([path for paths in val_images.values() for path in paths], size)
    y = np.concatenate([np.full(len(paths), domain) for domain, paths in enumerate(val_images.values())])
    accuracy = float((classifier(paddle.to_tensor(x)).argmax(axis=1).numpy() == y).mean())
    rng = np.random.default_rng(seed)
    hits = {"latent": [], "reference": []}
    spreads = {"latent": [], "reference": []}
    cycles = []
    for target in range(len(val_images)):
        others, references = np.flatnonzero(y != target), np.flatnonzero(y == target)
        for sources in np.array_split(others, -(-len(others) // BATCH)):
            n, x_src, y_src = len(sources), paddle.to_tensor(x[sources]), paddle.to_tensor(y[sources])
            y_trg = paddle.full([n], target, "int64")
            content, masks = nets.generator.encode_content(x_src), nets.masks(x_src)
            outputs = {"latent": [], "reference": []}
            for _ in range(OUTPUTS):
                z = paddle.to_tensor(rng.standard_normal((n, latent_dim)).astype("float32"))
                x_ref = paddle.to_tensor(x[rng.choice(references, n)])
                styles = {
                    "latent": nets.style_from_latent(z, y_trg),
                    "reference": nets.style_from_reference(x_ref, y_trg),
                }
                for kind, s in styles.items():
                    x_fake = nets.generator.decode_content(content, s, masks)
                    hits[kind].append((classifier(x_fake).argmax(axis=1) == y_trg).numpy())
                    outputs[kind].append(x_fake.numpy())
            for kind, group in outputs.items():
                spreads[kind] += [np.abs(a - b).mean(axis=(1, 2, 3)) for a, b in combinations(group, 2)]
            x_back = nets.translate(x_fake, nets.style_from_reference(x_src, y_src))
            cycles.append((x_back - x_src).abs().mean(axis=[1, 2, 3]).numpy())
    return Report(
        accuracy=accuracy,
        latent_share=float(np.concatenate(hits["latent"]).mean()),
        reference_share=float(np.concatenate(hits["reference"]).mean()),
        latent_spread=float(np.concatenate(spreads["latent"]).mean()),
        reference_spread=float(np.concatenate(spreads["reference"]).mean()),
        cycle_error=float(np.concatenate(cycles).mean()),
        images=sum(map(len, hits["latent"])),
    )
