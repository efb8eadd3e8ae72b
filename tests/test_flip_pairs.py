"""Faces of other numbers of points: which of them change places in a mirror. And eyes that nothing is measured by."""

import numpy as np
import pytest
from authors_form import refusal

from ppstargan.config import CONFIGS
from ppstargan.data import heatmaps, landmarks
from ppstargan.data.landmark_lists import LIST, look_at_list, read_list
from ppstargan.data.people_sets import write_landmarks
from ppstargan.errors import UsageError
from ppstargan.systems import fan
from ppstargan.systems.load import load_config

STILL = ["data.rotation=0", "data.scale=0", "data.shift=0", "data.blur=0", "data.noise=0", "data.occlusion=0"]


def configured(*more):
    return load_config(CONFIGS / "fan_wflw.yaml", [*STILL, *more])


def drawn(config, points, count=20):
    """Where the points are in each of ``count`` samples of one face, which is nowhere changed but in a mirror."""
    image = np.zeros((256, 256, 3), np.uint8)
    pool, rng = {landmarks.POOL: ["a face"]}, np.random.default_rng(0)

    def load(item, items, open_item):
        return (image, points), item

    return [fan.draw(pool, config, rng, load).points for _ in range(count)]


@pytest.mark.parametrize(
    ("pairs", "table"),
    [("0-1 3-4", [1, 0, 2, 4, 3]), (" 4-0 ", [4, 1, 2, 3, 0]), ("none", None), ("''", None), ("wflw", None)],
)
def test_the_pairs_change_places_in_a_mirror(pairs, table):
    points = np.array([(60.0, 70), (200, 70), (128, 120), (80, 180), (170, 182)])
    config = configured("model.points=5", f"data.flip_pairs={pairs}")
    mirrored = None if table is None else (points * (-1, 1) + (255, 0))[table]
    found = drawn(config, points)
    turned = [mirrored is not None and np.array_equal(one, mirrored) for one in found]
    assert all(np.array_equal(one, points) for one, turn in zip(found, turned) if not turn)
    assert 3 < sum(turned) < 17 if table else not any(turned)


def test_wflws_pairs_are_those_of_98_points_and_may_be_left_out():
    points = np.random.default_rng(1).uniform(40, 200, (98, 2))
    mirrored = ((points * (-1, 1) + (255, 0))[heatmaps.FLIP]).astype(np.float32)
    assert 3 < sum(np.array_equal(one, mirrored) for one in drawn(configured(), points)) < 17
    assert all(np.array_equal(one, np.float32(points)) for one in drawn(configured("data.flip_pairs=none"), points, 8))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("0-5", "has point 5, and the points are 0 to 4"),
        ("0-1 1-2", "has point 1 twice"),
        ("3-3", "has point 3 twice"),
        ("0,1", "has '0,1', which is no pair such as 0-16"),
        ("0-1-2", "has '0-1-2', which is no pair"),
        ("0 - 1", "has '0', which is no pair"),
        ("mine", "has 'mine', which is no pair"),
    ],
)
def test_pairs_that_are_none(pairs, message):
    with pytest.raises(UsageError, match=f"data.flip_pairs {message}"):
        configured("model.points=5", f"data.flip_pairs={pairs}")


@pytest.mark.parametrize(("a", "b"), [(60, 72), (96, 97)])
def test_a_face_with_both_eyes_at_one_place_is_named(a, b, tmp_path):
    """NME would divide by nothing."""
    write_landmarks(tmp_path, size=64, train_count=2, test_count=1)
    path = tmp_path / LIST.format(part="train")
    first, second = (line.split(" ") for line in path.read_text().splitlines())
    second[2 * b : 2 * b + 2] = second[2 * a : 2 * a + 2]
    path.write_text("".join(" ".join(line) + "\n" for line in (first, second)))
    told = f"{path}, line 2 has both eyes at one place (points {a} and {b}), and errors are measured by their distance"
    assert look_at_list(path).faults == [told] and refusal(read_list, path) == told
    assert refusal(landmarks.read_faces, tmp_path) == told
