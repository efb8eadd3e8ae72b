"""Two sides without pairs: the layouts that hold them, what is refused, and how an image is made ready."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ppstargan.data import sides
from ppstargan.data.check import check_dataset
from ppstargan.errors import UserError


def fill(root, *places):
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)


LAYOUTS = {
    "letters": ["trainA/b.png", "trainA/deep/a.png", "trainB/c.png", "testA/d.png", "testB/e.png"],
    "folders": ["train/A/b.png", "train/A/deep/a.png", "train/B/c.png", "val/A/d.png", "val/B/e.png"],
    "names": ["train/horse/b.png", "train/horse/deep/a.png", "train/zebra/c.png", "val/horse/d.png", "val/zebra/e.png"],
    "both": ["trainA/b.png", "trainA/deep/a.png", "trainB/c.png", "val/A/d.png", "val/B/e.png", "testA/x.png"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_same_two_sides(tmp_path, capsys, layout):
    fill(tmp_path, *LAYOUTS[layout])
    images = sides.read_sides(tmp_path)
    assert images.names == ["A", "B"] and images.count == 3
    stems = [{name: [path.stem for path in paths] for name, paths in part.items()} for part in images[:2]]
    assert stems == [{"A": ["b", "a"], "B": ["c"]}, {"A": ["d"], "B": ["e"]}]
    assert [images.digests[side][0] for side in "AB"] == [2, 1]
    told = f"{tmp_path}: A is horse, B is zebra\n" if layout == "names" else ""
    assert capsys.readouterr().err == told


def test_a_second_part_may_be_missing(tmp_path):
    fill(tmp_path, "trainA/a.png", "trainB/b.png")
    assert sides.read_sides(tmp_path).val == {}


WRONG = {
    "holds trainA, and trainA and trainB are needed; see": ["trainA/a.png"],
    "holds testB, and testA and testB are needed; see": ["trainA/a.png", "trainB/a.png", "testB/a.png"],
    "train holds A, and A and B are needed; see": ["train/A/a.png"],
    "holds trainA, trainB, trainC, and two sides are needed; take the rest away": [f"train{s}/a.png" for s in "ABC"],
    "train holds a, b, c, and two sides are needed; take the rest away": [f"train/{s}/a.png" for s in "abc"],
    "holds neither trainA and trainB nor train/A and train/B; they are in": ["set/trainA/a.png", "set/trainB/a.png"],
    "holds neither trainA and trainB nor train/A and train/B; see data/README.md": ["A/a.png", "B/a.png"],
    "train holds none, and A and B are needed; see": ["train/a.png"],
    "train has the domains a, b, and val has a, c": ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/c/1.png"],
    "holds train, trainA, trainB, and the sides are in one or the other": [
        "train/A/a.png", "train/B/a.png", "trainA/a.png", "trainB/a.png"
    ],
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_what_is_no_two_sides_is_one_line(tmp_path, message):
    fill(tmp_path, *WRONG[message])
    with pytest.raises(UserError) as error:
        sides.read_sides(tmp_path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_an_empty_side_and_a_missing_folder_are_one_line(tmp_path):
    fill(tmp_path, "trainA/a.png", "trainB/b.png")
    shutil.move(tmp_path / "trainB" / "b.png", tmp_path / "b.png")
    with pytest.raises(UserError, match=r"^domain B has no images in .*trainB, 1 needed; add images"):
        sides.read_sides(tmp_path)
    with pytest.raises(UserError, match=r"b\.png is a file, not a folder; name another by -o data\.root=ROOT"):
        sides.read_sides(tmp_path / "b.png")
    with pytest.raises(UserError, match=r"nowhere does not exist; name another by -o data\.root=ROOT"):
        sides.read_sides(tmp_path / "nowhere")


def photo(height, width):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("flip_first", [False, True])
def test_a_square_is_cut_where_it_is_said_and_mirrored_before_or_after(flip_first):
    image, (left, top) = photo(50, 30), (5, 2)
    found = sides.cut(image, 40, 32, left, top, True, resample=sides.BILINEAR, flip_first=flip_first)
    source = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip_first else image
    whole = np.asarray(source.resize((40, 40), sides.BILINEAR), np.float32).transpose(2, 0, 1) / 127.5 - 1
    expected = whole[:, top : top + 32, left : left + 32]
    np.testing.assert_allclose(found, expected if flip_first else expected[:, :, ::-1], atol=1e-6)


def test_what_is_drawn_is_every_place_and_both_ways():
    image, rng, cuts = photo(6, 6), np.random.default_rng(0), {}
    for left in range(3):
        for top in range(3):
            for flip in (False, True):
                cuts[sides.cut(image, 6, 4, left, top, flip).tobytes()] = (left, top, flip)
    drawn = [cuts[sides.jittered(image, 6, 4, rng).tobytes()] for _ in range(300)]
    assert set(drawn) == set(cuts.values())
    np.testing.assert_array_equal(sides.prepared(image, 6), sides.cut(image, 6, 6, 0, 0, False))


def test_grey_comes_before_the_resize():
    image = photo(50, 30)
    expected = np.asarray(image.convert("L").resize((16, 16), sides.BICUBIC), np.float32)[None] / 127.5 - 1
    np.testing.assert_allclose(sides.prepared(image, 16, channels=1), expected, atol=1e-6)


def test_a_check_of_the_dataset_knows_the_sides(tmp_path, capsys):
    fill(tmp_path, *LAYOUTS["letters"])
    (tmp_path / "trainB" / "bad.png").write_bytes(b"no image")
    assert check_dataset(tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [(line.split()[0], line.split()[1:3], line.split()[-1]) for line in lines[1:5]] == [
        ("train", ["2", "0"], "A"), ("train", ["2", "1"], "B"), ("val", ["1", "0"], "A"), ("val", ["1", "0"], "B")
    ]  # fmt: skip
    assert any(line.startswith(f"bad: {tmp_path / 'trainB' / 'bad.png'} (") for line in lines)
    assert lines[-1] == "6 images, 1 of them bad; 2 in val that are in train too"
    shutil.rmtree(tmp_path / "testA"), shutil.rmtree(tmp_path / "testB"), (tmp_path / "trainB" / "bad.png").unlink()
    assert check_dataset(tmp_path) == 0
    shutil.rmtree(tmp_path / "trainB")
    with pytest.raises(UserError, match="holds trainA, and trainA and trainB are needed"):
        check_dataset(tmp_path)
