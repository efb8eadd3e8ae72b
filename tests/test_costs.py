"""The benchmark of every system: its random batches, its turns, its counts of operations and of parameters."""


import every_system
import numpy as np
import paddle
import pytest
from authors_form import refusal
from every_system import EVERY, ROOT, configured, made
from paddle import nn

from ppstargan.costs import benchmark, inputs
from ppstargan.costs.flops import counting
from ppstargan.nets.resample import Conv2D
from ppstargan.nets.spectral_norm import SpectralConv2D, SpectralLinear
from ppstargan.systems import wgan
from ppstargan.systems.load import load_config, names


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return every_system.draw_all(tmp_path_factory.mktemp("data"))


def paper_or_toy(name, *more):
    return load_config(ROOT / "configs" / f"{name}.yaml", more)


def tiny(name, *more):
    """Nothing is read: only the sizes count."""
    return configured(name, ROOT / "data", *more)


# ---- batches ----


@pytest.mark.parametrize("name", EVERY)
def test_a_random_batch_is_of_a_real_one_s_form(data, name):
    config = configured(name, data)
    system, (real, *_) = made(config)
    domains = inputs.domains_of(config, system.architecture.get("num_domains") if name == "toy" else None)
    assert domains == system.architecture.get("num_domains", 0)
    ours = inputs.random_batch(config, config.train.batch_size, domains)
    assert type(ours) is type(real)
    for field, drawn, true in zip(real._fields, ours, real):
        assert (drawn.shape, drawn.dtype) == (true.shape, true.dtype), field
        lowest = float(true.min())
        noise = field.startswith("z")
        assert noise or (float(drawn.min()) < 0) == (lowest < 0), field  # [-1, 1] or [0, 1]
    assert all(np.array_equal(a, b) for a, b in zip(ours, inputs.random_batch(config, len(real[0]), domains)))


def test_every_system_has_batches():
    assert inputs.FIELDS.keys() == set(names())


def test_domains_are_asked_for_where_they_are_free():
    assert [inputs.domains_of(paper_or_toy(name)) for name in ("afhq", "cgan_mnist", "gan_toy")] == [3, 10, 0]
    assert [inputs.domains_of(paper_or_toy(name)) for name in ("stargan_celeba", "stargan_rafd")] == [5, 8]
    assert [inputs.domains_of(paper_or_toy(name), 100) for name in ("afhq", "cgan_mnist", "stargan_rafd")] == [100] * 3
    said = refusal(inputs.domains_of, paper_or_toy("gan_toy"), 2)
    assert said == "--domains 2: images of gan have none; leave it out"
    said = refusal(inputs.domains_of, paper_or_toy("stargan_celeba"), 2)
    assert said == "--domains 2: stargan_celeba has the 5 of data.attributes; leave it out"


# ---- turns ----


@pytest.mark.parametrize("name", [*EVERY, "wgan_long"])
def test_in_the_last_iteration_of_a_turn_all_step(name):
    name, more = ("wgan_toy", ["train.long_turns=true"]) if name == "wgan_long" else (name, [])
    config = tiny(name, *more)
    domains = inputs.domains_of(config)
    training, numbers = benchmark.build(config, domains), benchmark.turn(config)
    batch, updates, stepped = inputs.random_batch(config, 4, domains), training.system.updates, []

    def watched(piece, number):
        stepped.append([number])
        for update in updates(piece, number):
            stepped[-1] += update.steps
            yield update

    training.system.updates = watched
    with counting():
        moved = benchmark.whole_turn(config, training, batch, "ours", lambda: 0.0)
    assert [numbers[i] for i in range(len(numbers))] == [one[0] for one in stepped]
    everyone = set(training.system.networks)
    assert [set(one[1:]) == everyone for one in stepped] == [False] * (len(numbers) - 1) + [True]
    assert ("averages" in moved) == bool(training.system.averaged) and len(moved) >= 1


def test_turns_of_the_papers():
    assert [len(benchmark.turn(paper_or_toy(name))) for name in ("wgan_lsun", "stargan_celeba", "afhq")] == [5, 5, 1]
    turn = benchmark.turn(paper_or_toy("wgan_lsun"))
    assert [wgan.generator_is_due(i) for i in turn] == [False] * 4 + [True]
    assert [wgan.generator_is_due(i) for i in range(turn[0] - 1, turn[0])] == [True]  # a turn was just over


def test_what_training_refuses_is_not_measured():
    said = refusal(benchmark.build, tiny("cgan_toy", "train.accumulate=2"), 10)
    why = "layers of cgan look across the batch, so training refuses it too"
    assert said == f"train.accumulate=2: {why}; give train.accumulate=1"


# ---- operations ----


