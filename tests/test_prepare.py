"""Photographs to a data set of small squares: the pixels, the split, the manifest, and what happens the second time."""

from __future__ import annotations

import errno
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppstargan.data import prepare as module
from ppstargan.data.dataset import find_domains
from ppstargan.data.prepare import MANIFEST, middle_square, prepare
from ppstargan.errors import UserError

ROOT = Path(__file__).parents[1]
SETTINGS = {"size": 16, "val": 0.25, "seed": 0}


def draw(path, seed=0, width=30, height=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def cats_and_dogs(folder):
    """12 images of cats, one of them in a subfolder, and 8 of dogs."""
    for i in range(11):
        draw(folder / "cat" / f"{i}.png", i)
    draw(folder / "cat" / "more" / "0.png", 50)
    for i in range(8):
        draw(folder / "dog" / f"{i}.png", 100 + i)
    return folder


@pytest.fixture
def photos(tmp_path):
    return cats_and_dogs(tmp_path / "photos")


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def images(folder):
    return {name: content for name, content in files(folder).items() if name != MANIFEST}


def manifest(folder):
    settings, *lines = map(json.loads, (folder / MANIFEST).read_text().splitlines())
    return settings, {line["source"]: line for line in lines}


def refused(*call, **options):
    with pytest.raises(UserError) as caught:
        prepare(*call, **{**SETTINGS, **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def run(monkeypatch, capsys, *arguments):
    """The exit code of the tool, and what it wrote to the two streams."""
    monkeypatch.setattr(sys, "argv", ["tools/prepare.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "prepare.py"), run_name="__main__")
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize("width, height, left, top", [(90, 60, 15, 0), (60, 91, 0, 15), (64, 64, 0, 0)])
def test_middle_square(width, height, left, top):
    side = min(width, height)
    pixels = np.random.default_rng(1).integers(0, 200, (height, width, 3), np.uint8)
    square = Image.fromarray(pixels[top : top + side, left : left + side])
    expected = np.asarray(square.resize((16, 16), Image.Resampling.LANCZOS))
    pixels[:top] = pixels[top + side :] = pixels[:, :left] = pixels[:, left + side :] = 255  # what must not bleed in
    assert np.array_equal(np.asarray(middle_square(Image.fromarray(pixels), 16)), expected)


def test_small_images_are_not_enlarged():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 31, 3), np.uint8)
    assert np.array_equal(np.asarray(middle_square(Image.fromarray(pixels), 32)), pixels[:, 5:25])


def test_split_and_manifest(photos, tmp_path):
    before = files(photos)
    done = prepare(photos, tmp_path / "out", **SETTINGS)
    counts = {("train", "cat"): 9, ("val", "cat"): 3, ("train", "dog"): 6, ("val", "dog"): 2}
    assert done.counts == counts and (done.small, done.bad, done.strays) == (0, [], [])
    settings, lines = manifest(tmp_path / "out")
    assert settings == {"version": 2, "format": "png", **SETTINGS}
    assert set(lines) == set(before) and {line["image"] for line in lines.values()} == set(images(tmp_path / "out"))
    for source, line in lines.items():
        assert line["image"] == f"{line['split']}/{source}" and line["size"] == 16
        made = np.asarray(Image.open(tmp_path / "out" / line["image"]))
        assert np.array_equal(made, np.asarray(middle_square(Image.open(photos / source), 16)))
    assert files(photos) == before
    for split in ("train", "val"):
        found = {name: len(paths) for name, paths in find_domains(tmp_path / "out" / split).items()}
        assert found == {domain: counts[split, domain] for domain in ("cat", "dog")}


def test_same_seed_same_bytes_and_another_seed_another_choice(photos, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare(photos, tmp_path / name, **{**SETTINGS, "seed": seed})
    shutil.copytree(photos, tmp_path / "elsewhere")
    prepare(tmp_path / "elsewhere", tmp_path / "d", **SETTINGS)
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "d")
    assert set(images(tmp_path / "a")) != set(images(tmp_path / "c"))


def test_counts_for_val(photos, tmp_path):
    assert prepare(photos, tmp_path / "a", **{**SETTINGS, "val": 6}).counts[("val", "dog")] == 6
    assert prepare(photos, tmp_path / "b", **{**SETTINGS, "val": 0.01}).counts[("val", "dog")] == 1
    assert "domain dog has 8 images" in refused(photos, tmp_path / "c", val=7)
    assert not (tmp_path / "c").exists()


def test_interrupted_and_again(photos, tmp_path, monkeypatch):
    prepare(photos, tmp_path / "whole", **SETTINGS)
    make, done = module._make, []

    def interrupted(job, *more):
        if job.source == "dog/1.png":
            raise KeyboardInterrupt
        return make(job, *more)

    with monkeypatch.context() as patched:
        patched.setattr(module, "_make", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(photos, tmp_path / "out", **SETTINGS)
    assert set(manifest(tmp_path / "out")[1]) == {f"cat/{i}.png" for i in range(11)} | {"cat/more/0.png", "dog/0.png"}
    with open(tmp_path / "out" / MANIFEST, "a") as file:
        file.write('{"source": "dog/1.png", "sha')  # as a killed run leaves it
    (tmp_path / "out" / manifest(tmp_path / "whole")[1]["cat/3.png"]["image"]).unlink()

    def counted(job, *more):
        result = make(job, *more)
        done.append(job.source) if result is not more[-1] else None
        return result

    monkeypatch.setattr(module, "_make", counted)
    prepare(photos, tmp_path / "out", **SETTINGS)
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert sorted(done) == ["cat/3.png"] + [f"dog/{i}.png" for i in range(1, 8)]


def test_each_image_is_noted_at_once(photos, tmp_path, monkeypatch):
    run_jobs, lines = module._run, []

    def watched(*arguments):
        for result in run_jobs(*arguments):
            lines.append((tmp_path / "out" / MANIFEST).read_text().count("\n"))
            yield result

    monkeypatch.setattr(module, "_run", watched)
    prepare(photos, tmp_path / "out", **SETTINGS)
    assert lines == list(range(1, 21))  # the settings, and what was made before


def test_images_keep_their_part_when_others_come(photos, tmp_path):
    prepare(photos, tmp_path / "out", **SETTINGS)
    _, before = manifest(tmp_path / "out")
    for i in range(20, 30):
        draw(photos / "cat" / f"{i}.png", i)
    done = prepare(photos, tmp_path / "out", **SETTINGS)
    _, after = manifest(tmp_path / "out")
    assert before.items() <= after.items() and len(after) == 30
    assert done.counts[("val", "cat")] == round(0.25 * 22) and not done.strays


def test_changed_source_is_made_again(photos, tmp_path):
    prepare(photos, tmp_path / "out", **SETTINGS)
    draw(photos / "cat" / "0.png", 77)
    prepare(photos, tmp_path / "out", **SETTINGS)
    prepare(photos, tmp_path / "fresh", **SETTINGS)
    assert files(tmp_path / "out") == files(tmp_path / "fresh")


def test_bad_files_are_named_and_mended(photos, tmp_path, monkeypatch, capsys):
    prepare(photos, tmp_path / "whole", **SETTINGS)
    whole = (photos / "cat" / "2.png").read_bytes()
    (photos / "cat" / "2.png").write_bytes(whole[:100])
    (photos / "dog" / "5.png").write_bytes(b"")
    arguments = [photos, tmp_path / "out", "--size", 16, "--val", 0.25]
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 1 and "left out: 2 files" in out
    assert [str(photos / name) in line for name, line in zip(("cat/2.png", "dog/5.png"), err.splitlines())] == [
        True
    ] * 2
    assert len(err.splitlines()) == 2 and len(images(tmp_path / "out")) == 18

    (photos / "cat" / "2.png").write_bytes(whole)
    draw(photos / "dog" / "5.png", 105)
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, err) == (0, "") and "train: cat 9, dog 6\nval: cat 3, dog 2\n" in out
    assert files(tmp_path / "out") == files(tmp_path / "whole")

    (photos / "cat" / "2.png").write_bytes(b"gone bad")  # what was made of it stays
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 1 and "cat/2.png" in err and files(tmp_path / "out") == files(tmp_path / "whole")


def test_split_input_keeps_its_parts(photos, tmp_path):
    prepare(photos, tmp_path / "split", **SETTINGS)
    done = prepare(tmp_path / "split", tmp_path / "out", size=8, val=0.5, seed=1)
    assert set(images(tmp_path / "out")) == set(images(tmp_path / "split"))
    assert done.counts == {("train", "cat"): 9, ("val", "cat"): 3, ("train", "dog"): 6, ("val", "dog"): 2}


def test_equal_stems_and_jpeg(photos, tmp_path):
    for i in range(4):
        draw(photos / "cat" / f"{i}.bmp", 200 + i)
    prepare(photos, tmp_path / "out", image_format="jpg", **SETTINGS)
    _, lines = manifest(tmp_path / "out")
    assert len({line["image"] for line in lines.values()}) == len(lines) == 24 == len(images(tmp_path / "out"))
    assert any(line["image"].endswith(".png.jpg") for line in lines.values())
    for source, line in lines.items():
        with Image.open(tmp_path / "out" / line["image"]) as made:
            assert made.format == "JPEG" and made.size == (16, 16)
            expected = np.asarray(middle_square(Image.open(photos / source), 16), int)
            assert np.abs(np.asarray(made, int) - expected).mean() < 6


def test_sources_are_never_written(photos, tmp_path):
    for root in (photos, photos / "out", tmp_path, photos / "cat"):
        assert "lie in one another" in refused(photos, root)
    prepare(photos, tmp_path / "out", **SETTINGS)
    shutil.rmtree(photos / "dog")
    (photos / "dog").symlink_to(tmp_path / "out" / "train" / "dog")
    before = files(tmp_path / "out")
    assert "leads into the output" in refused(photos, tmp_path / "out")
    assert files(tmp_path / "out") == before


def test_other_outputs_are_left_alone(photos, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "something else" in refused(photos, tmp_path / "full")
    prepare(photos, tmp_path / "out", **SETTINGS)
    before = files(tmp_path / "out")
    assert "size 16" in refused(photos, tmp_path / "out", size=8)
    assert "seed 0" in refused(photos, tmp_path / "out", seed=1)
    (photos / "cat" / "0.png").rename(photos / "cat" / "new.png")
    assert "1 images" in refused(photos, tmp_path / "out") and "cat/0.png" in refused(photos, tmp_path / "out")
    assert files(tmp_path / "out") == before
    for content in ("", "[]\n", '{"version": 1}\n{"a": 1}\n', "\x00\n"):
        (tmp_path / "out" / MANIFEST).write_text(content)
        assert str(tmp_path / "out") in refused(photos, tmp_path / "out")


def test_strays_are_named(photos, tmp_path, monkeypatch, capsys):
    prepare(photos, tmp_path / "out", **SETTINGS)
    draw(tmp_path / "out" / "train" / "cat" / "stray.png")
    code, out, _ = run(monkeypatch, capsys, photos, tmp_path / "out", "--size", 16, "--val", 0.25)
    assert code == 1 and "1 images there were not made from the input" in out and "stray.png" in out


def test_full_disk(photos, tmp_path, monkeypatch):
    save = Image.Image.save

    def full(image, path, **options):
        if "3.png" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(image, path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        message = refused(photos, tmp_path / "out")
        assert str(tmp_path / "out") in message and "No space left" in message
    prepare(photos, tmp_path / "out", **SETTINGS)
    prepare(photos, tmp_path / "whole", **SETTINGS)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize(
    "arguments, words", [(["--val", "0"], "--val 0"), (["--val", "1.5"], "--val 1.5"), (["--size", "4"], "--size 4")]
)
def test_wrong_calls(arguments, words, photos, tmp_path, monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, photos, tmp_path / "out", *arguments)
    assert code == 2 and words in err and err.count("\n") == 1 and not (tmp_path / "out").exists()
