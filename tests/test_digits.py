"""The drawn digits: that they look like digits, vary, and come to disk as MNIST does."""

import gzip

import cv2
import numpy as np
import pytest
from PIL import Image

from ppstargan.data import digits, idx
from ppstargan.data.digits import draw_digit, write_digits
from ppstargan.errors import UsageError, UserError

SMALL = {"size": 12, "train_count": 3, "test_count": 2, "seed": 4}
FILES = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "toy.json"]
FILES += ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]


def drawn(label, count, size=28, seed=0):
    """uint8 [count, size, size]."""
    return np.stack([draw_digit(label, size, np.random.default_rng([seed, label, i])) for i in range(count)])


def pieces(image):
    """How many pieces the ink makes, those that touch at a corner being one."""
    return cv2.connectedComponents((image > 60).astype(np.uint8), connectivity=8)[0] - 1


def holes(image):
    """Closed areas of the background: a frame of it is around everything."""
    dark = np.pad(image < 100, 1, constant_values=True)
    return cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)[0] - 2


@pytest.mark.parametrize("label", range(10))
def test_digits_are_white_on_black_as_in_mnist(label):
    images = drawn(label, 40)
    assert images.dtype == np.uint8 and images.shape == (40, 28, 28)
    for image in images:
        assert image.max() > 200 and (image == 0).mean() > 0.4
        assert not image[:1].any() and not image[-1:].any() and not image[:, :1].any() and not image[:, -1:].any()
        grey = (image > 0) & (image < image.max())
        assert 0.2 < grey.sum() / (image > 0).sum()  # soft edges
        rows, columns = np.flatnonzero((image > 100).any(1)), np.flatnonzero((image > 100).any(0))
        assert 16 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 26
    assert 0.08 < (images > 127).mean() < 0.25 or label == 1


@pytest.mark.parametrize("label", range(10))
def test_digits_of_a_class_differ_widely(label):
    images = drawn(label, 60) / 127.5 - 1
    distances = [np.abs(images[i] - images[i + 30]).mean() for i in range(30)]
    assert np.mean(distances) > 0.12 and min(distances) > 0.02


def test_each_digit_has_the_topology_of_its_class():
    large = {label: drawn(label, 40, 64) for label in range(10)}
    count = {label: np.array([holes(image) for image in images]) for label, images in large.items()}
    for label, usual in ((0, 1), (1, 0), (3, 0), (5, 0), (6, 1), (7, 0), (8, 2), (9, 1)):
        assert (count[label] == usual).mean() >= 0.8, (label, count[label])
    assert {0, 1} <= set(count[2]) and {0, 1} <= set(count[4])  # with a loop and without; open and closed
    joined = [pieces(image) == 1 for label in range(10) for image in large[label]]
    assert np.mean(joined) > 0.98


def test_sevens_have_a_bar_or_none_and_ones_a_foot_or_none():
    def crossed(image):  # ink on both sides of the stem in a row of the middle
        rows = [np.ptp(np.flatnonzero(row > 100)) if (row > 100).any() else 0 for row in image[26:40]]
        return max(rows)

    def foot(image):
        below = np.flatnonzero((image > 100).any(1))[-5]
        return np.ptp(np.flatnonzero(image[below] > 100))

    def split(values):  # both kinds are there, and each is no rarity
        return min(np.mean(np.array(values) > 15), np.mean(np.array(values) <= 15))

    assert split([crossed(image) for image in drawn(7, 60, 64)]) > 0.1
    assert split([foot(image) for image in drawn(1, 60, 64)]) > 0.1


@pytest.mark.parametrize("label", range(10))
def test_a_digit_is_the_same_at_any_size(label):
    for seed in range(4):
        large, small = (draw_digit(label, size, np.random.default_rng(seed)) for size in (224, 28))
        shrunk = np.asarray(Image.fromarray(large).resize((28, 28), Image.Resampling.BOX))
        assert np.abs(shrunk.astype(int) - small).mean() < 4  # another digit is 30 away
    assert draw_digit(label, 9, np.random.default_rng(0)).shape == (9, 9)


def test_classes_are_told_apart_by_their_neighbours():
    def flat(images):
        grey = images.reshape(len(images), -1).astype(float)
        return grey / np.linalg.norm(grey, axis=1, keepdims=True)

    known = np.concatenate([flat(drawn(label, 100)) for label in range(10)])
    asked = np.concatenate([flat(drawn(label, 20, seed=1)) for label in range(10)])
    nearest = np.argmax(asked @ known.T, axis=1) // 100
    assert (nearest == np.repeat(range(10), 20)).mean() > 0.9


def test_write_digits(tmp_path):
    root = tmp_path / "new" / "digits"
    assert write_digits(root, **SMALL) is True
    assert sorted(path.name for path in root.iterdir()) == FILES
    content = gzip.decompress((root / "train-images-idx3-ubyte.gz").read_bytes())
    assert content[:16].hex() == "000008030000001e0000000c0000000c" and len(content) == 16 + 30 * 144
    content = gzip.decompress((root / "t10k-labels-idx1-ubyte.gz").read_bytes())
    assert content.hex() == "0000080100000014" + 2 * "00010203040506070809"
    read = idx.read(root)
    assert (read.train.images[13] == draw_digit(3, 12, np.random.default_rng([4, 0, 3, 1]))).all()
    assert (read.test.images[9] == draw_digit(9, 12, np.random.default_rng([4, 1, 9, 0]))).all()
    assert len({image.tobytes() for image in (*read.train.images, *read.test.images)}) == 50
    assert [path.name for path in root.parent.iterdir()] == ["digits"]


def test_the_seed_decides_and_counts_do_not_change_earlier_digits(tmp_path):
    for name, changes in (("a", {}), ("b", {}), ("more", {"train_count": 5}), ("other", {"seed": 5})):
        write_digits(tmp_path / name, **{**SMALL, **changes})
    a, b, more, other = (idx.read(tmp_path / name).train.images for name in ("a", "b", "more", "other"))
    assert (a == b).all() and (more[:30] == a).all() and len(more) == 50
    assert (a != other).any(axis=(1, 2)).all()


def test_the_same_set_is_not_drawn_again_and_others_are_not_overwritten(tmp_path):
    root = tmp_path / "digits"
    write_digits(root, **SMALL)
    (root / FILES[0]).write_bytes(b"kept")
    assert write_digits(root, **SMALL) is False
    for key in SMALL:
        with pytest.raises(UserError, match="digits holds something else than the toy digits"):
            write_digits(root, **{**SMALL, key: SMALL[key] + 8})
    assert (root / FILES[0]).read_bytes() == b"kept"


def test_bad_numbers(tmp_path):
    for key, value in (("size", 7), ("train_count", 1), ("test_count", 0), ("seed", -1)):
        name = key.partition("_")[0]
        with pytest.raises(UsageError, match=f"^toy digits: {name} is {value}; give"):
            write_digits(tmp_path / "digits", **{**SMALL, key: value})
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_an_interrupted_run(tmp_path, monkeypatch):
    def interrupted(path, values):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(digits, "_write_idx", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_digits(tmp_path / "digits", **SMALL)
    assert list(tmp_path.iterdir()) == []
