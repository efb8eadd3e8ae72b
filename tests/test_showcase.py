"""The weights that come along: what they make of the drawn pictures beside them, a judge takes for the domain."""

from pathlib import Path

import numpy as np
import pytest

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data import people_sets
from ppstargan.data import toy as animals
from ppstargan.data.batches import load_batch
from ppstargan.data.folders import find_images
from ppstargan.metrics import masks, toy
from ppstargan.systems.load import load_config
from ppstargan.translator import Translator

ASSETS = Path(__file__).parents[1] / "assets"
SETS = {  # of a file of weights: the pictures beside it, their domains, and what draws others for the judge
    "showcase": ("faces", animals.DOMAINS, animals.write_dataset),
    "showcase_faces": ("people", people_sets.DOMAINS, people_sets.write_people),
}
# The judge's epochs, how many of the pictures it has to know, and how many translations have to be of their domain:
# women and men differ in less than cats and dogs do.
JUDGES = {"showcase": (6, 1, 0.95), "showcase_faces": (20, 0.9, 0.85)}


@pytest.fixture(scope="module", params=SETS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return Translator(ASSETS / f"{name}.pdparams")


@pytest.fixture(scope="module")
def given(name):
    folder, domains, _ = SETS[name]
    found = {domain: find_images(ASSETS / folder / domain) for domain in domains}
    assert {len(paths) for paths in found.values()} == {6}  # none of them trained on
    return found


def test_the_file_is_small_and_of_its_configuration(name, model):
    path = ASSETS / f"{name}.pdparams"
    content, config = checkpoint.load(path), load_config(CONFIGS / f"{name}.yaml")
    assert path.stat().st_size < (7e6 if content.get("nets") else 5e6) and "optimizers" not in content
    assert {array.dtype for net in content["averages"].values() for array in net.values()} == {np.dtype("float16")}
    assert tuple(content["domains"]) == SETS[name][1] and model.img_size == config.model.img_size
    same = {key: value for key, value in vars(config.model).items() if key in model.architecture}
    assert {key: model.architecture[key] for key in same} == same and len(same) > 5


def test_its_translations_are_of_their_domains_and_come_back(tmp_path, monkeypatch, name, model, given):
    monkeypatch.setattr(toy, "OUTPUTS", 5)
    SETS[name][2](tmp_path / "drawn", size=model.img_size, train_count=300, val_count=1, seed=1)
    known = {domain: find_images(tmp_path / "drawn" / "train" / domain) for domain in SETS[name][1]}
    epochs, accuracy, share = JUDGES[name]
    report = toy.measure(model.nets, known, given, model.img_size, model.architecture["latent_dim"], epochs)
    assert report.accuracy >= accuracy, report
    assert min(report.latent_share, report.reference_share) >= share, report
    assert min(report.latent_spread, report.reference_spread) >= 0.2 and report.cycle_error <= 0.3, report


def test_masks_keep_the_points_of_a_face_in_place():
    nets = Translator(ASSETS / "showcase_faces.pdparams").nets
    x = load_batch([path for domain in people_sets.DOMAINS for path in find_images(ASSETS / "people" / domain)], 64)
    on_source = masks.points_on(nets.fan, x)
    made = masks.translated(nets, x, np.repeat([0, 1], 6))
    eyes = np.linalg.norm(on_source[:, 60] - on_source[:, 72], axis=1)
    moved = {how: (np.linalg.norm(masks.points_on(nets.fan, images) - on_source, axis=2).mean(axis=1) / eyes).mean()
             for how, images in made.items()}  # fmt: skip
    assert moved["with masks"] < 0.1 and moved["without masks"] > 2 * moved["with masks"], moved
