"""Drawn people: what is said of them is what is drawn, and the landmarks lie on it, in WFLW's order."""

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.people import (
    ATTRIBUTES,
    HAIR,
    draw_look,
    random_attributes,
    random_look,
)
from ppstargan.data.people_points import FLIP, landmarks
from ppstargan.data.shapes import smooth


def look(index, *names, wild=False, **changes):
    """Number ``index`` of those who have just these attributes."""
    return random_look(names or {"Brown_Hair"}, np.random.default_rng(index), wild)._replace(**changes)


def anyone(index, wild=False):
    rng = np.random.default_rng(index)
    return random_look(random_attributes(rng), rng, wild)


def mirrored(one):
    """The same person, seen in a mirror."""
    turned = {name: -getattr(one, name) for name in ("turn", "roll", "gaze", "part")}
    angles = {name: np.pi - getattr(one, name) for name in ("wall_angle", "light_angle")}
    return one._replace(x=1 - one.x, **turned, **angles)


def away(one, other):
    """[S, S]: how different two pictures are, in grey levels."""
    return np.abs(one.astype(int) - other).max(2)


def test_attributes_are_drawn_evenly_and_everyone_has_one_hair_colour():
    drawn = [random_attributes(np.random.default_rng(i)) for i in range(400)]
    assert all(len(names & set(HAIR)) == 1 and names <= set(ATTRIBUTES) for names in drawn)
    shares = {name: np.mean([name in names for names in drawn]) for name in ATTRIBUTES}
    assert all(abs(share - (0.25 if name in HAIR else 0.5)) < 0.08 for name, share in shares.items())
    assert all("Male" in random_attributes(np.random.default_rng(i), True) for i in range(20))
    assert not any("Male" in random_attributes(np.random.default_rng(i), False) for i in range(20))
    both = [{"Smiling", "Male"} <= names for names in drawn]
    assert 0.17 < np.mean(both) < 0.33  # no attribute gives another away


@pytest.mark.parametrize("index", range(4))
def test_a_person_is_the_same_at_any_size(index):
    names = random_attributes(np.random.default_rng(index))
    large, small = (draw_look(look(index, *names), size) for size in (256, 32))
    assert large[0].shape == (256, 256, 3) and small[0].shape == (32, 32, 3) and small[0].dtype == np.uint8
    shrunk = np.asarray(Image.fromarray(large[0]).resize((32, 32), Image.Resampling.BOX))
    assert np.abs(shrunk.astype(int) - small[0]).mean() < 5  # another person is 50 away
    np.testing.assert_allclose(large[1], (small[1] + 0.5) * 8 - 0.5, atol=1e-9)


# ---- the landmarks ----


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize("index", range(5))
def test_in_the_mirror_points_are_mirrored_and_swapped(index, wild):
    one, size = anyone(index, wild), 96
    image, points, visible = draw_look(one, size)
    turned, others, seen = draw_look(mirrored(one), size)
    np.testing.assert_allclose(others, (points * (-1, 1) + (size - 1, 0))[FLIP], atol=1e-9)
    assert (seen == visible[FLIP]).mean() > 0.95  # one beside a hair may be called either
    assert away(turned, image[:, ::-1]).mean() < 2  # and they are of that picture


