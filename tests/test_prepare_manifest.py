"""A manifest that came with somebody else's folder: it names no place to write to but in that folder."""

import json

import pytest
from test_prepare import SETTINGS, draw, files, refused

from ppstargan.data.prepare import MANIFEST, prepare


@pytest.fixture
def made(tmp_path):
    for domain in ("cat", "dog"):
        for i in range(4):
            draw(tmp_path / "photos" / domain / f"{i}.png", i)
    prepare(tmp_path / "photos", tmp_path / "out", **SETTINGS)
    return tmp_path


def change(made, **values):
    """Other values in the first line on an image; its digest too, so that the image is made anew."""
    path = made / "out" / MANIFEST
    settings, first, *lines = path.read_text().splitlines(keepends=True)
    changed = json.dumps({**json.loads(first), "sha256": "0" * 64, **values}) + "\n"
    path.write_text("".join([settings, changed, *lines]))


@pytest.mark.parametrize(
    "image",
    [
        "../evil.png",
        "train/../../evil.png",
        "/tmp/evil.png",
        "evil.png",
        "train/evil.png",
        "val/cat/0.png",
        "",
        "train",
    ],
)
def test_places_outside(image, made):
    change(made, split="train", image=image)
    before = files(made)
    assert f"manifest.jsonl is damaged ({image!r} is no place in train or val)" in refused(
        made / "photos", made / "out"
    )
    assert files(made) == before


@pytest.mark.parametrize("values", [{"size": "16"}, {"image": 5}, {"split": None}, {"image": "train/cat/\0.png"}])
def test_values_of_another_kind(values, made):
    change(made, **values)
    assert "tells of no image" in refused(made / "photos", made / "out")


@pytest.mark.parametrize("content", ["[1]\n", "5\n", '"x"\n', "[" * 100_000 + "\n"])
def test_no_settings(content, made):
    (made / "out" / MANIFEST).write_text(content)
    assert "manifest.jsonl is damaged" in refused(made / "photos", made / "out")


def test_names_with_a_backslash_are_no_others(made):
    (made / "photos" / "cat" / "0.png").rename(made / "photos" / "cat" / "a\\b.png")
    prepare(made / "photos", made / "other", **SETTINGS)
    before = files(made / "other")
    prepare(made / "photos", made / "other", **SETTINGS)
    assert files(made / "other") == before
