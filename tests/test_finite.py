"""Weights that hold NaN or infinity are named where they are read, and never written by the converter."""

import numpy as np
import pytest
from authors_form import SMALL, authors_states, refusal
from small_model import networks, save, values
from toy_runs import config

from ppstargan import checkpoint
from ppstargan.convert import torch_writer
from ppstargan.convert.weights import convert
from ppstargan.systems import stargan_v2
from ppstargan.training.runs import checkpoints, find_checkpoint
from ppstargan.training.trainer import Trainer
from ppstargan.translator import Translator


def spoilt(arrays, name, value, dtype="float32"):
    array = arrays[name].astype(dtype)
    array.reshape(-1)[-1] = value
    return {**arrays, name: array}


@pytest.mark.parametrize(
    "value, dtype, held",
    [
        (np.nan, "float32", "NaN"),
        (-np.inf, "float32", "infinity"),
        (np.inf, "float16", "infinity"),
        (1e300, "float64", "infinity"),
    ],
)
@pytest.mark.parametrize("part", ["nets", "averages"])
def test_of_a_file_that_is_loaded(tmp_path, part, value, dtype, held):
    model = networks()
    arrays = values(model)
    parts = {"nets": arrays, "averages": arrays}
    parts[part] = {**arrays, "style_encoder": spoilt(arrays["style_encoder"], "shared.0.bias", value, dtype)}
    path = save(tmp_path / "a.pdparams", model, **parts)
    message = f"{path} is of no use: {part}/style_encoder/shared.0.bias holds {held}; the training that"
    for call in (checkpoint.load, Translator):
        assert refusal(call, path).startswith(message)


def test_a_run_goes_on_from_the_checkpoint_before(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4", "train.sample_every=100"), stargan_v2)
    trainer.run()
    older, newest = checkpoints(trainer.folder)
    content = checkpoint.load(newest)
    bad = spoilt(content["nets"]["discriminator"], "main.0.bias", np.nan)
    checkpoint.save({**content, "nets": {**content["nets"], "discriminator": bad}}, newest)
    assert find_checkpoint(trainer.config, "") == older
    assert "nets/discriminator/main.0.bias holds NaN" in capsys.readouterr().out

    moments = content["optimizers"]["generator"]["from_rgb.bias"]
    moments["moment2"] = np.full_like(moments["moment2"], np.inf)
    checkpoint.save(content, tmp_path / "a.pdparams")
    message = refusal(Trainer(trainer.config, stargan_v2).resume, tmp_path / "a.pdparams")
    assert "optimizers/generator/from_rgb.bias/moment2 holds infinity, so no run can go on from it" in message
    Trainer(trainer.config, stargan_v2).initialise(tmp_path / "a.pdparams")  # the weights are good


def test_of_a_file_that_is_converted(tmp_path):
    path = tmp_path / "a.ckpt"
    states = authors_states(SMALL)
    for value, dtype, held in ((np.nan, "float32", "NaN"), (1e300, "float64", "infinity")):
        bad = spoilt(states["mapping_network"], "unshared.1.2.weight", value, dtype)
        torch_writer.save({**states, "mapping_network": bad}, path)
        message = refusal(convert, path)
        assert message.startswith(f"{path}: nets/mapping_network/unshared.2.weight holds {held}, and nothing could be")
