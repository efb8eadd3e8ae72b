"""prepare.py on what is there already: photographs that are gone, what a kill leaves, names that are no text."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from test_prepare import SETTINGS, cats_and_dogs, draw, files, images, manifest, refused, run

from ppstargan.data.check import check_dataset
from ppstargan.data.prepare import MANIFEST, prepare


@pytest.fixture
def photos(tmp_path):
    return cats_and_dogs(tmp_path / "photos")


def test_a_photograph_that_is_gone(photos, tmp_path, monkeypatch, capsys):
    arguments = [photos, tmp_path / "out", "--size", 16, "--val", 0.25]
    run(monkeypatch, capsys, *arguments)
    before, lines = images(tmp_path / "out"), manifest(tmp_path / "out")[1]
    (photos / "cat" / "more" / "0.png").unlink()
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 1 and "1 images" in err and "cat/more/0.png; put them back, or add --remove-gone" in err
    assert images(tmp_path / "out") == before

    code, out, _ = run(monkeypatch, capsys, *arguments, "--remove-gone")
    assert code == 0 and "removed: 1 images" in out
    gone = lines.pop("cat/more/0.png")
    assert manifest(tmp_path / "out")[1] == lines
    assert images(tmp_path / "out") == {name: data for name, data in before.items() if name != gone["image"]}
    assert not (tmp_path / "out" / gone["image"]).parent.exists()  # more, which held nothing else
    assert run(monkeypatch, capsys, *arguments)[0] == 0


def test_a_domain_that_is_gone(photos, tmp_path):
    for i in range(4):
        draw(photos / "lion" / f"{i}.png", 200 + i)
    prepare(photos, tmp_path / "out", **SETTINGS)
    shutil.rmtree(photos / "lion")
    assert "4 images" in refused(photos, tmp_path / "out")
    assert prepare(photos, tmp_path / "out", remove_gone=True, **SETTINGS).removed == 4
    assert check_dataset(tmp_path / "out") == 0  # an empty folder would be refused
    assert not (tmp_path / "out" / "train" / "lion").exists()


def test_renamed_photographs_keep_their_part(photos, tmp_path):
    prepare(photos, tmp_path / "out", **SETTINGS)
    split = {line["sha256"]: line["split"] for line in manifest(tmp_path / "out")[1].values()}
    for path in sorted(photos.glob("*/?.png")):
        path.rename(path.with_name(f"new {path.name}"))
    done = prepare(photos, tmp_path / "out", remove_gone=True, **SETTINGS)
    assert done.counts == {("train", "cat"): 9, ("val", "cat"): 3, ("train", "dog"): 6, ("val", "dog"): 2}
    assert {line["sha256"]: line["split"] for line in manifest(tmp_path / "out")[1].values()} == split


def test_nothing_is_removed_where_val_would_be_empty(photos, tmp_path):
    prepare(photos, tmp_path / "out", **SETTINGS)
    for source, line in manifest(tmp_path / "out")[1].items():
        if line["split"] == "val" and source.startswith("dog"):
            (photos / source).unlink()
    before = files(tmp_path / "out")
    assert "domain dog would have no image in val" in refused(photos, tmp_path / "out", remove_gone=True)
    assert files(tmp_path / "out") == before


def test_a_manifest_that_names_other_places_removes_nothing(photos, tmp_path):
    prepare(photos, tmp_path / "out", **SETTINGS)
    lines = (tmp_path / "out" / MANIFEST).read_text().splitlines()
    mine = draw(tmp_path / "mine.png")
    for image in ("../mine.png", "train/../../mine.png", str(mine), MANIFEST):
        entry = {**json.loads(lines[1]), "source": "cat/none.png", "split": "train", "image": image}
        (tmp_path / "out" / MANIFEST).write_text("\n".join([*lines, json.dumps(entry)]) + "\n")
        assert "is damaged" in refused(photos, tmp_path / "out", remove_gone=True)
    assert mine.exists()


def test_what_a_killed_run_left_is_removed(photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / f".{MANIFEST}.140234.77.partial").touch()  # killed before its first line was there
    prepare(photos, out, **SETTINGS)
    left = [out / "train" / "cat" / ".3.png.140234.77.partial", out / "val" / ".x.140234.77.partial"]
    kept = [out / "train" / "cat" / ".3.png.partial", out / "train" / "cat" / ".hidden"]
    for path in left + kept:
        path.touch()
    prepare(photos, out, **SETTINGS)
    assert [path.exists() for path in left + kept] == [False, False, True, True]
    assert not list(out.glob(".*"))


def test_names_in_gbk(photos, tmp_path, capsys):
    domain = os.fsdecode("狗狗".encode("gbk"))
    for i in range(8):
        draw(photos / domain / f"{i}.png", 300 + i)
    draw(photos / domain / os.fsdecode("图片.png".encode("gbk")), 400)
    for _ in range(2):  # the second finds all of it there
        done = prepare(photos, tmp_path / "out", **SETTINGS)
        assert done.counts["train", domain] == 7 and done.counts["val", domain] == 2 and not done.strays
    assert check_dataset(tmp_path / "out") == 0
    assert r"  \udcb9\udcb7\udcb9\udcb7" in capsys.readouterr().out
    (photos / domain / "0.png").unlink()
    assert r"\udcb9\udcb7\udcb9\udcb7/0.png; put" in refused(photos, tmp_path / "out")
    assert prepare(photos, tmp_path / "out", remove_gone=True, **SETTINGS).removed == 1


def test_names_that_one_system_tells_apart_and_another_does_not(photos, tmp_path):
    draw(photos / "cat" / "A.bmp", 500)
    draw(photos / "cat" / "a.png", 501)
    prepare(photos, tmp_path / "out", **SETTINGS)
    made = [name.split("/", 1)[1].lower() for name in images(tmp_path / "out")]
    assert len(set(made)) == len(made) == 22


@pytest.mark.parametrize("output", ["file", "file/inside"])
def test_an_output_that_is_no_folder(photos, tmp_path, output):
    (tmp_path / "file").touch()
    assert refused(photos, tmp_path / output).endswith("Not a directory; name another output")


def test_links_in_a_circle_are_bad_files(photos, tmp_path):
    (photos / "cat" / "loop.png").symlink_to("loop.png")
    (photos / "cat" / "none.png").symlink_to("nowhere.png")
    done = prepare(photos, tmp_path / "out", **SETTINGS)
    assert [str(photos / "cat" / name) in line for name, line in zip(("loop.png", "none.png"), done.bad)] == [True] * 2


def test_all_of_val_is_bad(tmp_path):
    for part in ("train", "val"):
        for domain in ("cat", "dog"):
            for i in range(2):
                draw(tmp_path / "split" / part / domain / f"{i}.png", i)
    for path in (tmp_path / "split" / "val").glob("*/*.png"):
        path.write_bytes(b"")
    done = prepare(tmp_path / "split", tmp_path / "out", **SETTINGS)
    assert len(done.bad) == 4 and done.counts == {("train", "cat"): 2, ("train", "dog"): 2}
