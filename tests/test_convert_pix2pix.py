"""pix2pix's files: a U-Net and its discriminator told by their keys, the two of an epoch, and the way back."""

import numpy as np
import pytest
from authors_form import refusal
from PIL import Image
from test_convert_cyclegan import convolution, norm, patches, pixels, state_of

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.systems import pix2pix
from ppstargan.systems.load import load_config
from ppstargan.training.trainer import Trainer


def transposed(key, inward, outward, bias):
    return {f"{key}.weight": (inward, outward, 4, 4)} | ({f"{key}.bias": (outward,)} if bias else {})


def unet(inward=3, outward=3, width=2, levels=5, kind="batch"):
    """The entries of a U-Net in the authors' order, by the words of the specification."""
    biased, widths = kind == "instance", [width * min(2**i, 8) for i in range(levels)]
    found, behind, place = convolution("model.model.0", width, inward, 4, biased), [], "model.model.1"
    for outer, inner in zip(widths, widths[1:]):
        inside = f"{place}.model."
        found |= convolution(f"{inside}1", inner, outer, 4, biased)
        if inside.count("model") == levels + 1:  # innermost
            behind.append(transposed(f"{inside}3", inner, outer, biased) | norm(f"{inside}4", outer, kind))
        else:
            found |= norm(f"{inside}2", inner, kind)
            behind.append(transposed(f"{inside}5", 2 * inner, outer, biased) | norm(f"{inside}6", outer, kind))
        place = f"{inside}3"
    for entries in behind[::-1]:
        found |= entries
    return found | transposed("model.model.3", 2 * width, outward, True)


def same(found, state):
    assert list(found) == list(state)
    for key, value in state.items():
        assert found[key].dtype == value.dtype and found[key].shape == value.shape
        assert found[key].tobytes() == value.tobytes(), key


def without_counters(state):
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


USUAL = {
    "img_size": 256, "direction": "AtoB", "in_channels": 3, "out_channels": 3, "levels": 8, "g_width": 64,
    "d_network": "basic", "d_width": 64, "d_layers": 3, "norm": "batch", "dropout": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "shapes, name, told",
    [
        (unet(), "generator", {"levels": 5, "g_width": 2, "img_size": 32}),
        (unet(levels=2), "generator", {"levels": 2, "g_width": 2, "img_size": 4}),
        (
            unet(1, 3, 4, 6, "instance"),
            "generator",
            {"in_channels": 1, "levels": 6, "g_width": 4, "img_size": 64, "norm": "instance"},
        ),
        (unet(kind="none"), "generator", {"levels": 5, "g_width": 2, "img_size": 32, "norm": "none"}),
        (patches(6, 4, 3, "batch"), "discriminator", {"d_width": 4}),
        (patches(4, 4, 5, "instance"), "discriminator", {"d_width": 4, "d_layers": 5, "norm": "instance", "out": 1}),
        (patches(2, 2, 1, "none"), "discriminator", {"d_width": 2, "d_layers": 1, "norm": "none", "in": 1, "out": 1}),
        (pixels(6, 4, "batch"), "discriminator", {"d_width": 4, "d_network": "pixel"}),
    ],
)
@pytest.mark.parametrize("counted", [True, False])
def test_a_network_is_recognised_and_comes_back(tmp_path, shapes, name, told, counted):
    state, path = state_of(shapes), tmp_path / "7_net_X.pth"
    torch_writer.save(state if counted else without_counters(state), path)
    if not counted:
        state = {key: np.zeros((), np.int64) if key.endswith("tracked") else value for key, value in state.items()}
    lines = convert_file(path, tmp_path / "a.pdparams")
    assert f"a {name} of pix2pix" in lines[0]
    content = checkpoint.load(tmp_path / "a.pdparams")
    told = {{"in": "in_channels", "out": "out_channels"}.get(key, key): value for key, value in told.items()}
    assert content["system"] == "pix2pix" and list(content["nets"]) == [name]
    assert content["architecture"] == {**USUAL, **told}
    assert list(content["architecture"]) == list(pix2pix.Model.__dataclass_fields__)
    to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth")
    same(torch_reader.load(tmp_path / "back.pth"), state)


def test_statistics_that_an_old_file_has_of_instance_norms_are_left_out(tmp_path):
    state = state_of(unet(kind="instance"))
    old = {**state, "model.model.1.model.2.running_mean": np.ones(4, np.float32)}
    old["model.model.1.model.3.model.6.running_var"] = np.ones(4, np.float32)
    torch_writer.save(old, tmp_path / "latest_net_G.pth")
    convert_file(tmp_path / "latest_net_G.pth", tmp_path / "a.pdparams")
    to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth")
    same(torch_reader.load(tmp_path / "back.pth"), state)


