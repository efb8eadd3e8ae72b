"""Drawn people on disk: the layouts of CelebA, of WFLW and of two domains, and the truth beside them."""

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.dataset import find_domains
from ppstargan.data.people import ATTRIBUTES, draw_look
from ppstargan.data.people_sets import person, true_points, write_attributes, write_landmarks, write_people
from ppstargan.errors import UsageError, UserError

SMALL = {"size": 24, "train_count": 3, "seed": 4}
WRITERS = [(write_attributes, "test_count"), (write_landmarks, "test_count"), (write_people, "val_count")]
LISTS = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{}.txt"


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.png"))}


@pytest.mark.parametrize(("write", "test"), WRITERS)
def test_a_set_depends_on_its_seed_and_is_not_drawn_again(write, test, tmp_path):
    small = {**SMALL, test: 2}
    for name, changes in (("a", {}), ("b", {}), ("more", {"train_count": 5}), ("other", {"seed": 5})):
        assert write(tmp_path / name, **{**small, **changes}) is True
    a, b, more, other = (files(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert a == b and len(set(a.values())) == len(a) == (10 if write is write_people else 5)
    assert all(more[path] == a[path] and other[path] != a[path] for path in a)
    assert write(tmp_path / "a", **small) is False
    with pytest.raises(UserError, match="a holds something else than the toy"):
        write(tmp_path / "a", **{**small, "size": 28})
    for key, value in (("size", 15), ("train_count", 1), (test, 0), ("seed", -1)):
        with pytest.raises(UsageError, match=f"is {value}; give"):
            write(tmp_path / "new", **{**small, key: value})
    assert not (tmp_path / "new").exists()


def test_the_list_of_attributes(tmp_path):
    write_attributes(tmp_path / "toy", size=24, train_count=12, test_count=4, seed=1)
    lines = (tmp_path / "toy/list_attr_celeba.txt").read_text().splitlines()
    assert lines[0] == "16" and lines[1].split() == list(ATTRIBUTES) and len(lines) == 18
    for index, line in enumerate(lines[2:]):
        name, *values = line.split()
        assert name == f"{index + 1:06d}.png"
        one = person(1, "train", 2, index)
        assert values == ["1" if one.has(attribute) else "-1" for attribute in ATTRIBUTES]
        assert (np.asarray(Image.open(tmp_path / "toy/images" / name)) == draw_look(one, 24)[0]).all()
    assert len({line.split(maxsplit=1)[1] for line in lines[2:]}) > 8


def test_the_lists_of_landmarks(tmp_path):
    write_landmarks(tmp_path / "toy", size=64, train_count=60, test_count=2, seed=1)
    hard, grown = [], {"train": [], "test": []}
    for part, count in (("train", 60), ("test", 2)):
        lines = (tmp_path / "toy" / LISTS.format(part)).read_text().splitlines()
        assert len(lines) == count
        for index, line in enumerate(lines):
            fields = line.split(" ")
            assert len(fields) == 207 and set(fields[200:206]) <= {"0", "1"}
            points, box = np.array(fields[:196], float).reshape(98, 2), np.array([int(v) for v in fields[196:200]])
            image, true, _ = draw_look(person(1, part, 3, index, wild=True), 64)
            np.testing.assert_allclose(points, true, atol=1e-6)
            assert (np.asarray(Image.open(tmp_path / "toy/WFLW_images" / fields[206])) == image).all()
            around = np.concatenate([points.min(0), points.max(0)])
            near = (0.06 if part == "test" else 0.6) * np.ptp(points) + 1  # to train on, up to the whole head's
            assert (box >= 0).all() and (box <= 63).all() and np.abs(box - around).max() < near
            grown[part].append(np.prod(box[2:] - box[:2]) / np.prod(around[2:] - around[:2]))
            hard.append([int(value) for value in fields[200:206]])
    assert np.mean(grown["train"]) > 1.4 > 1.2 > np.mean(grown["test"])  # of the box's area
    shares = np.mean(hard, axis=0)
    assert (shares > 0.03).all() and (shares < 0.7).all()  # each kind of hard ones is there


def test_two_domains_and_the_truth_about_the_validation_images(tmp_path):
    write_people(tmp_path / "toy", size=24, train_count=3, val_count=2, seed=1)
    train, val = find_domains(tmp_path / "toy/train", min_images=2), find_domains(tmp_path / "toy/val")
    assert list(train) == list(val) == ["female", "male"]
    assert [len(paths) for paths in (*train.values(), *val.values())] == [3, 3, 2, 2]
    points = true_points(tmp_path / "toy")
    assert list(points) == ["female/00000.png", "female/00001.png", "male/00000.png", "male/00001.png"]
    for path, found in points.items():
        one = person(1, "test", path.startswith("male"), int(path[-6:-4]), male=path.startswith("male"))
        assert one.has("Male") == path.startswith("male")
        image, true, _ = draw_look(one, 24)
        np.testing.assert_allclose(found, true, atol=1e-6)
        assert (np.asarray(Image.open(tmp_path / "toy/val" / path)) == image).all()
    write_attributes(tmp_path / "else", size=24, train_count=2, test_count=1)
    for root in (tmp_path / "else", tmp_path / "none"):
        with pytest.raises(UserError, match="does not hold the toy people; draw them by"):
            true_points(root)
