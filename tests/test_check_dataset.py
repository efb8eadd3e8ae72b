"""What tools/check_dataset.py says of a dataset."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppstargan.data import checked, threads
from ppstargan.data.check import check_dataset
from ppstargan.data.checked import check_images
from ppstargan.errors import UserError

ROOT = Path(__file__).parents[1]


def noise(path: Path, width: int, height: int, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([*str(path).encode()]).integers(256, size=(height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def root(tmp_path):
    for number, (width, height) in enumerate([(10, 40), (12, 20), (31, 30), (14, 10)]):
        noise(tmp_path / "set" / "train" / "cat" / f"{number}.png", width, height)
    for name in ("train/猫 狗/0.png", "train/猫 狗/1.png", "val/cat/0.png", "val/猫 狗/0.png"):
        noise(tmp_path / "set" / name, 16, 8)
    return tmp_path / "set"


HEAD = "part   images   bad                  width                 height  domain"


def test_a_clean_dataset(root, capsys):
    assert check_dataset(root) == 0
    assert capsys.readouterr().out.splitlines() == [
        HEAD,
        "train       4     0           10 / 13 / 31           10 / 25 / 40  cat",
        "train       2     0           16 / 16 / 16              8 / 8 / 8  猫 狗",
        "val         1     0           16 / 16 / 16              8 / 8 / 8  cat",
        "val         1     0           16 / 16 / 16              8 / 8 / 8  猫 狗",
        "8 images, 0 of them bad; 0 in val that are in train too",
    ]


def test_bad_files_and_duplicates_are_named(root, capsys):
    bad = root / "train" / "cat" / "2.png", root / "val" / "cat" / "7.JPG"
    bad[0].write_bytes(bad[0].read_bytes()[:-200])
    bad[1].write_text("<html>")
    (root / "val" / "cat" / "9.jpg").touch()
    (root / "train" / "cat" / "9.jpg").touch()  # empty both, and no twins
    twin = root / "val" / "cat" / "other name.png"
    shutil.copy(root / "train" / "猫 狗" / "1.png", twin)
    turned = Image.Exif()
    turned[0x0112] = 6
    noise(root / "val" / "猫 狗" / "turned.jpg", 100, 50, exif=turned)
    assert check_dataset(root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "train 5 2 10 / 12 / 14 10 / 20 / 40 cat",
        "train 2 0 16 / 16 / 16 8 / 8 / 8 猫 狗",
        "val 4 2 16 / 16 / 16 8 / 8 / 8 cat",
        "val 2 0 16 / 33 / 50 8 / 54 / 100 猫 狗",
    ]
    named = [line for line in lines if line.startswith("bad: ")]
    assert len(named) == 4
    for path, reason in (*zip(bad, ("truncated", "not an image")), (root / "val/cat/9.jpg", "empty (0 bytes)")):
        assert sum(line.startswith(f"bad: {path} (") and reason in line for line in named) == 1
    assert [line for line in lines if line.startswith("in train")] == [
        f"in train and in val: {root / 'train' / '猫 狗' / '1.png'} = {twin}"
    ]
    assert lines[-1] == "13 images, 4 of them bad; 1 in val that are in train too"


def test_pictures_of_one_colour_and_transparent_ones_are_counted(root, capsys):
    cats = root / "train" / "cat"
    Image.new("RGB", (64, 64), (9, 80, 200)).save(cats / "flat.jpg")
    Image.effect_noise((64, 64), 1).save(cats / "noisy black.png")
    speck = Image.new("L", (200, 200))
    speck.putpixel((3, 3), 255)
    speck.save(cats / "speck.png")
    Image.new("RGB", (640, 64)).save(root / "val" / "cat" / "black.png")
    Image.effect_noise((64, 64), 20).save(cats / "picture.png")
    clear = Image.open(cats / "3.png").copy()
    clear.putalpha(254)
    clear.save(cats / "clear.png")
    clear.putalpha(255)
    clear.save(cats / "opaque.png")
    (cats / "x.heic").write_bytes(b"no image")
    assert check_dataset(root) == 0
    said = capsys.readouterr()
    assert said.err == f"{cats}: passed over 1 file that is no image to be read: 1 .heic\n"
    flat = ", ".join(str(cats / name) for name in ("flat.jpg", "noisy black.png", "speck.png"))
    assert said.out.splitlines()[-3:] == [
        f"4 of nearly one colour: {flat}, {root / 'val' / 'cat' / 'black.png'}",
        f"1 transparent in places, and trained on with the colours that they hide there: {cats / 'clear.png'}",
        "15 images, 0 of them bad; 0 in val that are in train too",
    ]


def test_a_domain_of_bad_files_has_no_sizes(root, capsys):
    (root / "val" / "cat" / "0.png").write_bytes(b"")
    assert check_dataset(root) == 1
    assert capsys.readouterr().out.splitlines()[3].split() == ["val", "1", "1", "-", "-", "cat"]


def test_parts_that_disagree_are_named_below_the_table(root, capsys):
    noise(root / "val" / "lion" / "0.png", 9, 9)
    with pytest.raises(UserError, match="train has the domains cat, 猫 狗, and val has cat, lion, 猫 狗"):
        check_dataset(root)
    assert "  lion\n" in capsys.readouterr().out


def test_order_and_progress_of_a_large_set(tmp_path, monkeypatch, capsys):
    paths = [noise(tmp_path / f"{width}.png", width, 5) for width in range(1, 12)]
    monkeypatch.setattr(threads, "AT_A_TIME", 4)
    monkeypatch.setattr(threads, "PROGRESS_SECONDS", 0)
    assert [(checked.path, checked.width) for checked in check_images(paths)] == list(zip(paths, range(1, 12)))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "checked 1 of 11 images" and said[-1] == "checked 11 of 11 images"


def test_stopping_leaves_the_rest_unread(monkeypatch):
    read = []

    def slow(path):
        time.sleep(0.01)
        read.append(path)
        return checked.Checked(path)

    monkeypatch.setattr(checked, "_check", slow)
    checks = check_images(range(500))
    next(checks)
    checks.close()
    assert len(read) < 200


def test_the_tool(root):
    def tool(*arguments):
        command = [sys.executable, "tools/check_dataset.py", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100)

    (root / "train" / "cat" / "4.png").touch()
    damaged = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"  # which Pillow would warn of
    noise(root / "train" / "cat" / "5.jpg", 20, 20, exif=damaged)
    done = tool(root)
    assert done.returncode == 1 and done.stderr == ""
    assert (
        done.stdout.startswith(HEAD) and "4.png (the file is empty (0 bytes))\n10 images, 1 of them bad" in done.stdout
    )
    done = tool(root / "none")
    assert done.returncode == 1 and re.fullmatch(
        r"error: dataset folder /.*/none/train does not exist; .+\n", done.stderr
    )