@pytest.fixture
def both(tmp_path):
    """{network: its state_dict}, in files of one epoch."""
    states = {"G": state_of(unet(3, 1)), "D": state_of(patches(4, 4, 2, "batch"))}
    for name, state in states.items():
        torch_writer.save(state, tmp_path / f"200_net_{name}.pth")
    return states


@pytest.mark.parametrize("first", "GD")
def test_both_of_one_epoch_become_one_which_a_run_starts_from(tmp_path, both, first):
    lines = convert_file(tmp_path / f"200_net_{first}.pth", tmp_path / "a.pdparams")
    other = "D" if first == "G" else "G"
    assert f"with 200_net_{other}.pth, which is beside it" in lines
    content = checkpoint.load(tmp_path / "a.pdparams")
    assert list(content["nets"]) == ["generator", "discriminator"]
    for name, net in (("G", "generator"), ("D", "discriminator")):
        to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth", net=net)
        back = torch_reader.load(tmp_path / "back.pth")
        for key, value in both[name].items():
            assert key.endswith("tracked") or back[key].tobytes() == value.tobytes()
    (tmp_path / "data" / "train").mkdir(parents=True)
    Image.new("RGB", (64, 32)).save(tmp_path / "data" / "train" / "0.png")
    told = "img_size=32 out_channels=1 levels=5 g_width=2 d_width=4 d_layers=2 direction=BtoA"
    given = [*(f"model.{entry}" for entry in told.split()), f"data.root={tmp_path / 'data'}"]
    trainer = Trainer(load_config(CONFIGS / "pix2pix_toy.yaml", given), pix2pix)
    counts = {name: len(net.state_dict()) for name, net in trainer.system.networks.items()}
    assert trainer.initialise(tmp_path / "a.pdparams") == [
        f"{name}: {count} of {count} from the file" for name, count in counts.items()
    ]
    for name, net in trainer.system.networks.items():
        for key, value in content["nets"][name].items():
            np.testing.assert_array_equal(net.state_dict()[key].numpy(), value)


def test_what_lies_beside_and_is_no_partner(tmp_path, both):
    torch_writer.save(state_of(patches(3)), tmp_path / "200_net_D.pth")  # CycleGAN's
    assert "without 200_net_D.pth beside it, which is not pix2pix's" in convert_file(
        tmp_path / "200_net_G.pth", tmp_path / "a.pdparams"
    )
    assert list(checkpoint.load(tmp_path / "a.pdparams")["nets"]) == ["generator"]
    (tmp_path / "a.pdparams").unlink()
    torch_writer.save(state_of(patches(6, kind="batch")), tmp_path / "200_net_D.pth")
    told = refusal(convert_file, tmp_path / "200_net_G.pth", tmp_path / "a.pdparams")
    assert "the generator has 4 channels and norm batch, the discriminator 6 and batch" in told
    torch_writer.save(both["G"], tmp_path / "200_net_D.pth")
    told = refusal(convert_file, tmp_path / "200_net_D.pth", tmp_path / "a.pdparams")
    assert "200_net_D.pth is called D, and holds a generator of pix2pix" in told
    assert not (tmp_path / "a.pdparams").exists()


def test_a_u_net_by_a_name_of_cyclegans_says_what_it_becomes(tmp_path):
    for name in ("G_A", "G_B", "G"):
        torch_writer.save(state_of(unet()), tmp_path / f"latest_net_{name}.pth")
    for name in ("G_A", "G_B", "G"):
        lines = convert_file(tmp_path / f"latest_net_{name}.pth", tmp_path / f"{name}.pdparams")
        told = [line for line in lines if "taken as pix2pix's, without what lies beside it" in line]
        assert told == ([] if name == "G" else [f"called {name}, as CycleGAN's, and a U-Net: {told[0].split(': ')[1]}"])


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda s: s.pop("model.model.1.model.3.model.5.weight"), "lacks model.model.1.model.3.model.5.weight"),
        (lambda s: s.update({"model.model.9.weight": np.zeros(3, np.float32)}), "has the unknown model.model.9.weight"),
        (lambda s: s.update({"model.model.0.weight": np.zeros((2, 5, 4, 4), np.float32)}), "has images of 5 channels"),
        (lambda s: [s.pop(key) for key in list(s) if key.startswith("model.model.1.")], "has no level below the first"),
    ],
)
def test_wrong_files_are_one_line(tmp_path, change, words):
    state = state_of(unet())
    change(state)
    torch_writer.save(state, tmp_path / "latest_net_G.pth")
    assert words in refusal(convert_file, tmp_path / "latest_net_G.pth", tmp_path / "a.pdparams")
