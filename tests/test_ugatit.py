"""U-GAT-IT beside its parity cases: spectral norm's rounds, rho, weight decay, rates, first weights, and its sheets."""

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan.checkpoint import arrays
from ppstargan.config import CONFIGS
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError
from ppstargan.nets.norms import ILN, AdaILN
from ppstargan.nets.ugatit import DISCRIMINATORS, GENERATORS, Discriminator, smallest
from ppstargan.pictures import heat
from ppstargan.systems import ugatit
from ppstargan.systems.load import load_config
from ppstargan.training import state
from ppstargan.training.step import iterate

TINY = [
    *("model.img_size=24", "model.g_width=2", "model.d_width=2"),
    *("model.blocks=1", "model.global_layers=4", "model.local_layers=3"),
]
AT_REST = ["train.lr_iter=2"]  # iteration 1 has the rate 0


def made(*more, seed=0, data=None):
    paddle.seed(seed)
    config = load_config(CONFIGS / "ugatit_toy.yaml", [*TINY, *more])
    return ugatit.System(config, data or Images({}, {}, {}))


def batch(seed=0, count=2):
    rng = np.random.default_rng(seed)
    return ugatit.Batch(*(paddle.to_tensor(rng.uniform(-1, 1, (count, 3, 24, 24)).astype(np.float32)) for _ in "ab"))


def vectors(system) -> dict:
    """{"disGA.conv": (its matrix, u, v)} of every layer under spectral norm, in double precision."""
    found = {}
    for name in DISCRIMINATORS:
        values = {key: value.astype(np.float64) for key, value in arrays(system.networks[name]).items()}
        for key in values:
            layer, _, last = key.rpartition(".")
            if last == "weight_orig":
                matrix = values[key].reshape(len(values[key]), -1)
                found[f"{name}.{layer}"] = matrix, values[f"{layer}.weight_u"], values[f"{layer}.weight_v"]
    return found


def unit(x):
    return x / np.linalg.norm(x)


# ---- spectral norm ----


def test_the_power_iteration_goes_three_rounds_in_an_iteration():
    """Real, fake, and in the generators' step fake again; the weights rest here, at the rate 0."""
    system = made(*AT_REST)
    before = vectors(system)
    iterate(system, batch(), 1)
    after = vectors(system)
    assert len(before) == 2 * (3 + 3) + 2 * (2 + 3)
    for layer, (matrix, u, _) in before.items():
        for _ in range(3):
            v = unit(matrix.T @ u)
            u = unit(matrix @ v)
        np.testing.assert_array_equal(after[layer][0], matrix)
        np.testing.assert_allclose(after[layer][1], u, atol=1e-5, err_msg=layer)
        np.testing.assert_allclose(after[layer][2], v, atol=1e-5, err_msg=layer)


