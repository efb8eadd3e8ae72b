"""MNIST's files as people have them, and what is said of bad ones."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from ppstargan.data import idx
from ppstargan.errors import UserError

RNG = np.random.default_rng(0)
TRAIN, TEST = RNG.integers(256, size=(2, 30, 6, 5), dtype=np.uint8)
LABELS = np.tile(np.arange(10, dtype=np.uint8), 3)
NAMES = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def packed(values, kind=8, shape=None):
    shape = values.shape if shape is None else shape
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + values.tobytes()


def write(root, name, values):
    root.mkdir(exist_ok=True, parents=True)
    content = values if isinstance(values, bytes) else packed(values)
    (root / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def mnist(root, name=lambda name: name + ".gz"):
    for usual, values in zip(NAMES, (TRAIN, LABELS, TEST, LABELS[::-1])):
        write(root, name(usual), values)
    return root


def refused(root, words=(), call=idx.read):
    with pytest.raises(UserError) as caught:
        call(root)
    said = str(caught.value)
    assert "\n" not in said and all(word in said for word in words), said
    return said


@pytest.mark.parametrize(
    "name",
    [
        lambda name: name + ".gz",
        lambda name: name,
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("-idx", ".idx") + ".gz",
        lambda name: f"emnist-digits-{name.replace('t10k', 'test')}.gz",
        lambda name: f"{name}/{name.replace('-idx', '.idx')}",  # as some unpackers leave it
        lambda name: name.upper() + ".GZ",
    ],
)
def test_names_that_people_have(tmp_path, name):
    for usual, values in zip(NAMES, (TRAIN, LABELS, TEST, LABELS[::-1])):
        path = tmp_path / name(usual)
        write(path.parent, path.name, values)
    assert idx.is_idx(tmp_path)
    got = idx.read(tmp_path)
    turned = (0, 2, 1) if "emnist" in name("") else (0, 1, 2)
    assert got.train.images.dtype == got.test.labels.dtype == np.uint8
    assert (got.train.images == TRAIN.transpose(turned)).all() and (got.test.images == TEST.transpose(turned)).all()
    assert (got.train.labels == LABELS).all() and (got.test.labels == LABELS[::-1]).all()


def test_pictures_by_class(tmp_path):
    got = idx.read(mnist(tmp_path))
    train, test = got.by_class("train"), got.by_class("test")
    assert list(train) == list(test) == got.names == [str(digit) for digit in range(10)]
    assert all(isinstance(images, list) and len(images) == 3 for images in train.values())
    assert (np.stack(train["7"]) == TRAIN[[7, 17, 27]]).all() and (np.stack(test["7"]) == TEST[[2, 12, 22]]).all()


def test_names_of_many_classes_sort_as_their_numbers(tmp_path):
    mnist(tmp_path)
    write(tmp_path, NAMES[1] + ".gz", np.arange(1, 31, dtype=np.uint8))  # the letters of EMNIST begin with 1
    write(tmp_path, NAMES[3] + ".gz", np.full(30, 12, np.uint8))
    got = idx.read(tmp_path)
    assert got.names == sorted(got.names) == [f"{label:02d}" for label in range(1, 31)]
    assert len(got.by_class("test")["12"]) == 30 and got.by_class("test")["01"] == []


def test_as_many_as_mnist_has_come_by_class_at_once(tmp_path, monkeypatch):
    images = np.zeros((60000, 28, 28), np.uint8)
    digits = idx.Digits(idx.Part(images, np.resize(LABELS, 60000)), None, [str(i) for i in range(10)])
    calls = []
    monkeypatch.setattr(idx, "list", lambda values: calls.append(len(values)) or list(values), raising=False)
    found = digits.by_class("train")
    assert calls == [6000] * 10  # a class at a time, and no picture is copied by itself
    assert all(image.base is not None for image in found["3"][:5])


def test_files_that_a_browser_has_unpacked_keep_their_names(tmp_path):
    mnist(tmp_path)
    (tmp_path / (NAMES[0] + ".gz")).write_bytes(packed(TRAIN))
    (tmp_path / NAMES[3]).write_bytes(gzip.compress(packed(LABELS)))
    assert (idx.read(tmp_path).train.images == TRAIN).all()


def test_of_both_forms_the_unpacked_one_is_read(tmp_path):
    mnist(tmp_path)
    write(tmp_path, NAMES[0], TEST)
    assert (idx.read(tmp_path).train.images == TEST).all()


def test_other_folders_are_none(tmp_path):
    (tmp_path / "train" / "cat").mkdir(parents=True)
    (tmp_path / "train-images.png").touch()
    assert not idx.is_idx(tmp_path) and not idx.is_idx(tmp_path / "none") and not idx.is_idx(tmp_path / "x.png")
    refused(tmp_path, [str(tmp_path), "holds no files of MNIST's form", "download.py mnist"])
    refused(tmp_path / "none", ["is no folder"])
    mnist(tmp_path / "MNIST" / "raw")
    refused(tmp_path, [f"they are in {tmp_path / 'MNIST' / 'raw'}: give that"])


def test_sets_are_not_mixed(tmp_path):
    mnist(tmp_path)
    mnist(tmp_path, lambda name: "emnist-letters-" + name)
    refused(tmp_path, ["several sets: MNIST, emnist-letters"])


@pytest.mark.parametrize("gone", range(4))
def test_a_missing_partner(tmp_path, gone):
    mnist(tmp_path)
    (tmp_path / (NAMES[gone] + ".gz")).unlink()
    refused(tmp_path, [f"{tmp_path} lacks {NAMES[gone]}.gz", NAMES[gone - 1], "add it"])


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    "number, content, words",
    [
        (0, packed(TRAIN)[:-1], ["30 x 6 x 5 values", "ends after 899", "cut short"]),
        (0, packed(TRAIN) + b"x", ["30 x 6 x 5 values", "goes on after them"]),
        (0, packed(TRAIN)[:11], ["cut short"]),
        (0, packed(TRAIN)[:3], ["begins with b'\\x00\\x00\\x08'", "get it again"]),
        (1, packed(LABELS)[:7], ["cut short"]),
        (0, b"", ["is empty"]),
        (0, packed(LABELS), ["holds labels, not images (uint8 of 3 sides)", "mixed up"]),
        (1, packed(TRAIN), ["holds images, not labels (uint8 of 1 sides)", "mixed up"]),
        (0, packed(TRAIN, 0x0D), ["holds float32 values of 3 sides, not images"]),
        (0, packed(TRAIN, shape=(30, 6, 5, 1)), ["holds uint8 values of 4 sides, not images"]),
        (0, packed(TRAIN, 0x07), ["begins with b'\\x00\\x00\\x07\\x03'"]),
        (2, b"<!DOCTYPE html>\n<p>404", ["begins with b'<!DO'", "a web page, maybe"]),
        (0, packed(TRAIN[:29]), ["29 pictures", "30 labels"]),
        (1, packed(LABELS[:28]), ["30 pictures", "28 labels"]),
        (0, packed(TRAIN[:0]), ["0 x 6 x 5 values: nothing"]),
        (0, packed(TRAIN, shape=(2**32 - 1,) * 3), ["4294967295 x 4294967295 x 4294967295", "far more"]),
        (2, packed(TEST[:, :5]), ["6 x 5 px", "of 5 x 5"]),
        (3, packed(LABELS + 1), ["the label 10, which no training picture has"]),
    ],
)
def test_bad_files_are_named(tmp_path, number, content, words, ending):
    mnist(tmp_path, lambda name: name + ending)
    path = tmp_path / (NAMES[number] + ending)
    path.write_bytes(gzip.compress(content) if ending else content)
    refused(tmp_path, [str(path), *words])


def test_gzip_that_is_none_or_damaged(tmp_path):
    path = mnist(tmp_path) / (NAMES[0] + ".gz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    refused(tmp_path, [str(path), "cut short"])
    path.write_bytes(whole[:5])
    refused(tmp_path, [str(path), "cut short"])
    path.write_bytes(whole[:200] + bytes(50) + whole[250:])
    refused(tmp_path, [str(path), "get it again"])
    path.write_bytes(whole[:-8] + b"abcd" + whole[-4:])  # the checksum
    refused(tmp_path, [str(path), "CRC"])
    path.write_bytes(b"PK\x03\x04" + whole)
    refused(tmp_path, [str(path), "neither gzip nor an idx file", "PK"])
    path.unlink()
    path.mkdir()
    refused(tmp_path, ["lacks", NAMES[0]])


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_no_header_asks_for_all_memory(tmp_path, ending):
    path = mnist(tmp_path, lambda name: name + ending) / (NAMES[0] + ending)
    for shape in ((2**31, 1, 1), (2**20, 28, 28), (3_000_000_000, 1, 1)):
        content = packed(TRAIN, shape=shape)
        path.write_bytes(gzip.compress(content) if ending else content)
        tracemalloc.start()
        refused(tmp_path, [str(path), "far more than it has room for"])
        assert tracemalloc.get_traced_memory()[1] < 1e7
        tracemalloc.stop()
