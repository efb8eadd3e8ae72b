"""PyTorch checkpoints of the authors' form to .pdparams and back."""

from __future__ import annotations

import runpy
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import paddle
import pytest
from authors_form import SMALL, authors_states, conv, fan_state, ours, refusal, same
from one_step import state_of

from ppstargan import checkpoint
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.names import names
from ppstargan.convert.recognise import infer_architecture
from ppstargan.convert.weights import convert, convert_file, to_authors_file
from ppstargan.metrics.inception import InceptionV3
from ppstargan.nets.fan import FAN
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS, Networks
from ppstargan.training import state as training_state

ROOT = Path(__file__).parent.parent
# The cap is reached in the middle, not at all, at once; faces; larger pictures.
SIZES = [
    SMALL,
    {**SMALL, "num_domains": 5, "max_channels": 512},
    {**SMALL, "channel_base": 160, "max_channels": 5, "img_size": 32},
    {**SMALL, "w_hpf": 0.3},
    {**SMALL, "img_size": 128, "channel_base": 256, "w_hpf": 2, "max_channels": 512, "num_domains": 5},
]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_authors_files(tmp_path, sizes, prefix):
    for part, parts in (("averages", AVERAGED), ("nets", NETWORKS)):
        states = authors_states(sizes, parts)
        if sizes["w_hpf"] > 0:
            states["fan"] = fan_state()
        prefixed = {net: OrderedDict((prefix + k, v) for k, v in state.items()) for net, state in states.items()}
        torch_writer.save(prefixed, tmp_path / "a.ckpt")
        convert_file(tmp_path / "a.ckpt", tmp_path / "b.pdparams")
        content = checkpoint.load(tmp_path / "b.pdparams")
        assert content["architecture"] == sizes and content["domains"] is None
        nets = Networks(**content["architecture"])
        for net in parts:
            expected = ours(states[net])
            assert content[part][net].keys() == expected.keys() == getattr(nets, net).state_dict().keys()
            same({key: content[part][net][key] for key in expected}, expected)
            # Adam numbers a module's parameters in this order.
            assert list(expected) == [name for name, _ in getattr(nets, net).named_parameters()]
        assert ("fan" in content.get("nets", {})) == (sizes["w_hpf"] > 0)
        to_authors_file(tmp_path / "b.pdparams", tmp_path / "c.ckpt")
        same(torch_reader.load(tmp_path / "c.ckpt"), states)


def test_widths_above_the_papers_cap():
    """Those of E and D go on doubling to 1024: shapes alone, since the arrays would take a gigabyte."""
    shapes = {
        "generator": {"from_rgb.weight": (128, 3, 3, 3), **{f"encode.{i}.conv1.weight": (1,) for i in range(3)}},
        "mapping_network": {"shared.0.weight": (6, 4), "unshared.0.0.weight": (6, 6), "unshared.1.0.weight": (6, 6)},
        "style_encoder": {"unshared.0.weight": (3, 1024), **{f"shared.{i}.conv1.weight": (1,) for i in range(1, 4)}},
    }
    parts = {net: {key: np.broadcast_to(np.float32(0), s) for key, s in of.items()} for net, of in shapes.items()}
    found, _ = infer_architecture(parts, "a.ckpt")
    assert found == {"num_domains": 2, "img_size": 32, "style_dim": 3, "latent_dim": 4, "hidden_dim": 6, "w_hpf": 0,
                     "channel_base": 4096, "max_channels": 1024}  # fmt: skip


@pytest.mark.parametrize("dtype", ["f2", "f8"])
def test_weights_of_another_precision_become_float32(tmp_path, dtype):
    states = authors_states(SMALL, AVERAGED)
    stored = {net: {key: value.astype(dtype) for key, value in state.items()} for net, state in states.items()}
    torch_writer.save(stored, tmp_path / "a.ckpt")
    content, _ = convert(tmp_path / "a.ckpt")
    for net, state in states.items():
        for key, value in ours(state).items():
            assert content["averages"][net][key].dtype == np.float32
            np.testing.assert_array_equal(content["averages"][net][key], value.astype(dtype).astype("f4"))


