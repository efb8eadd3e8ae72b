"""The drawn outlines and faces: they fit each other, tell much of the colours and not all, and come to disk."""

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.outlines import draw_pair, write_outlines
from ppstargan.data.shapes import INK, PINK, WHITE, ellipse, outliner
from ppstargan.errors import UsageError, UserError

SMALL = {"size": 16, "train_count": 3, "val_count": 2, "seed": 4}


def pairs(count, size=32, seed=0):
    """(outlines, faces): float [count, size, size, 3] in [-1, 1] each."""
    drawn = [draw_pair(size, np.random.default_rng([seed, index])) for index in range(count)]
    return (np.stack(side) / 127.5 - 1 for side in zip(*drawn))


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.png"))}


def test_a_pair_is_the_same_at_any_size():
    for seed in range(4):
        large, small = (draw_pair(size, np.random.default_rng(seed)) for size in (256, 32))
        for big, little, near in zip(large, small, (8, 7)):
            assert big.shape == (256, 256, 3) and little.shape == (32, 32, 3) and little.dtype == np.uint8
            shrunk = np.asarray(Image.fromarray(big).resize((32, 32), Image.Resampling.BOX))
            assert np.abs(shrunk.astype(int) - little).mean() < near


def test_outlines_are_dark_lines_on_white_that_follow_the_edges_of_the_face():
    outlines, faces = pairs(40, size=64)
    assert np.ptp(outlines, axis=3).max() < 0.1  # no colour
    assert (np.median(outlines, axis=(1, 2, 3)) == 1).all() and (outlines.min((1, 2, 3)) < -0.5).all()
    ink = 1 - outlines.mean(3)
    assert (0.04 < (ink > 0.5).mean((1, 2))).all() and ((ink > 0.5).mean((1, 2)) < 0.35).all()
    steps = np.abs(np.diff(faces, axis=1)).sum(3)[:, :, :-1] + np.abs(np.diff(faces, axis=2)).sum(3)[:, :-1]
    own = np.mean([np.corrcoef(ink[i, :-1, :-1].ravel(), steps[i].ravel())[0, 1] for i in range(40)])
    others = np.mean([np.corrcoef(ink[i, :-1, :-1].ravel(), steps[i - 1].ravel())[0, 1] for i in range(40)])
    assert own > 0.35 and own > 2 * others


def test_what_lies_behind_a_shape_is_hidden_and_ink_stays_ink():
    pose, canvases = np.array([[1.0, 0, 32], [0, 1, 32]]), []
    near, behind = ellipse(0, 0, 20, 20), ellipse(0, 8, 10, 18)
    for shapes in ([(behind, WHITE), (near, PINK)], [(near, PINK)], [(near, PINK), (behind, WHITE)], [(near, INK)]):
        canvases.append(np.full((64, 64, 3), 255, np.uint8))
        for shape, colour in shapes:
            outliner(canvases[-1], pose, 0.03)(shape, colour)
    hidden, alone, before, ink = (canvas.mean(2) for canvas in canvases)
    assert (hidden[:50] == alone[:50]).all() and (hidden[54:] < 100).any() and (before[20:50] != alone[20:50]).any()
    assert alone[32, 32] == 255 and ink[32, 32] < 30


def test_outlines_tell_most_of_the_colours_and_not_all():
    """Who answers by the face of the most similar outlines is far better than one picture for all, and is not right."""
    known_outlines, known = pairs(400)
    outlines, faces = pairs(60, seed=1)
    nearest = [np.abs(known_outlines - one).mean((1, 2, 3)).argmin() for one in outlines]
    constant = np.abs(np.median(known, axis=0) - faces).mean()
    assert constant > 0.35
    assert np.abs(known[nearest] - faces).mean() < 0.65 * constant
    corner = np.abs(known[nearest] - faces)[:, :3, :3].mean()  # where nothing is drawn, the rest is chance
    assert 0.17 < corner < 0.3


def test_write_outlines(tmp_path):
    for name, changes in (("a", {}), ("b", {}), ("more", {"train_count": 5}), ("other", {"seed": 5})):
        assert write_outlines(tmp_path / name, **{**SMALL, **changes}) is True
    a, b, more, other = (files(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert list(a) == [*(f"train/0000{i}.png" for i in range(3)), *(f"val/0000{i}.png" for i in range(2))]
    assert a == b and len(set(a.values())) == 5
    assert all(more[path] == a[path] and other[path] != a[path] for path in a)
    outlines, face = draw_pair(16, np.random.default_rng([4, 1, 0]))
    with Image.open(tmp_path / "a/val/00000.png") as image:
        pixels = np.asarray(image)
    assert (pixels[:, :16] == outlines).all() and (pixels[:, 16:] == face).all()
    assert write_outlines(tmp_path / "a", **SMALL) is False
    with pytest.raises(UserError, match="a holds something else than the toy outlines"):
        write_outlines(tmp_path / "a", **{**SMALL, "size": 24})


def test_bad_numbers(tmp_path):
    for key, value in (("size", 7), ("train_count", 1), ("val_count", 0), ("seed", -1)):
        with pytest.raises(UsageError, match=f"toy outlines: .* is {value}; give"):
            write_outlines(tmp_path / "toy", **{**SMALL, key: value})
    assert not list(tmp_path.iterdir())
