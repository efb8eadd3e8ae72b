from itertools import combinations

import numpy as np
import pytest

from ppstargan.errors import UserError
from ppstargan.metrics import kid as kid_module
from ppstargan.metrics.kid import kid
from ppstargan.parity import fill


def normal(name, count, dimensions=16, shift=0.0):
    return fill.normal(name, (count, dimensions)).astype(np.float64) + shift


def test_the_value_is_the_mean_kernel_over_pairs_of_different_rows():
    x, y = normal("x", 7), normal("y", 9, shift=0.2)

    def kernel(a, b):
        return (a @ b / 16 + 1) ** 3

    within = [np.mean([kernel(a, b) for a, b in combinations(rows, 2)]) for rows in (x, y)]
    expected = sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    assert kid(x, y)[0] == pytest.approx(expected, rel=1e-9)


def test_equal_sets_halves_and_different_sets():
    a, b = normal("a", 600), normal("b", 600, shift=0.5)
    itself, halves, others = kid(a, a), kid(a[::2], a[1::2]), kid(a, b)
    # Of a set with itself it falls below 0: there, unlike among other images, every image meets itself.
    assert -2 * 12 / 600 < itself[0] < 1e-3
    assert abs(halves[0]) < 3 * halves[1]
    assert others[0] > 20 * others[1] and others[0] > 20 * abs(halves[0])


def test_no_bias_for_few_images():
    few = [kid(normal(f"few a {i}", 10), normal(f"few b {i}", 10, shift=0.3))[0] for i in range(200)]
    many = kid(normal("many a", 3000), normal("many b", 3000, shift=0.3))[0]
    assert np.mean(few) == pytest.approx(many, abs=3 * np.std(few) / np.sqrt(200) + 0.01)


@pytest.mark.parametrize(("count", "shift", "most"), [(60, 0.0, 2), (60, 0.4, 1.3), (200, 0.1, 1.3)])
def test_the_error_is_that_of_other_images(count, shift, most):
    """Up to twice that where the sets do not differ: the jackknife is cautious there."""
    values, errors = np.array(
        [kid(normal(f"a {i}", count), normal(f"b {i}", 2 * count, shift=shift)) for i in range(80)]
    ).T
    assert 0.8 * values.std() < errors.mean() < most * values.std()


def test_outputs_of_one_source_count_as_one():
    """Ten copies of an image tell no more than the image: the error stays, where it would fall by a third."""
    real, fake = normal("real", 2000), normal("fake", 40, shift=0.3)
    side_by_side, mixed = np.repeat(fake, 10, axis=0), np.tile(fake, (10, 1))
    assert kid(real, side_by_side)[1] > 2 * kid(real, mixed)[1]
    assert kid(real, side_by_side)[0] == pytest.approx(kid(real, mixed)[0], rel=1e-9)


def test_the_order_of_the_real_images_does_not_matter():
    """Files come sorted: twenty places with twenty images each, side by side, would triple the error."""
    places = normal("places", 400) + np.repeat(np.linspace(-1, 1, 20), 20)[:, None]
    fake = normal("fake", 400)
    value, error = kid(places, fake)
    mixed = [kid(places[np.random.default_rng(i).permutation(400)], fake) for i in range(5)]
    assert [v for v, _ in mixed] == pytest.approx([value] * 5, rel=1e-9)
    assert error < 1.5 * np.mean([e for _, e in mixed])


def test_features_in_single_precision_are_compared_in_double():
    x, y = (normal(name, 50, 64).astype(np.float32) for name in "xy")
    assert kid(x, y) == kid(x.astype(np.float64), y.astype(np.float64))


def test_large_sets_are_thinned(monkeypatch):
    x, y = normal("x", 40), normal("y", 30)
    whole = kid(x, y)
    monkeypatch.setattr(kid_module, "MOST", 40)
    assert kid(x, y) == whole
    monkeypatch.setattr(kid_module, "MOST", 12)
    thinned = kid_module._thinned(np.arange(40)[:, None])[:, 0]
    assert len(thinned) == 12 and (thinned[0], thinned[-1]) == (0, 39) and set(np.diff(thinned)) == {3, 4}
    assert kid(x, y)[1] > 1.2 * whole[1]


def test_fewest_images():
    value, error = kid(normal("x", 4), normal("y", 5))
    assert np.isfinite(value) and error > 0
    with pytest.raises(UserError, match="at least 4 images in each set, not 3"):
        kid(normal("x", 3), normal("y", 5))


def test_features_that_cannot_be_compared():
    with pytest.raises(UserError, match="NaN or infinity"):
        kid(normal("x", 8), np.full((8, 16), np.nan))
    with pytest.raises(UserError, match=r"\(8, 16\) and \(8, 3\)"):
        kid(normal("x", 8), normal("y", 8, 3))
