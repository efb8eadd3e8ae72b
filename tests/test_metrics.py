from itertools import combinations
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppstargan.convert.names import names
from ppstargan.errors import UserError
from ppstargan.metrics.alexnet import SMALLEST, AlexNet
from ppstargan.metrics.frechet import few_samples, frechet_distance, statistics
from ppstargan.metrics.inception import FEATURES, InceptionV3
from ppstargan.metrics.lpips import LPIPS, group_mean
from ppstargan.parity import fill
from ppstargan.parity.kit import fill_weights, read_case
from ppstargan.parity.metrics import metrics

REFERENCE = Path(__file__).parent / "reference" / "parity"


def test_equal_to_the_reference():
    checks = list(metrics(read_case(REFERENCE, "metrics")))
    assert {check.quantity for check in checks} == {
        *(f"lpips/map{i}" for i in range(5)),
        *("lpips/pairs", "lpips/group_mean", "fid/features", "fid/distance"),
    }
    assert [check for check in checks if not check.passed] == []
    # Inception and AlexNet agree far better than they must: a wrong constant may hide under the kit's tolerance.
    assert max(check.error for check in checks) < 5e-6


# ---- LPIPS ----


@pytest.fixture(scope="module")
def lpips():
    net = LPIPS()
    fill_weights(net, "lpips")
    fill_weights(net.alexnet, "alexnet")
    return net


def images(name, count=2, size=64):
    return paddle.to_tensor(fill.image(name, (count, 3, size, size)))


def test_lpips_is_zero_for_equal_images_and_symmetric(lpips):
    x, y = images("x"), images("y")
    assert lpips(x, x).tolist() == [0.0, 0.0]
    forth, back = lpips(x, y).numpy(), lpips(y, x).numpy()
    assert forth.shape == (2,) and (forth > 0.5).all()
    np.testing.assert_allclose(forth, back, rtol=1e-6)


def test_lpips_compares_each_image_with_its_own_partner(lpips):
    x, y = images("x", 3), images("y", 3)
    alone = [lpips(x[i : i + 1], y[i : i + 1]).item() for i in range(3)]
    np.testing.assert_allclose(lpips(x, y).numpy(), alone, rtol=1e-5)
    assert np.ptp(alone) > 1e-3


def test_lpips_features_have_unit_length(lpips):
    for feature_map in lpips.features(images("x")):
        lengths = feature_map.square().sum(axis=1).numpy()
        assert np.allclose(lengths, 1, atol=1e-4)


def test_epsilon_is_under_the_root_of_a_feature_vectors_length():
    net = LPIPS()
    for parameter in net.alexnet.parameters():
        parameter.set_value(paddle.zeros_like(parameter))
    bias = net.alexnet[10].bias
    bias.set_value(paddle.full_like(bias, 1e-5 / 16))  # 256 channels: the vector's squared length is 1e-10
    *dark, last = net.features(images("x", 1))
    assert all(float(feature_map.abs().max()) == 0 for feature_map in dark)
    np.testing.assert_allclose(last.square().sum(axis=1).numpy(), 0.5, rtol=1e-5)


@pytest.mark.parametrize("members", [2, 3, 6])
def test_group_mean_is_the_mean_over_all_pairs(lpips, members):
    group = [images(f"member {i}") for i in range(members)]
    pairs = [lpips(x, y).numpy() for x, y in combinations(group, 2)]
    np.testing.assert_allclose(group_mean(lpips, group).numpy(), np.mean(pairs, axis=0), rtol=1e-5)


def test_group_mean_of_nearly_equal_images_keeps_its_digits(lpips):
    x = images("x")
    group = [(x + 1e-3 * paddle.to_tensor(fill.normal(f"noise {i}", x.shape))).clip(-1, 1) for i in range(4)]
    pairs = [lpips(a, b).numpy() for a, b in combinations(group, 2)]
    assert np.max(pairs) < 1e-2
    np.testing.assert_allclose(group_mean(lpips, group).numpy(), np.mean(pairs, axis=0), rtol=1e-3)


