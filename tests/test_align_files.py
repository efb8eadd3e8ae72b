"""Aligning photographs: files in and out, what is said of each, and the tool."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import skimage.data
from drawn_photos import MEAN, Seer, check_aligned, drawn
from PIL import Image

from ppstargan import checkpoint
from ppstargan.errors import UsageError, UserError
from ppstargan.face import find, photos
from ppstargan.face.draw import PANEL, debug_sheet
from ppstargan.face.find import Square
from ppstargan.face.mean import mean_landmarks
from ppstargan.face.weights import load_fan
from ppstargan.nets.fan import FAN
from ppstargan.pictures import GAP

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def fan():
    return Seer()


def test_names_stay_relative(tmp_path):
    for name in ("in/a.jpg", "in/deep/er/b.PNG", "in/deep/c.bmp", "d.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    jobs = photos.find_jobs([tmp_path / "in", tmp_path / "d.webp"], tmp_path / "out")
    names = [job.target.relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert names == ["a.jpg", "deep/c.png", "deep/er/b.PNG", "d.webp"]
    assert [job.name.name for job in jobs] == ["a.jpg", "c.bmp", "b.PNG", "d.webp"]


def test_names_that_would_meet(tmp_path):
    for name in ("in/a.png", "in/a.bmp", "other/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"a\.bmp and .*a\.png would both be .*out/a\.png"):
        photos.find_jobs([tmp_path / "in"], tmp_path / "out")
    with pytest.raises(UsageError, match="lies in --out"):
        photos.find_jobs([tmp_path / "other" / "a.png"], tmp_path / "other")
    with pytest.raises(UsageError, match="outside it"):
        photos.find_jobs([tmp_path / "in"], tmp_path / "in" / "out")


def test_each_photograph_has_its_line_and_bad_ones_are_left_out(tmp_path, fan, capsys, monkeypatch):
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    drawn(300, 200, 190, (150, 100)).save(source / "b.png")
    (source / "a.jpg").write_bytes(b"no image")
    Image.new("RGB", (90, 90), (0, 0, 255)).save(source / "c.png")
    drawn(200, 300, 190, (100, 150)).save(source / "sub" / "d.webp")
    boxes = {300: [Square(50, 0, 190), Square(0, 0, 60)]}
    monkeypatch.setattr(photos, "frontal_faces", lambda photo: boxes.get(photo.width, []))
    jobs = photos.find_jobs([source], tmp_path / "out")
    assert photos.align_files(jobs, fan, MEAN, 64, 0.1, tmp_path / "debug") == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[0].startswith("b.png: landmarks 0.9")
    assert "2 faces seen, the one around (1" in said.out.splitlines()[0]
    assert said.out.splitlines()[1].startswith("sub/d.webp: ") and "no upright frontal face" in said.out
    assert len(said.out.splitlines()) == 2
    assert f"a.jpg: left out: cannot read image {source / 'a.jpg'}" in said.err.splitlines()[0]
    assert said.err.splitlines()[1] == "c.png: left out: no face: the landmarks are 0.00 high, and --min-height is 0.1"
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["b.png", "sub/d.webp"]
    assert sorted(path.name for path in (tmp_path / "debug").rglob("*.*")) == ["b.png.png", "c.png.png", "d.webp.png"]
    check_aligned(np.asarray(Image.open(tmp_path / "out" / "b.png")), 0.03)


def test_a_disk_that_takes_nothing_stops_the_run(tmp_path, fan):
    drawn(200, 200, 190, (100, 100)).save(tmp_path / "a.png")
    (tmp_path / "out").touch()  # a file, where a folder has to be made
    jobs = photos.find_jobs([tmp_path / "a.png"], tmp_path / "out")
    with pytest.raises(UserError, match="cannot write"):
        photos.align_files(jobs, fan, MEAN, 64, 0.1)


def test_the_debug_sheet_shows_landmarks_masks_boxes_and_frame(fan):
    photo = drawn(400, 200, 200, (200, 100))
    face = find.look(fan, photo, find.whole(photo))
    corners = photos.frame(face.landmarks, MEAN)
    np.testing.assert_allclose(corners, [(100, 0), (300, 0), (300, 200), (100, 200)], atol=4)
    aligned = np.full((64, 64, 3), 77, np.uint8)
    sheet = debug_sheet(fan, photo, [Square(140, 40, 120)], face, corners, aligned)
    panels = [sheet[GAP : GAP + PANEL, GAP + i * (PANEL + GAP) :][:, :PANEL].astype(int) for i in range(3)]
    scale = PANEL / 400

    def at(panel, x, y):
        return panel[round(y * scale), round(x * scale)]

    eye = face.landmarks[96]
    assert at(panels[0], *eye).tolist() == at(panels[1], eye[0], eye[1] + 100).tolist() == [255, 40, 40]
    assert at(panels[0], 140, 100).tolist() == [255, 220, 0]
    assert [0, 220, 0] in [at(panels[0], x, 150).tolist() for x in range(294, 307)]
    plain = np.asarray(photo).astype(int)
    below_eye = (176, 122)  # where the mask of eyes lies, between the landmarks
    assert abs(at(panels[0], *below_eye) - plain[122, 176]).max() < 12
    assert at(panels[1], 176, 222)[2] > 80  # tinted: the face itself has no blue
    assert (panels[2] == 77).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"no mean landmarks at /.*celeba_lm_mean\.npz: python tools/download\.py wing mean_landmarks brings"),
        ({"other": MEAN}, "no .npz file with the array mean"),
        ({"mean": MEAN[:68]}, r"mean is \[68, 2\]"),
        ({"mean": np.full((98, 2), np.nan)}, "98 finite points"),
    ],
)
def test_mean_landmarks_that_are_none(tmp_path, content, message):
    path = tmp_path / "celeba_lm_mean.npz"
    if content:
        np.savez(path, **content)
    with pytest.raises(UserError, match=message):
        mean_landmarks(path)


def test_weights_that_hold_no_fan(tmp_path):
    path = tmp_path / "afhq.pdparams"
    with pytest.raises(UserError, match=r"no weights at /.*download\.py wing.*convert_torch_weights\.py wing\.ckpt /"):
        load_fan(path)
    checkpoint.save({"architecture": {}, "nets": {"generator": {}}}, path)
    with pytest.raises(UserError, match=r"holds no face alignment network; python tools/download\.py wing"):
        load_fan(path)


def test_the_tool(tmp_path):
    """With a FAN of random weights, which sees landmarks everywhere."""
    paddle.seed(0)
    fan = {"architecture": {}, "domains": None, "nets": {"fan": checkpoint.arrays(FAN())}}
    checkpoint.save(fan, tmp_path / "wing.pdparams")
    np.savez(tmp_path / "mean.npz", mean=MEAN)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no image")
    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "in" / "astronaut.png")
    Image.new("RGB", (50, 50)).save(tmp_path / "in" / "there.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "there.png").write_bytes(b"stays")
    command = [sys.executable, "tools/align.py", tmp_path / "in", "--out", tmp_path / "out", "--size", "64"]
    weights = ["--fan", tmp_path / "wing.pdparams", "--mean", tmp_path / "mean.npz"]
    done = subprocess.run(list(map(str, command + weights)), cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "1 of 3 are there already and stay" in done.stdout
    assert done.stdout.splitlines()[-1] == f"aligned 1 of 2 photographs into {tmp_path / 'out'}; 1 left out"
    assert done.stderr.splitlines()[-1].startswith("bad.jpg: left out: cannot read image")
    assert Image.open(tmp_path / "out" / "astronaut.png").size == (64, 64)
    assert (tmp_path / "out" / "there.png").read_bytes() == b"stays"
