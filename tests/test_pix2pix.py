"""pix2pix beyond its parity: configurations, what steps and when, rates, and pictures made by tools/sample.py."""


import numpy as np
import paddle
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data.pairs import prepared
from ppstargan.nets.gans import build
from ppstargan.nets.norms import BatchNorm
from ppstargan.nets.unet import UNet, each_by_itself
from ppstargan.pictures import to_uint8
from ppstargan.systems import pix2pix
from ppstargan.systems.load import load_config
from ppstargan.training.step import iterate

ARCHITECTURE = {
    "img_size": 64, "direction": "BtoA", "in_channels": 1, "out_channels": 3, "levels": 6, "g_width": 2,
    "d_network": "basic", "d_width": 2, "d_layers": 2, "norm": "batch", "dropout": True,
}  # fmt: skip


def config(*more, name="pix2pix_toy"):
    return load_config(CONFIGS / f"{name}.yaml", more)


# ---- configurations ----


def test_the_papers_configurations():
    """200 epochs, of 400 pairs and of 2975; both make photographs, which are A, of labels."""
    for name, pairs in (("pix2pix_facades", 400), ("pix2pix_cityscapes", 2975)):
        c = config(name=name)
        assert (c.train.iterations, c.train.lr_hold, c.train.lr_fall) == (200 * pairs, 100 * pairs, 100 * pairs)
        assert (c.model.direction, c.model.levels, c.model.img_size, c.data.load_size) == ("BtoA", 8, 256, 286)
        assert (c.train.batch_size, c.train.lr, c.train.beta1, c.train.beta2) == (1, 2e-4, 0.5, 0.999)
        assert (c.loss.objective, c.loss.lambda_l1, c.model.norm, c.model.dropout) == ("vanilla", 100, "batch", True)
    with paddle.LazyGuard():
        nets = build("pix2pix", {**ARCHITECTURE, "in_channels": 3, "levels": 8, "g_width": 64, "d_width": 64})
    sizes = {name: sum(int(np.prod(p.shape)) for p in net.parameters()) for name, net in nets.items()}
    assert sizes["generator"] == 54_413_955  # as the authors' code prints, 54.414 M


@pytest.mark.parametrize(
    "given, words",
    [
        (["model.img_size=48"], "model.img_size must be a multiple of 32, which model.levels 5 halves to the end"),
        (["data.load_size=30"], "model.img_size 32 is cut out of data.load_size 30, which must be no smaller"),
        (["train.lr_policy=step", "train.lr_hold=0"], "train.lr_policy step needs a train.lr_hold above 0"),
        (["model.direction=A"], "model.direction must be AtoB or BtoA, not A"),
        (["data.mode=none"], "data.mode must be resize_and_crop, crop or scale_width_and_crop, not none"),
    ],
)
def test_refused_configurations(given, words):
    assert words in refusal(config, *given)
    config("data.mode=crop", "data.load_size=30")  # which that mode does not look at


# ---- training ----


class Drawn:
    """What a system needs of its data."""

    train, val = {"pairs": []}, {}


def system(*more):
    settings = config("model.img_size=16", "model.levels=4", "model.g_width=4", "model.d_width=4", *more)
    paddle.seed(0)
    return pix2pix.System(settings, Drawn())


def batch(seed=0, count=2):
    rng = np.random.default_rng(seed)
    return pix2pix.Batch(*(paddle.to_tensor(rng.uniform(-1, 1, (count, 3, 16, 16)).astype("float32")) for _ in "xy"))


def test_the_statistics_move_three_times_and_once():
    """The discriminator sees fakes, true pictures, and fakes again; the generator makes them once."""
    one = system()
    counts = lambda: {  # noqa: E731
        name: {int(layer.num_batches_tracked) for layer in net.sublayers() if isinstance(layer, BatchNorm)}
        for name, net in one.networks.items()
    }
    for i in range(2):
        iterate(one, batch(i), i)
    assert counts() == {"generator": {2}, "discriminator": {6}}


