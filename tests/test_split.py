"""Which images go to val: as many as asked, drawn by the seed, and never one whose content is in train too."""

from __future__ import annotations

import shutil

import pytest
from test_prepare import draw, images, manifest

from ppstargan.data.checked import check_images, duplicates
from ppstargan.data.folders import find_images
from ppstargan.data.prepare import prepare
from ppstargan.data.split import choose_val
from ppstargan.errors import UserError


def twins(root):
    """(train, val) for the images of val that are in train too, as check_dataset.py counts them."""
    return duplicates(*(list(check_images(find_images(root / part))) for part in ("train", "val")))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_bytes_in_two_domains_or_in_one_go_to_one_part(tmp_path, seed):
    photos = tmp_path / "photos"
    for i in range(10):
        draw(photos / "cat" / f"{i}.png", i)
        draw(photos / "dog" / f"{i}.png", 100 + i)
    for i in range(4):
        shutil.copy(photos / "cat" / f"{i}.png", photos / "dog" / f"cat {i}.png")
    shutil.copy(photos / "cat" / "5.png", photos / "cat" / "5 (1).png")
    done = prepare(photos, tmp_path / "out", size=16, val=4, seed=seed)
    assert done.counts == {("train", "cat"): 7, ("val", "cat"): 4, ("train", "dog"): 10, ("val", "dog"): 4}
    assert twins(tmp_path / "out") == []


def test_two_domains_of_the_same_files(tmp_path):
    photos = tmp_path / "photos"
    for i in range(8):
        draw(photos / "cat" / f"{i}.png", i)
    shutil.copytree(photos / "cat", photos / "dog")
    prepare(photos, tmp_path / "out", size=16, val=0.25, seed=0)
    split = {source: line["split"] for source, line in manifest(tmp_path / "out")[1].items()}
    assert [split[f"cat/{i}.png"] for i in range(8)] == [split[f"dog/{i}.png"] for i in range(8)]
    assert sorted(split.values()) == ["train"] * 12 + ["val"] * 4 and twins(tmp_path / "out") == []


def test_a_copy_that_comes_later_joins_the_first(tmp_path):
    photos = tmp_path / "photos"
    for i in range(6):
        draw(photos / "cat" / f"{i}.png", i)
        draw(photos / "dog" / f"{i}.png", 100 + i)
    prepare(photos, tmp_path / "out", size=16, val=2, seed=0)
    before = images(tmp_path / "out")
    for i in range(6):
        shutil.copy(photos / "cat" / f"{i}.png", photos / "dog" / f"cat {i}.png")
    done = prepare(photos, tmp_path / "out", size=16, val=2, seed=0)
    assert before.items() <= images(tmp_path / "out").items() and twins(tmp_path / "out") == []
    assert done.counts["val", "dog"] == 4  # two of its own, and the two that are in val as cats


def test_single_images_come_first_and_keep_their_order():
    names = {"a": ["a/1", "a/2", "a/3", "a/4"], "b": ["b/1", "b/2", "b/3", "b/4"]}
    alone = {name: name for found in names.values() for name in found}
    chosen = choose_val(names, alone, {}, 1, 0)
    [a], [b] = (sorted(chosen & set(found)) for found in names.values())
    double = {**alone, a: "same", b: "same"}
    assert not choose_val(names, double, {}, 1, 0) & {a, b}
    assert choose_val(names, double, {"same": "val"}, 1, 0) == {a, b}


def test_no_image_is_left_for_val():
    names = {"a": ["a/1", "a/2", "a/3"], "b": ["b/1", "b/2", "b/3"]}
    with pytest.raises(UserError, match=r"domain a would have no image in val .*, such as a/1, are copies"):
        choose_val(names, {name: name[0] for found in names.values() for name in found}, {}, 1, 0)
    with pytest.raises(UserError, match="domain a would have 1 images in train, which needs 2"):
        alone = {name: name for found in names.values() for name in found}
        choose_val(names, alone, {"a/1": "val", "a/2": "val"}, 1, 0)
