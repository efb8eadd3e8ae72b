"""Files of weights and configurations of another system than a tool or a run is for: one line that says so."""

import runpy
import sys
from pathlib import Path

import noise_model
import numpy as np
import pytest
import small_model
from authors_form import refusal

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data.digits import write_digits
from ppstargan.data.toy import write_dataset
from ppstargan.face.weights import load_fan
from ppstargan.translator import Translator

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Weights of all systems, drawn faces and digits."""
    root = tmp_path_factory.mktemp("place")
    small_model.save(root / "stargan_v2.pdparams", small_model.networks())
    for system in noise_model.ARCHITECTURES:
        noise_model.save(root / f"{system}.pdparams", system)
    write_dataset(root / "faces", size=32, train_count=4, val_count=4, seed=0)
    write_digits(root / "digits", size=16, train_count=2, test_count=1)
    return root


@pytest.fixture
def run(place, monkeypatch, capfd):
    """Runs a tool in the folder of the weights; returns its exit code and what it printed."""

    def call(tool, *arguments):
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "argv", [f"tools/{tool}.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOLS / f"{tool}.py"), run_name="__main__")
        return ended.value.code, *capfd.readouterr()

    return call


def config(name, place):
    """-c and -o of a run of few iterations."""
    data = "faces" if name == "toy" else "digits"
    return ("-c", CONFIGS / f"{name}.yaml", "-o", f"data.root={place / data}", f"output={place / 'output'}",
            "train.iterations=1", "train.batch_size=4", "data.workers=0")  # fmt: skip


NEEDS_STARGAN = "{place}/cgan.pdparams is of cgan, and this needs stargan_v2; for cgan there is python tools/sample.py "


def test_the_translator_takes_stargans(place):
    said = refusal(Translator, place / "cgan.pdparams")
    assert said == NEEDS_STARGAN.format(place=place) + f"--weights {place}/cgan.pdparams"
    content = checkpoint.load(place / "stargan_v2.pdparams")  # a checkpoint of today names its system
    checkpoint.save({**content, "system": "stargan_v2"}, place / "named.pdparams")
    assert Translator(place / "named.pdparams").domains == small_model.DOMAINS


def test_what_exports_takes_stargans(place, run):
    code, _, error = run("export", "--out", place / "new", "--weights", "cgan.pdparams")
    assert code == 1 and error.splitlines()[-1].startswith("error: " + NEEDS_STARGAN.format(place=place))
    assert not (place / "new").exists()


def test_a_tool_for_configurations_of_stargan(place, run):
    code, said, error = run("benchmark", *config("gan_toy", place), "--compare")
    what = f"error: {CONFIGS / 'gan_toy.yaml'} is a configuration of gan, and this tool takes those of stargan_v2 alone"
    assert (code, said, error) == (2, "", what + "\n")


def test_a_file_without_the_fan_is_not_to_be_written_over(place):
    said = refusal(load_fan, place / "gan.pdparams")
    assert said.startswith(f"{place}/gan.pdparams holds no face alignment network; ")
    assert said.endswith("convert_torch_weights.py wing.ckpt data/wing.pdparams")


@pytest.mark.parametrize(
    "name, weights", [("toy", "gan"), ("gan_toy", "stargan_v2"), ("gan_mnist", "cgan"), ("cgan_toy", "gan")]
)
def test_a_run_takes_no_weights_of_another_system(name, weights, place, run):
    system = {"toy": "stargan_v2"}.get(name, name.partition("_")[0])
    code, _, error = run("train", *config(name, place), "--init", f"{weights}.pdparams")
    others = f"is of {weights}, and this trains {system}, whose networks are others; give weights of {system}"
    assert code == 1 and error == f"error: {weights}.pdparams {others}, or another -c\n"
    code, _, error = run("train", *config(name, place), "--resume", f"{weights}.pdparams")
    others = f"is of a run of {weights}, and this is {system}; give its configuration"
    assert code == 1 and error == f"error: {weights}.pdparams {others}\n"
    assert not (place / "output").exists()


def test_gan_and_wgan_may_start_from_each_others_generator(place, run, tmp_path):
    """Their networks are the same; PyTorch-GAN's wgan_gp converts as a gan."""
    sizes = [f"model.{key}={value}" for key, value in noise_model.ARCHITECTURES["wgan"].items()]
    call = (*config("gan_toy", place), *sizes, f"output={tmp_path}", "train.lr=1e-12", "--init")
    code, said, error = run("train", *call, "wgan.pdparams")
    assert (code, error) == (0, "") and "the file is of wgan, this run of gan\ngenerator: " in said
    assert "discriminator: not in the file, starts fresh" in said
    (found,) = tmp_path.rglob("0000001.pdparams")
    first = "main.initial:6-8:convt.weight"
    theirs, ours = (checkpoint.load(path)["nets"]["generator"][first] for path in (place / "wgan.pdparams", found))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    code, _, error = run("train", *config("gan_toy", place), "--init", "wgan.pdparams")
    assert (
        code == 1
        and "for this file's networks: -o model.network=dcgan model.img_size=16 " in error
        and error.count("\n") == 1
    )


@pytest.mark.parametrize("system", [5, "", "a/b", ["gan"], None])
def test_a_systems_name_is_plain(system, tmp_path):
    content = {"system": system, "architecture": {}, "domains": None, "nets": {}}
    checkpoint.save(content, tmp_path / "w.pdparams")
    said = refusal(checkpoint.load, tmp_path / "w.pdparams")
    assert said == f"{tmp_path}/w.pdparams is of the system {system!r}, which is no plain name"
