"""How good generated digits are: is a judge sure of them, do all ten appear, are they the ones that were asked for?

The judge is a small network that learns eleven classes: ten digits, and what is none: noise, averages and overlays of
digits, pieces of several, smears, scribbles. Without the last class it would be sure of nearly anything.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import paddle
from paddle import nn
from PIL import Image

from ppstargan.data.digits import CLASSES, draw_scribble
from ppstargan.metrics.classifier import fit, probabilities
from ppstargan.nets.resample import Conv2D

NO_DIGIT = CLASSES  # the number of the eleventh class
SURE = 0.9  # what the judge gives a digit that it is sure of is more
APPEARS = 0.01  # share of all images that a class needs to count
BATCH, RATE = 64, 4e-3


class Verdict(NamedTuple):
    """What the judge says of N images."""

    sure: float  # share that it is sure of
    shares: np.ndarray  # [10]: share of all N that it is sure of as each digit
    asked: float | None  # share that is the digit asked for, sure or not; None where none was asked for
    images: int  # N

    @property
    def classes(self) -> int:
        """How many of the ten digits appear."""
        return int((self.shares >= APPEARS).sum())


class Report(NamedTuple):
    """What the judge of digits found, and how good it is itself."""

    accuracy: float  # share of the held-out drawn digits that the judge gets right
    drawn: Verdict  # on these held-out digits: no generator should do better
    generated: Verdict

    def lines(self) -> list:
        """The report for people."""
        made = self.generated
        missing = [str(digit) for digit in range(CLASSES) if made.shares[digit] < APPEARS]
        lines = [
            f"judge, trained on drawn digits only: {self.accuracy:.1%} of the held-out drawn digits right, "
            f"sure of {self.drawn.sure:.1%}",
            f"generated digits that it is sure of (> {SURE}): {made.sure:.1%} of {made.images}",
            f"digits that appear: {made.classes} of {CLASSES}" + (f", not {' '.join(missing)}" if missing else ""),
        ]
        if made.asked is not None:
            lines.append(f"generated digits that are the one asked for: {made.asked:.1%}")
        return lines


def train_judge(images: np.ndarray, labels: np.ndarray, epochs: int = 3, seed: int = 0) -> nn.Layer:
    """A judge for pictures of this size, trained on drawn digits: uint8 [N, S, S], S >= 16, and their labels [N].

    It maps images [N, 1, S, S] in [-1, 1] to 11 logits, the last one for no digit.
    """
    labels, steps = labels.astype(np.int64), max(1, len(labels) // BATCH)

    def batches():
        rng = np.random.default_rng(seed)
        for _ in range(epochs):
            for chosen in np.array_split(rng.permutation(len(labels)), steps):
                shown = [_blemished(image, rng) for image in images[chosen]]
                others = no_digits(images, labels, len(chosen) // 4, rng)
                yield to_range(np.concatenate([shown, others])), np.append(labels[chosen], [NO_DIGIT] * len(others))

    rates = np.linspace(RATE, 0, epochs * steps, endpoint=False)
    return fit(network(seed), batches(), rates)


def network(seed: int) -> nn.Layer:
    """Images [N, 1, S, S] -> logits [N, 11], untrained. Strides in place of pooling make it three times as fast."""
    paddle.seed(seed)
    layers, width = [], 1
    for wider, kernel in ((16, 5), (32, 3), (64, 3)):
        layers += [Conv2D(width, wider, kernel, stride=2, padding=kernel // 2), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2D(4), nn.Flatten(), nn.Linear(16 * width, CLASSES + 1))


def judge(net: nn.Layer, images: np.ndarray, asked: np.ndarray | None = None) -> Verdict:
    """What the judge ``net`` says of ``images``, float32 [N, 1, S, S] in [-1, 1]; ``asked`` [N]: what each is to be."""
    found = probabilities(net, images)
    best = found.argmax(axis=1)
    sure = (best != NO_DIGIT) & (found.max(axis=1) > SURE)
    return Verdict(
        sure=float(sure.mean()),
        shares=np.bincount(best[sure], minlength=CLASSES) / len(images),
        asked=None if asked is None else float((best == np.asarray(asked)).mean()),
        images=len(images),
    )


def measure(train, test, generated: np.ndarray, asked: np.ndarray | None = None, seed: int = 0) -> Report:
    """Trains a judge on ``train``, tries it on ``test``, and has it judge what was ``generated``.

    ``train`` and ``test`` are (uint8 [N, H, W], labels [N]) of drawn digits, as ``data.idx`` reads them; ``generated``
    is float32 [M, 1, S, S] in [-1, 1], clipped or not, and ``asked`` the digits [M] that were asked for, if any. The
    drawn ones are brought to S pixels first, where they are not.
    """
    size = generated.shape[-1]
    net = train_judge(resized(train[0], size), train[1], seed=seed)
    drawn = judge(net, to_range(resized(test[0], size)), test[1])
    return Report(drawn.asked, drawn, judge(net, np.clip(generated, -1, 1), asked))


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, H, W] -> uint8 [N, size, size], by Pillow's bilinear filter, as training has them."""
    if images.shape[1:] == (size, size):
        return images
    return np.stack([np.asarray(Image.fromarray(i).resize((size, size), Image.Resampling.BILINEAR)) for i in images])


