"""``paddle.hub`` finds translators and networks by name, in a folder and in its cache."""

import os
import subprocess
import sys
from pathlib import Path

import noise_model
import numpy as np
import paddle
import pytest
import small_model

from ppstargan.errors import UserError
from ppstargan.sampler import Sampler
from ppstargan.translator import Translator

ROOT = str(Path(__file__).parents[1])


def load(name, **options):
    return paddle.hub.load(ROOT, name, source="local", **options)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    for system in ("wgan", "cgan"):
        noise_model.save(folder / f"{system}.pdparams", system)
    small_model.save(folder / "stargan_v2.pdparams", small_model.networks())
    return folder


def test_the_entries_are_listed_and_say_what_they_take():
    entries = paddle.hub.list(ROOT, source="local")
    assert entries == ["generator", "picture_generator", "sampler", "stargan_v2", "translator"]
    for entry in entries:
        said = paddle.hub.help(ROOT, entry, source="local")
        assert "``weights``" in said and ("ption" in said or "``config``" in said)


def test_models_by_name(weights):
    image = np.full((32, 32, 3), 90, np.uint8)
    model = load("translator", weights=str(weights / "stargan_v2.pdparams"), batch_size=2)
    same = Translator(weights / "stargan_v2.pdparams")
    drawn = [np.asarray(m.translate(image, m.style_from_seed("dog", 1))) for m in (model, same)]
    assert model.batch_size == 2 and (drawn[0] == drawn[1]).all() and drawn[0].std() > 1
    assert load("translator").weights == Path(ROOT, "assets", "showcase.pdparams")  # the one that comes along
    model = load("sampler", weights=weights / "cgan.pdparams", domains=["cat", "dog", "lion"])
    images = [m.sample(2, "dog", seed=3) for m in (model, Sampler(weights / "cgan.pdparams"))]
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(*images))


@pytest.mark.parametrize("system", ["wgan", "cgan"])
def test_generators_of_a_file(system, weights):
    net, z = load("generator", weights=weights / f"{system}.pdparams"), np.ones((2, 6), np.float32)
    classes = [paddle.to_tensor([0, 2])] if system == "cgan" else []
    images = net(paddle.to_tensor(z), *classes)
    assert images.dtype == paddle.float32 and not net.training
    wanted = noise_model.drawn(noise_model.networks(system)["generator"], z, *(y.numpy() for y in classes))
    images = images.expand([-1, 3, -1, -1]).numpy().transpose(0, 2, 3, 1)
    assert np.abs(np.round((images + 1) * 127.5) - wanted).max() <= 1


def test_random_generators_have_the_sizes_of_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there are no configs
    assert load("generator")(paddle.zeros([2, 100])).shape == [2, 1, 28, 28]
    net = load("generator", config="cgan_toy", num_domains=3)
    assert net(paddle.zeros([2, 32]), paddle.to_tensor([0, 2])).shape[0] == 2
    assert 3 in [size for value in net.parameters() for size in value.shape]
    with pytest.raises(UserError, match="afhq is a configuration of stargan_v2; give one of gan, "):
        load("generator", config="afhq")
    with pytest.raises(UserError, match=r"cyclegan_toy is a configuration of cyclegan; give one of gan, wgan, cgan$"):
        load("generator", config="cyclegan_toy")


def test_networks_of_stargan_v2(weights):
    sizes = {name: size for name, size in small_model.SIZES.items() if name != "num_domains"}
    nets = load("stargan_v2", **sizes)
    x, y = paddle.zeros([1, 3, 32, 32]), paddle.to_tensor([1])
    assert nets.architecture == {**small_model.SIZES, "num_domains": 2}
    assert nets.translate(x, nets.style_from_reference(x, y)).shape == [1, 3, 32, 32]
    assert nets.discriminator(x, y).shape == [1]
    loaded, same = load("stargan_v2", weights=weights / "stargan_v2.pdparams"), small_model.networks()
    z = paddle.ones([1, 4])
    assert loaded.discriminator is None
    assert (loaded.style_from_latent(z, y) == same.style_from_latent(z, y)).all()


@pytest.mark.parametrize("entry", ["translator", "sampler", "stargan_v2", "generator"])
def test_weights_that_are_missing_or_of_another_system_are_one_line(entry, weights):
    other = "cgan" if entry in ("translator", "stargan_v2") else "stargan_v2"
    for path, told in ((weights / "none", f"no weights at {weights}/none; "), (weights / f"{other}.pdparams", other)):
        with pytest.raises(UserError, match=told) as caught:
            load(entry, weights=path)
        assert "\n" not in str(caught.value)


def test_what_is_in_the_cache_needs_no_install(tmp_path):
    """As after a download from GitHub, which unpacks a branch there."""
    cached = tmp_path / ".cache" / "paddle" / "hub" / "owner_repository_main"
    cached.mkdir(parents=True)
    for name in ("hubconf.py", "ppstargan", "configs"):
        (cached / name).symlink_to(Path(ROOT, name))
    code = (
        "import paddle\n"
        "net = paddle.hub.load('owner/repository', 'generator', source='github', config='gan_mnist')\n"
        "import os\nos.chdir('/')\nimport ppstargan\n"
        "print(list(net(paddle.zeros([2, 100])).shape), ppstargan.__file__)"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", env=environment)
    assert done.stdout == f"[2, 1, 28, 28] {cached}/ppstargan/__init__.py\n", done.stderr