def test_the_generator_steps_on_fakes_of_before_and_a_discriminator_that_has_stepped():
    one, pair = system("model.norm=none"), batch()
    generator, discriminator = one.networks.values()
    updates = pix2pix.updates(one.networks, pair, one.config.loss)
    with paddle.no_grad():
        fake = generator(pair.x)
    first = next(updates)
    assert (first.name, first.steps) == ("discriminator", ("discriminator",))
    assert float(first.loss) == pytest.approx((float(first.terms["fake"]) + float(first.terms["real"])) / 2)
    first.loss.backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    for parameter in discriminator.parameters():
        parameter.set_value(parameter * 2)
    second = next(updates)
    logits = discriminator(paddle.concat([pair.x, fake], axis=1))
    expected = float(paddle.nn.functional.softplus(-logits).mean())
    assert float(second.terms["adv"]) == pytest.approx(expected, rel=1e-5)
    assert float(second.terms["l1"]) == pytest.approx(100 * float((fake - pair.y).abs().mean()), rel=1e-5)
    assert float(second.loss) == pytest.approx(float(second.terms["adv"]) + float(second.terms["l1"]), rel=1e-6)


def test_pieces_of_a_batch_are_the_whole_where_nothing_looks_across_it():
    found = []
    for pieces in (1, 2):
        one = system("model.norm=instance")
        assert not one.across_batch
        for name, net in one.networks.items():
            one.optimizers[name] = paddle.optimizer.SGD(0.01, net.parameters())
        iterate(one, batch(count=4), 0, accumulate=pieces)
        found.append(checkpoint.arrays(one.networks["generator"]))
    for key, value in found[0].items():
        np.testing.assert_allclose(value, found[1][key], rtol=0, atol=2e-6, err_msg=key)


def test_rates_of_the_three_policies():
    rates = {
        policy: [pix2pix.rate(i, policy, 4, 6) for i in (0, 3, 4, 7, 8, 10, 99)] for policy in ("linear", "step")
    }
    assert rates["linear"] == pytest.approx([1, 1, 1, 0.5, 1 / 3, 0, 0])
    assert rates["step"] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 1e-24])
    assert [pix2pix.rate(i, "cosine", 4, 6) for i in (0, 2, 4)] == pytest.approx([1, 0.5, 0])
    assert pix2pix.rate(99, "linear", 4, 0) == 1
    one = system("train.lr=0.1", "train.lr_hold=1", "train.lr_fall=4")
    iterate(one, batch(), 3)
    assert [optimizer.get_lr() for optimizer in one.optimizers.values()] == pytest.approx([0.05, 0.05])


# ---- the network by itself ----


def test_a_unet_takes_multiples_of_its_levels_and_passes_what_was_there():
    net = UNet(3, 1, 2, 3, "none")
    assert net(paddle.zeros([1, 3, 8, 24])).shape == [1, 1, 8, 24]
    inner = net.model.model[1]
    x = paddle.rand([1, 2, 4, 4])
    np.testing.assert_array_equal(inner(x)[:, :2].numpy(), x.numpy())
    with pytest.raises(ValueError, match="a U-Net needs 2 levels, not 1"):
        UNet(3, 3, 2, 1)
    for levels, dropped in ((5, 0), (6, 1), (8, 3)):
        layers = UNet(3, 3, 1, levels, dropout=True).sublayers()
        assert sum(isinstance(layer, paddle.nn.Dropout) for layer in layers) == dropped


def test_each_by_itself_moves_nothing_and_looks_at_one():
    """Neither statistics nor modes; without dropout, and unlike the running statistics."""
    paddle.seed(1)
    net = UNet(3, 3, 2, 6, "batch", dropout=True)
    x = paddle.rand([3, 3, 64, 64])
    before = checkpoint.arrays(net)
    first, second = each_by_itself(net, x), each_by_itself(net, x[1:])
    np.testing.assert_array_equal(first[1:].numpy(), second.numpy())
    after = checkpoint.arrays(net)
    assert all((before[key] == after[key]).all() for key in before)
    assert all(layer.training for layer in net.sublayers())
    net.eval()
    assert np.abs((net(x) - first).numpy()).max() > 1e-3
    each_by_itself(net, x)
    assert not any(layer.training for layer in net.sublayers())


# ---- pictures ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights in a.pdparams, and pictures 0.png, 1.png of 80 px, wide.png of 170 x 70."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paddle.seed(0)
    nets = build("pix2pix", ARCHITECTURE)
    for parameter in nets["generator"].parameters():
        parameter.set_value(parameter * 10)
    values = {name: checkpoint.arrays(net) for name, net in nets.items()}
    content = {"system": "pix2pix", "architecture": ARCHITECTURE, "domains": None, "nets": values}
    checkpoint.save(content, root / "a.pdparams")
    for name, shape in (("0", (80, 80, 3)), ("1", (80, 80, 3)), ("wide", (70, 170, 3))):
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(root / f"{name}.png")
    return root


