"""Files of one network each, of WGAN's authors and of PyTorch-GAN's scripts: told by their keys, and back."""

import numpy as np
import paddle
import pytest

from ppstargan import checkpoint
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.errors import UserError
from ppstargan.nets.gans import build


def norm(key, width):
    return {f"{key}.{name}": (width,) for name in ("weight", "bias", "running_mean", "running_var")} | {
        f"{key}.num_batches_tracked": ()
    }


def linear(key, inputs, outputs):
    return {f"{key}.weight": (outputs, inputs), f"{key}.bias": (outputs,)}


def linears(prefix, *sizes):
    """{place: (inputs, outputs)} as the entries of a Sequential."""
    entries = {}
    for place, inputs, outputs in sizes:
        entries.update(linear(f"{prefix}.{place}", inputs, outputs))
    return entries


def script_generator(inputs, pixels):
    entries = linears("model", (0, inputs, 128))
    for place, size in ((2, 128), (5, 256), (8, 512)):
        entries |= linears("model", (place, size, 2 * size)) | norm(f"model.{place + 1}", 2 * size)
    return entries | linears("model", (11, 1024, pixels))


# The entries of each file, {key: shape}, in the authors' order; and the architecture that they tell.
FILES = {
    "wgan/generator": (
        {"main.initial:7-16:convt.weight": (7, 16, 4, 4)}
        | norm("main.initial:16:batchnorm", 16)
        | {"main.pyramid:16-8:convt.weight": (16, 8, 4, 4)}
        | norm("main.pyramid:8:batchnorm", 8)
        | {"main.pyramid:8-4:convt.weight": (8, 4, 4, 4)}
        | norm("main.pyramid:4:batchnorm", 4)
        | {"main.extra-layers-0:4:conv.weight": (4, 4, 3, 3)}
        | norm("main.extra-layers-0:4:batchnorm", 4)
        | {"main.final:4-3:convt.weight": (4, 3, 4, 4)},
        {"network": "dcgan", "img_size": 32, "channels": 3, "latent_dim": 7, "g_width": 4, "extra_layers": 1,
         "g_batch_norm": True},
    ),
    "wgan/generator of noBN": (
        {"main.initial:5-6:convt.weight": (5, 6, 4, 4), "main.pyramid:6-3:convt.weight": (6, 3, 4, 4),
         "main.final:3-1:convt.weight": (3, 1, 4, 4)},
        {"network": "dcgan", "img_size": 16, "channels": 1, "latent_dim": 5, "g_width": 3, "extra_layers": 0,
         "g_batch_norm": False, "d_batch_norm": True},
    ),
    "wgan/critic": (
        {"main.initial:3-4:conv.weight": (4, 3, 4, 4), "main.pyramid:4-8:conv.weight": (8, 4, 4, 4)}
        | norm("main.pyramid:8:batchnorm", 8)
        | {"main.pyramid:8-16:conv.weight": (16, 8, 4, 4)}
        | norm("main.pyramid:16:batchnorm", 16)
        | {"main.final:16-1:conv.weight": (1, 16, 4, 4)},
        {"network": "dcgan", "img_size": 32, "channels": 3, "d_width": 4, "extra_layers": 0, "d_batch_norm": True},
    ),
    "wgan/generator by mlp_G": (
        linears("main", (0, 9, 6), (2, 6, 6), (4, 6, 6), (6, 6, 3 * 16 * 16)),
        {"network": "mlp", "img_size": 16, "channels": 3, "latent_dim": 9, "g_width": 6},
    ),
    "wgan/critic by mlp_D": (
        linears("main", (0, 16 * 16, 6), (2, 6, 6), (4, 6, 6), (6, 6, 1)),
        {"network": "mlp", "img_size": 16, "channels": 1, "d_width": 6},
    ),
    "gan/generator": (script_generator(11, 12 * 12), {"network": "pytorch_gan", "img_size": 12, "latent_dim": 11}),
    "gan/discriminator": (
        linears("model", (0, 3 * 8 * 8, 512), (2, 512, 256), (4, 256, 1)),
        {"network": "pytorch_gan", "img_size": 8, "channels": 3},
    ),
    "cgan/generator": (
        {"label_emb.weight": (4, 4)} | script_generator(4 + 6, 3 * 8 * 8),
        {"img_size": 8, "channels": 3, "latent_dim": 6, "num_domains": 4},
    ),
    "cgan/discriminator": (
        {"label_embedding.weight": (4, 4)}
        | linears("model", (0, 64 + 4, 512), (2, 512, 512), (5, 512, 512), (8, 512, 1)),
        {"img_size": 8, "channels": 1, "num_domains": 4},
    ),
}  # fmt: skip


def state_of(shapes, seed=0):
    rng = np.random.default_rng(seed)
    counted = {key: np.array(2**40 + 1, np.int64) for key in shapes if key.endswith("num_batches_tracked")}
    return {key: counted.get(key, rng.normal(size=shape).astype(np.float32)) for key, shape in shapes.items()}


