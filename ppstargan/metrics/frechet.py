"""The Fréchet distance between two Gaussians: FID, when they fit Inception's features (Heusel et al., NIPS 2017)."""

from __future__ import annotations

import numpy as np

from ppstargan.errors import UserError

ENOUGH = 2048  # samples: with fewer, the covariance of Inception's 2048 features is singular


def statistics(features: np.ndarray):
    """Features [N, D] -> (their mean [D], a factor F [min(N, D), D] of their unbiased covariance, FᵀF), float64.

    Raises UserError for another shape, for fewer than two samples, and for NaN or infinity.
    """
    features = np.asarray(features)
    if features.ndim != 2:
        raise UserError(f"features must be [samples, dimensions], not of shape {features.shape}")
    if len(features) < 2:
        raise UserError(f"a covariance needs at least two samples (images), not {len(features)}")
    if not np.isfinite(features).all():
        raise UserError("the features contain NaN or infinity; check the images and the network's weights")
    mean = features.mean(axis=0, dtype=np.float64)
    factor = (features - mean) / np.sqrt(len(features) - 1)
    return mean, factor if len(factor) <= len(mean) else np.linalg.qr(factor, mode="r")


def frechet_distance(mean1: np.ndarray, factor1: np.ndarray, mean2: np.ndarray, factor2: np.ndarray) -> float:
    """Squared distance of the means plus tr(C1 + C2 - 2 (C1 C2)^½), for means [D] and factors of C1 and C2 [*, D].

    The trace of (C1 C2)^½ is the sum of the singular values of F1 F2ᵀ, whatever the factors. It is real, exact where
    covariances are singular, and cheap for few samples; the root of the product itself turns complex there.
    """
    cross = np.linalg.svd(factor1 @ factor2.T, compute_uv=False).sum()
    distance = np.square(mean1 - mean2).sum() + np.square(factor1).sum() + np.square(factor2).sum() - 2 * cross
    return max(float(distance), 0.0)


def few_samples(counts: dict) -> list:
    """Warnings for the sets in ``counts`` {what they are: how many samples} that are small for FID."""
    return [
        f"{count} {what}: FID is biased upwards with fewer than {ENOUGH}, and compares only with FID of as many"
        for what, count in counts.items()
        if count < ENOUGH
    ]
