"""Files of weights that ppstargan did not write as they are: told in one line, by what is wrong with them."""

import numpy as np
import pytest
from authors_form import refusal
from toy_runs import config, final_state

from ppstargan import checkpoint
from ppstargan.systems import stargan_v2
from ppstargan.training.trainer import Trainer
from ppstargan.translator import Translator


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    """A trainer that has done a step, and the content of its checkpoint."""
    trainer = Trainer(
        config(faces, tmp_path_factory.mktemp("run"), "train.iterations=1", "train.sample_every=100"), stargan_v2
    )
    trainer.run()
    return trainer, final_state(trainer.folder)


def uses(trainer):
    """Each way to use a file, by its name."""
    fresh = Trainer(trainer.config, stargan_v2)
    return {"resume": fresh.resume, "init": fresh.initialise, "sample": Translator}


@pytest.mark.parametrize(
    "entry, value, told",
    [
        ("nets", [1, 2], "has nets that are no dicts of arrays"),
        ("nets", {"generator": 3}, "has nets that are no dicts of arrays"),
        ("averages", {"generator": {"from_rgb.bias": [0.5]}}, "has averages that are no dicts of arrays"),
        ("averages", {3: {"from_rgb.bias": np.zeros(4)}}, "has averages that are no dicts of arrays"),
        ("optimizers", {"generator": {"from_rgb.bias": np.zeros(4)}}, "has optimizers that are no dicts of arrays"),
        ("config", 3, "has config in no dict"),
        ("images", [4], "has images in no dict"),
        ("scaler", 5, "has scaler in no dict"),
        ("log_size", "7", "has the log_size '7', which is no number"),
        ("architecture", {"num_domains": [3]}, "has the architecture {'num_domains': [3]}, which builds no network"),
    ],
)
def test_of_another_form(run, tmp_path, entry, value, told):
    trainer, content = run
    path = tmp_path / "a.pdparams"
    checkpoint.save({**content, entry: value}, path)
    for use in uses(trainer).values():
        assert refusal(use, path).startswith(f"{path} {told}")


@pytest.mark.parametrize("part", ["nets", "averages", "optimizers"])
def test_a_run_needs_every_network(run, tmp_path, part):
    trainer, content = run
    path = tmp_path / "a.pdparams"
    for value, lacks in ((None, part), ({**content[part], "style_encoder": None}, f"{part} of style_encoder")):
        value = value and {name: entry for name, entry in value.items() if entry is not None}
        checkpoint.save({**content, part: value}, path)
        message = refusal(uses(trainer)["resume"], path)
        assert message == f"{path} holds no {lacks}, so no run can go on from it; start one with --init {path}"


def test_states_of_optimisers_fit_their_parameters(run, tmp_path):
    trainer, content = run
    path, good = tmp_path / "a.pdparams", content["optimizers"]["generator"]["from_rgb.bias"]
    for name, entries in (
        ("from_rgb.bias", {"moment1": good["moment1"]}),
        ("from_rgb.bias", {**good, "moment2": np.zeros(7, "float32")}),
        ("from_rgb.bias", {**good, "moment3": good["moment1"]}),
        ("from_rgb.scale", good),
    ):
        generator = {**content["optimizers"]["generator"], name: entries}
        checkpoint.save({**content, "optimizers": {**content["optimizers"], "generator": generator}}, path)
        message = refusal(uses(trainer)["resume"], path)
        assert message.startswith(f"{path}, optimizer of generator: ") and "needed" in message


def test_a_later_versions_keys_are_named_before_a_run_goes_on_without_them(run, tmp_path):
    trainer, content = run
    path = tmp_path / "a.pdparams"
    given = {**content["config"], "ema": 3, "train": {**content["config"]["train"], "grad_clip": 1.0}}
    checkpoint.save({**content, "config": given}, path)
    message = refusal(uses(trainer)["resume"], path)
    told = [f"{key} was given, which this version does not know" for key in ("train.grad_clip", "ema")]
    assert all(line in message for line in told) and "--allow-changes" in message
    fresh = Trainer(trainer.config, stargan_v2)
    fresh.resume(path, allow_changes=True)
    assert fresh.iteration == 1