@pytest.mark.parametrize("name", FILES)
def test_there_and_back(tmp_path, name):
    """The same bytes of every tensor, under the same names in the same order."""
    shapes, told = FILES[name]
    state = state_of(shapes)
    torch_writer.save(state, tmp_path / "netX_epoch_3.pth")
    convert_file(tmp_path / "netX_epoch_3.pth", tmp_path / "a.pdparams")
    content = checkpoint.load(tmp_path / "a.pdparams")
    system, net = name.split()[0].split("/")
    assert (content["system"], list(content["nets"]), content["domains"]) == (system, [net], None)
    assert {key: content["architecture"][key] for key in told} == told

    to_authors_file(tmp_path / "a.pdparams", tmp_path / "back.pth")
    back = torch_reader.load(tmp_path / "back.pth")
    assert list(back) == list(state)
    for key, value in state.items():
        assert back[key].dtype == value.dtype and back[key].shape == value.shape
        np.testing.assert_array_equal(back[key], value, err_msg=key)

    network = build(system, content["architecture"])[net]
    assert checkpoint.fill(network, content["nets"][net], "a.pdparams") == []


def test_a_converted_linear_layer_is_the_same_function(tmp_path):
    state = state_of(FILES["wgan/critic by mlp_D"][0])
    torch_writer.save(state, tmp_path / "a.pth")
    convert_file(tmp_path / "a.pth", tmp_path / "a.pdparams")
    content = checkpoint.load(tmp_path / "a.pdparams")
    critic = build("wgan", content["architecture"])["critic"]
    checkpoint.fill(critic, content["nets"]["critic"], "a")
    x = np.random.default_rng(1).normal(size=(2, 1, 16, 16)).astype(np.float32)
    h = x.reshape(2, -1)
    for place in (0, 2, 4, 6):
        h = h @ state[f"main.{place}.weight"].T + state[f"main.{place}.bias"]
        h = np.maximum(h, 0) if place < 6 else h
    np.testing.assert_allclose(critic(paddle.to_tensor(x)).numpy(), h[:, 0], rtol=1e-4)


def test_an_old_file_without_counters_starts_them_at_zero(tmp_path):
    state = {k: v for k, v in state_of(FILES["gan/generator"][0]).items() if not k.endswith("tracked")}
    torch_writer.save(state, tmp_path / "a.pth")
    convert_file(tmp_path / "a.pth", tmp_path / "a.pdparams")
    generator = checkpoint.load(tmp_path / "a.pdparams")["nets"]["generator"]
    assert generator["model.3.num_batches_tracked"] == 0


def test_which_network_goes_back(tmp_path):
    """A file with both networks, such as a run's checkpoint: the generator, or the one asked for."""
    nets = {}
    for name in ("wgan/critic", "wgan/generator"):
        torch_writer.save(state_of(FILES[name][0]), tmp_path / "a.pth")
        convert_file(tmp_path / "a.pth", tmp_path / "a.pdparams")
        content = checkpoint.load(tmp_path / "a.pdparams")
        nets.update(content["nets"])
    content["architecture"] = {**content["architecture"], "d_width": 4, "extra_layers": 0}
    content["nets"] = {"critic": nets["critic"]}
    checkpoint.save(content, tmp_path / "a.pdparams")
    lines = to_authors_file(tmp_path / "a.pdparams", tmp_path / "b.pth", net="critic")
    assert lines[0].startswith("wgan: critic, for PyTorch: 14 tensors")
    with pytest.raises(UserError, match=r"a\.pdparams has no generator to turn back; it has critic"):
        to_authors_file(tmp_path / "a.pdparams", tmp_path / "b.pth", net="generator")


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("wgan/generator", lambda s: s.pop("main.final:4-3:convt.weight"), "lacks the layer main.final of DCGAN"),
        ("wgan/generator", lambda s: s.pop("main.pyramid:8:batchnorm.bias"), "lacks main.pyramid:8:batchnorm.bias"),
        ("wgan/critic", lambda s: s.pop("main.pyramid:8-16:conv.weight"), "lacks main.final:8-1:conv.weight"),
        ("gan/generator", lambda s: s.update({"model.11.weight": np.zeros((7, 1024))}), "7 numbers are no square"),
        ("cgan/generator", lambda s: s.pop("model.0.weight"), "no linear layer model.0.weight"),
        ("gan/generator", lambda s: s.update({"model.3.num_batches_tracked": np.zeros(())}), "of whole numbers"),
    ],
)
def test_wrong_files(tmp_path, name, change, words):
    state = state_of(FILES[name][0])
    change(state)
    torch_writer.save(state, tmp_path / "a.pth")
    with pytest.raises(UserError) as caught:
        convert_file(tmp_path / "a.pth", tmp_path / "a.pdparams")
    assert words in str(caught.value) and not (tmp_path / "a.pdparams").exists()


def test_convolutions_under_the_same_names_are_no_perceptron(tmp_path):
    """PatchGAN's discriminator has a model.0.weight too."""
    torch_writer.save({"model.0.weight": np.zeros((4, 6, 4, 4), np.float32)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="none of the files that can be converted"):
        convert_file(tmp_path / "a.pth", tmp_path / "a.pdparams")