def randomised(net):
    rng = np.random.default_rng(3)
    for value in net.state_dict().values():
        value.set_value(rng.standard_normal(value.shape, "float32"))
    return net


@pytest.mark.parametrize("w_hpf", [0, 1.7])
def test_outputs_stay(tmp_path, w_hpf):
    """A training checkpoint to PyTorch and back computes the same; averages and networks are told apart."""
    architecture = {**SMALL, "w_hpf": w_hpf}
    nets, average = Networks(**architecture), Networks(**architecture)
    for net in NETWORKS:
        randomised(getattr(nets, net))
    state = training_state.content(state_of(nets, average, names=["a", "b"]))
    checkpoint.save(state, tmp_path / "run.pdparams")
    fan = None
    if w_hpf > 0:
        del state["nets"]["fan"]
        checkpoint.save(state, tmp_path / "run.pdparams")
        assert "--fan" in refusal(to_authors_file, tmp_path / "run.pdparams", tmp_path / "none.ckpt")
        fan = tmp_path / "fan.pdparams"
        checkpoint.save({"architecture": {}, "nets": {"fan": checkpoint.arrays(nets.fan)}}, fan)
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((2, 3, 32, 32), "float32"))
    z, s, y = paddle.ones([2, 4]), paddle.ones([2, 3]), paddle.to_tensor([0, 1])
    masks = [paddle.ones([2, 1, 32, 32])] * 2 if w_hpf else None
    for part, source in (("averages", average), ("nets", nets)):
        chosen = () if part == "averages" else ("nets",)
        to_authors_file(tmp_path / "run.pdparams", tmp_path / "back.ckpt", *(chosen or (None,)), fan)
        content, _ = convert(tmp_path / "back.ckpt")
        assert content["architecture"] == architecture
        fresh = Networks(**content["architecture"])
        for net, values in content[part].items():
            checkpoint.fill(getattr(fresh, net), values, net)
        assert np.array_equal(fresh.generator(x, s, masks), source.generator(x, s, masks))
        assert np.array_equal(fresh.mapping_network(z, y), source.mapping_network(z, y))
        assert np.array_equal(fresh.style_encoder(x, y), source.style_encoder(x, y))
        if part == "nets":
            assert np.array_equal(fresh.discriminator(x, y), source.discriminator(x, y))


def test_weight_of_the_high_pass_filter(tmp_path):
    path = tmp_path / "a.ckpt"
    for w_hpf in (0.5, 3, 7):
        torch_writer.save(authors_states({**SMALL, "w_hpf": w_hpf}, AVERAGED), path)
        assert convert(path)[0]["architecture"]["w_hpf"] == w_hpf
        assert f"w_hpf {w_hpf:g};" in refusal(convert, path, 2.0)
    states = authors_states({**SMALL, "w_hpf": 3}, AVERAGED)
    states["generator"]["hpf.filter"] = np.ones((3, 3), np.float32)
    torch_writer.save(states, path)
    assert "hpf.filter is not" in refusal(convert, path)
    del states["generator"]["hpf.filter"]  # as in the published CelebA-HQ checkpoint
    torch_writer.save(states, path)
    content, lines = convert(path)
    assert content["architecture"]["w_hpf"] == 1 and any("--w-hpf" in line for line in lines)
    assert convert(path, 2.0)[0]["architecture"]["w_hpf"] == 2
    assert "above 0" in refusal(convert, path, 0.0)
    torch_writer.save(authors_states(SMALL, AVERAGED), path)
    assert "w_hpf 0;" in refusal(convert, path, 1.0)


def drop(key):
    return lambda states: states["generator"].pop(key)


