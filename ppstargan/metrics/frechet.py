"""The Fréchet distance between two Gaussians: FID, when they fit Inception's features (Heusel et al., NIPS 2017)."""

from __future__ import annotations

import numpy as np

from ppstargan.errors import UserError


def statistics(features: np.ndarray):
    """Features [N, D] -> (mean [D], unbiased covariance [D, D]), float64.

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
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive semi-definite matrix [D, D]."""
    values, vectors = np.linalg.eigh(covariance)
    rounding = len(values) * np.finfo(np.float64).eps * abs(values[-1])  # what a true 0 may have become
    return (vectors * np.sqrt(np.where(values > rounding, values, 0))) @ vectors.T


def frechet_distance(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Squared distance of the means plus tr(C1 + C2 - 2 (C1 C2)^½), for means [D] and covariances [D, D].

    The trace of (C1 C2)^½ is the sum of the singular values of C1^½ C2^½: real and stable for singular covariances,
    where the square root of the product itself turns complex.
    """
    cross = np.linalg.svd(_root(cov1) @ _root(cov2), compute_uv=False).sum()
    distance = np.square(mean1 - mean2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * cross
    return max(float(distance), 0.0)