def test_no_round_in_evaluation():
    net = Discriminator(2, 4)
    before = arrays(net)
    net.eval()
    first, second = (net(batch().a)[0].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert all(np.array_equal(value, before[key]) for key, value in arrays(net).items())
    net.train()
    net(batch().a)
    assert not np.array_equal(net.conv.weight_v.numpy(), before["conv.weight_v"])


def test_a_weight_in_use_has_the_largest_singular_value_1():
    paddle.seed(0)
    layer = Discriminator(2, 4).model[4]
    for _ in range(50):
        weight = layer.weight().numpy()
    assert np.linalg.svd(weight.reshape(4, -1), compute_uv=False)[0] == pytest.approx(1, abs=1e-4)


def test_a_checkpoint_carries_the_vectors():
    """A run that starts again with others would divide by another number."""
    ours, theirs = made(seed=1), made(seed=2)
    iterate(ours, batch(), 0)
    states = [
        state.State(s.networks, {}, {}, s.optimizers, s.architecture, ["A", "B"], "ugatit") for s in (ours, theirs)
    ]
    state.restore(state.content(states[0], iteration=1), states[1], "a checkpoint")
    iterate(ours, batch(1), 1)
    iterate(theirs, batch(1), 1)
    for layer, found in vectors(ours).items():
        for one, other in zip(found, vectors(theirs)[layer]):
            np.testing.assert_array_equal(one, other, err_msg=layer)


# ---- rho, weight decay, rates ----


def rhos(system) -> list:
    layers = [layer for name in GENERATORS for layer in system.networks[name].sublayers()]
    return [layer.rho for layer in layers if isinstance(layer, (ILN, AdaILN))]


def test_rho_is_clipped_behind_the_step():
    """The rate takes it out of [0, 1] by a step alone."""
    system = made("train.lr=0.5", "train.lr_iter=0")
    assert len(rhos(system)) == 2 * (2 + 2)
    iterate(system, batch(), 0)
    values = np.concatenate([rho.numpy().ravel() for rho in rhos(system)])
    assert values.min() == 0 and values.max() == 1 and ((0 < values) & (values < 1)).any()


def test_rho_rests_in_the_discriminators_step():
    system = made()
    for rho in rhos(system):
        rho.set_value(rho + 2)
    updates = system.updates(batch(), 0)
    next(updates)
    assert min(float(rho.min()) for rho in rhos(system)) >= 2
    next(updates)
    assert next(updates, None) is None and max(float(rho.max()) for rho in rhos(system)) == 1


def test_the_weight_decay_reaches_every_parameter():
    """Of rho, gamma, beta and biases too: so large, it alone says which way Adam steps."""
    system = made("train.weight_decay=1e12", "train.lr=1e-3")
    for rho in rhos(system):
        rho.set_value(paddle.full_like(rho, 0.5))
    before = {name: arrays(net) for name, net in system.networks.items()}
    iterate(system, batch(), 0)
    for name, net in system.networks.items():
        for key, parameter in net.named_parameters():
            was, step = before[name][key], parameter.numpy() - before[name][key]
            far = np.abs(was) > 1e-4
            np.testing.assert_allclose(step[far], -1e-3 * np.sign(was[far]), rtol=1e-3, err_msg=f"{name} {key}")
            assert far.any() or "beta" in key


@pytest.mark.parametrize("last", [2, 6, 7, 1000])
def test_the_rate_is_the_authors(last):
    """Theirs falls before the step; an odd run's last step is below 0."""
    lr = 0.25
    for step in range(1, last + 1):
        if step > last // 2:
            lr -= 0.25 / (last // 2)
        assert ugatit.rate(step - 1, 0.25, last) == pytest.approx(lr, abs=1e-12)
    assert ugatit.rate(last, 0.25, last) == 0 and ugatit.rate(10**6, 0.25, 0) == 0.25


def test_an_iteration_sets_the_rates():
    system = made("train.lr=0.01", "train.lr_iter=4")
    found = []
    for i in range(4):
        system.updates(batch(), i).close()
        found.append([optimizer.get_lr() for optimizer in system.optimizers.values()])
    np.testing.assert_allclose(found, np.outer([1, 1, 0.5, 0], [0.01] * 6), atol=1e-12)


def test_the_first_weights_are_pytorchs():
    """Uniform in +-1 / sqrt(fan in), biases too; the norms start as they should."""
    system = made("model.g_width=8", "model.d_width=8")
    for name, net in system.networks.items():
        values = arrays(net)
        for key, value in values.items():
            layer, _, last = key.rpartition(".")
            if last in ("rho", "gamma", "beta"):
                wanted = {"rho": 0.9 if "norm" in layer else 0, "gamma": 1, "beta": 0}[last]
                assert (value == np.float32(wanted)).all(), key
            elif last in ("weight_u", "weight_v"):
                assert np.linalg.norm(value) == pytest.approx(1, abs=1e-5), key
            elif value.size > 60:
                shape = values.get(f"{layer}.weight_orig", values.get(f"{layer}.weight")).shape
                linear = len(shape) == 2 and last == "weight"
                limit = (shape[0] if linear else np.prod(shape[1:])) ** -0.5
                assert np.abs(value).max() <= limit * 1.0001 and np.abs(value).max() > 0.9 * limit, (name, key)
                assert value.std() == pytest.approx(limit / 3**0.5, rel=0.2), (name, key)


def test_a_large_image_is_normalised_to_the_digits_of_float32():
    """Summed up pixel by pixel in float32, L's variance would be off by parts of a thousand."""
    x = np.random.default_rng(0).normal(1, 2, (1, 24, 192, 192))
    ours = ILN(24)(paddle.to_tensor(x.astype(np.float32))).numpy()
    assert np.abs(ours - (x - x.mean()) / x.std(ddof=1)).max() < 1e-4


# ---- sizes, and what is seen ----


@pytest.mark.parametrize("layers", [3, 5, 7])
def test_the_smallest_image_of_a_discriminator(layers):
    size, net = smallest(layers), Discriminator(1, layers)
    assert net(paddle.zeros([1, 3, size, size]))[0].shape == [1, 1, 1, 1]
    with pytest.raises(ValueError):
        net(paddle.zeros([1, 3, size - 1, size - 1]))


@pytest.mark.parametrize(
    "overrides, words",
    [
        (["model.global_layers=7"], "7 layers needs images of 96 px; for model.img_size=24 give model.global_layers=5"),
        (["model.local_layers=6"], "6 layers needs images of 48 px; for model.img_size=24 give model.local_layers=5"),
        (["model.img_size=26"], "must be a multiple of 4, not 26"),
        (["data.load_size=20"], "model.img_size 24 is cut out of data.load_size 20"),
        (["train.lr_iter=7"], "must be even, not 7"),
    ],
)
def test_what_does_not_go_together_is_refused(overrides, words):
    with pytest.raises(UsageError, match=words):
        load_config(CONFIGS / "ugatit_toy.yaml", [*TINY, *overrides])


def test_a_heatmap_goes_from_blue_to_red():
    maps = np.stack([np.linspace(-3, 5, 16).reshape(1, 4, 4), np.full((1, 4, 4), 7.0)])
    with np.errstate(all="raise"):
        found = heat(maps, 4)
    assert found.shape == (2, 4, 4, 3) and found.dtype == np.uint8
    assert found[0, 0, 0].tolist() == [0, 0, 128] and found[0, 3, 3].tolist() == [128, 0, 0]
    assert (found[1] == [0, 0, 128]).all()  # attention that is the same everywhere


def test_sheets_show_input_heatmap_output_and_way_back(tmp_path):
    paths = {}
    for side, value in (("A", 40), ("B", 220)):
        paths[side] = [tmp_path / f"{side}{i}.png" for i in range(2)]
        for path in paths[side]:
            pixels = np.random.default_rng(value).integers(0, value, (24, 24, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    system = made(data=Images(paths, {}, {}))
    system.prepare(set())
    for name, side, there, back in (("a2b", "A", *GENERATORS), ("b2a", "B", *GENERATORS[::-1])):
        found = system.sheets(system.networks)[name]
        assert found.shape == (2 + 4 * 26, 2 + 2 * 26, 3)
        rows = [found[2 + 26 * i : 26 + 26 * i, 2:26].astype(int) for i in range(4)]
        x = np.asarray(Image.open(paths[side][0]))
        y, _, heatmap = system.networks[there](paddle.to_tensor((x / 127.5 - 1).transpose(2, 0, 1)[None], "float32"))
        wanted = [x, heat(heatmap.numpy(), 24)[0]]
        for image in (y, system.networks[back](y)[0]):
            wanted.append((image[0].numpy().transpose(1, 2, 0) + 1) * 127.5)
        for row, one, most in zip(rows, wanted, (0, 5, 1, 1)):  # a level of attention is up to 5 of a colour
            assert np.abs(row - one).max() <= most
