"""The drawn ponies, cats and lions: unpaired on disk, every pony with a partner that the judge can draw."""

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.drawn import rng_of
from ppstargan.data.ponies import draw_pony, partners, write_ponies
from ppstargan.data.sides import read_sides
from ppstargan.data.toy import draw_face, write_cats_lions
from ppstargan.errors import UsageError, UserError

SMALL = {"size": 16, "train_count": 3, "test_count": 2, "seed": 4}


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.png"))}


def ponies(side, count, size=32, seed=0):
    """[count, size, size, 3] in [-1, 1]."""
    return np.stack([draw_pony(side, size, np.random.default_rng([seed, i])) for i in range(count)]) / 127.5 - 1


@pytest.mark.parametrize("side", [0, 1])
def test_a_pony_is_the_same_at_any_size(side):
    for seed in range(4):
        large, small = (draw_pony(side, size, np.random.default_rng(seed)) for size in (256, 32))
        assert large.shape == (256, 256, 3) and small.shape == (32, 32, 3) and small.dtype == np.uint8
        shrunk = np.asarray(Image.fromarray(large).resize((32, 32), Image.Resampling.BOX))
        assert np.abs(shrunk.astype(int) - small).mean() < 8  # another pony is 40 away


def test_partners_differ_in_the_pony_alone():
    plain, striped = ponies(0, 40), ponies(1, 40)
    away = np.abs(plain - striped).mean(3)
    changed = (away > 0.05).mean((1, 2))
    assert (changed > 0.25).all() and (changed < 0.5).all()
    assert ((away < 0.02).mean((1, 2)) > 0.45).all()  # sky and meadow
    assert away.mean() > 0.2


def test_ponies_differ_widely_and_look_both_ways():
    for side in (0, 1):
        drawn = ponies(side, 60)
        distances = [np.abs(drawn[i] - drawn[i + 30]).mean() for i in range(30)]
        assert np.mean(distances) > 0.2 and min(distances) > 0.08
    drawn = ponies(1, 60, size=64)
    dark = (drawn < -0.6).all(3)[:, :32]  # manes, which are on the side that it looks to
    left = dark[:, :, :32].sum((1, 2)) > dark[:, :, 32:].sum((1, 2))
    assert 0.25 < left.mean() < 0.75


def test_stripes_make_the_coat_alternate():
    """Along the middle of the body a striped pony goes from light to dark and back; a plain one does not."""
    grey = [ponies(side, 40, size=64).mean(3)[:, 28:42, 20:44] for side in (0, 1)]
    turns = [np.abs(np.diff(part, axis=2)).mean() for part in grey]
    assert turns[1] > 3 * turns[0]


@pytest.mark.parametrize("write", [write_ponies, write_cats_lions])
def test_what_is_written(write, tmp_path):
    for name, changes in (("a", {}), ("b", {}), ("more", {"train_count": 5}), ("other", {"seed": 5})):
        assert write(tmp_path / name, **{**SMALL, **changes}) is True
    a, b, more, other = (files(tmp_path / name) for name in ("a", "b", "more", "other"))
    counts = {"testA": 2, "testB": 2, "trainA": 3, "trainB": 3}
    assert list(a) == [f"{folder}/0000{i}.png" for folder, count in counts.items() for i in range(count)]
    assert len(set(a.values())) == 10 and a == b
    assert all(more[path] == a[path] and other[path] != a[path] for path in a)
    found = read_sides(tmp_path / "a")
    assert [len(found.train[side]) for side in "AB"] == [3, 3] and [len(found.val[side]) for side in "AB"] == [2, 2]
    assert write(tmp_path / "a", **SMALL) is False
    with pytest.raises(UserError, match="a holds something else than the toy"):
        write(tmp_path / "a", **{**SMALL, "size": 24})
    for key, value in (("size", 7), ("train_count", 1), ("test_count", 0), ("seed", -1)):
        with pytest.raises(UsageError, match=f"is {value}; give"):
            write(tmp_path / "new", **{**SMALL, key: value})
    assert not (tmp_path / "new").exists()


def test_sides_are_what_they_should_be(tmp_path):
    write_ponies(tmp_path / "ponies", **SMALL)
    write_cats_lions(tmp_path / "cats", **SMALL)
    for side, letter, kind in ((0, "A", "cat"), (1, "B", "lion")):
        pony = np.asarray(Image.open(tmp_path / f"ponies/train{letter}/00002.png"))
        assert (pony == draw_pony(side, 16, rng_of(4, "train", side, 2))).all()
        face = np.asarray(Image.open(tmp_path / f"cats/test{letter}/00001.png"))
        assert (face == draw_face(kind, 16, rng_of(4, "test", side, 1))).all()


def test_the_partners_of_the_test_images(tmp_path):
    write_ponies(tmp_path / "ponies", **{**SMALL, "size": 32, "test_count": 4})
    everything = set(files(tmp_path / "ponies").values())
    for side, letter in enumerate("AB"):
        true = partners(tmp_path / "ponies", side)
        assert true.shape == (4, 32, 32, 3)
        for index, image in enumerate(true):
            test = np.asarray(Image.open(tmp_path / f"ponies/test{letter}/0000{index}.png"))
            away = np.abs(test.astype(int) - image).mean(2)
            assert (away < 3).mean() > 0.45 and away.mean() > 10  # the same meadow, another coat
            for other in sorted((tmp_path / "ponies").rglob("*.png")):  # who trains sees none of them
                assert np.abs(np.asarray(Image.open(other)).astype(int) - image).mean() > 5
    assert len(everything) == 14


def test_partners_of_another_set(tmp_path):
    write_cats_lions(tmp_path / "cats", **SMALL)
    for folder in ("cats", "none"):
        with pytest.raises(UserError, match=f"{folder} does not hold the toy ponies; draw them by"):
            partners(tmp_path / folder, 0)
