"""What tools/check_dataset.py says of a folder of MNIST's files."""

import gzip

import numpy as np
import pytest
from test_idx import LABELS, NAMES, TEST, TRAIN, mnist, packed, write

from ppstargan.data import check_idx, idx
from ppstargan.data.check import check_dataset
from ppstargan.errors import UserError


def said(capsys):
    return capsys.readouterr().out.splitlines()


def test_a_clean_set(tmp_path, capsys):
    mnist(tmp_path)
    write(tmp_path, NAMES[3] + ".gz", np.where(LABELS == 4, 5, LABELS))
    assert check_dataset(tmp_path) == 0
    assert said(capsys) == [
        "train      30 pictures of 5 x 6 px, 10 classes",
        *[f"            3 of class {digit}" for digit in range(10)],
        "test       30 pictures of 5 x 6 px, 9 classes",
        *[f"      {6 if digit == 5 else 3:7} of class {digit}" for digit in range(10) if digit != 4],
        "60 pictures, 0 of them nearly uniform; 0 in test that are in train too",
    ]


def test_uniform_pictures_and_twins_are_named(tmp_path, capsys):
    mnist(tmp_path)
    train, test = TRAIN.copy(), TEST.copy()
    train[7], train[9] = 0, np.arange(30).reshape(6, 5) % 16 + 100
    train[10] = np.arange(30).reshape(6, 5) % 17 + 100  # a little more than that
    test[3] = test[29] = train[12]
    train[20] = train[12]
    write(tmp_path, NAMES[0] + ".gz", train)
    write(tmp_path, NAMES[2] + ".gz", test)
    assert check_dataset(tmp_path) == 0
    assert said(capsys)[-5:] == [
        "nearly uniform: train 7 (class 7)",
        "nearly uniform: train 9 (class 9)",
        "in train and in test: train 12 (class 2) = test 3 (class 6)",
        "in train and in test: train 12 (class 2) = test 29 (class 0)",
        "60 pictures, 2 of them nearly uniform; 2 in test that are in train too",
    ]


def test_of_very_many_a_few_are_named(tmp_path, monkeypatch, capsys):
    mnist(tmp_path)
    write(tmp_path, NAMES[0] + ".gz", np.zeros_like(TRAIN))
    monkeypatch.setattr(check_idx, "LISTED", 2)
    assert check_dataset(tmp_path) == 0
    lines = said(capsys)
    assert sum(line.startswith("nearly uniform: train") for line in lines) == 2
    assert lines[-2] == "and 28 more of this kind" and lines[-1].startswith("60 pictures, 30 of them nearly uniform")


def test_all_bad_files_are_named(tmp_path, capsys):
    mnist(tmp_path)
    (tmp_path / (NAMES[0] + ".gz")).write_bytes(gzip.compress(packed(TRAIN)[:-1]))
    (tmp_path / (NAMES[3] + ".gz")).write_bytes(b"")
    assert check_dataset(tmp_path) == 1
    lines = said(capsys)
    assert len(lines) == 3 and lines[-1] == "2 of 4 files bad"
    assert lines[0].startswith(f"bad: {tmp_path / NAMES[0]}.gz says that it holds 30 x 6 x 5 values, and ends after 8")
    assert lines[1] == f"bad: {tmp_path / NAMES[3]}.gz is empty; get it again"


def test_files_that_do_not_fit_and_missing_ones(tmp_path):
    mnist(tmp_path)
    write(tmp_path, NAMES[1] + ".gz", LABELS[:29])
    with pytest.raises(UserError, match=r"30 pictures, and .* 29 labels"):
        check_dataset(tmp_path)
    (tmp_path / (NAMES[1] + ".gz")).unlink()
    with pytest.raises(UserError, match=f"lacks {NAMES[1]}.gz"):
        check_dataset(tmp_path)


def test_emnist_is_checked_upright(tmp_path, capsys):
    mnist(tmp_path, lambda name: f"emnist-digits-{name.replace('t10k', 'test')}.gz")
    assert check_dataset(tmp_path) == 0
    assert said(capsys)[0] == "train      30 pictures of 6 x 5 px, 10 classes"
    assert idx.read(tmp_path).train.images.shape == (30, 5, 6)
