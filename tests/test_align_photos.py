"""Faces in photographs: how they are found, looked at, and turned into aligned faces."""

import numpy as np
import paddle
import pytest
import skimage.data
from drawn_photos import MEAN, Seer, check_aligned, drawn
from PIL import Image

from ppstargan.errors import UserError
from ppstargan.face import find, photos
from ppstargan.face.align import align_face
from ppstargan.face.find import Face, Square


@pytest.fixture(scope="module")
def fan():
    return Seer()


# ---- from the photograph to the aligned face ----


@pytest.mark.parametrize(
    ("width", "height", "side", "centre", "degrees"),
    [
        (256, 256, 250, (128, 128), 0),
        (1200, 500, 420, (800, 240), 12),  # wide: squashed to a square, it would lean and be narrow
        (420, 1300, 380, (210, 900), -30),
        (1300, 1200, 1000, (650, 600), 160),  # more than twice the FAN's size, and upside down
    ],
)
def test_a_face_of_any_size_place_and_turn(fan, width, height, side, centre, degrees):
    photo = drawn(width, height, side, centre, degrees)
    face = find.find_face(fan, photo, [])
    assert face.height > 0.7
    aligned = photos.align_photo(photo, face.landmarks, MEAN, 128)
    assert aligned.shape == (128, 128, 3) and aligned.dtype == np.uint8
    check_aligned(aligned, 0.03)


def test_a_small_face_is_seen_by_the_box_around_it(fan):
    photo = drawn(1500, 900, 150, (1200, 300))
    assert find.find_face(fan, photo, []).height < find.find_face(fan, photo, [Square(1150, 260, 95)]).height
    face = find.find_face(fan, photo, [Square(1150, 260, 95)])
    check_aligned(photos.align_photo(photo, face.landmarks, MEAN, 128), 0.02)


def test_the_view_is_not_squashed_and_black_beyond_the_borders():
    photo = Image.fromarray(np.tile(np.linspace(50, 250, 2100).astype(np.uint8)[None, :, None], (700, 1, 3)))
    x, view = find.see(photo, find.whole(photo))
    factor = 4
    assert all(value % factor == 0 for value in view) and abs(view.top + 700) < factor and view.left == 0
    x = (x.numpy()[0, 0] + 1) * 127.5
    first, last = (round(row * 256 / view.side) for row in (-view.top, 700 - view.top))
    assert x[: first - 1].max() == 0 and x[last + 1 :].max() == 0
    np.testing.assert_allclose(
        x[first + 1 : last - 1], np.tile(np.linspace(50, 250, 256), (last - first - 2, 1)), atol=2
    )


def test_the_view_around_a_box_shows_it_as_celeba_hq_shows_faces():
    view = find.view_of(Square(1000, 500, 630))
    assert view == Square(815, 260, 1000)


def test_the_view_around_landmarks_shows_them_as_wide_as_in_celeba_hq():
    landmarks = np.array([(110.0, 300), (220, 330), (150, 388)])
    assert find.view_around(landmarks) == Square(65, 244, 200)  # 110 is 0.55 of it, around (165, 344)


# ---- where faces are ----


def test_the_cascade_finds_the_face_in_a_photograph_and_none_in_a_cup():
    astronaut = Image.fromarray(skimage.data.astronaut())
    (box,) = find.frontal_faces(astronaut)
    assert box.left < 200 < 245 < box.left + box.side and box.top < 95 < 145 < box.top + box.side  # eyes to chin
    assert box.side < 150
    assert find.frontal_faces(Image.fromarray(skimage.data.coffee())) == []


def test_the_cascade_counts_faces_and_gives_the_largest_first():
    face = Image.fromarray(skimage.data.astronaut()).crop((130, 20, 320, 210))
    crowd = Image.new("RGB", (1000, 400), (120, 120, 120))
    for side, place in ((200, (30, 60)), (320, (330, 40)), (240, (720, 90))):
        crowd.paste(face.resize((side, side)), place)
    boxes = find.frontal_faces(crowd)
    assert [sum(left < box.left + box.side / 2 for left in (330, 700)) for box in boxes] == [1, 2, 0]


def test_no_cascade_on_an_image_too_small_for_one():
    assert find.frontal_faces(Image.new("RGB", (3000, 20))) == []


def test_a_small_face_without_a_box_is_looked_at_from_near(fan):
    photo, expected = drawn(1500, 900, 200, (1200, 300)), MEAN / 256 * 200 + (1100, 200)
    face, far = find.find_face(fan, photo, []), find.look(fan, photo, find.whole(photo))
    assert face.view.side < 400
    assert np.abs(far.landmarks - expected).max() > 15  # a cell is 23 px
    np.testing.assert_allclose(face.landmarks, expected, atol=8)