def test_group_mean_computes_features_once_a_member(lpips, monkeypatch):
    calls = []
    features = lpips.features
    monkeypatch.setattr(lpips, "features", lambda x: calls.append(1) or features(x))
    group_mean(lpips, (images(f"member {i}", 1) for i in range(5)))  # a generator will do
    assert len(calls) == 5


def test_a_group_of_one_has_no_pairs(lpips):
    with pytest.raises(UserError, match="at least two images, not 1"):
        group_mean(lpips, [images("x")])


def test_smallest_image(lpips):
    assert np.isfinite(lpips(images("x", 1, SMALLEST), images("y", 1, SMALLEST)).numpy()).all()
    with pytest.raises(UserError, match=f"at least {SMALLEST} px, not 30 x 30"):
        lpips.features(images("x", 1, SMALLEST - 1))


def test_lpips_names_are_the_authors(lpips):
    layers = [f"{i}.{part}" for i in (0, 3, 6, 8, 10) for part in ("weight", "bias")]
    assert [name.torch for name in names(AlexNet())] == layers
    heads = [name.torch for name in names(lpips) if not name.torch.startswith("alexnet.")]
    assert heads == [f"lpips_weights.{i}.main.1.weight" for i in range(5)]


# ---- Inception ----


@pytest.fixture(scope="module")
def inception():
    net = InceptionV3()
    fill_weights(net, "inception")
    return net


def test_inception_is_frozen_whatever_the_mode(inception):
    x = images("x", 2, 128)
    before = {key: value.numpy().copy() for key, value in inception.state_dict().items() if "bn._" in key}
    features = inception(x).numpy()
    inception.train()
    in_training = inception(x).numpy()
    inception.eval()
    assert features.shape == (2, FEATURES)
    np.testing.assert_array_equal(features, in_training)
    after = inception.state_dict()
    assert before and all(np.array_equal(value, after[key].numpy()) for key, value in before.items())
    assert all(parameter.stop_gradient for parameter in inception.parameters())


def test_inception_has_torchvisions_keys(inception):
    keys = {name.torch for name in names(inception)}
    assert len(keys) == 94 * 5  # torchvision's 94 convolutions on the way to the features, each with its batch norm
    wanted = ("Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch1x1.bn.running_mean", "Mixed_7c.branch3x3dbl_3b.bn.bias")
    assert keys.issuperset(wanted)


# ---- Fréchet distance ----


def distance(a, b):
    return frechet_distance(*statistics(a), *statistics(b))


def covariance(dimensions, seed):
    factor = np.random.default_rng(seed).standard_normal((dimensions, 3 * dimensions))
    return factor @ factor.T / factor.shape[1]


