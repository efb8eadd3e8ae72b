"""How good a translator between two drawn sides is: are its outputs of the target side, and near the true partners?

The judge is a small network that learns three classes from drawn images alone: A, B, and what is neither: blends of
both, averages, halves of one beside the other, shuffled pieces, smears. Without the last class it would call half a
translation the target.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import cv2
import numpy as np
import paddle
from paddle import nn

from ppstargan.metrics.classifier import fit, probabilities
from ppstargan.nets.resample import Conv2D

NEITHER = 2  # the number of the third class
BATCH, STEPS, RATE = 48, 160, 4e-3


class Report(NamedTuple):
    """What the judge found; of pairs, the first is of A to B, and the second of B to A."""

    names: tuple  # what A and B are, for people
    accuracy: float  # share of the held-out drawn images that the judge gets right
    shares: tuple  # share of the translations that it calls the target
    errors: tuple | None  # L1 to the true partners as a share of that of the sources, where the partners are known
    images: tuple  # translations

    def lines(self) -> list:
        """The report for people."""
        ways = [f"{self.names[side]} to {self.names[1 - side]}" for side in (0, 1)]
        shares = [f"{share:.1%} of {count} {way}" for share, count, way in zip(self.shares, self.images, ways)]
        lines = [
            f"judge, trained on drawn {' and '.join(self.names)} only: {self.accuracy:.1%} of the held-out ones right",
            f"translations that it calls the target: {', '.join(shares)}",
        ]
        if self.errors is not None:
            errors = [f"{error:.3f} {way}" for error, way in zip(self.errors, ways)]
            lines.append(f"distance to the true partner (L1), where the source's own is 1: {', '.join(errors)}")
        return lines


def measure(
    translate: Callable, train: Sequence, test: Sequence, names: tuple, partners: Sequence | None = None, seed: int = 0
) -> Report:
    """Trains a judge on ``train``, tries it on ``test``, and has it judge the translations of that.

    ``train`` and ``test`` are images of A and of B, float32 [N, 3, S, S] in [-1, 1] each, as are ``partners``, the true
    translations of ``test``, where they are known. ``translate(side, images)`` gives such images of the other side for
    those of ``side``, 0 or 1. ``names`` say what A and B are.
    """
    net = train_judge(train, seed)
    made = [np.clip(translate(side, test[side]), -1, 1) for side in (0, 1)]
    right = np.concatenate([judge(net, test[side]) == side for side in (0, 1)])
    errors = None
    if partners is not None:
        errors = tuple(distance(made[side], partners[side]) / distance(test[side], partners[side]) for side in (0, 1))
    shares = tuple(float((judge(net, made[side]) == 1 - side).mean()) for side in (0, 1))
    return Report(tuple(names), float(right.mean()), shares, errors, tuple(map(len, made)))


def distance(images: np.ndarray, others: np.ndarray) -> float:
    """The mean absolute difference."""
    return float(np.abs(images - others).mean())


def judge(net: nn.Layer, images: np.ndarray) -> np.ndarray:
    """0 for A, 1 for B, 2 for neither: [N] for float32 [N, 3, S, S] in [-1, 1]."""
    return probabilities(net, images).argmax(axis=1)


def train_judge(sides: Sequence, seed: int = 0) -> nn.Layer:
    """A judge of images float32 [N, 3, S, S] in [-1, 1], S >= 16, trained on those of A and of B in ``sides``."""
    paddle.seed(seed)
    layers, width = [], 3
    for wider, kernel in ((16, 5), (32, 3), (64, 3)):
        layers += [Conv2D(width, wider, kernel, stride=2, padding=kernel // 2), nn.ReLU()]
        width = wider
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2D(4), nn.Flatten(), nn.Linear(16 * width, NEITHER + 1))

    def batches():
        rng = np.random.default_rng(seed)
        for _ in range(STEPS):
            labels = rng.integers(2, size=BATCH)
            shown = [_blemished(_one(sides[side], rng), rng) for side in labels]
            others = [_neither(sides, rng) for _ in range(BATCH // 4)]
            yield np.stack(shown + others), np.append(labels, [NEITHER] * len(others))

    return fit(net, batches(), np.linspace(RATE, 0, STEPS, endpoint=False))


def _one(images: np.ndarray, rng) -> np.ndarray:
    image = images[rng.integers(len(images))]
    return image if rng.random() < 0.5 else image[:, :, ::-1]


def _blemished(image: np.ndarray, rng) -> np.ndarray:
    """A little blurred, noisy, lighter or darker, as good translations are: the judge is to judge what is shown."""
    if rng.random() < 0.5:
        image = _blurred(image, rng.uniform(0.005, 0.025))
    image = image * rng.uniform(0.8, 1.1) + rng.uniform(-0.1, 0.1, (3, 1, 1))
    image = image + rng.normal(0, rng.uniform(0, 0.12), image.shape)
    return np.clip(image, -1, 1).astype(np.float32)


def _blurred(image: np.ndarray, share: float) -> np.ndarray:
    """[3, S, S] blurred by as much of its side."""
    soft = cv2.GaussianBlur(np.ascontiguousarray(image.transpose(1, 2, 0)), (0, 0), share * image.shape[1])
    return soft.transpose(2, 0, 1)


# ---- what is neither ----


def _neither(sides: Sequence, rng) -> np.ndarray:
    kind, order = rng.integers(5), rng.permutation(2)
    a, b = (_one(sides[side], rng) for side in order)
    if kind == 4:
        some = sides[order[0]]
        made = some[rng.integers(len(some), size=rng.choice([3, 6, 12, 50, 200]))].mean(0)
    else:
        made = (_blend, _halves, _shuffled, _smear)[kind](a, b, rng)
    return np.clip(made + rng.normal(0, rng.uniform(0, 0.12), made.shape), -1, 1).astype(np.float32)


def _blend(a: np.ndarray, b: np.ndarray, rng) -> np.ndarray:
    share = rng.uniform(0.35, 0.65)
    return a * share + b * (1 - share)


def _halves(a: np.ndarray, b: np.ndarray, rng) -> np.ndarray:
    middle = a.shape[1] // 2
    if rng.random() < 0.5:
        return np.concatenate([a[:, :middle], b[:, middle:]], axis=1)
    return np.concatenate([a[:, :, :middle], b[:, :, middle:]], axis=2)


def _shuffled(a: np.ndarray, b: np.ndarray, rng) -> np.ndarray:
    """Quarters of one that changed places."""
    rolled = np.roll(a, a.shape[1] // 2, axis=rng.integers(1, 3))
    return rolled if rng.random() < 0.5 else np.roll(rolled, a.shape[1] // 4, axis=rng.integers(1, 3))


def _smear(a: np.ndarray, b: np.ndarray, rng) -> np.ndarray:
    return _blurred(a, rng.uniform(0.1, 0.25))
