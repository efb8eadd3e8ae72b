"""The systems gan, wgan and cgan: what they read and draw, who steps in which iteration, and their sheets."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan.config import CONFIGS
from ppstargan.data.batches import batches
from ppstargan.data.classes import POOLED, prepared, read_classes, read_pooled
from ppstargan.data.digits import write_digits
from ppstargan.errors import UsageError
from ppstargan.systems import cgan, gan, wgan
from ppstargan.systems.load import load_config
from ppstargan.training.step import iterate

DCGAN = gan.Model("dcgan", 16, 1, 6, 4, 4, 0, True, True)
MLP = gan.Model("pytorch_gan", 16, 1, 6, 0, 0, 0, True, True)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    root = tmp_path_factory.mktemp("digits") / "digits"
    write_digits(root, size=16, train_count=3, test_count=1)
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Class a has 1 white picture, class b 3 black ones."""
    root = tmp_path_factory.mktemp("classes")
    for name, count, value in (("a", 1, 255), ("b", 3, 0)):
        (root / "train" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (20, 30), (value, value, value)).save(root / "train" / name / f"{i}.png")
    return root


def config(root, model=DCGAN, loss=None, **train):
    loss = loss or {"objective": "nonsaturating"}
    train = {"lr": 1e-3, "lr_iter": 0, "beta1": 0.5, "beta2": 0.999, "seed": 3, **train}
    data = SimpleNamespace(root=str(root))
    return SimpleNamespace(model=model, loss=SimpleNamespace(**loss), train=SimpleNamespace(**train), data=data)


def drawn(kind, settings, count=4, start=0):
    """Batches of ``count`` samples as the trainer draws them."""
    train = kind.read(settings).train
    return batches(
        lambda rng, load: kind.draw(train, settings, rng, load),
        start=start,
        batch_size=count,
        seed=0,
        count=100,
        workers=0,
    )


def tensors(batch):
    return type(batch)(*map(paddle.to_tensor, batch))


def test_classes_of_mnists_files(digits, tmp_path):
    """A checkpoint knows the pictures again by their values, since they have no names."""
    found = read_classes(digits)
    assert found.names == [str(i) for i in range(10)] and found.count == 30 and len(found.val["7"]) == 1
    assert [count for count, _ in found.digests.values()] == [3] * 10
    assert read_classes(digits).digests == found.digests
    write_digits(tmp_path / "others", size=16, train_count=3, test_count=1, seed=1)
    others = read_classes(tmp_path / "others").digests
    assert all(others[name] != found.digests[name] for name in found.names)


def test_classes_of_folders_pooled(folders):
    found = read_pooled(folders)
    assert found.names == [POOLED] and found.count == 4
    assert {name: count for name, (count, _) in found.digests.items()} == {"a": 1, "b": 3}
    assert found.val == {POOLED: []}  # no val is needed


def test_prepared_images():
    """The middle of the picture, in the channels asked for, in [-1, 1]."""
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 0), (0, 0, 8, 20))  # outside the middle
    assert prepared(image, 10, 3).shape == (3, 10, 10)
    np.testing.assert_array_equal(prepared(image, 10, 3)[0], 1)
    np.testing.assert_array_equal(prepared(image, 10, 3)[1:], -1)
    grey = prepared(np.arange(256, dtype=np.uint8).reshape(16, 16), 16, 1)
    np.testing.assert_allclose(grey.reshape(-1), np.arange(256) / 127.5 - 1, atol=1e-6)


def test_what_a_batch_is(digits, folders):
    batch = next(drawn(gan, config(digits)))
    assert batch.x.shape == (4, 1, 16, 16) and batch.z.shape == batch.z_generator.shape == (4, 6)
    assert not np.array_equal(batch.z, batch.z_generator)
    batch = next(drawn(wgan, config(digits), count=50))
    assert batch.mix.shape == (50, 1, 1, 1) and 0 <= batch.mix.min() < 0.1 < 0.9 < batch.mix.max() < 1
    batch = next(drawn(cgan, config(folders), count=400))
    np.testing.assert_array_equal(batch.y, np.where(batch.x.max(axis=(1, 2, 3)) > 0, 0, 1))  # an image with its class
    assert batch.y.mean() == pytest.approx(0.75, abs=0.08)  # every image is as likely
    assert batch.y_fake.mean() == pytest.approx(0.5, abs=0.1)  # and every class
    assert batch.y.dtype == batch.y_fake.dtype == np.int64


def names(system, kind, settings, count):
    """The updates of the first iterations."""
    batch = tensors(next(drawn(kind, settings)))
    return [[update.name for update in system.updates(batch, i)] for i in range(count)]


