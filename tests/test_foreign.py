"""Files of other makers: what paddle.save wrote is read, PaddleGAN's is converted, and others are told by name."""

import pickle
import re
from collections import OrderedDict

import numpy as np
import paddle
import pytest
from authors_form import SMALL, authors_states, ours, refusal, same
from one_step import averages_of, state_of
from small_model import networks, values
from toy_runs import flat

from ppstargan import checkpoint
from ppstargan.convert.weights import convert, convert_file
from ppstargan.systems.stargan_v2 import adam_optimizers
from ppstargan.training.state import content as state_content


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A checkpoint of a training run."""
    nets, path = networks(), tmp_path_factory.mktemp("run") / "0000003.pdparams"
    optimizers = adam_optimizers(nets.trained)
    for name, optimizer in optimizers.items():
        sum(p.sum() for p in getattr(nets, name).parameters()).backward()
        optimizer.step()
    more = {"config": {"train": {"lr": 1e-4}}, "images": {"cat": [3, "x"]}, "scaler": None}
    facts = {"architecture": nets.architecture, "domains": ["cat", "dog", "lion"], "iteration": 3}
    checkpoint.save({**state_content(state_of(nets, averages_of(nets), optimizers)), **facts, **more}, path)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_what_paddle_loaded_and_saved_again_is_the_same(run, tmp_path, protocol, as_arrays):
    paddle.save(paddle.load(str(run), return_numpy=as_arrays), str(tmp_path / "a.pdparams"), protocol=protocol)
    before, after = (dict(flat(checkpoint.load(path))) for path in (run, tmp_path / "a.pdparams"))
    assert list(before) == list(after) and len(before) > 300
    for key, value in before.items():
        assert type(after[key]) is type(value), key
        np.testing.assert_array_equal(after[key], value, err_msg=key)


def test_ordered_dicts_are_read_without_what_is_set_on_them(tmp_path):
    odd = OrderedDict(weight=np.arange(3, dtype="float32"))
    odd.remark = "like _metadata"
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps({"architecture": {}, "nets": OrderedDict(fan=odd)}, 4))
    found = checkpoint.load(tmp_path / "a.pdparams")["nets"]
    assert type(found) is dict and type(found["fan"]) is dict and list(found["fan"]["weight"]) == [0, 1, 2]


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_what_was_let_in_for_paddle_does_no_more_than_that(tmp_path):
    path = tmp_path / "a.pdparams"
    for value, why in (
        (Call(tuple, [1, 2]), "no tensor of Paddle's"),
        (Call(tuple, (1, 2)), "no tensor of Paddle's"),
        (Call(__import__("_codecs").encode, "text", "rot13"), "no bytes of an array"),
    ):
        path.write_bytes(pickle.dumps({"architecture": {}, "x": value}, 2))
        assert why in refusal(checkpoint.load, path)
    text = "a" * 5000
    repeated = [Call(__import__("_codecs").encode, text, "latin1") for _ in range(20)]
    path.write_bytes(pickle.dumps({"architecture": {}, "x": repeated}, 2))
    assert "no bytes of an array" in refusal(checkpoint.load, path)


def test_dicts_that_hold_each_other_many_times_end(tmp_path):
    laughs = {"a": 1}
    for _ in range(60):
        laughs = {"a": laughs, "b": laughs}
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps({"architecture": {}, "nets": laughs}))
    assert "more entries than weights have" in refusal(checkpoint.load, tmp_path / "a.pdparams")
    laughs = {"architecture": {}}
    laughs["nets"] = laughs
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(laughs))
    assert "damaged or no weights" in refusal(checkpoint.load, tmp_path / "a.pdparams")


def paddles(state):
    """The authors' state_dict as PaddleGAN has it, by rules of its own."""
    found = {}
    for key, value in state.items():
        if key != "hpf.filter":
            norm = re.search(r"encode\.\d+\.norm\d\.weight$|to_rgb\.0\.weight$", key)
            found[key.replace(".weight", ".scale") if norm else key] = value.T if value.ndim == 2 else value
    return found


