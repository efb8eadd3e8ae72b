"""AdaIN's published networks: the encoder by itself, and the decoder with it, ready for tools/sample.py."""

import numpy as np
import pytest
from file_server import FileServer
from test_convert_adain import DECODER, ENCODER, state
from test_download import known, names, refused

from ppstargan import checkpoint
from ppstargan.convert import torch_writer
from ppstargan.download.assets import download
from ppstargan.translate.stylizer import Stylizer


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server of each file by turns, whose sums are known."""
    server, files = FileServer(), {}
    for name, file, layers in (("vgg_normalised", "vgg_normalised", ENCODER), ("adain", "decoder", DECODER)):
        torch_writer.save(state(layers), tmp_path / f"{file}.pth")
        files[name] = (tmp_path / f"{file}.pth").read_bytes()
        known(monkeypatch, name, files[name])

    def fetch(name, data):
        server.content, server.etag = files[name], f'"{name}"'
        return download(name, data, server.url)

    yield fetch, server
    server.close()


def test_both_make_a_file_that_stylizes(published, tmp_path, capsys):
    (fetch, server), data = published, tmp_path / "data"
    fetch("vgg_normalised", data)
    assert list(checkpoint.load(data / "vgg_normalised.pdparams")["nets"]) == ["encoder"]
    path = fetch("adain", data)
    said = capsys.readouterr().out
    assert f"with the encoder of {data / 'vgg_normalised.pdparams'}" in said and "decoder alone" not in said
    assert [request[0] for request in server.requests] == ["/vgg_normalised.pth", "/decoder.pth"]
    assert names(data) == ["adain.pdparams", "downloads.json", "vgg_normalised.pdparams"]
    content = checkpoint.load(path)
    expected = checkpoint.load(data / "vgg_normalised.pdparams")["nets"]["encoder"]
    for key, value in content["nets"]["encoder"].items():
        np.testing.assert_array_equal(value, expected[key])
    picture = np.random.default_rng(0).integers(0, 256, (24, 16, 3), dtype=np.uint8)
    model = Stylizer(content, path)
    assert model.stylize(picture, model.style_of(picture)).shape == (24, 16, 3)


def test_a_decoder_without_the_encoder_says_what_to_get(published, tmp_path, monkeypatch):
    (_, server), data = published, tmp_path / "data"
    server.content = (tmp_path / "decoder.pth").read_bytes()
    message = refused("adain", data, server.url)
    assert f"{data / 'vgg_normalised.pdparams'}, its encoder, is missing: get vgg_normalised and adain" in message
    assert "adain.pdparams" not in names(data)
    assert refused("vgg_normalised", data, local=tmp_path / "decoder.pth").count("SHA-256") == 1


def test_a_decoder_that_is_here_with_its_encoder_beside_it(published, tmp_path):
    path = download("adain", tmp_path / "data", local=tmp_path / "decoder.pth")
    assert sorted(checkpoint.load(path)["nets"]) == ["decoder", "encoder"]