def test_who_steps_when(digits):
    d, g, both = ["discriminator"], ["generator"], ["discriminator", "generator"]
    settings = config(digits, discriminator_steps=2, generator_first=False)
    assert names(gan.System(settings, gan.read(settings)), gan, settings, 4) == [d, both, d, both]
    settings = config(digits, MLP, discriminator_steps=1, generator_first=True)
    assert names(gan.System(settings, gan.read(settings)), gan, settings, 2) == [g + d, g + d]
    settings = config(
        digits, loss={"clip": 0.01, "lambda_gp": 0}, optimizer="rmsprop", critic_steps=3, long_turns=False
    )
    system = wgan.System(settings, wgan.read(settings))
    assert names(system, wgan, settings, 3) == [["critic"], ["critic"], ["critic", "generator"]]
    settings.train.long_turns = True
    assert names(system, wgan, settings, 3) == [["critic"]] * 3


@pytest.mark.parametrize(
    "name, overrides, words",
    [
        ("wgan_toy", ["loss.lambda_gp=10"], "needs one of loss.clip and loss.lambda_gp above 0"),
        ("wgan_toy", ["loss.clip=0"], "needs one of loss.clip and loss.lambda_gp above 0"),
        ("wgan_gp_toy", ["model.d_batch_norm=true"], "give model.d_batch_norm=false"),
        ("wgan_toy", ["model.img_size=28"], "must be 16, 32, 64, …, not 28"),
        ("gan_mnist", ["train.discriminator_steps=2"], "or give train.generator_first=false"),
        ("gan_mnist", ["loss.objective=minimax"], "nonsaturating"),
        ("cgan_toy", ["model.g_width=8"], "unknown key model.g_width"),
    ],
)
def test_what_does_not_go_together_is_refused(name, overrides, words):
    with pytest.raises(UsageError, match=words):
        load_config(CONFIGS / f"{name}.yaml", overrides)


@pytest.mark.parametrize("kind", [gan, wgan, cgan])
def test_sheets_are_the_same_again_and_move_nothing(digits, kind):
    model = cgan.Model(16, 1, 6) if kind is cgan else DCGAN
    loss = {"clip": 0.01, "lambda_gp": 0} if kind is wgan else None
    settings = config(digits, model, loss, optimizer="rmsprop")
    paddle.seed(0)
    system = kind.System(settings, kind.read(settings))
    system.prepare(set())
    before = {key: value.numpy() for key, value in system.networks["generator"].state_dict().items()}
    first, second = (system.sheets(system.networks)["samples"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    columns = 10 if kind is cgan else 8
    assert first.shape == (2 + 8 * 18, 2 + columns * 18, 3) and first.dtype == np.uint8
    assert first[2:18, 2:18].std() > 0
    generator = system.networks["generator"]
    for key, value in generator.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])
    assert all(layer.training for layer in generator.sublayers())


def test_a_sheets_columns_are_classes(digits):
    settings = config(digits, cgan.Model(16, 1, 6))
    system = cgan.System(settings, cgan.read(settings))
    system.prepare(set())
    noise, classes = (value.numpy() for value in system.inputs)
    assert classes.tolist() == list(range(10)) * 8
    np.testing.assert_array_equal(noise[:10], np.broadcast_to(noise[0], (10, 6)))
    assert not np.array_equal(noise[0], noise[10])


def test_a_clipped_critic_pulls_real_and_fake_apart(digits):
    """WGAN's direction: real images get the low values, and the estimate of the distance grows."""
    settings = config(
        digits, loss={"clip": 0.05, "lambda_gp": 0}, optimizer="rmsprop", critic_steps=1000, long_turns=False
    )
    paddle.seed(1)
    system = wgan.System(settings, wgan.read(settings))
    reports = []
    for i, batch in zip(range(12), drawn(wgan, settings, count=8)):
        reports.append({key: float(value) for key, value in iterate(system, tensors(batch), i).items()})
    assert reports[-1]["critic/real"] < reports[-1]["critic/fake"]
    assert reports[-1]["critic/distance"] > 5 * abs(reports[0]["critic/distance"])
    assert max(float(p.abs().max()) for p in system.networks["critic"].parameters()) < 0.05 + 1.1e-2  # one step past


def test_the_rate_falls_to_0_where_it_is_told_to():
    optimizer = paddle.optimizer.Adam(1.0, parameters=[paddle.create_parameter([1], "float32")])
    found = []
    for lr_iter, iteration in ((0, 7), (8, 0), (8, 2), (8, 8), (8, 9)):
        gan.set_rates({"generator": optimizer}, SimpleNamespace(lr=0.4, lr_iter=lr_iter), iteration)
        found.append(optimizer.get_lr())
    assert found == pytest.approx([0.4, 0.4, 0.3, 0.0, 0.0])
