"""Files of half the bytes: they make the same pictures, and hold nothing of the run."""

import numpy as np
import pytest
from small_model import faces, networks, save, values

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.translator import Translator


@pytest.fixture(scope="module")
def model():
    return networks()


def trained(model) -> dict:
    """The content of a training run's checkpoint, as far as it matters here."""
    nets = {**values(model), "discriminator": checkpoint.arrays(model.discriminator), "fan": {"a": np.ones(3, "f4")}}
    optimizers = {name: {} for name in (*values(model), "discriminator")}
    return {
        "system": "stargan_v2", "architecture": model.architecture, "domains": ["cat", "dog", "lion"],
        "averages": values(model), "nets": nets, "optimizers": optimizers, "iteration": 7, "config": {},
    }  # fmt: skip


def test_averages_and_what_never_trains_stay(model):
    slim = checkpoint.slim(trained(model), "x")
    assert set(slim) == {"system", "architecture", "domains", "averages", "nets"}
    assert set(slim["averages"]) == set(values(model))
    assert set(slim["nets"]) == {"fan"}
    assert {array.dtype for net in slim["averages"].values() for array in net.values()} == {np.dtype("float16")}


def test_networks_stay_where_there_are_no_averages(model):
    content = trained(model)
    del content["averages"]
    slim = checkpoint.slim(content, "x")
    assert set(slim["nets"]) == set(content["nets"]) and "averages" not in slim


def test_counts_stay_whole_numbers():
    counted = {"generator": {"num_batches_tracked": np.array(70000), "weight": np.ones(2, np.float32)}}
    kept = checkpoint.slim({"architecture": {}, "averages": counted}, "x")["averages"]["generator"]
    assert kept["num_batches_tracked"] == 70000 and kept["weight"].dtype == np.float16


def test_pictures_are_the_same_but_for_a_level_or_two(model, tmp_path):
    whole = save(tmp_path / "whole.pdparams", model, **{"averages": values(model), "nets": trained(model)["nets"]})
    checkpoint.save(checkpoint.slim(checkpoint.load(whole), "whole"), tmp_path / "slim.pdparams")
    assert (tmp_path / "slim.pdparams").stat().st_size < 0.4 * whole.stat().st_size
    face = faces(tmp_path / "faces", count=1)["cat"][0]
    made = []
    for path in (whole, tmp_path / "slim.pdparams"):
        translator = Translator(path)
        made.append(np.asarray(translator.translate(face, translator.style_from_seed("dog", 0)), int))
    assert np.abs(made[0] - made[1]).max() <= 2
    assert made[0].std() > 5  # pictures, and not one colour


def test_what_float16_cannot_hold_is_named():
    content = {"architecture": {}, "nets": {"generator": {"main.0.weight": np.array([7e4, 1.0], np.float32)}}}
    with pytest.raises(UserError, match=r"^big.pdparams, generator: main.0.weight has values beyond 65504, .*"):
        checkpoint.slim(content, "big.pdparams")
