"""What tools/check_dataset.py says of pairs, and of two sides: the drawn ones, and what users have by mistake."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.check import check_dataset
from ppstargan.data.outlines import write_outlines
from ppstargan.data.ponies import write_ponies
from ppstargan.errors import UserError


def noise(path, width=16, height=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([*str(path).encode()]).integers(256, size=(height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def outlines(tmp_path):
    write_outlines(tmp_path / "outlines", size=16, train_count=4, val_count=2, seed=0)
    return tmp_path / "outlines"


@pytest.fixture
def two_folders(tmp_path):
    for part, count in (("train", 3), ("val", 2)):
        for side in "AB":
            for number in range(count):
                noise(tmp_path / "set" / side / part / f"{number}.png", 20, 10)
    return tmp_path / "set"


def said(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_drawn_pairs_are_clean(outlines, capsys):
    assert check_dataset(outlines) == 0
    lines = said(capsys)
    assert lines[1:3] == ["train 4 0 16 / 16 / 16 16 / 16 / 16 pairs", "val 2 0 16 / 16 / 16 16 / 16 / 16 pairs"]
    assert lines[3:] == ["6 pairs, 0 of them bad; 0 in val that are in train too"]


def test_halves_and_unreadable_files(outlines, capsys):
    odd, half, gone = (outlines / "train" / name for name in ("odd.png", "half.jpg", "gone.png"))
    noise(odd, 31, 16)
    half.write_bytes(noise(outlines / "train/00000.png", 32, 16).read_bytes()[:-100])
    gone.touch()
    twin = outlines / "val" / "twin.png"
    shutil.copy(outlines / "train/00003.png", twin)
    flat = Image.open(twin).copy()
    flat.paste((200, 90, 9), (16, 0, 32, 16))  # one half
    flat.save(outlines / "val" / "flat.png")
    assert check_dataset(outlines) == 1
    lines = said(capsys)
    assert lines[1].startswith("train 7 3 ") and lines[2].startswith("val 4 0 ")
    bad = {line.split(" (")[0]: line for line in lines if line.startswith("bad: ")}
    assert list(bad) == [f"bad: {path}" for path in (gone, half, odd)]
    assert f"bad: {odd} (is 31 px wide, and so has no two halves" in bad[f"bad: {odd}"]
    assert "(the file is empty (0 bytes))" in bad[f"bad: {gone}"]
    assert f"in train and in val: {outlines / 'train/00003.png'} = {twin}" in lines
    assert f"1 of nearly one colour: {outlines / 'val/flat.png'}" in lines
    assert lines[-1] == "11 pairs, 3 of them bad; 1 in val that are in train too"


def test_pairs_in_two_folders(two_folders, capsys):
    assert check_dataset(two_folders) == 0
    assert said(capsys)[1] == "train 3 0 20 / 20 / 20 10 / 10 / 10 pairs"
    lone = noise(two_folders / "A" / "train" / "7.png", 20, 10)
    other = noise(two_folders / "B" / "val" / "8.png", 20, 10)
    larger = noise(two_folders / "B" / "train" / "1.png", 40, 20)
    broken = two_folders / "B" / "train" / "2.png"
    broken.write_text("<html>")
    for side in "AB":
        shutil.copy(two_folders / side / "train" / "0.png", two_folders / side / "val" / "1.png")
        shutil.copy(two_folders / "A" / "train" / "0.png", two_folders / "A" / "val" / "0.png")  # A alone is no twin
    assert check_dataset(two_folders) == 1
    lines = said(capsys)
    assert lines[1].startswith("train 4 3 ") and lines[2].startswith("val 3 1 ")
    assert f"bad: {lone} (has no partner in {two_folders / 'B' / 'train'})" in lines
    assert f"bad: {other} (has no partner in {two_folders / 'A' / 'val'})" in lines
    first = two_folders / "A" / "train" / "1.png"
    assert f"bad: {larger} (has 40 x 20 px, and its partner {first} 20 x 10 px)" in lines
    assert any(line.startswith(f"bad: {broken} (not an image") for line in lines)
    twins = [line for line in lines if line.startswith("in train and in val")]
    assert twins == [f"in train and in val: {two_folders / 'A/train/0.png'} = {two_folders / 'A/val/1.png'}"]
    assert lines[-1] == "7 pairs, 4 of them bad; 1 in val that are in train too"


@pytest.mark.parametrize("layout", ["{part}/{side}", "{part}{side}"])
def test_what_may_be_sides_is_checked_as_pairs_where_that_is_asked_for(layout, two_folders, tmp_path, capsys):
    for part in ("train", "val"):
        for side in "AB":
            there = tmp_path / "other" / layout.format(part=part, side=side)
            shutil.copytree(two_folders / side / part, there)
    noise(tmp_path / "other" / layout.format(part="val", side="A") / "lone.png")
    assert check_dataset(tmp_path / "other") == 0
    assert said(capsys)[-1] == "11 images, 0 of them bad; 0 in val that are in train too"
    assert check_dataset(tmp_path / "other", pairs=True) == 1
    assert said(capsys)[-1] == "6 pairs, 1 of them bad; 0 in val that are in train too"


def test_pairs_of_which_a_side_is_missing(two_folders):
    shutil.rmtree(two_folders / "B" / "val")
    with pytest.raises(UserError, match=r"/A/val is there, and no .*/B/val; pairs need both"):
        check_dataset(two_folders)


def test_drawn_sides_with_mistakes(tmp_path, capsys):
    root = tmp_path / "ponies"
    write_ponies(root, size=16, train_count=3, test_count=2)
    assert check_dataset(root) == 0
    assert said(capsys)[-1] == "10 images, 0 of them bad; 0 in val that are in train too"
    shutil.copy(root / "trainB/00001.png", root / "testB/other.png")
    (root / "trainA/00002.png").write_bytes((root / "trainA/00002.png").read_bytes()[:300])
    assert check_dataset(root) == 1
    lines = said(capsys)
    assert f"in train and in val: {root / 'trainB/00001.png'} = {root / 'testB/other.png'}" in lines
    assert [line.split(" (")[0] for line in lines if line.startswith("bad: ")] == [f"bad: {root / 'trainA/00002.png'}"]
    assert lines[-1] == "11 images, 1 of them bad; 1 in val that are in train too"
    for path in (root / "trainB").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"domain B has no images in .*trainB, 1 needed; add images"):
        check_dataset(root)
    (root / "trainB").rmdir()
    with pytest.raises(UserError, match="holds trainA, and trainA and trainB are needed"):
        check_dataset(root)