@pytest.fixture
def sample(folder, run_sample):
    """Runs the tool; returns its exit code and what it printed."""

    def run(*arguments):
        return run_sample(folder / "a.pdparams", *arguments)

    return run


def pixels(path):
    return np.asarray(Image.open(path))


@paddle.no_grad()
def expected(folder, path, size, seed=None):
    """What becomes of a picture, by running statistics, or as in training with dropout of a seed: uint8."""
    net = build("pix2pix", ARCHITECTURE)["generator"]
    checkpoint.fill(net, checkpoint.load(folder / "a.pdparams")["nets"]["generator"], "generator")
    image = Image.open(path).convert("L").resize(size, Image.Resampling.BICUBIC)
    x = paddle.to_tensor(prepared(image, "crop", 0, max(size), 0, 0, False, 1)[None])
    if seed is None:
        net.eval()
    else:
        paddle.seed(seed)
    return to_uint8(net(x))[0]


def test_a_picture_is_made_as_in_training_by_itself_or_by_running_statistics(folder, sample, tmp_path):
    path = folder / "1.png"
    code, said, error = sample("--source", path, "--out", "x.png")
    assert (code, error) == (0, "") and said.endswith("a.pdparams: pix2pix, 64 px\nwrote x.png\n")
    np.testing.assert_array_equal(pixels(tmp_path / "x.png"), expected(folder, path, (64, 64), 0))
    sample("--source", path, "--out", "seed.png", "--seed", 3)
    np.testing.assert_array_equal(pixels(tmp_path / "seed.png"), expected(folder, path, (64, 64), 3))
    sample("--source", path, "--out", "eval.png", "--eval")
    np.testing.assert_array_equal(pixels(tmp_path / "eval.png"), expected(folder, path, (64, 64)))
    found = [pixels(tmp_path / f"{name}.png").astype(int) for name in ("x", "seed", "eval")]
    assert all(np.abs(one - other).mean() > 1 for one, other in zip(found, found[1:]))
    sample("--source", folder / "0.png", path, "--out-dir", "each", "--direction", "BtoA")
    np.testing.assert_array_equal(pixels(tmp_path / "each" / "1.png"), found[0])  # whatever else is made


def test_other_sizes(folder, sample, tmp_path):
    code, said, _ = sample("--source", folder / "0.png", "--size", 128, "--eval", "--out", "x.png")
    assert code == 0 and "pix2pix, 128 px" in said
    np.testing.assert_array_equal(pixels(tmp_path / "x.png"), expected(folder, folder / "0.png", (128, 128)))
    paths = [folder / "0.png", folder / "wide.png"]
    code, said, _ = sample("--source", *paths, "--size", "own", "--out-dir", "each")
    assert code == 0 and "pix2pix, each picture's own size" in said
    for path, size in zip(paths, ((64, 64), (192, 64))):  # nearest to 80 x 80, and to 170 x 70
        np.testing.assert_array_equal(pixels(tmp_path / "each" / path.name), expected(folder, path, size, 0))
    assert sample("--source", folder / "wide.png", "--size", "own", "--eval", "--out", "own.png")[0] == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--direction", "AtoB"], "was trained BtoA, and goes no other way; leave out --direction, or train with"),
        (["--size", "100"], "--size is 100; give a multiple of 64 from 64 to 8192, or own"),
        (["--size", "large"], "--size is large; give a multiple of 64"),
        (["--size", "own", "{1}"], "--size own gives pictures of many sizes, which no sheet takes: give --out-dir"),
        (["--count", "3"], "--count is not for pix2pix"),
    ],
)
def test_refusals_are_one_line(folder, sample, tmp_path, arguments, words):
    more = [folder / "1.png"] if "{1}" in arguments else []
    code, _, error = sample("--source", folder / "0.png", *more, *(one for one in arguments if one != "{1}"))
    assert code in (1, 2) and words in error and error.count("error: ") == 1
    assert list(tmp_path.iterdir()) == []
