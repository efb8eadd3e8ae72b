"""The figures of translations of drawn data: the judge knows both sides and what is neither, and the rest adds up."""

import cv2
import numpy as np
import pytest

from ppstargan.data.drawn import rng_of
from ppstargan.data.ponies import draw_pony
from ppstargan.data.toy import draw_face
from ppstargan.metrics import pairs
from ppstargan.metrics.pairs import Report as PairsReport
from ppstargan.metrics.sides import NEITHER, Report, distance, judge, measure, train_judge

SIZE, KNOWN, HELD_OUT = 32, 300, 60
KINDS = {
    "ponies": lambda side, rng: draw_pony(side, SIZE, rng),
    "cats and lions": lambda side, rng: draw_face(("cat", "lion")[side], SIZE, rng),
}


def drawn(draw, part, count, turned=False):
    """[A, B]: float32 [count, 3, SIZE, SIZE] each, as ``write_sides`` draws them; ``turned``: their partners."""
    images = [
        [draw(1 - side if turned else side, rng_of(0, part, side, index)) for index in range(count)] for side in (0, 1)
    ]
    return [np.stack(group).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1 for group in images]


class Judged:
    """What a kind of drawn data looks like, and a judge of it."""

    def __init__(self, kind):
        draw = KINDS[kind]
        self.train, self.test = drawn(draw, "train", KNOWN), drawn(draw, "test", HELD_OUT)
        self.partners = drawn(draw, "test", HELD_OUT, turned=True)
        self.net = train_judge(self.train)

    def says(self, images):
        return judge(self.net, np.clip(images, -1, 1).astype(np.float32))


@pytest.fixture(scope="module", params=list(KINDS))
def judged(request):
    return Judged(request.param)


def test_it_knows_both_sides_and_calls_no_copy_the_target(judged):
    for side in (0, 1):
        said = judged.says(judged.test[side])
        assert (said == side).mean() >= 0.95
        assert (said == 1 - side).mean() <= 0.02
        assert (judged.says(judged.partners[side]) == 1 - side).mean() >= 0.95


def test_it_stays_so_with_small_blemishes_and_without_the_colours(judged):
    rng = np.random.default_rng(0)
    means, spreads = ([f(x, axis=(0, 2, 3), keepdims=True) for x in judged.train] for f in (np.mean, np.std))
    for side in (0, 1):
        soft = [cv2.GaussianBlur(image.transpose(1, 2, 0), (0, 0), 0.7) for image in judged.test[side]]
        dull = 0.85 * np.stack(soft).transpose(0, 3, 1, 2) - 0.08
        for blemished in (dull, judged.test[side] + rng.normal(0, 0.12, judged.test[side].shape)):
            assert (judged.says(blemished) == side).mean() >= 0.9
        recoloured = (judged.test[side] - means[side]) / spreads[side] * spreads[1 - side] + means[1 - side]
        assert (judged.says(recoloured) == 1 - side).mean() <= 0.05  # a translator cannot pass by colours alone


def test_what_is_neither(judged):
    a, b = judged.test
    means = np.stack([side.mean(0) for side in judged.train])
    halfway = (judged.test[0] + judged.partners[0]) / 2  # of a translation
    left, upper = a.copy(), a.copy()
    left[..., SIZE // 2 :], upper[:, :, SIZE // 2 :] = b[..., SIZE // 2 :], b[:, :, SIZE // 2 :]
    made = {"blends": (a + b) / 2, "means": means, "halfway": halfway, "left": left, "upper": upper}
    for name, images in made.items():
        assert (judged.says(images) == NEITHER).mean() > 0.85, name


@pytest.fixture
def quick(monkeypatch):
    """``measure`` with a judge that sees nothing but whether an image is lighter than -0.1: a B is."""
    monkeypatch.setattr("ppstargan.metrics.sides.train_judge", lambda train, seed: None)
    monkeypatch.setattr("ppstargan.metrics.sides.judge", lambda net, images: 1 * (images.mean((1, 2, 3)) > -0.1))


def flat(*values):
    return np.stack([np.full((3, 16, 16), value, np.float32) for value in values])


def test_the_figures_of_translations(quick):
    test = flat(-0.5, -0.7, -0.6, 0.5), flat(0.4, 0.6)  # one of A is not what it should be
    partners = flat(0.5, 0.3, 0.4, 0.5), flat(-0.6, -0.4)

    def way(side, images):
        assert images is test[side]
        return partners[0] if side == 0 else flat(-9, 0.4)  # clipped to -1; a copy

    report = measure(way, test, test, ("cats", "lions"), partners)
    assert report.accuracy == pytest.approx(5 / 6) and report.images == (4, 2)
    assert report.shares == (1, 0.5)
    assert report.errors == pytest.approx((0, (0.4 + 0.8) / (1.0 + 1.0)))
    copies = measure(lambda side, images: images, test, test, ("cats", "lions"), partners)
    assert copies.shares == (0.25, 0) and copies.errors == pytest.approx((1, 1))
    assert measure(way, test, test, ("cats", "lions")).errors is None


def test_the_figures_of_the_drawn_partners(judged, monkeypatch):
    monkeypatch.setattr("ppstargan.metrics.sides.train_judge", lambda train, seed: judged.net)
    report = measure(lambda side, images: judged.partners[side], judged.train, judged.test, ("a", "b"), judged.partners)
    assert min(report.shares) >= 0.95 and report.errors == (0, 0)
    assert distance(judged.test[0], judged.partners[0]) > 0.1


def test_the_report_of_sides():
    report = Report(("plain ponies", "striped ones"), 0.995, (0.97, 0.9), (0.5, 0.61), (100, 90))
    assert report.lines() == [
        "judge, trained on drawn plain ponies and striped ones only: 99.5% of the held-out ones right",
        "translations that it calls the target: 97.0% of 100 plain ponies to striped ones, "
        "90.0% of 90 striped ones to plain ponies",
        "distance to the true partner (L1), where the source's own is 1: 0.500 plain ponies to striped ones, "
        "0.610 striped ones to plain ponies",
    ]
    assert len(report._replace(errors=None).lines()) == 2


def test_the_figures_of_pairs():
    known, wanted = flat(0, 0, 0.9, 0, 0.9), flat(0, 0.5)
    report = pairs.measure(lambda given: given + 0.25, known, wanted, wanted)
    assert report == PairsReport(0.25, 0.25, 2) and report.share == 1  # the median, not the mean, of what was known
    assert pairs.measure(lambda given: given, known, wanted, wanted).error == 0
    assert pairs.measure(lambda given: given + 9, known, wanted, wanted).error == 0.75  # pictures end at 1
    assert PairsReport(0.1, 0.4, 100).lines() == [
        "distance to the true picture (L1): 0.100 (mean of 100 held-out ones); the best constant picture has 0.400",
        "that is 0.250 of it",
    ]
