"""U-GAT-IT's *_params_*.pt, six networks in one file: told by its keys, and back; and what starts from it."""

import numpy as np
import paddle
import pytest

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.data.batches import Images
from ppstargan.errors import UserError
from ppstargan.systems import ugatit
from ppstargan.systems.load import load_config
from ppstargan.training import state

NETWORKS = ("genA2B", "genB2A", "disGA", "disGB", "disLA", "disLB")


def generator(width, blocks, inputs):
    """{key: shape} in the order of the authors' state_dict."""
    c = 4 * width
    shapes = {"gap_fc.weight": (1, c), "gmp_fc.weight": (1, c)}
    shapes |= {"conv1x1.weight": (c, 2 * c, 1, 1), "conv1x1.bias": (c,)}
    shapes |= {"gamma.weight": (c, c), "beta.weight": (c, c)}
    for i in range(1, blocks + 1):
        for place in (1, 2):
            shapes[f"UpBlock1_{i}.conv{place}.weight"] = (c, c, 3, 3)
            shapes[f"UpBlock1_{i}.norm{place}.rho"] = (1, c, 1, 1)
    shapes |= {"DownBlock.1.weight": (width, 3, 7, 7), "DownBlock.5.weight": (2 * width, width, 3, 3)}
    shapes["DownBlock.9.weight"] = (c, 2 * width, 3, 3)
    for i in range(blocks):
        shapes |= {f"DownBlock.{12 + i}.conv_block.{place}.weight": (c, c, 3, 3) for place in (1, 5)}
    shapes |= {"FC.0.weight": (c, inputs), "FC.2.weight": (c, c)}
    for place, channels in ((2, 2 * width), (7, width)):
        shapes[f"UpBlock2.{place}.weight"] = (channels, 2 * channels, 3, 3)
        shapes |= {f"UpBlock2.{place + 1}.{name}": (1, channels, 1, 1) for name in ("rho", "gamma", "beta")}
    return shapes | {"UpBlock2.11.weight": (3, width, 7, 7)}


def discriminator(width, layers):
    c = width * 2 ** (layers - 2)

    def normed(key, *shape, bias=True):
        sizes = {"bias": shape[:1]} if bias else {}
        sizes |= {"weight_orig": shape, "weight_u": shape[:1], "weight_v": (int(np.prod(shape[1:])),)}
        return {f"{key}.{name}": size for name, size in sizes.items()}

    shapes = normed("gap_fc", 1, c, bias=False) | normed("gmp_fc", 1, c, bias=False)
    shapes |= {"conv1x1.weight": (c, 2 * c, 1, 1), "conv1x1.bias": (c,)} | normed("conv", 1, c, 4, 4, bias=False)
    inputs = 3
    for i in range(layers - 1):
        shapes |= normed(f"model.{1 + 3 * i}", width << i, inputs, 4, 4)
        inputs = width << i
    return shapes


def file_of(light, prefix=""):
    """What the authors' code saves, of 2 and 3 channels and 2 blocks; a full one is of 12 px."""
    rng = np.random.default_rng(0)
    shapes = [generator(2, 2, 8 if light else 8 * 9)] * 2 + [discriminator(3, 5)] * 2 + [discriminator(3, 4)] * 2
    return {
        name: {prefix + key: rng.normal(size=size).astype(np.float32) for key, size in part.items()}
        for name, part in zip(NETWORKS, shapes)
    }


@pytest.mark.parametrize("light", [True, False])
def test_there_and_back(tmp_path, light):
    """The same bytes of every tensor, under the same names in the same order."""
    parts = file_of(light)
    torch_writer.save(parts, tmp_path / "horse2zebra_params_0100000.pt")
    lines = convert_file(tmp_path / "horse2zebra_params_0100000.pt", tmp_path / "a.pdparams")
    assert lines[0] == "recognised: the networks of a U-GAT-IT run (the authors' *_params_*.pt)"
    assert ("a light model takes images of any size" in " ".join(lines)) == light
    content = checkpoint.load(tmp_path / "a.pdparams")
    assert (content["system"], tuple(content["nets"]), content["domains"]) == ("ugatit", NETWORKS, None)
    sizes = {"g_width": 2, "d_width": 3, "blocks": 2, "global_layers": 5, "local_layers": 4}
    assert content["architecture"] == {**sizes, "light": light, "img_size": 256 if light else 12}

    lines = to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pt")
    assert lines[1].startswith("ugatit, for PyTorch: genA2B 32 tensors, genB2A 32 tensors, disGA 27 tensors")
    back = torch_reader.load(tmp_path / "back.pt")
    assert list(back) == list(parts)
    for name, part in parts.items():
        assert list(back[name]) == list(part)
        for key, value in part.items():
            assert back[name][key].dtype == value.dtype and back[name][key].shape == value.shape
            np.testing.assert_array_equal(back[name][key], value, err_msg=f"{name} {key}")