@pytest.mark.parametrize("w_hpf", [0, 1])
def test_paddlegan(tmp_path, w_hpf):
    states = authors_states({**SMALL, "w_hpf": w_hpf})
    theirs = {name: paddles(state) for name, state in states.items()}
    if w_hpf:
        theirs["fan"] = {"l0.weight": np.zeros(3, "float32")}
    path, made = tmp_path / "iter_100_weight.pdparams", tmp_path / "a.pdparams"
    path.write_bytes(pickle.dumps(theirs, 2))  # as PaddleGAN's own save does
    message = refusal(checkpoint.load, path)
    assert f"if it is StarGAN v2 of PaddleGAN, convert it: python tools/convert_torch_weights.py {path}" in message
    lines = convert_file(path, made)
    assert "PaddleGAN (iter_N_weight.pdparams)" in lines[0]
    assert any("fan is left out" in line for line in lines) == bool(w_hpf)
    content = checkpoint.load(made)
    assert content["architecture"] == {**SMALL, "w_hpf": w_hpf} and content["domains"] is None
    assert "averages" not in content
    for name, state in states.items():
        expected = ours(state)
        same(content["nets"][name], {key: expected[key] for key in content["nets"][name]})
        assert len(expected) == len(content["nets"][name])
    paddle.save({name: {k: paddle.to_tensor(v) for k, v in s.items()} for name, s in theirs.items()}, str(path))
    same(convert(path)[0]["nets"], content["nets"])  # paddle.save, too


def test_other_files_of_paddles_are_told_by_what_they_hold(run, tmp_path):
    nets, path = networks(), tmp_path / "a.pdparams"

    def both(content):
        path.write_bytes(pickle.dumps(content, 2))
        return refusal(checkpoint.load, path), refusal(convert, path)

    loaded, converted = both({name: dict.fromkeys("abc", 1) for name in ("netG", "netD")})
    assert f"{path} holds netG (3 entries), netD (3 entries): no weights of ppstargan's; " in loaded
    assert "if it is" not in loaded and "is damaged" not in loaded
    assert "is a Paddle file with netG (3 entries), netD (3 entries); of Paddle files StarGAN v2" in converted

    one = values(nets)["mapping_network"]
    paddle.save(nets.mapping_network.state_dict(), str(path))
    for message in (refusal(checkpoint.load, path), refusal(convert, path)):
        assert f"{len(one)} arrays (shared.0.weight, shared.0.bias, shared.2.weight, …), as the" in message
    assert "holds a list: no weights" in both([1, 2])[0]

    optimisers = {"conv2d_0.w_0_moment1_0": np.zeros(3), "LR_Scheduler": {}}
    content = dict.fromkeys(("generator", "mapping_network", "style_encoder"), optimisers)
    assert "give iter_N_weight.pdparams of the same iteration" in both(content)[1]
    assert "ppstargan's own file already; give --reverse" in refusal(convert, run)


def test_only_what_may_be_pytorchs_is_sent_to_the_converter(tmp_path):
    path = tmp_path / "a.pdparams"
    for content, advised in (
        (b"PK\x03\x04 and so on", "if it is a PyTorch file, convert it: python tools/convert_torch_weights.py "),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"and so on", "a PyTorch file, convert it"),
        ("name: 我的\nmodel:\n".encode(), "it is a text; name a file of weights, such as output/"),
        (b"<!doctype html>\n<title>Sign in</title>", "it is a text; "),
    ):
        path.write_bytes(content)
        message = refusal(checkpoint.load, path)
        assert advised in message and ("a.pdparams a.pdparams" not in message), message
    path.write_bytes(pickle.dumps({"x": refusal}, 2))
    message = refusal(checkpoint.load, path)
    assert "asks for authors_form.refusal" in message and "convert" not in message
