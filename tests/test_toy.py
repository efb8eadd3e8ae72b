import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppstargan.data import idx, toy
from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import DOMAINS, draw_face, write_dataset
from ppstargan.errors import UsageError, UserError

SMALL = {"size": 16, "train_count": 3, "val_count": 2, "seed": 4}


def faces(domain, count, size=32, seed=0):
    """[count, size, size, 3] in [-1, 1]."""
    drawn = [draw_face(domain, size, np.random.default_rng([seed, index])) for index in range(count)]
    return np.stack(drawn) / 127.5 - 1


def files(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*.*"))}


@pytest.mark.parametrize("domain", DOMAINS)
def test_faces_of_a_domain_differ_widely(domain):
    drawn = faces(domain, 60)
    distances = [np.abs(drawn[i] - drawn[i + 30]).mean() for i in range(30)]
    assert np.mean(distances) > 0.4
    assert min(distances) > 0.08


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_face_is_the_same_at_any_size(domain):
    for seed in range(4):
        large, small = (draw_face(domain, size, np.random.default_rng(seed)) for size in (256, 32))
        assert large.shape == (256, 256, 3) and small.shape == (32, 32, 3) and small.dtype == np.uint8
        shrunk = np.asarray(Image.fromarray(large).resize((32, 32), Image.Resampling.BOX))
        assert np.abs(shrunk.astype(int) - small).mean() < 7  # another face is 60 away


def test_the_domain_is_in_the_shape_not_in_the_colour():
    # Nearest neighbours on the edges alone, each picture brought to the same strength: colour cannot help.
    def edges(pictures):
        grey = pictures.mean(3)
        sizes = np.hypot(np.diff(grey, axis=1)[:, :, :-1], np.diff(grey, axis=2)[:, :-1])
        flat = np.sqrt(sizes).reshape(len(grey), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    known = np.concatenate([edges(faces(d, 200)) for d in DOMAINS])
    asked = np.concatenate([edges(faces(d, 30, seed=1)) for d in DOMAINS])
    nearest = np.argsort(-asked @ known.T, axis=1)[:, :7] // 200
    votes = np.array([np.bincount(row, minlength=3).argmax() for row in nearest])
    assert (votes == np.repeat(range(3), 30)).mean() > 0.9


def test_write_dataset(tmp_path):
    root = tmp_path / "new" / "toy"
    assert write_dataset(root, **SMALL) is True
    train, val = find_domains(root / "train", min_images=2), find_domains(root / "val")
    assert tuple(train) == DOMAINS == tuple(val)
    assert all(len(paths) == 3 for paths in train.values()) and all(len(paths) == 2 for paths in val.values())
    assert train["cat"][0].name == "00000.png"
    with Image.open(val["dog"][1]) as image:
        assert image.size == (16, 16) and image.mode == "RGB"
    assert len(set(files(root).values())) == 16  # 15 different images, and toy.json
    assert [path.name for path in root.parent.iterdir()] == ["toy"]


def test_the_seed_decides_and_counts_do_not_change_earlier_images(tmp_path):
    for name, changes in (("a", {}), ("b", {}), ("more", {"train_count": 5}), ("other", {"seed": 5})):
        write_dataset(tmp_path / name, **{**SMALL, **changes})
    a, b, more, other = (files(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert a == b
    images = [path for path in a if path.suffix == ".png"]
    assert len(images) == 15
    assert all(more[path] == a[path] and other[path] != a[path] for path in images)


def test_the_same_set_is_not_drawn_again(tmp_path):
    write_dataset(tmp_path / "toy", **SMALL)
    marker = tmp_path / "toy/train/cat/00000.png"
    marker.write_bytes(b"kept")
    assert write_dataset(tmp_path / "toy", **SMALL) is False
    assert marker.read_bytes() == b"kept"


def test_another_set_or_other_files_are_not_overwritten(tmp_path):
    write_dataset(tmp_path / "toy", **SMALL)
    before = files(tmp_path / "toy")
    for key in SMALL:
        with pytest.raises(UserError, match="toy holds something else"):
            write_dataset(tmp_path / "toy", **{**SMALL, key: SMALL[key] + 8})
    assert files(tmp_path / "toy") == before

    label = json.loads((tmp_path / "toy/toy.json").read_text())
    (tmp_path / "toy/toy.json").write_text(json.dumps({**label, "version": -1}))
    with pytest.raises(UserError, match="something else"):
        write_dataset(tmp_path / "toy", **SMALL)

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(UserError, match="mine holds something else"):
        write_dataset(tmp_path / "mine", **SMALL)
    assert (tmp_path / "mine/thesis.txt").exists()


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "toy").mkdir()
    assert write_dataset(tmp_path / "toy", **SMALL)
    assert len(files(tmp_path / "toy")) == 16


def test_nothing_is_left_of_an_interrupted_run(tmp_path, monkeypatch):
    calls = []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return draw_face(*args)

    monkeypatch.setattr(toy, "draw_face", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "toy", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_bad_numbers_and_places(tmp_path):
    for key, value in (("size", 7), ("train_count", 1), ("val_count", 0), ("seed", -1)):
        with pytest.raises(UsageError, match=f"is {value}; give"):
            write_dataset(tmp_path / "toy", **{**SMALL, key: value})
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write the toy faces to"):
        write_dataset(tmp_path / "file" / "toy", **SMALL)


def draw_toy(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["tools/draw_toy.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(Path(__file__).parents[1] / "tools" / "draw_toy.py"), run_name="__main__")
    return ended.value.code


def test_a_wrong_call_of_the_tool(tmp_path, monkeypatch, capsys):
    assert draw_toy(monkeypatch, "--out", str(tmp_path / "toy"), "--size", "4") == 2
    assert capsys.readouterr().err == "error: toy faces: size is 4; give 8 or more\n"
    assert draw_toy(monkeypatch, "gna") == 2 and not list(tmp_path.iterdir())
    said = capsys.readouterr().err
    assert said.startswith("error: argument SYSTEM: no system 'gna'; the nearest is gan, and there are stargan_v2, gan")
    assert said.count("\n") == 1


def test_the_tool_draws_what_a_system_trains_on_where_its_toy_configuration_looks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--train", "2", "--val", "1"]
    assert draw_toy(monkeypatch, *small) == draw_toy(monkeypatch, "stargan_v2", *small) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "data/toy: 2 + 1 faces of each of cat, dog, lion, 32 px"
    assert said[1].startswith("data/toy: this set is there already")
    assert list(find_domains("data/toy/train")) == list(DOMAINS)
    for system in ("gan", "wgan", "wgan_gp", "cgan"):
        assert draw_toy(monkeypatch, system, *small) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "data/toy_digits: 2 + 1 of each digit, 28 px"
    assert said[1:] == ["data/toy_digits: this set is there already (2 + 1 of each digit, 28 px)"] * 3
    assert idx.read("data/toy_digits").train.images.shape == (20, 28, 28)
    assert draw_toy(monkeypatch, "gan", "--out", "mine", "--size", "9", "--seed", "3", *small) == 0
    assert idx.read("mine").test.images.shape == (10, 9, 9)


def test_the_tool_draws_pairs_and_sides(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--train", "3", "--val", "2", "--size", "16"]
    assert draw_toy(monkeypatch, "pix2pix", *small) == draw_toy(monkeypatch, "cyclegan", *small) == 0
    assert draw_toy(monkeypatch, "ugatit", *small) == draw_toy(monkeypatch, "ugatit", *small) == 0
    assert draw_toy(monkeypatch, "adain", *small) == draw_toy(monkeypatch, "adain", *small) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[4].startswith("training the toy's own encoder on 6 drawn pictures, ")
    path = "data/toy_patterns/encoder.pdparams"
    assert said[5].startswith("encoder: it tells the kind of ") and said[5].endswith(f"wrote {path}")
    assert said[7] == f"encoder: {path} is there already"
    said = [line for line in said if not line.startswith(("encoder", "training"))]
    assert said == [
        "data/toy_outlines: 3 + 2 outlines and faces, 16 px",
        "data/toy_ponies: 3 + 2 ponies of each kind, plain and striped, 16 px",
        "data/toy_cats_lions: 3 + 2 of cats and of lions, 16 px",
        "data/toy_cats_lions: this set is there already (3 + 2 of cats and of lions, 16 px)",
        "data/toy_patterns: 3 + 2 faces, and as many patterns, 16 px",
        "data/toy_patterns: this set is there already (3 + 2 faces, and as many patterns, 16 px)",
    ]
    counts = {"toy_outlines": 5, "toy_ponies": 10, "toy_cats_lions": 10, "toy_patterns": 10}
    assert {path.name: len(list(path.rglob("*.png"))) for path in (tmp_path / "data").iterdir()} == counts


def test_the_tool_draws_people(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--train", "3", "--val", "2", "--size", "16"]
    assert [draw_toy(monkeypatch, system, *small) for system in ("stargan", "fan", "faces")] == [0, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        "data/toy_attributes: 3 + 2 people with attributes, 16 px",
        "data/toy_landmarks: 3 + 2 people with landmarks, 16 px",
        "data/toy_people: 3 + 2 women and as many men, 16 px",
    ]
    counts = {"toy_attributes": 5, "toy_landmarks": 5, "toy_people": 10}
    assert {path.name: len(list(path.rglob("*.png"))) for path in (tmp_path / "data").iterdir()} == counts