def to_range(images: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S] -> float32 [N, 1, S, S] in [-1, 1]."""
    return images[:, None].astype(np.float32) / 127.5 - 1


def _blemished(image: np.ndarray, rng) -> np.ndarray:
    """The digit a little blurred and noisy, as good ones by a generator are: the judge is to judge the form."""
    image = image.astype(np.float32)
    if rng.random() < 0.5:
        image = _blurred(image, 0.005, 0.03, rng)
    if rng.random() < 0.5:
        image = image + rng.normal(0, rng.uniform(0, 30), image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


# ---- what is no digit ----


def no_digits(images: np.ndarray, labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pictures made of digits, uint8 [N, S, S], and of nothing, that show no digit: uint8 [count, S, S]."""
    made = [_KINDS[rng.integers(len(_KINDS))](images, labels, rng) for _ in range(count)]
    return np.round(np.clip(made, 0, 255)).astype(np.uint8).reshape(count, *images.shape[1:])


def _some(images, rng, count: int) -> np.ndarray:
    return images[rng.integers(len(images), size=count)].astype(np.float32)


def _two(images, labels, rng) -> np.ndarray:
    """Digits of two classes."""
    first = rng.integers(len(images))
    others = np.flatnonzero(labels != labels[first])
    return images[[first, rng.choice(others)]].astype(np.float32)


def _bright(image: np.ndarray, rng) -> np.ndarray:
    """The image, or the same brought to full contrast."""
    return image if rng.random() < 0.5 else image * (255 / max(1.0, image.max()))


def _blurred(image: np.ndarray, least: float, most: float, rng) -> np.ndarray:
    """Blurred by as much of its side."""
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(least, most) * len(image))


def _noise(images, labels, rng) -> np.ndarray:
    size, kind = images.shape[1:], rng.integers(3)
    if kind == 0:
        return np.full(size, rng.choice([0, 255, rng.uniform(0, 255)]), np.float32)
    noise = rng.normal(rng.uniform(0, 255), rng.uniform(10, 150), size).astype(np.float32)
    if kind == 1:
        return noise
    blobs = _blurred(rng.standard_normal(size).astype(np.float32), 0.02, 0.15, rng)
    return 255 * np.clip((blobs / blobs.std() - rng.uniform(-1, 1.5)) * rng.uniform(0.3, 5), 0, 1)


def _average(images, labels, rng) -> np.ndarray:
    return _bright(_some(images, rng, rng.choice([3, 6, 12, 25, 50, 100])).mean(0), rng)


def _average_of_class(images, labels, rng) -> np.ndarray:
    same = images[labels == labels[rng.integers(len(labels))]]
    return _bright(_some(same, rng, rng.choice([6, 12, 25, 50, 100])).mean(0), rng)


def _overlay(images, labels, rng) -> np.ndarray:
    return _two(images, labels, rng).max(0)


def _halves(images, labels, rng) -> np.ndarray:
    """Half of one digit beside half of another, which do not meet."""
    first, second = _two(images, labels, rng)
    axis, middle = rng.integers(2), len(first) // 2
    second = np.roll(second, rng.choice([-1, 1]) * len(first) // 6, 1 - axis)
    return np.concatenate([first.take(range(middle), axis), second.take(range(middle, len(first)), axis)], axis)


def _smear(images, labels, rng) -> np.ndarray:
    return _bright(_blurred(_some(images, rng, 1)[0], 0.09, 0.2, rng), rng)


def _half_smeared(images, labels, rng) -> np.ndarray:
    image = _some(images, rng, 1)[0]
    turns = rng.integers(4)
    image = np.rot90(image, turns)
    middle = len(image) // 2
    mixed = np.concatenate([image[:middle], _blurred(image, 0.1, 0.2, rng)[middle:]])
    return np.rot90(mixed, -turns)


def _scribble(images, labels, rng) -> np.ndarray:
    return draw_scribble(images.shape[1], rng)


_KINDS = (_noise, _average, _average_of_class, _overlay, _halves, _smear, _half_smeared, _scribble)
