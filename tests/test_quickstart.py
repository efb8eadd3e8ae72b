"""The first command of the README on a small setting, and the figures it ends with."""

import re
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppstargan.config import CONFIGS
from ppstargan.data.attributes import read_faces
from ppstargan.data.batches import load_batch
from ppstargan.data.dataset import find_domains
from ppstargan.data.digits import CLASSES, write_digits
from ppstargan.data.people_sets import write_attributes
from ppstargan.data.toy import write_dataset
from ppstargan.metrics import attributes, toys
from ppstargan.metrics.toy import measure
from ppstargan.nets.stargan import Generator, redrawn
from ppstargan.systems.load import load_config

ROOT = Path(__file__).parents[1]


def test_quickstart_draws_trains_and_measures(tmp_path):
    small = [
        "model.channel_base=128",
        "model.max_channels=8",
        "train.iterations=2",
        f"output={tmp_path / 'out'}",
        f"data.root={tmp_path / 'toy'}",
    ]
    command = [sys.executable, str(ROOT / "tools" / "quickstart.py"), "-o", *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    last = done.stdout.splitlines()[-5:]
    share = r"\d+\.\d%"
    for line, pattern in zip(
        last,
        (
            rf"domain classifier, .*: {share} of the drawn val faces right",
            rf"translations in their target domain: {share} latent-guided, {share} reference-guided \(of 2400 each\)",
            r"spread among 10 outputs for one input \(mean L1\): \d\.\d{3} latent-guided, \d\.\d{3} reference-guided",
            r"cycle error \(mean L1\): \d\.\d{3}",
            r"look at: (.+\.png)",
        ),
    ):
        assert re.fullmatch(pattern, line), line
    assert Path(last[-1][len("look at: ") :]).is_file()


def quickstart(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["tools/quickstart.py", *map(str, arguments)])
    monkeypatch.setattr(toys, "write_digits", partial(write_digits, train_count=8, test_count=2))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "quickstart.py"), run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("name", ["gan", "wgan", "wgan_gp", "cgan"])
def test_quickstart_of_systems_that_learn_digits(name, tmp_path, monkeypatch, capsys):
    """As a user runs it, from an empty folder; resumed, a finished run is measured alone, and says the same."""
    monkeypatch.chdir(tmp_path)
    small = ["train.iterations=4", "train.batch_size=4", "train.critic_steps=2"][: 3 if name.startswith("wgan") else 2]
    assert quickstart(monkeypatch, name, "-o", *small) == 0
    said = capsys.readouterr().out.splitlines()
    assert "drawn digits: data/toy_digits" in said
    (run,) = (tmp_path / "output").iterdir()
    assert run.name.startswith(f"{name}_toy-")
    figures = [
        r"judge, trained on drawn digits only: \d+\.\d% of the held-out drawn digits right, sure of \d+\.\d%",
        r"generated digits that it is sure of \(> 0\.9\): \d+\.\d% of 1000",
        r"digits that appear: \d+ of 10.*",
        *([r"generated digits that are the one asked for: \d+\.\d%"] if name == "cgan" else []),
        rf"look at: output/{run.name}/samples/0000004_samples\.png",
    ]
    assert all(map(re.fullmatch, figures, said[-len(figures) :])), said
    assert (run / "samples" / "0000004_samples.png").is_file()
    assert quickstart(monkeypatch, name, "--resume", "-o", *small) == 0
    again = capsys.readouterr().out.splitlines()
    assert "4 of 4 iterations are done; raise train.iterations to go on" in again
    assert again[-len(figures) : -1] == said[-len(figures) : -1]


def test_quickstart_of_people_with_attributes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toys, "write_attributes", partial(write_attributes, train_count=8, test_count=2))
    for name, few in (("PEOPLE", 8), ("HELD_OUT", 8), ("STEPS", 1)):
        monkeypatch.setattr(attributes, name, few)
    small = ["train.iterations=3", "train.batch_size=3", "model.g_width=2", "model.d_width=2"]  # odd: one process
    assert quickstart(monkeypatch, "stargan", "-o", *small) == 0
    said = capsys.readouterr().out.splitlines()
    assert "drawn people: data/toy_attributes" in said
    (run,) = (tmp_path / "output").iterdir()
    names = load_config(CONFIGS / "stargan_toy.yaml").attributes
    share = r"\d+\.\d%"
    figures = [
        rf"judge, trained on drawn people only: {share} of the attributes of held-out ones right, at worst {share} .*",
        *(rf"{name}: as asked for in {share} of 1, all others stayed in {share}" for name in names),
        rf"the attribute asked for is there: {share}, at worst {share} \(\w+\)",
        rf"all the others have stayed: {share}, at worst {share} \(\w+\)",
        rf"look at: output/{run.name}/samples/0000003_attributes\.png",
    ]
    assert all(map(re.fullmatch, figures, said[-len(figures) :])), said


def test_people_are_translated_from_their_own_attributes_by_the_generator(tmp_path, monkeypatch):
    """All held-out ones, each with its line of the list."""
    write_attributes(tmp_path / "people", size=16, train_count=30, test_count=5)
    names = ["Eyeglasses", "Black_Hair"]
    images = read_faces(tmp_path / "people", names)
    net, seen = Generator(2, 2, 1), []
    monkeypatch.setattr(attributes, "measure", lambda *given: seen.extend(given))
    system = SimpleNamespace(networks={"generator": net})
    config = SimpleNamespace(model=SimpleNamespace(img_size=16))
    toys.measure_attributes(SimpleNamespace(config=config, data=images, system=system))
    translate, pictures, labels, asked = seen
    assert list(asked) == names and len(pictures) == 3
    np.testing.assert_array_equal(labels, images.val["faces"].labels)
    np.testing.assert_array_equal(pictures, load_batch(images.val["faces"], 16))
    target = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(translate(pictures, target), redrawn(net, pictures, target))


