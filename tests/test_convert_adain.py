"""AdaIN's files: bare state_dicts of layers' positions, the encoder that lies beside a decoder, and the way back."""

import numpy as np
import pytest
from authors_form import refusal

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.weights import convert_file, to_authors_file
from ppstargan.data.patterns import write_patterns
from ppstargan.systems.load import load_config, system_named
from ppstargan.training.trainer import Trainer
from ppstargan.translate.stylizer import Stylizer

WIDTH = 2
# Position of a convolution -> channels out and in, as multiples of the width; 0 are an image's 3.
ENCODER = {0: (0, 0), 2: (1, 0), 5: (1, 1), 9: (2, 1), 12: (2, 2), 16: (4, 2), 19: (4, 4), 22: (4, 4), 25: (4, 4)}
ENCODER |= {29: (8, 4), 32: (8, 8), 35: (8, 8), 38: (8, 8), 42: (8, 8), 45: (8, 8), 48: (8, 8), 51: (8, 8)}
DECODER = {1: (4, 8), 5: (4, 4), 8: (4, 4), 11: (4, 4), 14: (2, 4), 18: (2, 2), 21: (1, 2), 25: (1, 1), 28: (0, 1)}


def state(layers: dict, width=WIDTH, seed=0) -> dict:
    """A state_dict of these convolutions: 1 x 1 at position 0, else 3 x 3."""
    rng, found = np.random.default_rng(seed), {}
    for position, sizes in layers.items():
        outward, inward = (size * width or 3 for size in sizes)
        shape = (outward, inward, *(2 * (3 if position else 1,)))
        found[f"{position}.weight"] = rng.normal(size=shape).astype(np.float32)
        found[f"{position}.bias"] = rng.normal(size=outward).astype(np.float32)
    return found


@pytest.fixture
def files(tmp_path):
    """vgg_normalised.pth and decoder.pth in one folder, and decoder_iter_10.pth.tar in another."""
    (tmp_path / "alone").mkdir()
    torch_writer.save(state(ENCODER), tmp_path / "vgg_normalised.pth")
    for name in ("decoder.pth", "alone/decoder_iter_10.pth.tar"):
        torch_writer.save(state(DECODER, seed=1), tmp_path / name)
    return tmp_path


def test_a_decoder_takes_the_encoder_beside_it_and_both_go_back_byte_by_byte(files):
    lines = convert_file(files / "decoder.pth", files / "adain.pdparams")
    assert lines[0] == "recognised: AdaIN's decoder (the authors' decoder.pth or decoder_iter_*.pth.tar)"
    assert "with vgg_normalised.pth, which is beside it" in lines
    assert "of the encoder, 7 convolutions behind relu4_1 are left out, as nothing uses them" in lines
    content = checkpoint.load(files / "adain.pdparams")
    assert content["system"] == "adain" and content["architecture"] == {"img_size": 256, "width": WIDTH}
    assert {name: len(values) for name, values in content["nets"].items()} == {"decoder": 18, "encoder": 20}
    for net, original in ((None, state(DECODER, seed=1)), ("encoder", state(ENCODER))):
        lines = to_authors_file(files / "adain.pdparams", files / f"{net}.pth", net=net)
        back = torch_reader.load(files / f"{net}.pth")
        assert list(back) == list(original)[: len(back)] and len(back) == {None: 18, "encoder": 20}[net]
        for key, value in back.items():
            assert value.dtype == np.float32 and value.tobytes() == original[key].tobytes(), key
        assert any("seven more" in line for line in lines) == (net == "encoder")


def test_each_alone(files, tmp_path):
    convert_file(files / "vgg_normalised.pth", files / "vgg.pdparams")
    assert list(checkpoint.load(files / "vgg.pdparams")["nets"]) == ["encoder"]
    lines = convert_file(files / "alone" / "decoder_iter_10.pth.tar", files / "decoder.pdparams")
    assert any(line.startswith("no vgg_normalised.pth beside it: this is the decoder alone") for line in lines)
    content = checkpoint.load(files / "decoder.pdparams")
    assert list(content["nets"]) == ["decoder"]
    said = refusal(Stylizer, content, "decoder.pdparams")
    assert said.startswith("decoder.pdparams holds decoder, and no encoder; put")


def test_what_does_not_go_together_is_named(files):
    torch_writer.save(state(ENCODER, width=4), files / "vgg_normalised.pth")
    said = refusal(convert_file, files / "decoder.pth", files / "a.pdparams")
    assert said.endswith("the decoder is 2 wide and encoder is 4 wide; give two files that go together")
    torch_writer.save(state(DECODER), files / "vgg_normalised.pth")
    said = refusal(convert_file, files / "decoder.pth", files / "a.pdparams")
    assert "vgg_normalised.pth, beside decoder.pth, is no encoder of AdaIN" in said
    torch_writer.save({**state(DECODER), "30.weight": np.zeros((1, 1), np.float32)}, files / "more.pth")
    (files / "vgg_normalised.pth").unlink()
    assert "has the unknown 30.weight" in refusal(convert_file, files / "more.pth", files / "a.pdparams")
    assert not (files / "a.pdparams").exists()


def test_training_starts_from_converted_files(files, tmp_path):
    """The encoder by encoder.weights, the decoder by --init; and where the encoder is missing, one line says all."""
    write_patterns(tmp_path / "data", size=16, train_count=2, val_count=1)
    convert_file(files / "vgg_normalised.pth", files / "vgg.pdparams")
    convert_file(files / "alone" / "decoder_iter_10.pth.tar", files / "decoder.pdparams")
    overrides = ["model.img_size=16", f"model.width={WIDTH}", "data.load_size=16", "data.workers=0"]
    overrides += ["train.iterations=1", "train.batch_size=2", "encoder.with_decoder=false"]
    overrides += [f"data.root={tmp_path / 'data'}", f"output={tmp_path / 'out'}"]

    def made(path, *more, name="adain_toy"):
        config = load_config(CONFIGS / f"{name}.yaml", [*overrides, f"encoder.weights={path}", *more])
        return Trainer(config, system_named("adain"))

    trainer = made(files / "vgg.pdparams")
    lines = trainer.initialise(files / "decoder.pdparams")
    assert "decoder: 18 of 18 from the file" in lines
    assert trainer.run() == 0
    np.testing.assert_array_equal(trainer.system.frozen["encoder"][29].weight.numpy(), state(ENCODER)["29.weight"])
    said = refusal(made("nowhere/vgg.pdparams", name="adain_coco_wikiart").run)
    assert said.startswith("no weights at /") and "nowhere/vgg.pdparams; to get them: convert the authors'" in said
    assert "convert_torch_weights.py vgg_normalised.pth nowhere/vgg.pdparams" in said
    said = refusal(made(tmp_path / "data" / "e.pdparams").run)
    assert said.endswith(f"python tools/draw_toy.py adain --out {tmp_path / 'data'} draws the toy's data and trains it")
    said = refusal(made(files / "vgg.pdparams", "model.width=4").run)
    assert said.endswith("; for this file's: -o model.width=2")
