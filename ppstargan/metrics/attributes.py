"""How good a translator of attributes is on drawn people: is what was asked for there, and has all else stayed?

The judge is a small network that learns every attribute of drawn people. It also sees a person and the same one with
other attributes laid over each other, and learns their shares: so it is not sure of half a translation.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import cv2
import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.data.attributes import HAIR, targets
from ppstargan.data.people import ATTRIBUTES, draw_look, random_attributes, random_look
from ppstargan.metrics.classifier import fit, probabilities
from ppstargan.nets.norms import BatchNorm
from ppstargan.nets.resample import Conv2D

SURE = 0.75  # what the judge gives an attribute that is there is more; one that is gone, less than 1 - SURE
PIXELS = 32  # what the judge looks at; larger pictures are shrunk to this
PEOPLE, HELD_OUT = 900, 200  # drawn for the judge, each with a partner
BATCH, STEPS, RATE = 32, 500, 6e-3


class Answer(NamedTuple):
    """How the translations went that were asked for one attribute."""

    name: str
    there: float  # share in which it is as asked for
    stayed: float  # share in which all others are judged as those of the source


class Report(NamedTuple):
    """What the judge of attributes found, and how good it is itself."""

    accuracy: dict  # {attribute: share of the held-out drawn people of whom the judge is right}
    answers: tuple  # an Answer for each attribute asked for
    images: int  # translations of each

    def mean(self, field: str) -> float:
        """Over the attributes asked for, of "there" or "stayed"."""
        return float(np.mean([getattr(answer, field) for answer in self.answers]))

    def least(self, field: str) -> Answer:
        """The worst of the attributes asked for, in "there" or "stayed"."""
        return min(self.answers, key=lambda answer: getattr(answer, field))

    def lines(self) -> list:
        """The report for people."""
        worst = min(self.accuracy, key=self.accuracy.get)
        there, stayed = self.least("there"), self.least("stayed")
        return [
            f"judge, trained on drawn people only: {np.mean(list(self.accuracy.values())):.1%} of the attributes of "
            f"held-out ones right, at worst {self.accuracy[worst]:.1%} ({worst})",
            *(
                f"{answer.name}: as asked for in {answer.there:.1%} of {self.images}, all others stayed in "
                f"{answer.stayed:.1%}"
                for answer in self.answers
            ),
            f"the attribute asked for is there: {self.mean('there'):.1%}, at worst {there.there:.1%} ({there.name})",
            f"all the others have stayed: {self.mean('stayed'):.1%}, at worst {stayed.stayed:.1%} ({stayed.name})",
        ]


def measure(translate: Callable, images: np.ndarray, labels: np.ndarray, names: Sequence, seed: int = 0) -> Report:
    """Trains a judge on drawn people, and has it judge the translations of ``images`` to each of ``names``.

    ``images`` are drawn people, float32 [N, 3, S, S] in [-1, 1], S >= 16, and ``labels`` [N, C] says 1 or 0 of each of
    ``names``, which are some of ``data.people.ATTRIBUTES``. ``translate(images, targets)`` gives such images with the
    attributes ``wanted``, float32 [N, C], which ``data.attributes.targets`` gives. Whether all others have stayed is
    judged of every attribute, those too that are not among ``names``.
    """
    size = min(images.shape[-1], PIXELS)
    net = train_judge(size, seed)
    held_out, true = drawn_people(size, HELD_OUT, seed + 1)
    right = (judge(net, held_out[0]) > 0.5) == (true[0] > 0.5)
    before, answers = judge(net, images), []
    for name, wanted in zip(names, targets(labels, list(names), exclusive=False)):
        after = judge(net, translate(images, wanted))
        column, asked = ATTRIBUTES.index(name), wanted[:, list(names).index(name)] > 0.5
        there = np.where(asked, after[:, column] > SURE, after[:, column] < 1 - SURE)
        others = [i for i, other in enumerate(ATTRIBUTES) if other != name and not (name in HAIR and other in HAIR)]
        stayed = ((after > 0.5) == (before > 0.5))[:, others].all(axis=1)
        answers.append(Answer(name, float(there.mean()), float(stayed.mean())))
    return Report(dict(zip(ATTRIBUTES, right.mean(0).tolist())), tuple(answers), len(images))


def judge(net: nn.Layer, images: np.ndarray) -> np.ndarray:
    """How sure the judge ``net`` is of each attribute: [N, 8] for float32 [N, 3, S, S] in [-1, 1]."""
    if images.shape[-1] > PIXELS:
        small = [cv2.resize(i.transpose(1, 2, 0), (PIXELS, PIXELS), interpolation=cv2.INTER_AREA) for i in images]
        images = np.stack(small).transpose(0, 3, 1, 2)
    return probabilities(net, np.clip(images, -1, 1).astype(np.float32), of=F.sigmoid)


def drawn_people(size: int, count: int, seed: int) -> tuple:
    """``count`` people and as many partners, the same with other attributes.

    Images float32 [2, count, 3, size, size] in [-1, 1], and their ATTRIBUTES, float32 [2, count, 8].
    """
    images, labels = [[], []], [[], []]
    for index in range(count):
        for side in (0, 1):
            # The attributes come from random numbers of their own: the rest is the same on both sides.
            names = random_attributes(np.random.default_rng([seed, 1, side, index]))
            look = random_look(names, np.random.default_rng([seed, 2, index]))
            images[side].append(draw_look(look, size)[0])
            labels[side].append([look.has(name) for name in ATTRIBUTES])
    pixels = np.array(images).transpose(0, 1, 4, 2, 3).astype(np.float32) / 127.5 - 1
    return pixels, np.array(labels, np.float32)


def train_judge(size: int, seed: int = 0) -> nn.Layer:
    """A judge of images of ``size`` pixels, trained on people drawn for it."""
    images, labels = drawn_people(size, PEOPLE, seed)
    paddle.seed(seed)
    layers, width = [], 3
    for wider in (24, 48, 64):
        layers += [Conv2D(width, wider, 3, stride=2, padding=1), BatchNorm(wider), nn.ReLU()]
        width = wider
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2D(4), nn.Flatten(), nn.Linear(16 * width, len(ATTRIBUTES)))

    def batches():
        rng = np.random.default_rng(seed)
        for _ in range(STEPS):
            chosen = rng.integers(PEOPLE, size=BATCH)
            share = np.where(rng.random(BATCH) < 0.3, rng.uniform(0.25, 0.75, BATCH), rng.integers(0, 2, BATCH))
            share = share.astype(np.float32)
            shown = _blended(images, chosen, share[:, None, None, None])
            yield np.stack([_blemished(image, rng) for image in shown]), _blended(labels, chosen, share[:, None])

    rates = np.linspace(RATE, 0, STEPS, endpoint=False)
    return fit(net, batches(), rates, loss=F.binary_cross_entropy_with_logits)


def _blended(pair: np.ndarray, chosen: np.ndarray, share: np.ndarray) -> np.ndarray:
    return pair[0, chosen] * (1 - share) + pair[1, chosen] * share


def _blemished(image: np.ndarray, rng) -> np.ndarray:
    """A little blurred and noisy, as good translations are, and half of the time in the mirror."""
    if rng.random() < 0.5:
        image = image[:, :, ::-1]
    if rng.random() < 0.3:
        soft = np.ascontiguousarray(image.transpose(1, 2, 0))
        image = cv2.GaussianBlur(soft, (0, 0), rng.uniform(0.004, 0.02) * len(soft)).transpose(2, 0, 1)
    return (image + rng.normal(0, rng.uniform(0, 0.06), image.shape)).astype(np.float32)
