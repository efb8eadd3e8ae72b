"""Pairs of pictures: the layouts they come in, what is cut out of both, and what is named and refused."""

import numpy as np
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan.config import CONFIGS
from ppstargan.data.bad_files import BadImage
from ppstargan.data.batches import batches
from ppstargan.data.pairs import drawn_cut, find_pairs, has_pairs, open_pair, prepared, read_pairs
from ppstargan.systems import pix2pix
from ppstargan.systems.load import load_config


def save(path, width=6, height=4, colour=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (width, height), (colour,) * 3 if mode == "RGB" else colour).save(path)


def side_by_side(path, a, b, width=4, height=4):
    """A picture whose left half has the level ``a`` and the right one ``b``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.repeat(np.uint8([[[a] * 3, [b] * 3]]), height, axis=0).repeat(width, axis=1)
    Image.fromarray(pixels).save(path)


def level(image):
    return np.asarray(image)[0, 0, 0]


TWO_FOLDERS = ("{part}/{side}", "{part}{side}", "{side}/{part}")


@pytest.mark.parametrize("place", TWO_FOLDERS)
def test_two_folders_are_paired_by_names(tmp_path, place):
    """At any depth, whatever the endings, and where each name ends in its side."""
    for part in ("train", "test"):
        for side, other in (("A", 10), ("B", 20)):
            folder = tmp_path / place.format(part=part, side=side)
            save(folder / "deep" / f"x.{'png' if side == 'A' else 'jpg'}", colour=other)
            save(folder / f"y_{side}.png", colour=other + 1)
    data = read_pairs(tmp_path)
    assert data.names == ["pairs"] and data.count == 2 and len(data.val["pairs"]) == 2
    for item, levels in zip(data.train["pairs"], ((10, 20), (11, 21))):
        assert tuple(map(level, open_pair(item))) == levels
        assert ["A", "B"] == [str(path.relative_to(tmp_path)).replace("train", "").strip("/")[0] for path in item]
    turned = read_pairs(tmp_path, "BtoA")
    assert [item[::-1] for item in turned.train["pairs"]] == data.train["pairs"]
    assert tuple(map(level, open_pair(turned.train["pairs"][0], "BtoA"))) == (20, 10)


def test_halves_of_one_picture(tmp_path):
    side_by_side(tmp_path / "train" / "1.png", 30, 40)
    side_by_side(tmp_path / "train" / "deep" / "0.png", 50, 60)
    side_by_side(tmp_path / "val" / "1.png", 70, 80)
    side_by_side(tmp_path / "test" / "1.png", 90, 91)
    data = read_pairs(tmp_path)
    assert [path.name for path in data.train["pairs"]] == ["1.png", "0.png"]
    assert tuple(map(level, open_pair(data.train["pairs"][0]))) == (30, 40)
    assert tuple(map(level, open_pair(data.val["pairs"][0]))) == (70, 80)
    given, wanted = open_pair(data.train["pairs"][1], "BtoA")
    assert (level(given), level(wanted), given.size, wanted.size) == (60, 50, (4, 4), (4, 4))
    assert not has_pairs(tmp_path) and not has_pairs(tmp_path / "train")  # these may be domains
    assert read_pairs(tmp_path).digests == data.digests
    side_by_side(tmp_path / "train" / "2.png", 0, 0)
    assert read_pairs(tmp_path).digests != data.digests


def test_a_picture_without_partner_is_named(tmp_path):
    for side, names in (("A", "abc"), ("B", "bcd")):
        for name in names:
            save(tmp_path / f"train{side}" / f"{name}.png")
    told = refusal(read_pairs, tmp_path)
    assert told.startswith(f"{tmp_path}: 2 pictures have no partner: {tmp_path}/trainA/a.png (has no partner in ")
    assert f"{tmp_path}/trainB/d.png (has no partner in {tmp_path}/trainA)" in told and "\n" not in told
    found = find_pairs(tmp_path)["train"]
    assert [path.stem for path, _ in found.items] == ["b", "c"] and len(found.alone) == 2
    (tmp_path / "trainA" / "a.png").rename(tmp_path / "trainA" / "b.jpg")
    assert "b.jpg and " in refusal(read_pairs, tmp_path) and "would have one partner" in refusal(read_pairs, tmp_path)


@pytest.mark.parametrize(
    "files, words",
    [
        ([], "holds no pictures in train, nor in train/A and train/B"),
        (["train/A/1.png"], "train/A is there, and no "),
        (["trainB/1.png"], "trainB is there, and no "),
        (["A/1.png", "B/1.png"], "holds no pictures in train"),
    ],
)
def test_another_layout_is_one_line(tmp_path, files, words):
    for file in files:
        save(tmp_path / file)
    assert words in refusal(read_pairs, tmp_path)
    assert "does not exist; name another by -o data.root=ROOT" in refusal(read_pairs, tmp_path / "nowhere")


def test_pictures_that_do_not_fit_each_other(tmp_path):
    save(tmp_path / "odd.png", width=7)
    with pytest.raises(BadImage, match=r"odd\.png: is 7 px wide, and so has no two halves"):
        open_pair(tmp_path / "odd.png")
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", width=8, height=5)
    with pytest.raises(BadImage, match=r"b\.png: has 8 x 5 px, and its partner .*a\.png 6 x 4 px"):
        open_pair((tmp_path / "a.png", tmp_path / "b.png"))
    save(tmp_path / "grey.png", colour=9, mode="L")
    assert [image.mode for image in open_pair((tmp_path / "a.png", tmp_path / "grey.png"))] == ["RGB", "RGB"]


def config(root, *more):
    sizes = ["model.img_size=8", "model.levels=3", "data.load_size=10", f"data.root={root}"]
    return load_config(CONFIGS / "pix2pix_toy.yaml", [*sizes, *more])


def test_both_of_a_pair_are_cut_at_one_place_and_mirrored_together(tmp_path):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    (tmp_path / "train").mkdir()
    Image.fromarray(np.concatenate([a, 255 - a], axis=1)).save(tmp_path / "train" / "0.png")
    for mode in ("resize_and_crop", "crop"):
        settings = config(tmp_path, f"data.mode={mode}")
        data, places = pix2pix.read(settings), set()
        for seed in range(60):
            rng = np.random.default_rng(seed)
            x, y = pix2pix.draw(data.train, settings, rng, lambda item, _, open_item: (open_item(item), item))
            assert x.shape == y.shape == (3, 8, 8)
            np.testing.assert_allclose(x, -y, atol=1 / 64)  # bicubic's rounding
            places.add(x.tobytes())
        assert len(places) > 10  # of 9 places, or 25, and 2 sides


def test_places_are_the_authors_and_both_ends_are_drawn():
    """x in 0..W - crop and y in 0..H - crop, where W and H are the mode's."""
    for mode, width, height, most in (
        ("resize_and_crop", 40, 20, (2, 2)),
        ("crop", 12, 9, (4, 1)),
        ("crop", 5, 9, (0, 1)),
        ("scale_width_and_crop", 40, 20, (2, 0)),
        ("scale_width_and_crop", 10, 25, (2, 17)),
    ):
        rng = np.random.default_rng(0)
        cuts = [drawn_cut(width, height, mode, 10, 8, rng) for _ in range(300)]
        assert {left for left, _, _ in cuts} == set(range(most[0] + 1))
        assert {top for _, top, _ in cuts} == set(range(most[1] + 1))
        assert 100 < sum(flip for _, _, flip in cuts) < 200


