"""Photographs that are not square, or transparent: what prepare.py, sample.py and the Translator make of them."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import small_model
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ppstargan.data import transforms
from ppstargan.data.prepare import prepare
from ppstargan.errors import UserError
from ppstargan.translator import Translator

ROOT = Path(__file__).parents[1]
SETTINGS = {"size": 16, "val": 1, "seed": 0}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks())


def tool(monkeypatch, capsys, name, *arguments):
    """The exit code of the tool, and what it wrote to the two streams."""
    monkeypatch.setattr(sys, "argv", [f"tools/{name}", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
    return ended.value.code, *capsys.readouterr()


def striped(width, height, alpha=None):
    """Red and green ends, as far as the picture is longer than wide (or wider than long), around a blue square."""
    pixels = np.zeros((height, width, 3), np.uint8)
    left, top = (width - min(width, height)) // 2, (height - min(width, height)) // 2
    pixels[:top] = pixels[:, :left] = (255, 0, 0)
    pixels[top + min(width, height) :] = pixels[:, left + min(width, height) :] = (0, 255, 0)
    pixels[top : top + min(width, height), left : left + min(width, height)] = (0, 0, 255)
    image = Image.fromarray(pixels)
    if alpha is not None:
        image.putalpha(alpha)
    return image


def pictures(folder, image):
    for domain in ("cat", "dog"):
        (folder / domain).mkdir(parents=True)
        for i in range(3):
            note = PngInfo()
            note.add_text("name", f"{domain} {i}")  # copies would go to one part
            image.save(folder / domain / f"{i}.png", pnginfo=note)
    return folder


def colours(image):
    return {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()}


@pytest.mark.parametrize("width, height", [(96, 48), (40, 90), (64, 64)])
def test_the_networks_see_the_middle_square_unless_told_otherwise(weights, tmp_path, width, height):
    image = striped(width, height)
    image.save(tmp_path / "x.png")
    square, squash = Translator(weights), Translator(weights, fit="squash")
    whole = image.resize((32, 32), Image.Resampling.BILINEAR)
    for form in (tmp_path / "x.png", image, np.asarray(image)):
        assert colours(square.read(form)) == {(0, 0, 255)}
        assert np.array_equal(squash.read(form)[0], np.asarray(whole))
    codes = square.style_from_seed("dog")
    blue = Image.new("RGB", (32, 32), (0, 0, 255))
    assert np.abs(np.asarray(square.translate(image, codes), int) - square.translate(blue, codes)).max() <= 1
    assert np.abs(square.style_from_reference(image, 0) - square.style_from_reference(blue, 0)).max() < 1e-5
    assert np.abs(np.asarray(squash.translate(image, codes), int) - squash.translate(whole, codes)).max() <= 1
    with pytest.raises(UserError, match="fit 'stretch': give one of square, squash"):
        Translator(weights, fit="stretch")


def test_prepare_squashes_where_it_is_told(tmp_path):
    source = pictures(tmp_path / "in", striped(40, 20))
    prepare(source, tmp_path / "square", **SETTINGS)
    prepare(source, tmp_path / "squash", fit="squash", **SETTINGS)
    found = {name: Image.open(next((tmp_path / name / "train" / "cat").iterdir())) for name in ("square", "squash")}
    assert colours(found["square"]) == {(0, 0, 255)} and found["squash"].size == (16, 16)
    whole = striped(40, 20).resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(found["squash"]), np.asarray(whole))
    with pytest.raises(UserError, match=r"made with other settings \(no fit\)"):
        prepare(source, tmp_path / "square", fit="squash", **SETTINGS)
    with pytest.raises(UserError, match=r"made with other settings \(fit squash\)"):
        prepare(source, tmp_path / "squash", **SETTINGS)


def test_smaller_ones_are_squashed_to_their_shorter_side(tmp_path):
    prepare(pictures(tmp_path / "in", striped(40, 12)), tmp_path / "out", fit="squash", **SETTINGS)
    assert Image.open(next((tmp_path / "out" / "train" / "cat").iterdir())).size == (12, 12)


def test_sample_py_takes_the_fit_and_the_background(weights, tmp_path, monkeypatch, capsys):
    striped(64, 32, alpha=0).save(tmp_path / "x.png")
    model = Translator(weights)
    codes = model.style_from_seed("dog")
    whole = striped(64, 32).resize((32, 32), Image.Resampling.BILINEAR)
    call = ["--weights", weights, "--source", tmp_path / "x.png", "--domain", "dog", "--out", tmp_path / "out.png"]
    for more, seen in (
        ((), Image.new("RGB", (32, 32), (0, 0, 255))),
        (("--fit", "squash"), whole),
        (("--background", "#ff8000"), Image.new("RGB", (32, 32), (255, 128, 0))),
    ):
        assert tool(monkeypatch, capsys, "sample.py", *call, "--force", *more)[0] == 0
        found, want = np.asarray(Image.open(tmp_path / "out.png"), int), model.translate(seen, codes)
        assert np.abs(found - want).max() <= 1
    code, _, error = tool(monkeypatch, capsys, "sample.py", *call, "--background", "whiter")
    assert code == 2 and "whiter is no colour; give a name such as white, or #RRGGBB" in error


@pytest.mark.parametrize("name", ["sample.py", "prepare.py"])
def test_the_help_says_what_becomes_of_other_shapes(name, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "300")
    _, said, _ = tool(monkeypatch, capsys, name, "--help")
    assert "what becomes of a photograph that is not square: its middle square" in said and "[square]" in said


def test_prepare_puts_a_colour_behind_what_is_transparent(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(transforms, "_told", [])
    source = pictures(tmp_path / "in", striped(20, 20, alpha=0))
    code, _, error = tool(monkeypatch, capsys, "prepare.py", source, tmp_path / "a", "--size", 16, "--val", 1)
    assert code == 0 and error.count("is transparent in places") == error.count("\n") == 1
    call = (source, tmp_path / "b", "--size", 16, "--val", 1, "--background", "red")
    assert tool(monkeypatch, capsys, "prepare.py", *call)[::2] == (0, "")
    for name, colour in (("a", (0, 0, 255)), ("b", (255, 0, 0))):
        assert colours(Image.open(next((tmp_path / name / "train" / "cat").iterdir()))) == {colour}
    settings = json.loads((tmp_path / "b" / "manifest.jsonl").read_text().splitlines()[0])
    assert settings["background"] == [255, 0, 0]
    assert tool(monkeypatch, capsys, "prepare.py", *call[:-1], "blue")[0] == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_half_transparent_is_half_the_background(weights, mode):
    image = Image.new("RGBA", (40, 40), (100, 100, 100, 128))
    if mode == "P":
        image = Image.new("P", (40, 40), 1)
        image.putpalette([0, 0, 0, 100, 100, 100])
        image.info["transparency"] = bytes([0, 128])
    else:
        image = image.convert(mode)
    assert colours(Translator(weights).read(image)) == {(100, 100, 100)}
    found = colours(Translator(weights, background="white").read(image))
    assert all(abs(level - 177) <= 1 for colour in found for level in colour)
