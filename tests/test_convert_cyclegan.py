"""CycleGAN's files: its networks told by their keys and names, old ones with statistics, and the way back."""

import numpy as np
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.nets.gans import build
from ppstargan.systems import cyclegan
from ppstargan.systems.load import load_config
from ppstargan.training.trainer import Trainer


def convolution(key, outward, inward, kernel, bias=True):
    return {f"{key}.weight": (outward, inward, kernel, kernel)} | ({f"{key}.bias": (outward,)} if bias else {})


def norm(place, width, kind):
    """The entries behind a convolution: of batch norm alone."""
    if kind != "batch":
        return {}
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{place}.{name}": (width,) for name in names} | {f"{place}.num_batches_tracked": ()}


def generator(inward=3, outward=3, width=4, blocks=2, kind="instance", dropout=False):
    biased, second = kind == "instance", 6 if dropout else 5
    found, narrow = convolution("model.1", width, inward, 7, biased) | norm("model.2", width, kind), width
    for place in (4, 7):
        found |= convolution(f"model.{place}", 2 * narrow, narrow, 3, biased) | norm(
            f"model.{place + 1}", 2 * narrow, kind
        )
        narrow *= 2
    for block in range(10, 10 + blocks):
        for place in (1, second):
            key = f"model.{block}.conv_block."
            found |= convolution(f"{key}{place}", narrow, narrow, 3, biased) | norm(f"{key}{place + 1}", narrow, kind)
    for place in (10 + blocks, 13 + blocks):  # transposed: [in, out, 3, 3]
        found[f"model.{place}.weight"] = (narrow, narrow // 2, 3, 3)
        narrow //= 2
        found |= ({f"model.{place}.bias": (narrow,)} if biased else {}) | norm(f"model.{place + 1}", narrow, kind)
    return found | convolution(f"model.{17 + blocks}", outward, width, 7)


def patches(inward=3, width=4, layers=3, kind="instance"):
    found, narrow = convolution("model.0", width, inward, 4), width
    for i in range(1, layers + 1):
        wide, place = width * min(2**i, 8), 3 * i - 1
        found |= convolution(f"model.{place}", wide, narrow, 4, kind == "instance") | norm(
            f"model.{place + 1}", wide, kind
        )
        narrow = wide
    return found | convolution(f"model.{3 * layers + 2}", 1, narrow, 4)


def pixels(inward=3, width=4, kind="instance"):
    biased = kind == "instance"
    found = convolution("net.0", width, inward, 1) | convolution("net.2", 2 * width, width, 1, biased)
    return found | norm("net.3", 2 * width, kind) | convolution("net.5", 1, 2 * width, 1, biased)


def state_of(shapes, seed=0):
    rng = np.random.default_rng(seed)
    counted = {key: np.array(3, np.int64) for key in shapes if key.endswith("num_batches_tracked")}
    return {key: counted.get(key, rng.normal(size=shape).astype(np.float32)) for key, shape in shapes.items()}


def same(ours, theirs):
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype and ours[key].shape == value.shape, key
        np.testing.assert_array_equal(ours[key], value, err_msg=key)


# File -> its entries, the network it becomes, and what is told of the architecture.
FILES = {
    "latest_net_G.pth": (generator(blocks=9), "G_A", {"blocks": 9, "g_width": 4, "norm": "instance", "img_size": 256}),
    "horse2zebra.pth": (
        generator(blocks=6),
        "G_A",
        {"blocks": 6, "img_size": 128, "d_network": "basic", "d_width": 64},
    ),
    "5_net_G_A.pth": (generator(1, 3), "G_A", {"channels_a": 1, "channels_b": 3}),
    "5_net_G_B.pth": (generator(1, 3), "G_B", {"channels_a": 3, "channels_b": 1, "dropout": False}),
    "latest_net_G_B.pth": (generator(blocks=1, dropout=True), "G_B", {"dropout": True, "blocks": 1}),
    "batch_net_G_A.pth": (generator(kind="batch"), "G_A", {"norm": "batch", "dropout": False}),
    "both_net_G_A.pth": (generator(kind="batch", dropout=True), "G_A", {"norm": "batch", "dropout": True}),
    "none_net_G_A.pth": (generator(kind="none"), "G_A", {"norm": "none"}),
    "latest_net_D_A.pth": (patches(), "D_A", {"d_layers": 3, "d_width": 4, "d_network": "basic", "norm": "instance"}),
    "2_net_D_B.pth": (patches(1, 6, 2, "batch"), "D_B", {"d_layers": 2, "channels_a": 1, "norm": "batch"}),
    "5_net_D_B.pth": (patches(3, 2, 5, "none"), "D_B", {"d_layers": 5, "norm": "none"}),
    "x_net_D_A.pth": (pixels(), "D_A", {"d_network": "pixel", "norm": "instance", "d_width": 4, "blocks": 9}),
    "y_net_D_A.pth": (pixels(kind="batch"), "D_A", {"d_network": "pixel", "norm": "batch"}),
}


@pytest.mark.parametrize("name", FILES)
def test_there_and_back(tmp_path, name):
    shapes, net, told = FILES[name]
    state = state_of(shapes)
    torch_writer.save(state, tmp_path / name)
    lines = convert_file(tmp_path / name, tmp_path / "a.pdparams")
    assert lines[0].startswith(f"recognised: a {'generator' if net[0] == 'G' else 'discriminator'} of CycleGAN")
    content = checkpoint.load(tmp_path / "a.pdparams")
    assert (content["system"], list(content["nets"])) == ("cyclegan", [net])
    assert {key: content["architecture"][key] for key in told} == told
    to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth")
    same(torch_reader.load(tmp_path / "back.pth"), state)
    assert checkpoint.fill(build("cyclegan", content["architecture"])[net], content["nets"][net], "a") == []


@pytest.mark.parametrize("counted", [False, True])
def test_statistics_that_an_old_file_has_of_instance_norms_are_left_out(tmp_path, counted):
    state = state_of(generator(blocks=2))
    old = dict(state)
    for key in [key for key in state if key.endswith("bias")][:-1]:  # behind every convolution but the last
        place, _, number = key[: -len(".bias")].rpartition(".")
        before = f"{place}.{int(number) + 1}"
        width = len(state[key])
        old |= {
            f"{before}.running_mean": np.ones(width, np.float32),
            f"{before}.running_var": np.ones(width, np.float32),
        }
        if counted:
            old[f"{before}.num_batches_tracked"] = np.array(7, np.int64)
    torch_writer.save(old, tmp_path / "latest_net_G.pth")
    convert_file(tmp_path / "latest_net_G.pth", tmp_path / "a.pdparams")
    to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth")
    same(torch_reader.load(tmp_path / "back.pth"), state)


@pytest.fixture
def four(tmp_path):
    """{network: its state_dict}, in files of one epoch."""
    shapes = {"G_A": generator(1, 3), "G_B": generator(3, 1), "D_A": patches(3), "D_B": patches(1)}
    states = {name: state_of(entries, i) for i, (name, entries) in enumerate(shapes.items())}
    for name, state in states.items():
        torch_writer.save(state, tmp_path / f"200_net_{name}.pth")
    return states


def test_files_of_one_epoch_become_one_which_a_run_starts_from(tmp_path, four):
    lines = convert_file(tmp_path / "200_net_D_A.pth", tmp_path / "a.pdparams")
    assert [line for line in lines if "beside" in line] == [
        f"with 200_net_{name}.pth, which is beside it" for name in ("G_A", "G_B", "D_B")
    ]
    content = checkpoint.load(tmp_path / "a.pdparams")
    assert list(content["nets"]) == list(four)
    for name, state in four.items():
        to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth", net=name)
        same(torch_reader.load(tmp_path / "back.pth"), state)
    for folder in ("trainA", "trainB"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(tmp_path / "data" / folder / "0.png")
    told = "channels_a=1 channels_b=3 img_size=16 blocks=2 g_width=4 d_width=4 d_layers=3 norm=instance"
    model = [f"model.{entry}" for entry in told.split()]
    given = [*model, "loss.lambda_identity=0", f"data.root={tmp_path / 'data'}"]
    trainer = Trainer(load_config(CONFIGS / "cyclegan_toy.yaml", given), cyclegan)
    lines = trainer.initialise(tmp_path / "a.pdparams")
    counts = {name: len(net.state_dict()) for name, net in trainer.system.networks.items()}
    assert lines == [f"{name}: {count} of {count} from the file" for name, count in counts.items()]
    for name, net in trainer.system.networks.items():
        for key, value in content["nets"][name].items():
            np.testing.assert_array_equal(net.state_dict()[key].numpy(), value)


def test_files_that_do_not_go_together_are_one_line(tmp_path, four):
    path = tmp_path / "200_net_G_A.pth"
    torch_writer.save(state_of(generator(3, 1, blocks=3)), tmp_path / "200_net_G_B.pth")
    told = refusal(convert_file, path, tmp_path / "a.pdparams")
    assert "G_B has blocks 3, and the others 2; networks of one run are alike: convert them one by one" in told
    torch_writer.save(state_of(patches()), tmp_path / "200_net_G_B.pth")
    assert "200_net_G_B.pth, beside 200_net_G_A.pth, is none of its networks" in refusal(
        convert_file, path, tmp_path / "a.pdparams"
    )
    assert "is called G_B, and holds a discriminator" in refusal(
        convert_file, tmp_path / "200_net_G_B.pth", tmp_path / "a.pdparams"
    )
    assert not (tmp_path / "a.pdparams").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda s: s.pop("model.11.conv_block.5.bias"), "lacks model.11.conv_block.5.bias"),
        (lambda s: s.pop("model.19.weight"), "has no convolution model.19.weight"),
        (lambda s: s.update({"model.99.weight": np.zeros(3, np.float32)}), "has the unknown model.99.weight"),
        (lambda s: s.update({"model.1.weight": np.zeros((4, 5, 7, 7), np.float32)}), "has images of 5 channels"),
    ],
)
def test_wrong_files_are_one_line(tmp_path, change, words):
    state = state_of(generator())
    change(state)
    torch_writer.save(state, tmp_path / "latest_net_G.pth")
    assert words in refusal(convert_file, tmp_path / "latest_net_G.pth", tmp_path / "a.pdparams")