def test_paddle_s_layers_are_counted_as_they_compute():
    """Each layer's products forward: outputs times what each sums over; and the shape is the one of a real pass."""
    x = paddle.randn([2, 4, 9, 9])
    for layer, sums in (
        (nn.Conv2D(4, 6, 3, 2, 1), 4 * 9),
        (nn.Conv2D(4, 6, 3, padding=1, padding_mode="reflect"), 4 * 9),
        (nn.Conv2D(4, 6, 3, groups=2), 2 * 9),
        (Conv2D(4, 6, 4), 4 * 16),
        (SpectralConv2D(4, 6, 3), 4 * 9),
    ):
        real = layer(x)
        with counting() as tally:
            assert layer(x).shape == real.shape
        power_iteration = 2 * 2 * 6 * 36 if isinstance(layer, SpectralConv2D) else 0
        assert tally.flop == 2 * real.size * sums + power_iteration, layer
    up = nn.Conv2DTranspose(4, 6, 3, 2, 1, output_padding=1)
    with counting() as tally:
        y = up(x)
        y.sum().backward()
    assert y.shape == up(x).shape == [2, 6, 18, 18]
    assert tally.flop == 2 * (2 * x.size * 6 * 9)  # and the gradient of the weight
    rows, matrix, vector = paddle.randn([5, 3]), paddle.randn([5, 7]), paddle.randn([5])
    for left, right in ((rows, matrix), (rows, vector)):
        with counting() as tally:
            shape = paddle.matmul(left, right, transpose_x=True).shape
        assert shape == paddle.matmul(left, right, transpose_x=True).shape
        assert tally.flop == 2 * 3 * 5 * (7 if right is matrix else 1)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("toy", "stargan_toy", "wgan_gp_toy")])
def test_forward_products_are_those_of_the_layers_that_run(name):
    """Counted from the outputs of real layers instead; without the systems that differentiate in their losses."""
    config = tiny(name)
    domains = inputs.domains_of(config)
    training, seen = benchmark.build(config, domains), []
    batch = inputs.random_batch(config, 4, domains)

    def note(layer, given, made):
        weight = layer.weight_orig if hasattr(layer, "weight_orig") else layer.weight
        if isinstance(layer, nn.Conv2DTranspose):
            seen.append(2 * given[0].size * weight[0].size)
        elif isinstance(layer, (nn.Linear, SpectralLinear)):
            seen.append(2 * made.size * given[0].shape[-1])
        else:
            seen.append(2 * made.size * weight[0].size)
        if hasattr(layer, "weight_orig"):
            seen.append(2 * 2 * weight.size)  # the power iteration

    kinds = (nn.Conv2D, nn.Conv2DTranspose, nn.Linear, SpectralConv2D, SpectralLinear)
    hooks = [
        layer.register_forward_post_hook(note)
        for net in (*training.system.networks.values(), *training.system.frozen.values())
        for layer in net.sublayers()
        if isinstance(layer, kinds)
    ]
    for _ in training.system.updates(batch, benchmark.turn(config)[-1]):
        pass
    for hook in hooks:
        hook.remove()
    with counting() as tally:
        for _ in training.system.updates(batch, benchmark.turn(config)[-1]):
            pass
    assert tally.flop == sum(seen) > 0


def test_an_iteration_of_multilayer_networks_by_hand():
    g = [32 * 128, 128 * 256, 256 * 512, 512 * 1024, 1024 * 400]  # multiplications of the layers, for one image
    d = [400 * 512, 512 * 256, 256 * 1]
    step_of_d = sum(g) + 2 * (sum(d) + sum(d) + sum(d[1:]))  # on real and fake; images need no gradient
    step_of_g = 2 * sum(g) + sum(g[1:]) + 2 * sum(d)  # D's weights need none, and noise neither
    found = counted("gan_toy")
    assert found == {"discriminator": 2 * 64 * step_of_d, "generator": 2 * 64 * step_of_g}


def test_an_iteration_of_convolutional_networks_by_hand():
    """DCGAN's at 64 px, of whose turn of five only the last has a step of G."""
    g = [100 * 512 * 16, 512 * 256 * 4 * 64, 256 * 128 * 4 * 256, 128 * 64 * 4 * 1024, 64 * 3 * 4 * 4096]
    d = [3 * 64 * 16 * 1024, 64 * 128 * 16 * 256, 128 * 256 * 16 * 64, 256 * 512 * 16 * 16, 512 * 16]
    found = counted("wgan_lsun")
    assert found["critic"] == 2 * 64 * (sum(g) + 2 * (sum(d) + sum(d) + sum(d[1:])))
    assert found["generator"] == pytest.approx(2 * 64 * (2 * sum(g) + sum(g[1:]) + 2 * sum(d)) / 5, rel=1e-12)


def counted(name, *more) -> dict:
    config = paper_or_toy(name, *more)
    domains = inputs.domains_of(config)
    return benchmark.count_flops(config, benchmark.build(config, domains), ["ours"], domains)["ours"]


@pytest.mark.parametrize("name", EVERY)
def test_what_is_counted_of_small_batches_holds_of_any(name):
    config = tiny(name, "train.batch_size=5")
    domains = inputs.domains_of(config)
    training, batch = benchmark.build(config, domains), inputs.random_batch(config, 5, domains)
    with counting() as tally:
        parts = benchmark.whole_turn(config, training, batch, "ours", lambda: tally.flop)
    parts.pop("averages", None)
    assert benchmark.count_flops(config, training, ["ours"], domains)["ours"] == pytest.approx(parts, rel=1e-12)


def test_products_do_not_grow_with_the_domains():
    """Only the chosen branches are computed; the plain form computes all, and grows."""
    config = tiny("toy")
    few, many = (
        benchmark.count_flops(config, benchmark.build(config, n), benchmark.FORMS, n) for n in (3, 100)
    )
    assert few["ours"] == many["ours"]
    assert all(few["plain"][name] < many["plain"][name] for name in few["plain"])