@pytest.mark.parametrize(("share", "looks"), [(0.74, 2), (0.76, 1)])
def test_how_small_a_face_is_looked_at_from_near(monkeypatch, share, looks):
    spread, views = np.array([(0, 0), (0.55 * 1000 * share, 100)]), []
    monkeypatch.setattr(find, "look", lambda fan, photo, view: views.append(view) or Face(spread, 0.5, view))
    find.find_face(None, Image.new("RGB", (1000, 600)), [])
    assert len(views) == looks


def test_what_is_no_clearer_from_near_stays(fan, monkeypatch):
    photo = drawn(1500, 900, 200, (1200, 300))
    look = find.look
    views = []

    def dimmer(fan, photo, view):
        views.append(view)
        return look(fan, photo, view)._replace(height=0.9 / len(views))

    monkeypatch.setattr(find, "look", dimmer)
    assert find.find_face(fan, photo, []).view == find.whole(photo)
    assert len(views) == 2


@pytest.mark.parametrize(
    ("heights", "taken"),
    [
        ([0.5, 0.9, 0.9], 0),  # the first that is high enough, though others are higher
        ([0.05, 0.9, 0.9], 1),
        ([0.05, 0.02, 0.9], 2),  # the whole image last
        ([0.05, 0.08, 0.02], 1),  # nowhere: the clearest
        ([0.1, 0.9, 0.9], 0),
        ([float("nan"), 0.2, 0.9], 1),
    ],
)
def test_which_face_is_taken(monkeypatch, heights, taken):
    photo, boxes = Image.new("RGB", (500, 300)), [Square(0, 0, 63), Square(200, 0, 63)]
    views = [*map(find.view_of, boxes), find.whole(photo)]
    wide = np.array([(0, 0), (500, 300)])  # landmarks that fill the view
    monkeypatch.setattr(find, "look", lambda fan, photo, view: Face(wide, heights[views.index(view)], view))
    assert find.find_face(None, photo, boxes, 0.1).view == views[taken]


def test_the_height_is_the_median_of_the_peaks(fan, monkeypatch):
    peaks = np.linspace(0, 1, 98)
    maps = np.zeros((1, 98, 64, 64), np.float32)
    maps[0, np.arange(98), 20, 30] = peaks
    monkeypatch.setattr(fan, "heatmaps", lambda x: paddle.to_tensor(maps))
    assert find.look(fan, Image.new("RGB", (64, 64)), Square(0, 0, 64)).height == pytest.approx(np.median(peaks))


# ---- the warp of photographs ----


def test_a_portrait_comes_out_as_from_align_face():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (200, 240, 3), np.uint8)
    landmarks = MEAN * 0.7 + (30, 10)  # smaller than in the result, so that nothing is made smaller first
    expected = align_face(pixels / np.float32(127.5) - 1, landmarks, MEAN, 256)
    aligned = photos.align_photo(Image.fromarray(pixels), landmarks, MEAN, 256)
    np.testing.assert_allclose(aligned, (expected + 1) * 127.5, atol=0.51)


def test_a_large_face_is_averaged():
    fine = np.indices((1024, 1024)).sum(axis=0) % 2 * 255  # a warp alone would pick pixels of this chess board
    photo = Image.fromarray(np.repeat(fine[:, :, None], 3, axis=2).astype(np.uint8))
    aligned = photos.align_photo(photo, MEAN * 3.3, MEAN, 256)
    assert abs(aligned[20:-20, 20:-20].astype(float) - 127.5).max() < 6


def test_a_small_face_in_a_large_photograph_takes_little_memory(monkeypatch):
    seen = []
    monkeypatch.setattr(photos, "align_face", lambda image, *rest: seen.append(image.shape) or align_face(image, *rest))
    photo = drawn(1200, 1000, 150, (700, 500), 30)
    landmarks = np.array([(700, 500)]) + (MEAN / 256 - 0.5) * 150 @ np.array([[0.866, 0.5], [-0.5, 0.866]])
    check_aligned(photos.align_photo(photo, landmarks, MEAN, 128), 0.02)
    assert max(seen[0]) < 2.1 * 128 * (0.866 + 0.5)


def test_a_face_beside_the_image():
    with pytest.raises(UserError, match="outside the image"):
        photos.align_photo(Image.new("RGB", (100, 100)), MEAN + 900, MEAN)
