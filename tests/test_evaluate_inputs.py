"""What evaluate sees before the work: bad files, few images, folders that it cannot write to, and long names."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from authors_form import refusal
from small_model import networks, save

from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import write_dataset
from ppstargan.files import short_name
from ppstargan.metrics import judges as judges_module
from ppstargan.metrics.judges import Judge, Judges
from ppstargan.metrics.protocol import Settings, choose
from ppstargan.systems.load import load_config
from ppstargan.translate import evaluate as module
from ppstargan.translate.evaluate import evaluate, evaluate_in_training

ROOT = Path(__file__).parents[1]
SETTINGS = Settings(modes=("latent",), outputs=2, batch_size=4)


class Stub:
    """An Inception of three numbers that counts its images."""

    tensorflow, images = False, 0

    def __call__(self, x):
        self.images += len(x)
        return x.mean(axis=[2, 3])


@pytest.fixture(scope="module")
def lpips():
    return judges_module._load_lpips("none", "none", allow_random=True)


@pytest.fixture
def judges(lpips, monkeypatch):
    monkeypatch.setattr(judges_module, "PIXELS", 48)  # of the stand-in, for speed
    return Judges(Judge(Stub(), "stub", "stand-in", "b"), lpips)


@pytest.fixture
def place(tmp_path):
    """A folder with drawn faces of two domains, five for train and four for val, and weights."""
    write_dataset(tmp_path / "toy", size=32, train_count=5, val_count=4, seed=0)
    for part in ("train", "val"):
        shutil.rmtree(tmp_path / "toy" / part / "lion")
    save(tmp_path / "w.pdparams", networks(num_domains=2), domains=["cat", "dog"])
    return tmp_path


def config(place, *more):
    base = [f"data.root={place / 'toy'}", f"output={place / 'output'}", "data.workers=1"]
    return load_config(ROOT / "configs" / "base.yaml", [*base, *more])


def spoil(place, part, domain, number=0):
    path = sorted((place / "toy" / part / domain).iterdir())[number]
    path.write_bytes(b"no image")
    return path


def measured(place, *more, judges, settings=SETTINGS):
    text, _ = evaluate(config(place, *more), place / "w.pdparams", judges, settings, place / "report")
    return text, json.loads((place / "report" / "evaluation.json").read_text(encoding="utf-8"))


def test_bad_files_are_left_out_and_named(place, judges, capfd):
    bad = [spoil(place, "val", "cat"), spoil(place, "train", "dog", 2)]
    nowhere = place / "toy" / "val" / "dog" / "link.png"
    nowhere.symlink_to(place / "none.png")
    share = "data.max_bad_share=0.25"
    text, found = measured(place, share, judges=judges)
    said = capfd.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in said] == [
        f"bad image, left out: {path}" for path in (bad[0], nowhere, bad[1])
    ]
    assert f"- warning: 1 of 10 images of train are bad and left out: {bad[1]} (not an image" in text
    assert (
        f"- warning: 2 of 9 images of val are bad and left out: {nowhere} (No such file or directory), {bad[0]}" in text
    )
    counts = {m["source"]: (m["sources"], m["real"]) for m in found["measurements"]}
    assert counts == {"cat": (3, 4), "dog": (4, 5)}

    for path in (*bad, nowhere):  # as if they had never been there
        path.unlink()
    images = judges.inception.net.images
    assert measured(place, judges=judges)[1]["measurements"] == found["measurements"]
    assert judges.inception.net.images == images


def test_too_many_bad_files_are_told_before_the_work(place, judges, capfd):
    bad = spoil(place, "val", "cat")
    said = refusal(partial(measured, judges=judges), place)
    assert "1 of 8 val images is bad, more than data.max_bad_share=0.05 allows: " in said and str(bad) in said
    bad.unlink()
    bad = spoil(place, "train", "dog")
    said = refusal(partial(measured, judges=judges), place)
    assert "1 of 10 train images is bad, more than data.max_bad_share=0.05 allows" in said
    for number in range(4):
        spoil(place, "train", "dog", number)
    said = refusal(partial(measured, judges=judges), place, "data.max_bad_share=1")
    assert said.startswith("domain dog has 1 good images in train; bad are ") and said.endswith("replace them")
    assert judges.inception.net.images == 0


def test_bad_files_in_training(place, judges, capfd):
    bad = spoil(place, "val", "cat")
    images = [find_domains(place / "toy" / part) for part in ("train", "val")]
    settings = SETTINGS._replace(max_bad_share=0.2)
    found = evaluate_in_training(networks(num_domains=2), *images, judges, place / "x", place / "y", settings)
    assert "lpips_random_latent/cat2dog" in found and "kid_stub_latent/mean" in found
    assert f"bad image, left out: {bad} (" in capfd.readouterr().err
    call = [evaluate_in_training, networks(num_domains=2), *images, judges, place / "x", place / "y", SETTINGS]
    assert "1 of 8 val images is bad, more than data.max_bad_share=0 allows" in refusal(*call)


def test_few_images(place, judges, capsys):
    """Without KID, which says so; and without anything where not even FID can be."""
    cats = sorted((place / "toy" / "train" / "cat").iterdir())
    for path in cats[3:]:
        path.unlink()
    text, found = measured(place, judges=judges)
    why = "KID is left out: domain cat has 3 images in train, and KID needs 4"
    assert f"- warning: {why}" in text and f"warning: {why}\n" in capsys.readouterr().out
    assert "| source | target | FID (stub) | LPIPS (random) | generated | real |" in text
    assert set(found["means"][0]) == {"mode", "fid_stub", "lpips_random"}
    images = [find_domains(place / "toy" / part) for part in ("train", "val")]
    scalars = evaluate_in_training(networks(num_domains=2), *images, judges, place / "x", place / "y", SETTINGS)
    assert {name.split("_")[0] for name in scalars} == {"fid", "lpips"}
    assert f"warning: {why}\n" in capsys.readouterr().out

    for path in cats[1:3]:
        path.unlink()
    said = refusal(partial(measured, judges=judges), place)
    assert f"domain cat has 1 image in {place}/toy/train/cat, 2 needed; add images" in said and "--" not in said


def test_one_image_in_val(place, judges):
    for path in sorted((place / "toy" / "val" / "cat").iterdir())[1:]:
        path.unlink()
    _, found = measured(place, judges=judges, settings=SETTINGS._replace(modes=("latent", "reference"), outputs=4))
    assert all(np.isfinite(m["kid_stub"]) for m in found["measurements"]) and len(found["measurements"]) == 4


@pytest.mark.parametrize("which", ["report", "output"])
def test_a_folder_that_cannot_be_is_told_before_the_work(which, place, judges, monkeypatch):
    (place / which).write_text("a file")
    monkeypatch.setattr(module, "_good", lambda *given: pytest.fail("read images before"))
    advice = {"report": "name another by --to", "output": "name another by -o output=FOLDER"}[which]
    said = refusal(partial(measured, judges=judges), place)
    assert said.startswith(f"cannot write to {place / which}") and said.endswith(advice)


def test_long_names_fit(place, judges):
    """Two of 42 Chinese characters have 252 bytes."""
    domains = ["猫" * 41 + "狗", "猫" * 42]
    for part in ("train", "val"):
        for drawn, name in zip(("cat", "dog"), domains):
            (place / "toy" / part / drawn).rename(place / "toy" / part / name)
    save(place / "w.pdparams", networks(num_domains=2), domains=domains)
    _, found = measured(place, judges=judges, settings=SETTINGS._replace(keep_images=True))
    assert {(m["source"], m["target"]) for m in found["measurements"]} == {tuple(domains), tuple(domains[::-1])}
    names = [path.name for path in place.rglob("*_*") if not path.is_relative_to(place / "toy")]
    made = [name for name in names if "猫" in name]
    assert len(made) == 2 + 2 + 2 and all(len(os.fsencode(name)) < 200 and "猫" * 20 in name for name in made)
    images = judges.inception.net.images
    assert measured(place, judges=judges, settings=SETTINGS._replace(keep_images=True))[1] == found
    assert judges.inception.net.images == images  # found by the same names


def test_names_that_are_no_text(place, judges):
    """Bytes of GBK, as old archives unpack them."""
    name = os.fsdecode(b"\xb0\xa1")
    for part in ("train", "val"):
        (place / "toy" / part / "dog").rename(place / "toy" / part / name)
    save(place / "w.pdparams", networks(num_domains=2), domains=None)
    _, found = measured(place, judges=judges)
    assert {m["source"] for m in found["measurements"]} == {"cat", name}


def test_a_short_name_stays_and_a_long_one_is_its_own():
    assert short_name("latent_cat2dog", ".json") == "latent_cat2dog.json"
    long = [short_name("猫" * 100 + end, ".png", 255) for end in ("", "a", "b")]
    assert len(set(long)) == 3 and all(len(name.encode()) <= 255 and name.endswith(".png") for name in long)
    assert long[0] == short_name("猫" * 100, ".png", 255) and long[0].startswith("猫" * 70)


def test_chosen_sources_spread_over_all():
    assert choose(list(range(10)), 3) == [0, 3, 6]
    assert choose(list(range(3)), 5) == choose(list(range(3)), None) == [0, 1, 2]
