"""CycleGAN beyond its authors' figures: what is drawn, the order of the steps, the pools in a run, and its sheets."""

import numpy as np
import paddle
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data.batches import batches
from ppstargan.errors import UsageError, UserError
from ppstargan.runtime import seed_everything
from ppstargan.systems import cyclegan
from ppstargan.systems.load import load_config
from ppstargan.training import runs
from ppstargan.training.step import iterate
from ppstargan.training.trainer import Trainer

SMALL = [
    "model.img_size=16", "model.blocks=1", "model.g_width=4", "model.d_width=4", "model.d_layers=2",
    "model.norm=instance", "data.load_size=18", "data.workers=0", "train.batch_size=2", "train.pool_size=3",
    "train.log_every=1", "train.save_every=1000", "train.sample_every=1000",
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A is dark, B is light; 3 and 5 images."""
    folder, rng = tmp_path_factory.mktemp("sides"), np.random.default_rng(0)
    for part, side, count, least in (
        ("train", "A", 3, 0),
        ("train", "B", 5, 128),
        ("test", "A", 2, 0),
        ("test", "B", 1, 128),
    ):
        (folder / f"{part}{side}").mkdir()
        for i in range(count):
            pixels = rng.integers(least, least + 128, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{part}{side}" / f"{i}.png")
    return folder


def config(root, *more):
    return load_config(CONFIGS / "cyclegan_toy.yaml", [*SMALL, f"data.root={root}", *more])


def made(settings):
    """The system of ``settings``, and a way to draw the batches of its iterations."""
    images = cyclegan.read(settings)
    seed_everything(settings.train.seed)
    system = cyclegan.System(settings, images)
    drawn = batches(
        lambda rng, load: cyclegan.draw(images.train, settings, rng, load),
        start=0, batch_size=settings.train.batch_size, seed=0, count=images.count, workers=0,
    )  # fmt: skip
    return system, (cyclegan.Batch(*map(paddle.to_tensor, batch)) for batch in drawn)


def test_a_batch_has_an_image_of_each_side(root):
    seen = {"a": set(), "b": set()}
    for batch, _ in zip(made(config(root, "train.batch_size=4", "data.load_size=16"))[1], range(20)):
        assert batch.a.shape == batch.b.shape == [4, 3, 16, 16]
        assert float(batch.a.mean(axis=[1, 2, 3]).max()) < -0.3 < 0.3 < float(batch.b.mean(axis=[1, 2, 3]).min())
        for side, images in batch._asdict().items():
            seen[side] |= {tuple(np.sort(image.numpy().ravel())) for image in images}  # mirrored or not
    assert [len(found) for found in seen.values()] == [3, 5]  # every image comes


def test_sides_of_one_and_three_channels(root):
    settings = config(root, "model.channels_a=1", "loss.lambda_identity=0")
    system, drawn = made(settings)
    batch = next(drawn)
    assert batch.a.shape == [2, 1, 16, 16] and batch.b.shape == [2, 3, 16, 16]
    assert np.isfinite([float(value) for value in iterate(system, batch, 0).values()]).all()
    assert system.networks["G_A"](batch.a).shape == [2, 3, 16, 16]
    assert system.networks["D_A"](batch.b).shape[0] == 2 and system.networks["D_B"](batch.a).shape[0] == 2
    system.prepare(set())
    assert {sheet.shape[2] for sheet in system.sheets(system.networks).values()} == {3}
    with pytest.raises(
        UsageError, match=r"channels_a and model\.channels_b must be equal, or give loss\.lambda_identity=0"
    ):
        config(root, "model.channels_a=1")


@pytest.mark.parametrize(
    "given, message",
    [
        ("model.img_size=18", r"model\.img_size must be a multiple of 4, not 18"),
        ("data.load_size=16 model.img_size=20", r"model\.img_size 20 is cut out of data\.load_size 16"),
        ("loss.objective=l2", r"loss\.objective must be .* not l2"),
    ],
)
def test_keys_that_do_not_fit_are_one_line(root, given, message):
    with pytest.raises(UsageError, match=message) as error:
        config(root, *given.split())
    assert "\n" not in str(error.value)


def test_discriminators_see_the_fakes_of_before_and_the_pool_of_b_is_asked_first(root):
    system, drawn = made(config(root))
    batch, asked, steps = next(drawn), [], []
    before = {"b": system.networks["G_A"](batch.a), "a": system.networks["G_B"](batch.b)}

    def shown(side):
        def ask(fake):
            asked.append((side, fake.numpy()))
            assert fake.stop_gradient
            return fake

        return ask

    for update in cyclegan.updates(system.networks, batch, system.config.loss, shown("b"), shown("a")):
        steps.append(update.steps)
        update.loss.backward()
        for name in update.steps:
            system.optimizers[name].step()
            system.optimizers[name].clear_grad()
    assert steps == [("G_A", "G_B"), ("D_A",), ("D_B",)] and [side for side, _ in asked] == ["b", "a"]
    for side, fake in asked:
        np.testing.assert_array_equal(fake, before[side].numpy())
        assert (
            system.networks["G_A" if side == "b" else "G_B"](batch.a if side == "b" else batch.b).numpy() != fake
        ).any()


def test_without_identity_nothing_is_computed_for_it(root):
    system, drawn = made(config(root, "loss.lambda_identity=0"))
    assert {key for key in iterate(system, next(drawn), 0) if "identity" in key} == set()


def test_rates_stay_and_then_fall_to_zero(root):
    system, drawn = made(config(root, "train.lr=0.5", "train.lr_hold=3", "train.lr_fall=4"))
    batch, rates = next(drawn), []
    for i in range(9):
        system.updates(batch, i)
        rates.append({float(optimizer.get_lr()) for optimizer in system.optimizers.values()})
    assert rates == [{0.5}, {0.5}, {0.5}, {0.5}, {0.375}, {0.25}, {0.125}, {0.0}, {0.0}]
    system, _ = made(config(root, "train.lr=0.5", "train.lr_hold=3", "train.lr_fall=0"))
    system.updates(batch, 1000)
    assert system.optimizers["D_B"].get_lr() == 0.5


def trainer(root, output, *more) -> Trainer:
    return Trainer(config(root, f"output={output}", *more), cyclegan)


def saved(run: Trainer) -> dict:
    return checkpoint.load(runs.checkpoints(run.folder)[-1])


def test_a_run_goes_on_bit_by_bit_with_its_pools_full(root, tmp_path):
    whole = trainer(root, tmp_path / "whole", "train.iterations=7")
    assert whole.run() == 0
    begun = trainer(root, tmp_path / "parts", "train.iterations=4")
    assert begun.run() == 0
    held = saved(begun)["memory"]
    assert {key: value.shape for key, value in held.items()} == {f"pool_{side}": (3, 3, 16, 16) for side in "ab"}
    resumed = trainer(root, tmp_path / "parts", "train.iterations=7")
    resumed.resume(runs.checkpoints(begun.folder)[-1])
    assert resumed.run() == 0
    ours, theirs = saved(resumed), saved(whole)
    for side in "ab":
        np.testing.assert_array_equal(ours["memory"][f"pool_{side}"], theirs["memory"][f"pool_{side}"])
        assert (ours["memory"][f"pool_{side}"] != held[f"pool_{side}"]).any()  # more was drawn and put there
    for name, values in ours["nets"].items():
        for key, value in values.items():
            np.testing.assert_array_equal(value, theirs["nets"][name][key], err_msg=f"{name} {key}")


def test_another_pool_changes_the_training_and_takes_what_fits(root, tmp_path):
    begun = trainer(root, tmp_path, "train.iterations=2")
    assert begun.run() == 0
    path = runs.checkpoints(begun.folder)[-1]
    told = refusal(trainer(root, tmp_path, "train.iterations=3", "train.pool_size=2").resume, path)
    assert "train.pool_size was 3, now 2" in told
    for more, count in (
        ("train.pool_size=2", 2),
        ("train.pool_size=5", 3),
        ("train.pool_size=0", 0),
        ("model.img_size=20 data.load_size=20", 0),
    ):
        other = trainer(root, tmp_path, "train.iterations=3", *more.split())
        other.resume(path, allow_changes=True)
        assert [len(pool.images) for pool in other.system.pools.values()] == [count, count]
        assert other.run() == 0


@pytest.mark.parametrize("memory", [{"pool_b": {}}, {"pool_b": [1.0]}, ["pool_b"], {1: np.zeros(3)}])
def test_a_memory_of_another_form_is_refused(root, tmp_path, memory):
    begun = trainer(root, tmp_path, "train.iterations=1")
    assert begun.run() == 0
    content = saved(begun)
    checkpoint.save({**content, "memory": memory}, tmp_path / "other.pdparams")
    with pytest.raises(UserError, match="has memory that are no dicts of arrays"):
        checkpoint.load(tmp_path / "other.pdparams")
    checkpoint.save({**content, "memory": {"pool_b": np.full((1, 3, 16, 16), np.nan)}}, tmp_path / "nan.pdparams")
    told = refusal(trainer(root, tmp_path, "train.iterations=2").resume, tmp_path / "nan.pdparams")
    assert "memory/pool_b holds NaN, so no run can go on from it" in told


def test_draws_depend_on_the_seed_and_the_iteration_alone_and_pieces_share_them(root):
    """What was drawn before does not matter, which a resumed run has not drawn."""

    def shown(settings, iterations):
        system, drawn = made(settings)
        batch, found = next(drawn), []
        for pool in system.pools.values():
            pool.fill(np.arange(3.0, dtype=np.float32)[:, None, None, None] * np.ones((3, 16, 16), np.float32))
            exchange = pool.exchange
            pool.exchange = lambda fake, rng, exchange=exchange: (found.append(rng.random()), exchange(fake, rng))[1]
        for i in iterations:
            iterate(system, batch, i)
        return found

    settings = config(root)
    assert shown(settings, [0, 1, 2])[4:] == shown(settings, [2]) != shown(settings, [3])
    assert shown(settings, [2]) != shown(config(root, "train.seed=1"), [2])


def test_a_sheet_shows_both_ways_and_the_ways_back(root):
    """Test images, below them what they become, and below that what becomes of these."""

    class Shift(paddle.nn.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return x * self.factor

    system, _ = made(config(root))
    system.prepare(set())
    sheets = system.sheets({**system.networks, "G_A": Shift(-1.0), "G_B": Shift(0.0)})
    assert {name: sheet.shape for name, sheet in sheets.items()} == {"a_to_b": (56, 38, 3), "b_to_a": (56, 20, 3)}
    for name, factors in (("a_to_b", (1, -1, 0)), ("b_to_a", (1, 0, 0))):
        for i in range(2 if name == "a_to_b" else 1):
            image = Image.open(root / f"test{name[0].upper()}" / f"{i}.png").resize((16, 16), Image.Resampling.BICUBIC)
            for row, factor in enumerate(factors):
                shown = sheets[name][2 + 18 * row :, 2 + 18 * i :][:16, :16].astype(int)
                expected = 127.5 + factor * (np.asarray(image, float) - 127.5)
                assert np.abs(shown - expected).max() <= 1, (name, row)
