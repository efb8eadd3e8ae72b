"""The figures of translations of attributes: the judge knows every one of them, and the rest adds up."""

from functools import cache

import numpy as np
import pytest

from ppstargan.data.people import ATTRIBUTES, HAIR, draw_look, random_attributes, random_look
from ppstargan.metrics import attributes
from ppstargan.metrics.attributes import Answer, Report, drawn_people, judge, measure, train_judge

NAMES = ("Black_Hair", "Blond_Hair", "Eyeglasses", "Male", "Smiling")
FACES = 40


@pytest.fixture(scope="module")
def net():
    return train_judge(32)


held_out = cache(drawn_people)


@pytest.fixture
def with_it(net, monkeypatch):
    """``measure`` by the judge that is trained already."""
    monkeypatch.setattr(attributes, "train_judge", lambda *_: net)
    monkeypatch.setattr(attributes, "HELD_OUT", 40)
    monkeypatch.setattr(attributes, "drawn_people", held_out)


def names_of(index):
    return random_attributes(np.random.default_rng([9, index]))


@cache
def drawn(index, names, size=32):
    image = draw_look(random_look(names, np.random.default_rng([8, index])), size)[0]
    return image.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1


def labelled(size=32):
    """Images, and the labels of NAMES."""
    images = [drawn(i, names_of(i), size) for i in range(FACES)]
    return np.stack(images), np.array([[name in names_of(i) for name in NAMES] for i in range(FACES)], float)


def partners(images, targets):
    """The true translations: the same people drawn with other attributes."""
    made = []
    for index, target in enumerate(targets):
        asked = {name for name, there in zip(NAMES, target) if there}
        kept = {name for name in names_of(index) if name not in NAMES}
        names = frozenset(asked | (kept - set(HAIR) if asked & set(HAIR) else kept))
        made.append(drawn(index, names, images.shape[-1]))
    return np.stack(made)


def test_it_knows_every_attribute(net):
    images, labels = drawn_people(32, 120, seed=5)
    for side in (0, 1):
        right = ((judge(net, images[side]) > 0.5) == (labels[side] > 0.5)).mean(0)
        assert (right >= 0.95).all(), dict(zip(ATTRIBUTES, right))  # 97 % of more of them
        noisy = images[side] + np.random.default_rng(0).normal(0, 0.08, images[side].shape)
        assert (((judge(net, noisy) > 0.5) == (labels[side] > 0.5)).mean(0) > 0.9).all()
    differ = labels[0] != labels[1]
    halfway = judge(net, images.mean(0))
    assert ((halfway > 0.75) | (halfway < 0.25))[differ].mean() < 0.45
    assert ((halfway > 0.75) | (halfway < 0.25))[~differ].mean() > 0.9


def test_true_translations_pass_and_copies_and_other_people_do_not(with_it):
    images, labels = labelled()
    best = measure(partners, images, labels, NAMES)
    assert best.images == FACES and [answer.name for answer in best.answers] == list(NAMES)
    assert best.mean("there") > 0.93 and best.least("there").there >= 0.9
    assert best.mean("stayed") > 0.9 and best.least("stayed").stayed > 0.85
    assert min(best.accuracy.values()) > 0.95 and list(best.accuracy) == list(ATTRIBUTES)
    copy = measure(lambda x, _: x, images, labels, NAMES)
    assert copy.least("stayed").stayed == 1
    for answer, share in zip(copy.answers, labels.mean(0)):
        assert answer.there == pytest.approx(share if answer.name in HAIR else 0, abs=0.08)
    other = measure(lambda x, targets: np.roll(partners(x, targets), 1, axis=0), images, labels, NAMES)
    assert other.mean("stayed") < 0.2
    half = measure(lambda x, targets: (x + partners(x, targets)) / 2, images, labels, NAMES)
    assert half.mean("there") < 0.5


def test_larger_pictures_are_judged_alike(net):
    small, large = labelled(32)[0], labelled(64)[0]
    assert ((judge(net, small) > 0.5) == (judge(net, large) > 0.5)).mean() > 0.98


def test_what_counts(monkeypatch):
    """A judge that reads its answer from the picture."""
    monkeypatch.setattr(attributes, "train_judge", lambda *_: None)
    monkeypatch.setattr(attributes, "drawn_people", lambda *_: (np.zeros((2, 4, 8)), np.zeros((2, 4, 8))))
    monkeypatch.setattr(attributes, "judge", lambda _, x: x.reshape(len(x), -1)[:, :8])
    images = np.zeros((4, 3, 16, 16), np.float32)
    place = {name: (0, 0, ATTRIBUTES.index(name)) for name in ATTRIBUTES}

    def translate(x, targets):
        made = x.copy()
        for one, target in zip(made, targets):
            if target[0] and not target[1]:
                one[place["Black_Hair"]], one[place["Brown_Hair"]] = 0.9, 0.8  # another colour is no other attribute
            if target[1]:
                one[place["Smiling"]] = 0.7  # not sure enough
        made[0][place["Pale_Skin"]] = 0.6  # not asked for, and not even known to the translator
        return made

    report = measure(translate, images, np.array([[0, 0], [0, 0], [0, 1], [0, 1]]), ("Black_Hair", "Smiling"))
    assert report.answers == (Answer("Black_Hair", 0.5, 0.25), Answer("Smiling", 0.5, 0.75))


def test_the_report_for_people():
    answers = (Answer("Black_Hair", 0.9, 0.5), Answer("Male", 0.7, 0.8))
    lines = Report({"Black_Hair": 1.0, "Male": 0.98}, answers, 200).lines()
    assert lines == [
        "judge, trained on drawn people only: 99.0% of the attributes of held-out ones right, at worst 98.0% (Male)",
        "Black_Hair: as asked for in 90.0% of 200, all others stayed in 50.0%",
        "Male: as asked for in 70.0% of 200, all others stayed in 80.0%",
        "the attribute asked for is there: 80.0%, at worst 70.0% (Male)",
        "all the others have stayed: 65.0%, at worst 50.0% (Black_Hair)",
    ]
