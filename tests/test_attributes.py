"""CelebA's list of attributes, folders of classes, what becomes of a face, and the labels that are asked for."""

import random

import numpy as np
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan.data import attributes
from ppstargan.data.attributes import prepared, read_faces, split, targets

NAMES = ["Black_Hair", "Male", "Blond_Hair", "Young"]


def write(root, count=12, listed=None, names=NAMES, first=None, change=None):
    """A set in CelebA's form; the labels of face i are the last bits of i. Returns the root."""
    (root / "images").mkdir(parents=True)
    lines = [str(count if first is None else first), " ".join(names)]
    for i in range(count):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(root / "images" / f"{i:06d}.png")
        lines.append(" ".join([f"{i:06d}.png", *(" 1" if i >> bit & 1 else "-1" for bit in range(len(names)))]))
    lines = change(lines) if change else lines
    (root / attributes.LIST).write_text("\n".join(lines) + "\n")
    return root


def test_labels_are_those_of_the_list_in_the_order_asked_for(tmp_path):
    images = read_faces(write(tmp_path / "faces"), ["Blond_Hair", "Black_Hair"])
    assert images.names == ["Blond_Hair", "Black_Hair"]
    seen = set()
    for pool in (images.train["faces"], images.val["faces"]):
        for path, label in zip(pool, pool.labels):
            number = int(path.stem)
            assert label.tolist() == [number >> 2 & 1, number & 1]
            seen.add(number)
    assert seen == set(range(12)) and len(images.val["faces"]) == 1 and images.count == 11


def test_a_list_that_went_through_an_editor_of_windows_is_the_same(tmp_path):
    root = write(tmp_path / "faces")
    before = read_faces(root, ["Male"])
    path = root / attributes.LIST
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_faces(root, ["Male"]) == before and before.names == ["Male"]


def test_the_split_is_the_authors_and_leaves_a_small_list_something_to_train_on():
    """As these two lines of theirs shuffle a list."""
    random.seed(1234)
    random.shuffle(order := list(range(10)))
    train, test = split(202599)
    assert len(test) == 1999 and len(train) == 200600 and sorted(train + test) == list(range(202599))
    assert split(2000)[0] == [split(2000)[0][0]]  # what is left behind 1999
    assert [len(part) for part in split(1999)] == [1800, 199] and [len(part) for part in split(2)] == [1, 1]
    assert split(10) == (order[1:], order[:1])


def test_another_label_is_another_training(tmp_path):
    def digest(name, change=None, names=("Male",)):
        return read_faces(write(tmp_path / name, change=change), list(names)).digests["faces"]

    def other(lines):
        return [line.replace("000003.png  1  1", "000003.png  1 -1") for line in lines]

    assert digest("a") == digest("b") != digest("c", other)
    assert digest("d", names=("Young",)) != digest("a2")


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda lines: lines[:-1], "says that it has 12 files, and lists 11: part of it is missing"),
        (lambda lines: [*lines[:4], lines[4] + " 1", *lines[5:]], "line 5 (000002.png) has 5 values, and 4 of 1 or -1"),
        (lambda lines: [line.replace("-1", "0", 1) for line in lines], "(000000.png) has values other than 1 and -1"),
        (lambda lines: ["12", lines[1], *[lines[2]] * 12], "line 4 (000000.png) lists what line 3 does"),
        (lambda lines: ["nothing"], "is no list of attributes: a count, their names, and a line a file"),
        (lambda lines: [*lines[:2], *(line.replace("png", "jpg") for line in lines[2:])],
         "12 of the 12 files that"),
    ],
)  # fmt: skip
def test_a_bad_list_is_one_line(tmp_path, change, said):
    root = write(tmp_path / "faces", change=change)
    assert said in refusal(read_faces, root, ["Male"])


def test_unknown_attributes_and_other_layouts_are_one_line(tmp_path):
    root = write(tmp_path / "faces")
    assert "has no attribute Mael; it has Black_Hair, Male, Blond_Hair, Young" in refusal(read_faces, root, ["Mael"])
    assert "name attributes of it by data.attributes" in refusal(read_faces, root, [])
    (tmp_path / "none").mkdir()
    assert "cannot read" in refusal(read_faces, tmp_path / "none", ["Male"])
    assert "two or more classes" in refusal(read_faces, tmp_path / "none", [])


def test_folders_are_classes(tmp_path):
    for part in ("train", "test"):
        for name in ("happy", "sad"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / part / name / "1.png")
    images = read_faces(tmp_path, [])
    assert images.names == ["happy", "sad"] and [len(paths) for paths in images.val.values()] == [1, 1]


def test_targets_change_one_label_and_hair_in_place_of_hair():
    labels = np.array([[1, 0, 0, 1], [0, 1, 1, 0]])
    asked = [target.tolist() for target in targets(labels, NAMES, exclusive=False)]
    assert asked == [
        [[1, 0, 0, 1], [1, 1, 0, 0]],  # black hair: not blond any more
        [[1, 1, 0, 1], [0, 0, 1, 0]],  # the other sex
        [[0, 0, 1, 1], [0, 1, 1, 0]],
        [[1, 0, 0, 0], [0, 1, 1, 1]],
    ]
    assert targets(labels[:, :2], ["a", "b"], exclusive=True)[1].tolist() == [[0, 1], [0, 1]]


def test_the_middle_is_cut_out_and_what_is_missing_is_black():
    image = np.zeros((6, 9, 3), np.uint8)
    image[:, 4] = 255
    found = prepared(Image.fromarray(image), 6, 6)  # columns 2 (half to even) to 7
    assert (found[:, :, 2] == 1).all() and (np.delete(found, 2, axis=2) == -1).all()
    small = prepared(Image.new("RGB", (3, 4), (255, 255, 255)), 6, 6)  # 1 column on the left, 2 on the right
    assert (small[:, 1:5, 1:4] == 1).all() and small.sum() == 3 * (12 - 24)
    mirrored = prepared(Image.fromarray(image), 9, 9, flip=True)
    np.testing.assert_array_equal(mirrored, prepared(Image.fromarray(image), 9, 9)[:, :, ::-1])