def root(covariance):
    """The symmetric root, which is a factor of its square."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


@pytest.mark.parametrize("samples", [50, 5])
def test_statistics_are_the_mean_and_a_factor_of_the_unbiased_covariance(samples):
    features = fill.normal("features", (samples, 7)) + 100
    mean, factor = statistics(features)
    assert mean.dtype == factor.dtype == np.float64 and factor.shape == (min(samples, 7), 7)
    np.testing.assert_allclose(mean, features.astype(np.float64).mean(axis=0), rtol=1e-12)
    expected = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(factor.T @ factor, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("samples", [2, 10, 64, 400])
def test_a_set_is_at_no_distance_from_itself(samples):
    features = fill.normal("features", (samples, 64))
    assert 0 <= distance(features, features) < 1e-9
    for i in range(6):  # the differences of large figures fall on both sides of 0
        large = 100 * fill.normal(f"features {i}", (samples, 64))
        assert 0 <= distance(large, large) < 1e-5


@pytest.mark.parametrize("samples", [2, 10, 400])
def test_a_shift_counts_by_its_square(samples):
    features, shift = fill.normal("features", (samples, 64)).astype(np.float64), np.linspace(-1, 1, 64)
    assert distance(features, features + shift) == pytest.approx(np.square(shift).sum(), rel=1e-9)


def test_a_scale_counts_by_the_square_of_its_difference():
    features = fill.normal("features", (300, 16)).astype(np.float64)
    mean, factor = statistics(features)
    expected = np.square(3 * mean - mean).sum() + (3 - 1) ** 2 * np.square(factor).sum()
    assert distance(features, 3 * features) == pytest.approx(expected, rel=1e-9)


def test_diagonal_covariances():
    a, b = np.array([1.0, 4.0, 0.0, 9.0]), np.array([4.0, 1.0, 25.0, 0.0])
    zero = np.zeros(4)
    value = frechet_distance(zero, np.diag(np.sqrt(a)), zero, np.diag(np.sqrt(b)))
    assert value == pytest.approx(1 + 1 + 25 + 9, rel=1e-12)


def test_small_spreads_count():
    ones, narrow, zero = np.ones(16), np.geomspace(1e-11, 1, 16), np.zeros(16)
    expected = np.square(1 - np.sqrt(narrow)).sum()
    value = frechet_distance(zero, np.diag(ones), zero, np.diag(np.sqrt(narrow)))
    assert value == pytest.approx(expected, rel=1e-9)


def test_covariances_that_do_not_commute():
    a, b = covariance(12, 0), covariance(12, 1) * np.geomspace(0.1, 10, 12) * np.geomspace(0.1, 10, 12)[:, None]
    cross = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    zero = np.zeros(12)
    expected = np.trace(a) + np.trace(b) - 2 * cross
    assert frechet_distance(zero, root(a), zero, root(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(zero, root(b), zero, np.linalg.cholesky(a).T) == pytest.approx(expected, rel=1e-9)


def test_covariances_of_two_samples_each():
    """Each is one line: the trace of the root of their product is the inner product of the two half differences."""
    a, b = (fill.normal(name, (2, 200)).astype(np.float64) for name in "ab")
    u, v = (a[0] - a[1]) / np.sqrt(2), (b[0] - b[1]) / np.sqrt(2)
    expected = np.square(a.mean(axis=0) - b.mean(axis=0)).sum() + u @ u + v @ v - 2 * abs(u @ v)
    assert distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(20, 33), (20, 300), (300, 20)])
def test_singular_covariances(first, second):
    """Fewer samples than dimensions in one set or both: as by the roots of the covariances themselves."""
    a, b = fill.normal("a", (first, 120)), 2 * fill.normal("b", (second, 120)) * np.geomspace(1e-4, 1, 120) + 1
    roots = [root(np.cov(x.astype(np.float64), rowvar=False)) for x in (a, b)]
    means = [x.mean(axis=0, dtype=np.float64) for x in (a, b)]
    traces = sum(np.square(r).sum() for r in roots)
    expected = np.square(means[0] - means[1]).sum() + traces - 2 * np.linalg.svd(roots[0] @ roots[1])[1].sum()
    value = distance(a, b)
    assert isinstance(value, float) and value == pytest.approx(expected, rel=1e-5)


def test_fid_of_feature_like_sets():
    """At Inception's scale: 0 for a set and itself, small for its halves, large for another set."""
    rng = np.random.default_rng(0)
    directions = np.abs(rng.standard_normal((40, 512)))
    a, b = (np.maximum(rng.standard_normal((1200, 40)) @ directions * 0.1 + shift, 0) for shift in (0.3, 0.6))
    itself, halves, others = distance(a, a), distance(a[::2], a[1::2]), distance(a, b)
    assert 0 <= itself < 1e-3 < halves
    assert 5 * halves < others


def test_few_samples_are_warned_of():
    (warning,) = few_samples({"real images": 2048, "generated images": 2047})
    assert warning.startswith("2047 generated images") and "biased" in warning


def test_features_without_any_spread():
    assert distance(np.ones((3, 5)), np.ones((4, 5))) == 0
    assert distance(np.ones((3, 5)), np.full((4, 5), 3.0)) == pytest.approx(20)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((1, 4)), "at least two samples"),
        (np.zeros((0, 4)), "at least two samples"),
        (np.zeros(4), "of shape"),
        (np.array([[0.0, np.nan], [1, 2]]), "NaN or infinity"),
        (np.array([[0.0, np.inf], [1, 2]]), "NaN or infinity"),
    ],
)
def test_features_that_have_no_statistics(features, message):
    with pytest.raises(UserError, match=message):
        statistics(features)