def put(net, key, shape=(1,)):
    return lambda states: states[net].update({key: np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    "change, words",
    [
        (drop("decode.1.norm2.fc.bias"), "generator lacks decode.1.norm2.fc.bias;"),
        (drop("from_rgb.weight"), "generator lacks from_rgb.weight;"),
        (lambda s: s["mapping_network"].pop("unshared.1.4.weight"), "mapping_network lacks unshared.1.4.weight;"),
        (lambda s: s["style_encoder"].pop("unshared.1.weight"), "style_encoder lacks unshared.1.weight;"),
        (put("style_encoder", "extra"), "style_encoder has the unknown extra;"),
        (put("generator", "hpf.filter", (3, 3)), "generator has the unknown hpf.filter;"),
        (put("discriminator", "main.1.conv1.bias", (7,)), "main.1.conv1.bias has shape [7] in the file, not [2]"),
        (put("mapping_network", "shared.2.weight", (6, 5)), "shared.2.weight has shape [6, 5] in the file, not [6, 6]"),
        (put("mapping_network", "shared.0.weight", (6,)), "shared.0.weight has shape [6], and 2 dimensions"),
        (lambda s: s["style_encoder"].update({"unshared.0.bias": 3}), "unshared.0.bias is no tensor of floating-point"),
        (lambda s: s.pop("style_encoder"), "but lacks style_encoder"),
        (lambda s: s.update(fan={"l0.weight": np.zeros(3)}), "of the depth of w_hpf 0"),
        (lambda s: s.update(other={}), "but also has other"),
        (drop("encode.2.conv1.weight"), "generator lacks encode.2.conv1.weight;"),
        (lambda s: s["generator"].update({"encode.8.x": 0, "encode.9.x": 0}), "5 blocks in the gen"),
        (lambda s: s.clear(), "holds no names"),
        (lambda s: (s.clear(), s.update(epoch=3)), "holds the keys epoch, and is none of the files"),
    ],
)
def test_wrong_files(tmp_path, change, words):
    states = authors_states(SMALL)
    change(states)
    torch_writer.save(states, tmp_path / "a.ckpt")
    message, path = refusal(convert, tmp_path / "a.ckpt"), str(tmp_path / "a.ckpt")
    assert words in message and path in message and len(message.replace(path, "")) < 540


def test_fan(tmp_path):
    """wing.ckpt: other entries beside the state_dict, and a stack of which the first hourglass is used."""
    state = fan_state()
    stack = {"m1.coordconv.conv.bias": np.zeros(3), "top_m_3.bn1.weight": np.zeros(3), "al0.weight": np.zeros(3)}
    torch_writer.save({"epoch": 3, "state_dict": {**state, **stack}}, tmp_path / "wing.ckpt")
    content, lines = convert(tmp_path / "wing.ckpt")
    assert "face alignment" in lines[0] and content["architecture"] == {}
    fan = FAN()
    assert checkpoint.fill(fan, content["nets"]["fan"], "fan") == []
    assert np.array_equal(fan.conv2.bn1._mean, state["conv2.bn1.running_mean"])
    assert np.array_equal(fan.bn_end0._variance, state["bn_end0.running_var"])
    assert np.array_equal(fan.m0.b2_plus_1.conv3.weight, state["m0.b2_plus_1.conv3.weight"])
    torch_writer.save({**state, "strange": np.zeros(3)}, tmp_path / "wing.ckpt")
    assert "unknown strange" in refusal(convert, tmp_path / "wing.ckpt")


def test_feature_networks(tmp_path):
    path = tmp_path / "a.pth"
    channels = [(64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3)]
    alexnet = {"classifier.1.weight": np.zeros((4, 4), np.float32)}
    for layer, (dim_out, dim_in, size) in zip((0, 3, 6, 8, 10), channels):
        for key, shape in conv(f"features.{layer}", dim_in, dim_out, size).items():
            alexnet[key] = np.random.default_rng(layer).random(shape, "float32")
    torch_writer.save(alexnet, path)
    found = convert(path)[0]["nets"]["alexnet"]
    same(found, {key[len("features.") :]: value for key, value in alexnet.items() if "features" in key})

    with paddle.LazyGuard():
        table, values = names(InceptionV3()), InceptionV3().state_dict()
    inception = {name.torch: np.zeros(values[name.paddle].shape, np.float32) for name in table}
    inception["Mixed_7c.branch_pool.bn.running_var"] += 2
    torch_writer.save({**inception, "fc.bias": np.ones(2), "AuxLogits.conv0.bn.num_batches_tracked": np.ones(1)}, path)
    found = convert(path)[0]["nets"]["inception_v3"]
    assert found.keys() == values.keys() and found["Mixed_7c.branch_pool.bn._variance"][5] == 2

    rng = np.random.default_rng(0)
    heads = {i: rng.random((1, dim_out, 1, 1), "float32") for i, (dim_out, *_) in enumerate(channels)}
    for form in ("lpips_weights.{}.main.1.weight", "lin{}.model.1.weight"):
        torch_writer.save({form.format(i): head for i, head in heads.items()}, path)
        same(convert(path)[0]["nets"]["lpips"], {f"lpips_weights.{i}.main.1.weight": head for i, head in heads.items()})


def tool(monkeypatch, capsys, *arguments):
    """The exit code of the tool, and what it wrote to the two streams."""
    monkeypatch.setattr(sys, "argv", ["convert_torch_weights.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "tools/convert_torch_weights.py"), run_name="__main__")
    return caught.value.code, *capsys.readouterr()


def test_tool(tmp_path, monkeypatch, capsys):
    source, made, back = tmp_path / "a.ckpt", tmp_path / "new" / "b.pdparams", tmp_path / "c.ckpt"
    states = authors_states(SMALL)
    torch_writer.save(states, source)

    def run(*arguments):
        return tool(monkeypatch, capsys, *arguments)

    code, out, _ = run(source, made)
    assert code == 0 and "num_domains 2, img_size 32" in out and f"wrote {made}" in out
    assert "discriminator 20 tensors" in out and "networks of a training run" in out
    code, out, _ = run(made, back, "--reverse", "--part", "nets")
    assert code == 0
    same(torch_reader.load(back), states)
    for arguments, expected, words in [
        ((source, made), 1, f"{made} exists"),
        ((source, source, "--force"), 2, "the same file"),
        ((source, made.parent), 2, f"OUTPUT {made.parent} is a folder; name the file to write"),
        (
            (tmp_path / "no.ckpt", tmp_path / "d"),
            1,
            f"no file {tmp_path / 'no.ckpt'}; to get the authors' files of StarGAN v2 and AdaIN, converted: "
            "python tools/download.py --list; those of the other systems are in their authors' repositories",
        ),
        ((tmp_path / "no", tmp_path / "d", "--reverse"), 1, f"no weights at {tmp_path / 'no'}"),
        ((made, tmp_path / "d", "--reverse", "--part", "averages"), 1, "has no averages of generator"),
        ((made, tmp_path / "d"), 2, "--reverse"),
        ((source, tmp_path / "d", "--part", "nets"), 2, "go with --reverse only"),
        ((made, tmp_path / "d", "--reverse", "--w-hpf", "1"), 2, "does not go with --reverse"),
        ((source,), 2, "output"),
    ]:
        code, out, err = run(*arguments)
        assert code == expected and err.startswith("error: ") and words in err and err.count("\n") == 1, err
        assert not (tmp_path / "d").exists()
    assert run(source, made, "--force")[0] == 0
    code, out, _ = run("--help")
    assert code == 0 and "example:" in out


def test_pytorch_loads_it(tmp_path):
    torch = pytest.importorskip("torch")
    states = authors_states({**SMALL, "w_hpf": 2})
    states["fan"] = fan_state()
    tensors = {net: {k: torch.tensor(v) for k, v in state.items()} for net, state in states.items()}
    torch.save(tensors, tmp_path / "a.ckpt")
    convert_file(tmp_path / "a.ckpt", tmp_path / "b.pdparams")
    to_authors_file(tmp_path / "b.pdparams", tmp_path / "c.ckpt")
    loaded = torch.load(tmp_path / "c.ckpt", weights_only=True)
    same({net: {k: v.numpy() for k, v in state.items()} for net, state in loaded.items()}, states)
