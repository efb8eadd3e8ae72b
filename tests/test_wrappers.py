"""Keys of networks that were saved from within DataParallel or torch.compile."""

import re

import numpy as np
import pytest
from authors_form import SMALL, authors_states, fan_state, refusal, same

from ppstargan.convert import torch_writer
from ppstargan.convert.weights import convert
from ppstargan.nets.fan import FAN

WRAPPED = ["module.", "module.module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]


def test_around_a_network_or_parts_of_it(tmp_path):
    states, path = authors_states({**SMALL, "w_hpf": 1}), tmp_path / "a.ckpt"
    torch_writer.save(states, path)
    plain, _ = convert(path)
    for wrapped in WRAPPED:
        outside = {net: {f"{wrapped}{key}": v for key, v in state.items()} for net, state in states.items()}
        parts = r"^(encode\.\d+\.|shared\.|main\.\d+\.)"
        inside = {
            net: {re.sub(parts, rf"\1{wrapped}", key): v for key, v in state.items()} for net, state in states.items()
        }
        assert inside["generator"].keys() != states["generator"].keys()
        for form in (outside, inside):
            torch_writer.save(form, path)
            content, _ = convert(path)
            assert content["architecture"] == plain["architecture"]
            same(content["nets"], plain["nets"])


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_around_the_only_network_of_a_file(tmp_path, wrapped):
    path = tmp_path / "a.ckpt"
    torch_writer.save({"state_dict": {f"{wrapped}{key}": value for key, value in fan_state().items()}}, path)
    assert convert(path)[0]["nets"]["fan"].keys() == FAN().state_dict().keys()


def test_a_key_with_and_without_is_no_state_dict(tmp_path):
    states, path = authors_states(SMALL), tmp_path / "a.ckpt"
    states["generator"]["module.from_rgb.bias"] = np.zeros(2, np.float32)
    torch_writer.save(states, path)
    assert "generator holds from_rgb.bias twice, with and without module or _orig_mod in it" in refusal(convert, path)
