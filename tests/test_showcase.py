"""The weights that come along: what they make of the drawn faces beside them is what a judge takes for the domain."""

from pathlib import Path

import numpy as np
import pytest

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data.folders import find_images
from ppstargan.data.toy import DOMAINS, write_dataset
from ppstargan.metrics import toy
from ppstargan.systems.load import load_config
from ppstargan.translator import Translator

ASSETS = Path(__file__).parents[1] / "assets"
WEIGHTS = ASSETS / "showcase.pdparams"


@pytest.fixture(scope="module")
def model():
    return Translator(WEIGHTS)


def test_the_file_is_small_and_of_its_configuration(model):
    content, config = checkpoint.load(WEIGHTS), load_config(CONFIGS / "showcase.yaml")
    assert WEIGHTS.stat().st_size < 5e6 and "optimizers" not in content
    assert {array.dtype for net in content["averages"].values() for array in net.values()} == {np.dtype("float16")}
    assert tuple(content["domains"]) == DOMAINS and model.img_size == config.model.img_size
    same = {key: value for key, value in vars(config.model).items() if key in model.architecture}
    assert {key: model.architecture[key] for key in same} == same and len(same) > 5


def test_its_translations_are_of_their_domains_and_come_back(tmp_path, monkeypatch, model):
    monkeypatch.setattr(toy, "OUTPUTS", 5)
    write_dataset(tmp_path / "drawn", size=model.img_size, train_count=300, val_count=1, seed=1)
    known, given = ({name: find_images(root / name) for name in DOMAINS} for root in
                    (tmp_path / "drawn" / "train", ASSETS / "faces"))  # fmt: skip
    assert [len(paths) for paths in given.values()] == [6, 6, 6]  # none of them trained on
    report = toy.measure(model.nets, known, given, model.img_size, model.architecture["latent_dim"])
    assert report.accuracy == 1, report
    assert min(report.latent_share, report.reference_share) >= 0.95, report
    assert min(report.latent_spread, report.reference_spread) >= 0.2 and report.cycle_error <= 0.3, report