def test_the_order_is_that_of_wflw():
    points = landmarks(look(0))
    x, y = points.T
    increasing = [
        range(4, 29),
        range(33, 38),
        range(42, 47),
        range(55, 60),
        range(60, 65),
        range(68, 73),
        range(76, 83),
    ]
    increasing += [range(88, 93), (33, 60, 64, 51, 68, 72, 46), (0, 76, 88, 92, 82, 32), (60, 96, 64, 68, 97, 72)]
    decreasing = [range(38, 42), range(47, 51), range(65, 68), range(73, 76), range(83, 88), range(93, 96)]
    for line, sign in [(line, 1) for line in increasing] + [(line, -1) for line in decreasing]:
        assert (np.diff(x[list(line)]) * sign > 0).all(), line
    assert x[66] == pytest.approx(x[62], abs=0.02) and x[74] == pytest.approx(x[70], abs=0.02)
    assert y.argmax() == 16 and (np.diff(y[:17]) > 0).all()  # the chin
    assert (np.diff(y[51:55]) > 0).all() and y[54] < y[57] < y[79]  # down the nose, and its base is below its tip
    above_below = [(34, 41), (37, 38), (42, 50), (45, 47), (61, 67), (63, 65), (69, 75), (71, 73), (79, 90), (94, 85)]
    assert all(y[upper] < y[lower] for upper, lower in above_below)
    steps = np.linalg.norm(np.diff(points[:33], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.05  # evenly along the contour
    np.testing.assert_allclose(points[:96] * (-1, 1), points[FLIP][:96], atol=1e-12)


def changed_box(one, other, size):
    """Left, top, right and bottom of what two looks differ in."""
    rows, columns = np.nonzero(away(draw_look(one, size)[0], draw_look(other, size)[0]) > 40)
    return np.array([columns.min(), rows.min(), columns.max(), rows.max()])


@pytest.mark.parametrize("index", range(3))
def test_lips_and_irises_are_where_their_points_are(index):
    straight = look(index, "Blond_Hair", "Smiling", "Pale_Skin", turn=0.6, roll=4, make_up=True, lip=(200, 30, 60))
    points = draw_look(straight, 256)[1]
    box = changed_box(straight, straight._replace(lip=(60, 160, 60)), 256)
    lips = np.concatenate([points[76:88].min(0), points[76:88].max(0)])
    assert np.abs(box - lips).max() < 2.5
    for tint in ((90, 60, 40), (20, 120, 220)):
        image = draw_look(straight._replace(iris=tint), 256)[0]
        for x, y in points[96:]:  # black in the middle of the pupil or its glint, tinted around it
            around = image[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10].reshape(-1, 3)
            assert (np.abs(around.astype(int) - tint).max(1) < 40).mean() > 0.05
    assert (draw_look(straight, 256)[0][tuple(np.round(points[96:]).astype(int).T[::-1])].max(1) < 90).all()


def test_a_beard_ends_at_the_contour_and_brows_are_dark():
    man = look(1, "Black_Hair", "Male", "Pale_Skin", turn=0.0, beard=0.9, style=0, light=0.02, exposure=1.0)
    image, points, _ = draw_look(man, 256)
    grey = image.mean(2)

    def at(places):
        x, y = np.round(places).astype(int).T
        return grey[y, x]

    chin, middle = points[8:25], points[79]
    towards = (middle - chin) / np.linalg.norm(middle - chin, axis=1, keepdims=True)
    assert (at(chin - 5 * towards) - at(chin + 5 * towards) > 40).all()  # neck or wall, and beard
    inside_brows = [points[[34, 41]].mean(0), points[[35, 40]].mean(0), points[[44, 48]].mean(0)]
    assert (at(np.array(inside_brows)) < 90).all()
    assert (at(points[[35, 44]] - (0, 5)) > 150).all()


def test_a_smooth_curve_goes_through_its_points():
    points = np.random.default_rng(0).normal(size=(6, 2))
    for closed in (False, True):
        curve = smooth(points, closed, steps=5)
        np.testing.assert_allclose(curve[::5], points, atol=1e-12)
    assert len(smooth(points, steps=5)) == 26 and len(smooth(points, True, 5)) == 30
    line = smooth([(0, 0), (1, 2), (2, 4)], steps=4)
    np.testing.assert_allclose(line, np.linspace(0, 2, 9)[:, None] * (1, 2), atol=1e-12)


# ---- the attributes ----


def pair(index, names, other):
    """Someone with and without an attribute."""
    return [draw_look(look(index, *changed), 128) for changed in (names, {*names, other})]


@pytest.mark.parametrize("index", range(3))
def test_another_attribute_shows_the_same_person(index):
    names = {"Black_Hair", *(("Male",) if index % 2 else ())}
    (plain, points, seen), (glasses, same, hidden) = pair(index, names, "Eyeglasses")
    assert (same == points).all() and 0.01 < (away(plain, glasses) > 30).mean() < 0.12
    lens = slice(int(points[33:51, 1].min()) - 12, int(points[66, 1]) + 20)
    elsewhere = np.ones(128, bool)
    elsewhere[lens] = False
    assert away(plain, glasses)[elsewhere].max() <= 30
    rims = seen & ~hidden
    x, y = np.round(points[rims]).astype(int).T
    assert (hidden <= seen).all() and (away(plain, glasses)[y, x] > 20).all()

    (_, points, _), (_, others, _) = pair(index, names, "Smiling")
    moved = np.linalg.norm(points - others, axis=1)
    assert moved[76:96].max() > 5 and moved[:33].max() == 0 and moved[51:60].max() == 0
    rise = [p[90, 1] - p[[76, 82], 1].mean() for p in (points, others)]  # of the corners
    assert rise[0] < 0 and rise[1] > 2

    (_, points, _), (pale, same, _) = pair(index, names, "Pale_Skin")
    nose = tuple(np.round(same[52]).astype(int)[::-1])
    assert (same == points).all() and pale[nose].min() > 150

    (_, points, _), (_, others, _) = pair(index, names - {"Male"}, "Male")
    brows = [p[40, 1] - p[35, 1] for p in (points, others)]
    assert brows[1] > 1.25 * brows[0] and others[:33, 1].max() > points[:33, 1].max()
    blond = draw_look(look(index, "Blond_Hair"), 128)[0]
    assert (away(draw_look(look(index, "Black_Hair"), 128)[0], blond) > 60).mean() > 0.1


def test_hair_and_glasses_hide_points_and_what_is_outside_is_not_visible():
    seen = np.mean([draw_look(anyone(i), 48)[2] for i in range(40)], axis=0)
    assert seen[52:60].min() == 1 and seen[76:96].min() == 1  # nothing is before nose and mouth
    assert 0.5 < seen[51] < 1  # but a bridge of glasses
    assert seen[[0, 32]].max() < 0.7 and seen[8:25].min() > 0.95
    fringe = look(0, "Gray_Hair", style=1, turn=0.0)
    assert draw_look(fringe, 96)[2][33:51].mean() < 0.5
    cut = look(0, x=1.0)
    _, points, visible = draw_look(cut, 64)
    outside = points[:, 0] > 63.5
    assert outside.any() and not visible[outside].any()


def test_wild_ones_stand_anywhere_with_all_points_inside():
    looks = [anyone(i, wild=True) for i in range(60)]
    points = np.stack([draw_look(one, 32)[1] for one in looks])
    assert points.min() > 0 and points.max() < 31
    middles, widths = points.mean(1), np.ptp(points, axis=1).max(1)
    assert (middles.min(0) < 10).all() and (middles.max(0) > 21).all() and widths.max() > 1.5 * widths.min()
