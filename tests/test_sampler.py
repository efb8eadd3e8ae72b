"""ppstargan.sampler.Sampler: pictures of trained or converted GANs, WGANs and conditional GANs."""

from types import SimpleNamespace

import noise_model
import numpy as np
import pytest
import small_model
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.sampler import Sampler
from ppstargan.systems import gan


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {name: noise_model.save(folder / f"{name}.pdparams", name) for name in noise_model.ARCHITECTURES}


def arrays(images):
    return np.stack([np.asarray(image).astype(int) for image in images])


def noise(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 6), dtype=np.float32)


@pytest.mark.parametrize("system", noise_model.ARCHITECTURES)
def test_pictures_are_the_generators(weights, system):
    images = Sampler(weights[system]).sample(count=7, seed=3)
    assert {(image.mode, image.size) for image in images} == {("RGB", (16, 16))}
    classes = np.array([0, 1, 2, 0, 1, 2, 0]) if system == "cgan" else None
    expected = noise_model.drawn(noise_model.networks(system)["generator"], noise(7, 3), classes)
    assert np.abs(arrays(images) - expected).max() <= 1 and expected.std() > 30


@pytest.mark.parametrize("system", noise_model.ARCHITECTURES)
def test_a_picture_depends_on_no_other_nor_on_the_batch_size(weights, system):
    """To the last bit, though sums of the networks come in another order."""
    many = arrays(Sampler(weights[system]).sample(count=300, seed=1))
    for batch_size in (1, 7, 300):
        model = Sampler(weights[system], batch_size=batch_size)
        assert np.array_equal(arrays(model.sample(count=300, seed=1)), many)
        assert np.array_equal(arrays(model.sample(count=3, seed=1)), many[:3])
    assert not np.array_equal(arrays(model.sample(count=3, seed=2)), many[:3])
    assert not np.array_equal(many[0], many[3])


def test_classes_by_turns_and_one_or_some_of_them(weights):
    model = Sampler(weights["cgan"])
    each = [arrays(model.sample(6, domain=name)) for name in ("cat", "dog", "lion")]
    assert not np.array_equal(each[0][0], each[1][0])  # of the same noise
    turns = arrays(model.sample(6))
    assert all(np.array_equal(turns[i], each[i % 3][i]) for i in range(6))
    some = arrays(model.sample(6, domain=["lion", 1]))
    assert all(np.array_equal(some[i], each[2 - i % 2][i]) for i in range(6))


def test_the_moving_average_is_taken_where_there_is_one(tmp_path):
    fast, slow = ({"generator": checkpoint.arrays(noise_model.networks("gan", s)["generator"])} for s in (0, 1))
    both = Sampler(noise_model.save(tmp_path / "both.pdparams", "gan", nets=fast, averages=slow))
    alone = Sampler(noise_model.save(tmp_path / "alone.pdparams", "gan", averages=slow))
    assert np.array_equal(arrays(both.sample(2)), arrays(alone.sample(2)))
    expected = noise_model.drawn(noise_model.networks("gan", 1)["generator"], noise(2))
    assert np.abs(arrays(both.sample(2)) - expected).max() <= 1


