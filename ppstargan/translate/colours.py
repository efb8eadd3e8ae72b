"""A picture in the colours of another: CORAL, by which AdaIN keeps a content's colours (Gatys et al., 2016)."""

from __future__ import annotations

import numpy as np


def coral(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """``picture`` [3, H, W] with the means, deviations and correlations of the channels of ``colours`` [3, h, w].

    Both in [0, 1]; the result, float64, is not clipped to that. As the authors have it, a covariance is a sum over the
    pixels, and the unit matrix is added: so the deviations are those of ``colours`` where both have as many pixels. Of
    a picture of one colour, all becomes the mean of the other.
    """
    (x, _, _), (y, mean, std) = (_normalised(image) for image in (picture, colours))
    there = _power(y @ y.T + np.eye(3), 0.5) @ _power(x @ x.T + np.eye(3), -0.5)
    return (there @ x * std + mean).reshape(picture.shape)


def _normalised(image: np.ndarray) -> tuple:
    """The pixels [3, n] of an image with mean 0 and deviation 1, and both as they were [3, 1]."""
    x = image.reshape(3, -1).astype(np.float64)
    mean, std = x.mean(axis=1, keepdims=True), x.std(axis=1, ddof=min(1, x.shape[1] - 1), keepdims=True)
    return (x - mean) / np.where(std > 0, std, 1), mean, std


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Of a symmetric matrix without eigenvalues below 1."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * values**exponent @ vectors.T
