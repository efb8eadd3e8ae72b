"""Precision, recall, density and coverage: against the package of density's authors, and by hand."""

from pathlib import Path

import numpy as np
import pytest
from authors_form import refusal

from ppstargan.metrics import manifold as module
from ppstargan.metrics.manifold import Manifold, manifold

REFERENCE = Path(__file__).parent / "reference" / "prdc.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as stored:
        return {name: [stored[f"{name}/{part}"] for part in ("real", "fake", "figures")] for name in
                dict.fromkeys(key.split("/")[0] for key in stored)}  # fmt: skip


@pytest.mark.parametrize("rows", [512, 7, 1])
def test_equal_to_the_authors_package(reference, rows, monkeypatch):
    """Whatever the blocks in which distances are computed."""
    monkeypatch.setattr(module, "_ROWS", rows)
    assert len(reference) == 5
    for real, fake, figures in reference.values():
        assert manifold(real, fake) == pytest.approx(tuple(figures), abs=1e-12)


def line(*places):
    return np.array(places, np.float32)[:, None]


def test_by_hand():
    """On a line, with k = 1: balls of the real ones reach 1, 1, 1, 7, those of the generated ones 0.5, 0.5, 14.5."""
    real, fake = line(0, 1, 2, 9), line(1.5, 2, 16.5)
    found = manifold(real, fake, k=1, k_density=1)
    # 1.5 lies in the balls of 1 and of 2, and 2 in that of 2, and on the rims of those of 1 and 9; 16.5 is far off.
    # The real 1 lies on the rim of the ball of 1.5, the real 2 in it, and 9 in the large one of 16.5.
    assert found == Manifold(precision=2 / 3, recall=3 / 4, density=3 / 3, coverage=2 / 4)


def test_a_rim_belongs_to_precision_and_recall_alone():
    found = manifold(line(0, 1), line(2, 4, 6), k=1, k_density=1)  # 2 is on the rim of 1, and 0 on that of 2
    assert (found.precision, found.recall) == (1 / 3, 1)
    assert (found.density, found.coverage) == (0, 0)


def test_only_the_real_ones_k_makes_density():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 60, 4))
    few, many = (manifold(real, fake, k_density=k) for k in (2, 20))
    assert few[:2] == many[:2] and few.coverage < many.coverage
    few, many = (manifold(real, fake, k=k) for k in (2, 20))
    assert few[2:] == many[2:] and few.precision < many.precision and few.recall < many.recall


@pytest.mark.parametrize("shift", [0, 1e6])
def test_equal_rows_are_at_no_distance(shift):
    """Black images among the real ones, more than k of them: their balls have no size, and hold a black one."""
    rng = np.random.default_rng(0)
    black, others = rng.standard_normal(300), 5 + rng.standard_normal((8, 300))
    real = np.concatenate([np.tile(black, (8, 1)), others]) + shift
    found = manifold(real, real[:7])
    assert (found.precision, found.recall) == (1, 0.5)
    far = np.tile(real[8], (6, 1)) + 0.05  # near one, and not equal to it
    assert manifold(real, far).recall == 0
    rows = rng.standard_normal((40, 2048))
    assert (np.diag(module._squared_distances(rows, rows)) == 0).all()


def test_some_rows_at_a_time_and_in_double_precision(monkeypatch):
    seen = []
    distances = module._squared_distances
    monkeypatch.setattr(module, "_squared_distances", lambda x, y: seen.append((len(x), x.dtype)) or distances(x, y))
    rng = np.random.default_rng(0)
    manifold(*(rng.standard_normal((rows, 2)).astype(np.float32) for rows in (1100, 600)))
    assert seen == [(rows, np.float64) for rows in (512, 512, 76, 512, 88, 512, 512, 76)]


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (5, 50, "look at the 5 nearest others of each of the real images: 6 needed, not 5"),
        (50, 3, "look at the 3 nearest others of each of the generated images: 4 needed, not 3"),
        (0, 0, "of the real images: 6 needed, not 0"),
    ],
)
def test_too_few_rows(real, fake, message):
    rng = np.random.default_rng(0)
    assert message in refusal(manifold, rng.standard_normal((real, 4)), rng.standard_normal((fake, 4)))
    assert manifold(rng.standard_normal((6, 4)), rng.standard_normal((4, 4)))


def test_features_that_do_not_compare():
    good = np.random.default_rng(0).standard_normal((9, 4))
    bad = good.copy()
    bad[3, 2] = np.nan
    assert "NaN or infinity" in refusal(manifold, bad, good) and "NaN or infinity" in refusal(manifold, good, bad)
    assert "not of the shapes (9, 4) and (9, 3)" in refusal(manifold, good, good[:, :3])
    assert "not of the shapes (9, 4) and (4,)" in refusal(manifold, good, good[0])