def test_data_parallel_puts_nothing_in_the_way(tmp_path):
    torch_writer.save(file_of(True), tmp_path / "a.pt")
    torch_writer.save(file_of(True, "module."), tmp_path / "b.pt")
    for name in "ab":
        convert_file(tmp_path / f"{name}.pt", tmp_path / f"{name}.pdparams")
    one, other = (checkpoint.load(tmp_path / f"{name}.pdparams")["nets"] for name in "ab")
    assert all(np.array_equal(one[net][key], other[net][key]) for net in one for key in one[net])


def run(*overrides):
    paddle.seed(0)
    sizes = [*("model.g_width=2", "model.d_width=3", "model.blocks=2"), "model.global_layers=5", "model.local_layers=4"]
    system = ugatit.System(load_config(CONFIGS / "ugatit_toy.yaml", [*sizes, *overrides]), Images({}, {}, {}))
    return state.State(system.networks, {}, {}, system.optimizers, system.architecture, ["A", "B"], "ugatit")


def test_a_run_starts_from_a_converted_file(tmp_path):
    """Whatever it calls its sides, and at another size where the model is light; the vectors come along."""
    parts = file_of(True)
    torch_writer.save(parts, tmp_path / "a.pt")
    convert_file(tmp_path / "a.pt", tmp_path / "a.pdparams")
    ours = run()
    lines = state.initialise(ours, tmp_path / "a.pdparams")
    assert lines == [f"{name}: {len(parts[name])} of {len(parts[name])} from the file" for name in NETWORKS]
    fc = ours.networks["genB2A"].FC[0].weight.numpy()
    np.testing.assert_array_equal(fc, parts["genB2A"]["FC.0.weight"].T)
    np.testing.assert_array_equal(ours.networks["disLB"].conv.weight_v.numpy(), parts["disLB"]["conv.weight_v"])
    with pytest.raises(UserError, match=r"for this file's networks: -o .*model\.g_width=2"):
        state.initialise(run("model.g_width=4"), tmp_path / "a.pdparams")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda parts: parts.pop("disLB"), "a U-GAT-IT run .*, but lacks disLB; save it as the authors' code does"),
        (lambda parts: parts.update(disLB=3), "but lacks disLB"),
        (lambda parts: parts.update(epoch={}), "but also has epoch"),
        (lambda parts: parts["genB2A"].pop("UpBlock1_1.norm1.rho"), "genB2A lacks UpBlock1_1.norm1.rho"),
        (lambda parts: parts["genA2B"].pop("FC.0.weight"), "genA2B has no layer FC.0.weight as the authors'"),
        (lambda parts: parts["genA2B"].update({"FC.0.weight": np.zeros((8, 41), "f4")}), "41 numbers, which are no sq"),
        (lambda parts: parts["disGA"].pop("model.4.weight_orig"), "disGA lacks model.4.weight_orig|disGA has the unk"),
        (lambda parts: parts["disLA"].update({"conv.weight": np.zeros(1, "f4")}), "disLA has the unknown conv.weight"),
        (lambda parts: parts["disLA"]["conv.weight_u"].fill(np.nan), "conv.weight_u"),
    ],
)
def test_wrong_files(tmp_path, change, words):
    parts = file_of(False)
    change(parts)
    torch_writer.save(parts, tmp_path / "a.pt")
    with pytest.raises(UserError, match=words) as caught:
        convert_file(tmp_path / "a.pt", tmp_path / "a.pdparams")
    assert "\n" not in str(caught.value) and not (tmp_path / "a.pdparams").exists()


def test_what_cannot_go_back(tmp_path):
    torch_writer.save(file_of(True), tmp_path / "a.pt")
    convert_file(tmp_path / "a.pt", tmp_path / "a.pdparams")
    for given, words in (({"net": "genA2B"}, "leave out --net genA2B"), ({"part": "averages"}, "leave out --part")):
        with pytest.raises(UserError, match=words):
            to_authors_file(tmp_path / "a.pdparams", tmp_path / "b.pt", **given)
    content = checkpoint.load(tmp_path / "a.pdparams")
    del content["nets"]["disGA"]
    checkpoint.save(content, tmp_path / "a.pdparams")
    with pytest.raises(UserError, match="has no disGA, and the authors' file has all"):
        to_authors_file(tmp_path / "a.pdparams", tmp_path / "b.pt")
