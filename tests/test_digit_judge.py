"""The judge of generated digits: it knows digits, is sure of nothing else, and its figures are what they say."""

import cv2
import numpy as np
import pytest

from ppstargan.data.digits import draw_digit
from ppstargan.metrics import digits
from ppstargan.metrics.digits import NO_DIGIT, Report, Verdict, judge, no_digits, resized, to_range, train_judge

SIZE = 28


def drawn(count, seed):
    """(uint8 [10 count, SIZE, SIZE], labels)"""
    labels = np.tile(np.arange(10, dtype=np.uint8), count)
    rngs = (np.random.default_rng([seed, i]) for i in range(len(labels)))
    return np.stack([draw_digit(int(label), SIZE, rng) for label, rng in zip(labels, rngs)]), labels


@pytest.fixture(scope="module")
def held_out():
    return drawn(40, seed=1)


@pytest.fixture(scope="module")
def net():
    return train_judge(*drawn(300, seed=0), epochs=4)


def test_it_knows_digits_that_it_has_not_seen(net, held_out):
    images, labels = held_out
    verdict = judge(net, to_range(images), labels)
    assert verdict.asked >= 0.97 and verdict.sure > 0.9
    assert verdict.classes == 10 and verdict.images == 400
    assert verdict.shares.sum() == pytest.approx(verdict.sure) and abs(verdict.shares - 0.1).max() < 0.02


def test_it_stays_sure_of_digits_with_small_blemishes(net, held_out):
    images, labels = held_out
    rng = np.random.default_rng(0)
    noisy = np.clip(images + rng.normal(0, 20, images.shape), 0, 255)
    soft = np.stack([cv2.GaussianBlur(image, (0, 0), 0.6) for image in images])
    for blemished in (noisy.astype(np.uint8), soft):
        verdict = judge(net, to_range(blemished), labels)
        assert verdict.asked > 0.95 and verdict.sure > 0.75


def test_the_figures_follow_what_is_asked_for_and_what_is_there(net, held_out):
    images, labels = held_out
    wrong = judge(net, to_range(images), (labels + 1) % 10)
    assert wrong.asked < 0.05 and wrong.sure > 0.9
    assert judge(net, to_range(images)).asked is None
    few = np.isin(labels, (0, 4, 9))
    verdict = judge(net, to_range(images[few]))
    assert verdict.classes == 3 and verdict.shares[[0, 4, 9]].min() > 0.25
    rare = np.concatenate([np.flatnonzero(labels == 3)] * 5 + [np.flatnonzero(labels == 7)[:1]])
    assert judge(net, to_range(images[rare])).classes == 1  # one in two hundred does not count


def gone(images, labels):
    """Pictures that are no digits, by name: some of what the judge has trained on, and some that it has not."""
    rng = np.random.default_rng(5)
    count, size = 200, images.shape[1]
    classes = [images[labels == label] for label in range(10)]
    pairs = rng.permutation(len(images))[:count], rng.permutation(len(images))[:count]
    other = labels[pairs[0]] != labels[pairs[1]]
    first, second = (images[pair][other].astype(float) for pair in pairs)
    speckle = rng.random((count, size, size))
    return {
        "uniform noise": speckle * 255,
        "normal noise": np.clip(rng.normal(128, 60, speckle.shape), 0, 255),
        "salt and pepper": (speckle > 0.8) * 255,
        "the average of each class": np.stack([group.mean(0) for group in classes]),
        "the same at full contrast": np.stack([group.mean(0) * 255 / group.mean(0).max() for group in classes]),
        "the average of everything": images.mean(0, keepdims=True),
        "averages of eight": np.stack([images[rng.integers(len(images), size=8)].mean(0) for _ in range(count)]),
        "blends of two digits": (first + second) / 2,
        "one over the other": np.maximum(first, second),
        "in the negative": 255 - images,
        "black": np.zeros((3, size, size)),
        "white": np.full((3, size, size), 255),
        "grey": np.full((3, size, size), 128),
        "checkered": np.indices((size, size)).sum(0)[None] // 3 % 2 * 255,
        "heavily blurred": np.stack([cv2.GaussianBlur(image, (0, 0), size / 9) for image in images]),
        "shuffled quarters": np.roll(images, (size // 2, size // 2), (1, 2)),
        "two small digits": np.concatenate([np.stack([cv2.resize(i, (size // 2, size)) for i in images])] * 2, 2),
    }


def test_it_is_sure_of_nothing_that_is_no_digit(net, held_out):
    said = {name: judge(net, to_range(made.astype(np.uint8))).sure for name, made in gone(*held_out).items()}
    assert {name: share for name, share in said.items() if share > 0.12} == {}
    plain = ("noise", "average", "blurred", "black", "white", "grey", "negative", "checkered")
    assert {n: share for n, share in said.items() if any(word in n for word in plain) and share > 0.03} == {}


def test_a_generator_that_averages_or_repeats_itself_does_not_pass(net, held_out):
    images, labels = held_out
    means = np.stack([images[labels == label].mean(0) for label in range(10)]).astype(np.uint8)
    verdict = judge(net, to_range(np.tile(means, (20, 1, 1))), np.tile(np.arange(10), 20))
    assert verdict.sure == 0 and verdict.classes == 0
    verdict = judge(net, to_range(np.repeat(images[6:7], 200, 0)))  # all modes but one are lost
    assert verdict.sure == 1 and verdict.classes == 1


def test_what_is_no_digit_has_many_forms_and_is_reproducible(held_out):
    images, labels = held_out
    made = no_digits(images, labels, 64, np.random.default_rng(3))
    assert made.dtype == np.uint8 and made.shape == (64, SIZE, SIZE)
    assert len({picture.tobytes() for picture in made}) > 55
    assert (made == no_digits(images, labels, 64, np.random.default_rng(3))).all()
    assert NO_DIGIT == 10


def test_measure_brings_drawn_digits_to_the_size_of_the_generated(monkeypatch, held_out):
    seen = []

    def untrained(images, labels, seed):
        seen.append(images.shape)
        return digits.network(seed)

    monkeypatch.setattr(digits, "train_judge", untrained)
    report = digits.measure(held_out, held_out, 3 * np.ones((12, 1, 24, 24), np.float32), np.arange(12) % 10)
    assert seen == [(400, 24, 24)] and report.drawn.images == 400 and report.generated.images == 12
    assert resized(held_out[0], SIZE) is held_out[0]


def test_the_report_for_people():
    shares = np.array([0.2, 0.009, 0.3, 0.1, 0, 0.1, 0.05, 0.05, 0.05, 0.041])
    made = Verdict(0.9, shares, 0.875, 2000)
    report = Report(0.995, Verdict(0.97, np.full(10, 0.097), 0.995, 1000), made)
    assert report.lines() == [
        "judge, trained on drawn digits only: 99.5% of the held-out drawn digits right, sure of 97.0%",
        "generated digits that it is sure of (> 0.9): 90.0% of 2000",
        "digits that appear: 8 of 10, not 1 4",
        "generated digits that are the one asked for: 87.5%",
    ]
    everything = report._replace(generated=Verdict(1.0, np.full(10, 0.1), None, 50)).lines()
    assert everything[2:] == ["digits that appear: 10 of 10"]