def test_a_wrong_name_is_told_the_nearest(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wrongs = [("wgna", "wgan"), ("cgan_toy", "cgan"), ("stargan_v3", "stargan_v2"), ("WGAN", "wgan"), ("FAN", "fan")]
    for wrong, nearest in wrongs:
        assert quickstart(monkeypatch, wrong) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"error: argument SYSTEM: no system '{wrong}'; the nearest is {nearest}, and there are ")
        assert said.count("\n") == 1 and "wgan_gp" in said
    assert not list(tmp_path.iterdir())


def test_every_toy_configuration_is_drawn_for_and_measured():
    named = {load_config(path).system for path in CONFIGS.glob("*toy.yaml")}
    assert named <= set(toys.TOYS) and len(named) >= 4


class Knows(paddle.nn.Layer):
    """Gives the drawn digits one after the other, or the ones that are asked for; training, noise."""

    def __init__(self, root):
        super().__init__()
        self.images, self.labels = toys.idx.read(root).test
        self.given = 0

    def forward(self, z, y=None):
        if self.training:
            return paddle.randn([len(z), 1, 28, 28])
        wanted = (self.given + np.arange(len(z))) % CLASSES if y is None else y.numpy()
        self.given += len(z)
        found = [np.flatnonzero(self.labels == label)[i // 10 % 5] for i, label in enumerate(wanted)]
        return paddle.to_tensor(self.images[found, None] / 127.5 - 1, "float32").expand([-1, 3, -1, -1])


def test_digits_are_those_of_the_moving_average_by_its_running_statistics(tmp_path):
    write_digits(tmp_path / "digits", train_count=100, test_count=5)
    generator = Knows(tmp_path / "digits")
    for system in ("gan", "cgan"):
        config = SimpleNamespace(
            system=system, data=SimpleNamespace(root=tmp_path / "digits"), model=SimpleNamespace(latent_dim=3)
        )
        report = toys.measure_digits(SimpleNamespace(config=config, averages={"generator": generator}))
        assert generator.training and report.generated.images == 1000
        assert report.generated.classes == 10 and report.generated.sure > 0.6, report
        assert (report.generated.asked or 0) > 0.9 if system == "cgan" else report.generated.asked is None


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=240, val_count=6, seed=0)
    return find_domains(root / "train"), find_domains(root / "val")


class Nothing:
    """Networks that leave every image as it is."""

    def __init__(self):
        self.generator = self

    def masks(self, x):
        return None

    def encode_content(self, x):
        return x

    def decode_content(self, content, s, masks):
        return content

    def translate(self, x, s):
        return x

    def style_from_latent(self, z, y):
        return paddle.zeros([y.shape[0], 1])

    style_from_reference = style_from_latent


class Perfect(Nothing):
    """Networks whose style code is an image, and whose output is that image: a face of the target domain."""

    def __init__(self, images):
        super().__init__()
        self.images = [load_batch(paths, 32) for paths in images.values()]

    def decode_content(self, content, s, masks):
        return s

    def translate(self, x, s):
        return s

    def style_from_reference(self, x, y):
        return x

    def style_from_latent(self, z, y):
        chosen = [self.images[int(d)][int(abs(float(v)) * 1000) % 6] for v, d in zip(z[:, 0], y)]
        return paddle.to_tensor(np.stack(chosen))


def test_networks_that_do_nothing_score_nothing(faces):
    report = measure(Nothing(), *faces, size=32, latent_dim=4)
    assert report.accuracy > 0.9
    assert report.latent_share == report.reference_share < 0.1
    assert report.latent_spread == report.reference_spread == report.cycle_error == 0
    assert report.images == 6 * 3 * 2 * 10


def test_perfect_networks_score_everything(faces):
    report = measure(Perfect(faces[1]), *faces, size=32, latent_dim=4)
    assert report.latent_share > 0.9 and report.reference_share > 0.9
    assert report.cycle_error == 0
    pairs = [np.abs(a - b).mean() for images in Perfect(faces[1]).images for a in images for b in images]
    assert report.reference_spread == pytest.approx(np.mean(pairs), rel=0.1)
    assert report.latent_spread == pytest.approx(np.mean(pairs), rel=0.1)


@pytest.mark.parametrize(
    "name, overrides, cores, count",
    [
        ("toy", [], 2, 2),
        ("toy", [], 1, 1),
        ("toy", ["train.batch_size=3"], 2, 1),
        ("ugatit_toy", [], 2, 2),
        ("adain_toy", [], 2, 2),
        ("stargan_toy", [], 2, 2),
        ("cyclegan_toy", [], 2, 1),  # batch norm, which looks across the batch
        ("pix2pix_toy", [], 2, 1),
        ("gan_toy", [], 2, 1),
        ("fan_toy", [], 2, 2),  # whose batch norms do with half a batch
    ],
)
def test_two_processes_only_where_each_can_have_its_half(name, overrides, cores, count, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    tool = runpy.run_path(str(ROOT / "tools" / "quickstart.py"))
    config = load_config(CONFIGS / f"{name}.yaml", overrides)
    monkeypatch.setitem(tool["processes"].__globals__, "usable_cores", lambda: cores)
    parts = [tool["Part"](config, toys.TOYS[config.system], None)]
    tool["processes"](parts, "CPU (of a test)")  # what starts one is not entered
    assert capsys.readouterr().out == ("processes: 2\n" if count == 2 else "")