def test_by_the_runs_seed_they_are_those_of_its_sheets(weights):
    model = noise_model.networks("gan")["generator"]
    config = SimpleNamespace(train=SimpleNamespace(seed=777), model=SimpleNamespace(latent_dim=6))
    sheet = gan.sheet(model, [gan.sheet_noise(config, 64)], 8)
    for i, image in enumerate(Sampler(weights["gan"]).sample(64, seed=777)):
        shown = small_model.cell(sheet, i // 8, i % 8, size=16).astype(int)
        assert np.abs(shown - np.asarray(image)).max() <= 1


def test_weights_converted_from_wgans_authors(weights, tmp_path):
    """netG_epoch_24.pth names neither the critic nor classes."""
    to_authors_file(weights["wgan"], tmp_path / "netG_epoch_24.pth")
    convert_file(tmp_path / "netG_epoch_24.pth", tmp_path / "g.pdparams")
    model = Sampler(tmp_path / "g.pdparams")
    assert (model.system, model.img_size, model.domains) == ("wgan", 16, [])
    assert np.array_equal(arrays(model.sample(3)), arrays(Sampler(weights["wgan"]).sample(3)))


def test_names_for_classes_without(weights, tmp_path):
    content = checkpoint.load(weights["cgan"])
    checkpoint.save({**content, "domains": None}, tmp_path / "w.pdparams")
    named = Sampler(tmp_path / "w.pdparams", domains=["a", "b", "c"])
    expected = arrays(Sampler(weights["cgan"]).sample(2, "lion"))
    assert np.array_equal(arrays(named.sample(2, "c")), expected)
    assert np.array_equal(arrays(Sampler(tmp_path / "w.pdparams").sample(2, "2")), expected)
    said = refusal(Sampler(tmp_path / "w.pdparams").sample, 2, "lion")
    assert said.startswith("unknown domain lion; ") and "has 0, 1, 2; the file has no names for them" in said


def test_digits_as_names_are_names(tmp_path):
    """Those that MNIST's classes have are not taken for missing ones."""
    model = Sampler(noise_model.save(tmp_path / "w.pdparams", "cgan", ["0", "1", "2"]))
    assert refusal(model.sample, 2, "3").endswith("w.pdparams has 0, 1, 2")


@pytest.mark.parametrize(
    "system, call, message",
    [
        ("cgan", {"count": 0}, "count 0: the count must be 1 or more"),
        ("cgan", {"count": 10**12}, "count 1000000000000: the count must be 1000000 or less"),
        ("cgan", {"count": 2.5}, "count 2.5: the count must be 1 or more, a whole number"),
        ("cgan", {"seed": -1}, "seed -1: the seed must be 0 or more"),
        ("cgan", {"domain": "bird"}, "unknown domain bird; {weights} has cat, dog, lion"),
        ("cgan", {"domain": 3}, "unknown domain 3; {weights} has cat, dog, lion"),
        ("cgan", {"domain": []}, "domain is an empty list; name a class"),
        ("gan", {"domain": "3"}, "domain '3': {weights} is of gan, which has no classes"),
        ("gan", {"domain": "images"}, "{weights} is of gan, which has no classes"),
    ],
)
def test_calls_that_cannot_be(weights, system, call, message):
    assert message.format(weights=weights[system]) in refusal(lambda: Sampler(weights[system]).sample(**call))


def test_files_that_cannot_be(weights, tmp_path):
    critic = {"critic": checkpoint.arrays(noise_model.networks("wgan")["critic"])}
    alone = noise_model.save(tmp_path / "d.pdparams", "wgan", nets=critic)
    assert refusal(Sampler, alone).startswith(f"{alone} holds critic, and no generator; give a run's checkpoint, or a ")
    star = small_model.save(tmp_path / "star.pdparams", small_model.networks())
    said = refusal(Sampler, star)
    assert said.startswith(f"{star} is of stargan_v2, and this needs gan or wgan or cgan; for stargan_v2 there is ")
    assert refusal(Sampler, 5) == "weights is 5; give the path of a file"
    assert "has 3 domains, and a, b do not name so many" in refusal(
        Sampler, noise_model.save(tmp_path / "w.pdparams", "cgan", ["a", "b"])
    )
    assert refusal(Sampler, weights["gan"], ["a"]) == f"{weights['gan']} is of gan, which has no classes to name"
    for change in ({"img_size": 20}, {"img_size": "16"}, {"network": None}):
        content = checkpoint.load(weights["gan"])
        architecture = {k: v for k, v in {**content["architecture"], **change}.items() if v is not None}
        checkpoint.save({**content, "architecture": architecture}, tmp_path / "bad.pdparams")
        assert "bad.pdparams has the architecture {" in refusal(Sampler, tmp_path / "bad.pdparams")


def test_pictures_come_a_batch_at_a_time(weights):
    """A hundred thousand are never in memory at once."""
    found = Sampler(weights["gan"], batch_size=4).batches(100_000)
    assert next(found).shape == (4, 16, 16, 3)
    assert all(isinstance(image, Image.Image) for image in Sampler(weights["gan"]).sample(1))
