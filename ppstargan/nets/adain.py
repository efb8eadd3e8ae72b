"""Adaptive instance normalisation of features: statistics, the transfer of a style, and mixtures of several."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
import paddle

EPSILON = 1e-5  # within the root


class Statistics(NamedTuple):
    """Of each channel of each sample, over its pixels: all of a style that AdaIN takes from relu4_1."""

    mean: paddle.Tensor  # [N, C, 1, 1]
    std: paddle.Tensor  # [N, C, 1, 1]: the root of the UNBIASED variance + EPSILON


def statistics(features: paddle.Tensor) -> Statistics:
    """Those of ``features`` [N, C, H, W], of float32 at least; of a single pixel, the variance is 0."""
    if features.dtype in (paddle.float16, paddle.bfloat16):
        features = features.astype("float32")
    mean, pixels = _mean(features), features.shape[2] * features.shape[3]
    variance = _mean((features - mean).square()) * (pixels / max(pixels - 1, 1))
    return Statistics(mean, (variance + EPSILON).sqrt())


def _mean(x: paddle.Tensor) -> paddle.Tensor:
    """Row by row: on a CPU, a long sum in float32 loses digits."""
    return x.mean(axis=3, keepdim=True).mean(axis=2, keepdim=True)


def adain(content: paddle.Tensor, style: Statistics) -> paddle.Tensor:
    """``content`` [N, C, H, W] with the means and deviations of ``style`` in place of its own."""
    return normalised(content, statistics(content), style)


def normalised(content: paddle.Tensor, own: Statistics, style: Statistics) -> paddle.Tensor:
    """``adain`` where the content's ``own`` statistics are known, also of a part of it."""
    return (content - own.mean) / own.std * style.std + style.mean


def mixed(styles: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
    """Of several styles the one that makes of any content their weighted mean; ``weights`` count by their shares.

    AdaIN is linear in the style's statistics, so the mean of what it makes is what it makes of their means.
    """
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    return Statistics(*(sum(float(w) * part for w, part in zip(shares, parts)) for parts in zip(*styles)))


def transfer(content: paddle.Tensor, style: Statistics, alpha: float = 1.0) -> paddle.Tensor:
    """What the decoder is given: ``alpha`` of the content in the style, and the rest of the content as it is."""
    t = adain(content, style)
    return t if alpha == 1 else alpha * t + (1 - alpha) * content
