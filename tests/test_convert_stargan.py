"""StarGAN's files: bare state_dicts of G and D, side by side, with or without counters, and the way back."""

import zipfile

import numpy as np
import pytest
from authors_form import refusal

from ppstargan import checkpoint
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file

SIZES = {"g_width": 2, "g_blocks": 1, "d_width": 3, "d_layers": 3}


def norm(key, channels, counters=True):
    found = {f"{key}.{name}": (channels,) for name in ("weight", "bias", "running_mean", "running_var")}
    return {**found, f"{key}.num_batches_tracked": ()} if counters else found


def generator(labels=5, width=2, blocks=1, counters=True):
    """Its entries, by the words of the specification."""
    found = {"main.0.weight": (width, 3 + labels, 7, 7)} | norm("main.1", width, counters)
    found |= {"main.3.weight": (2 * width, width, 4, 4)} | norm("main.4", 2 * width, counters)
    found |= {"main.6.weight": (4 * width, 2 * width, 4, 4)} | norm("main.7", 4 * width, counters)
    for block in range(9, 9 + blocks):
        for place in (0, 3):
            found |= {f"main.{block}.main.{place}.weight": (4 * width, 4 * width, 3, 3)}
            found |= norm(f"main.{block}.main.{place + 1}", 4 * width, counters)
    for place, wide in ((9 + blocks, 4 * width), (12 + blocks, 2 * width)):
        found |= {f"main.{place}.weight": (wide, wide // 2, 4, 4)} | norm(f"main.{place + 1}", wide // 2, counters)
    return found | {f"main.{15 + blocks}.weight": (3, width, 7, 7)}


def discriminator(labels=5, width=3, layers=3, size=16):
    found, inward = {}, 3
    for layer in range(layers):
        outward = width << layer
        found |= {f"main.{2 * layer}.weight": (outward, inward, 4, 4), f"main.{2 * layer}.bias": (outward,)}
        inward = outward
    return found | {"conv1.weight": (1, inward, 3, 3), "conv2.weight": (labels, inward, *[size >> layers] * 2)}


def state(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return {
        key: np.array(7) if key.endswith("tracked") else rng.normal(size=shape).astype(np.float32) ** 2
        for key, shape in shapes.items()
    }


def same(path, wanted):
    found = torch_reader.load(path)
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype and found[key].tobytes() == value.tobytes(), key


@pytest.fixture
def files(tmp_path):
    states = state(generator()), state(discriminator(), 1)
    for letter, one in zip("GD", states):
        torch_writer.save(one, tmp_path / f"200000-{letter}.ckpt")
    return tmp_path, states


@pytest.mark.parametrize("letter", "GD")
def test_both_come_together_and_go_back_byte_by_byte(files, letter):
    folder, states = files
    lines = convert_file(folder / f"200000-{letter}.ckpt", folder / "out.pdparams")
    other = "D" if letter == "G" else "G"
    assert lines[0].startswith("recognised: a ") and f"with 200000-{other}.ckpt, which is beside it" in lines
    content = checkpoint.load(folder / "out.pdparams")
    wanted = {"img_size": 16, **SIZES, "exclusive": False, "num_domains": 5}
    assert content["system"] == "stargan" and content["architecture"] == wanted
    for name, one in zip(("generator", "discriminator"), states):
        to_authors_file(folder / "out.pdparams", folder / "back.ckpt", net=name)
        same(folder / "back.ckpt", one)
        (folder / "back.ckpt").unlink()


def test_a_generator_alone_without_counters(tmp_path):
    one = state(generator(labels=8, blocks=2, counters=False))
    torch_writer.save(one, tmp_path / "mine.ckpt")
    lines = convert_file(tmp_path / "mine.ckpt", tmp_path / "out.pdparams")
    assert any("the file does not tell theirs, and 128 px are noted" in line for line in lines)
    assert any("--domain-names does, for the authors' CelebA Black_Hair Blond" in line for line in lines)
    architecture = checkpoint.load(tmp_path / "out.pdparams")["architecture"]
    assert (architecture["num_domains"], architecture["g_blocks"], architecture["d_layers"]) == (8, 2, 6)
    to_authors_file(tmp_path / "out.pdparams", tmp_path / "back.ckpt")
    found = torch_reader.load(tmp_path / "back.ckpt")
    assert all(found[key].tobytes() == value.tobytes() for key, value in one.items())
    counters = set(found) - set(one)  # as today's PyTorch has them
    assert len(counters) == 9 and all(key.endswith("num_batches_tracked") and found[key] == 0 for key in counters)


def test_what_does_not_go_together_is_one_line(files):
    folder, states = files
    torch_writer.save(state(discriminator(labels=4)), folder / "200000-D.ckpt")
    said = refusal(convert_file, folder / "200000-G.ckpt", folder / "out.pdparams")
    assert "the generator 5, the discriminator 4 labels; networks of one run are alike" in said
    torch_writer.save(states[0], folder / "200000-D.ckpt")
    said = refusal(convert_file, folder / "200000-D.ckpt", folder / "out.pdparams")
    assert "200000-D.ckpt is called D, and holds a generator of StarGAN" in said
    torch_writer.save({**states[0], "main.0.weight": states[0]["main.0.weight"][:, :3]}, folder / "few.ckpt")
    said = refusal(convert_file, folder / "few.ckpt", folder / "out.pdparams")
    assert "the generator takes no label behind the colours" in said
    assert not (folder / "out.pdparams").exists()


def test_the_authors_archive_is_to_be_unpacked(files):
    folder, _ = files
    with zipfile.ZipFile(folder / "celeba-128x128-5attrs.zip", "w") as archive:
        for letter in "GD":
            archive.write(folder / f"200000-{letter}.ckpt", f"200000-{letter}.ckpt")
    said = refusal(convert_file, folder / "celeba-128x128-5attrs.zip", folder / "out.pdparams")
    assert said.endswith("it has no data.pkl; if there are such files in it, unpack them")