def test_one_channel_is_grey_before_it_is_resized():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8))
    found = prepared(image, "resize_and_crop", 8, 8, 0, 0, False, 1)
    grey = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(found, (grey[None] / 255 - 0.5) / 0.5, atol=1e-6)


def test_bad_pairs_are_left_out_and_named_once(tmp_path, capsys):
    for i in range(20):
        side_by_side(tmp_path / "train" / f"{i:02d}.png", i, 100 + i, width=12, height=12)
    save(tmp_path / "train" / "odd.png", width=13, height=12)
    side_by_side(tmp_path / "train" / "small.png", 0, 0, width=6, height=7)
    settings = config(tmp_path, "data.mode=crop", "data.max_bad_share=0.2")
    data = pix2pix.read(settings)
    drawn = batches(
        lambda rng, load: pix2pix.draw(data.train, settings, rng, load),
        start=0, batch_size=10, seed=0, count=data.count, workers=0, max_bad_share=0.2,
    )  # fmt: skip
    for _, batch in zip(range(8), drawn):
        assert batch.x.shape == (10, 3, 8, 8)
        np.testing.assert_allclose((batch.y - batch.x)[:, 0, 0, 0], 200 / 255, atol=1e-6)  # 100 levels, of one pair
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and sum("odd.png (is 13 px wide" in line for line in told) == 1
    assert sum("small.png (has 6 x 7 px a picture, and 8 x 8 are cut out)" in line for line in told) == 1
