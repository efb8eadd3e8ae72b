"""The pages of the systems beside StarGAN v2: what they draw, and what anybody may send to them."""

import argparse
import runpy
import sys
from pathlib import Path

import noise_model
import numpy as np
import paddle
import pytest
import test_from_pictures
import test_pix2pix
import test_stylized
from page_visitor import META, visiting
from PIL import Image

from ppstargan import checkpoint
from ppstargan.face.weights import fan_of
from ppstargan.nets.fan import FAN, FAN_SIZES
from ppstargan.nets.gans import build
from ppstargan.pictures import grid
from ppstargan.sampler import Sampler
from ppstargan.systems.load import system_named
from ppstargan.translate import demo, faces
from ppstargan.translate.from_pictures import OneWay, Setting, Way
from ppstargan.translate.stylizer import Stylizer

TOOL = Path(__file__).parents[1] / "tools" / "demo.py"
ARCHITECTURES = {
    "cyclegan": test_from_pictures.ARCHITECTURE,
    "pix2pix": test_pix2pix.ARCHITECTURE,
    "ugatit": {"img_size": 16, "light": True, "g_width": 4, "blocks": 1, "d_width": 4, "global_layers": 4,
               "local_layers": 3},
    "adain": test_stylized.ARCHITECTURE,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """SYSTEM.pdparams with random weights, and pictures a.png, b.png, and strip.png."""
    root, rng = tmp_path_factory.mktemp("pages"), np.random.default_rng(0)
    for system, architecture in ARCHITECTURES.items():
        paddle.seed(0)
        nets = test_stylized.networks() if system == "adain" else build(system, architecture)
        for parameter in [each for net in nets.values() for each in net.parameters() if system != "adain"]:
            parameter.set_value(parameter * 5)
        values = {name: checkpoint.arrays(net) for name, net in nets.items()}
        content = {"system": system, "architecture": architecture, "domains": None, "nets": values}
        checkpoint.save(content, root / f"{system}.pdparams")
    paddle.seed(0)
    sizes = {**FAN_SIZES, "width": 4, "img_size": 64}
    nets = {"fan": checkpoint.arrays(FAN(**sizes))}
    content = {"system": "fan", "architecture": {**sizes, "decoding": "mean"}, "domains": None, "nets": nets}
    checkpoint.save(content, root / "fan.pdparams")
    for system in noise_model.ARCHITECTURES:
        noise_model.save(root / f"{system}.pdparams", system)
    for name, shape in (("a", (70, 90, 3)), ("b", (60, 60, 3)), ("strip", (10, 50, 3))):
        pixels = rng.integers(0, 256, (*(side // 10 for side in shape[:2]), 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(shape[1::-1], Image.Resampling.BICUBIC).save(root / f"{name}.png")
    return root


def page_of(folder, system):
    path = folder / f"{system}.pdparams"
    given = argparse.Namespace(weights=path, domain_names=None, fan=None)
    return system_named(system).page(given, checkpoint.load(path))


@pytest.fixture
def visit(folder, tmp_path):
    """Serves the page of a system: (its visitor, what its requests name of a.png, of b.png, and of strip.png)."""
    serving = []

    def begin(system):
        serving.append(visiting(page_of(folder, system), tmp_path / "uploads"))
        visitor = serving[0].__enter__()
        uploads = [{"path": visitor.upload(folder / f"{name}.png"), **META} for name in ("a", "b", "strip")]
        return visitor, *uploads

    yield begin
    for one in serving:
        one.__exit__(None, None, None)


def one_way(folder, system, network, channels, **setting):
    path, size = folder / f"{system}.pdparams", ARCHITECTURES[system]["img_size"]
    made = Setting((size, size), 1, setting.pop("resample", Image.Resampling.BICUBIC), "square", None, **setting)
    model = OneWay(checkpoint.load(path), path, Way(network, channels), made)
    return model.render(model.prepare(model.read(folder / "a.png")))[0]


def refuse(visitor, calls, message):
    for call in calls:
        assert (visitor.call(*call) or "").startswith(message), call


@pytest.mark.parametrize(
    "system, networks, resample",
    [("cyclegan", (("G_A", "channels_a"), ("G_B", "channels_b")), Image.Resampling.BICUBIC),
     ("ugatit", (("genA2B", ""), ("genB2A", "")), Image.Resampling.BILINEAR)],
)  # fmt: skip
def test_both_directions(system, networks, resample, visit, folder, capfd):
    visitor, source, other, _ = visit(system)
    for direction, (network, channels) in zip(("AtoB", "BtoA"), networks):
        expected = one_way(folder, system, network, channels, resample=resample)
        np.testing.assert_array_equal(visitor.picture("translate", source, direction, 0), expected)
        assert (visitor.picture("translate", other, direction, 0) != expected).any()
    wrong = [["translate", source, value, 0] for value in (None, "", "AtoC", 0, True, "G_A")]
    refuse(visitor, wrong, "Choose a direction / 请选择方向: AtoB, BtoA")
    wrong = [["translate", source, "AtoB", value] for value in (None, 1.5, -1, "0", True)]
    refuse(visitor, wrong, "Give a seed, a whole number")
    refuse(visitor, [["translate", None, "AtoB", 0]], "Give a source picture first / 请先上传图片")
    refuse(visitor, [["translate", {"path": str(folder / "a.png"), **META}, "AtoB", 0]], demo.NOT_UPLOADED)
    refuse(visitor, [["translate", source, {"path": str(folder / "a.png"), **META}, 0]], demo.NOT_OF_THE_PAGE)
    assert "Traceback" not in capfd.readouterr().err


def test_pix2pix_goes_one_way_with_the_dropout_of_a_seed(visit, folder, capfd):
    visitor, source, *_ = visit("pix2pix")
    for seed in (0, 5, 2**63 - 1):
        expected = one_way(folder, "pix2pix", "generator", "in_channels", seed=seed)
        np.testing.assert_array_equal(visitor.picture("translate", source, "BtoA", seed), expected)
    assert (expected != visitor.picture("translate", source, "BtoA", 0)).any()
    refuse(visitor, [["translate", source, "AtoB", 0]], "Choose a direction / 请选择方向: BtoA")
    refuse(visitor, [["translate", source, "BtoA", value] for value in (2**63, 1e300)], "Give a smaller seed")
    assert "Traceback" not in capfd.readouterr().err


def test_noise_becomes_a_sheet_of_all_classes_or_of_one(visit, folder, capfd):
    visitor, *_ = visit("cgan")
    model = Sampler(folder / "cgan.pdparams")
    for domain, columns in (("", 3), ("dog", 8)):
        images = [np.asarray(image) for image in model.sample(10, domain or None, seed=4)]
        rows = [images[i : i + columns] for i in range(0, 10, columns)]
        np.testing.assert_array_equal(visitor.picture("draw", 10.0, domain, 4), grid(rows))
    assert visitor.picture("draw", 1, "lion", 0).shape == (16, 16, 3)
    wrong = [["draw", value, "dog", 0] for value in (0, 65, 1.5, None, "3", True, 1e400)]
    refuse(visitor, wrong, "Give a count, a whole number from 1 to 64")
    wrong = [["draw", 1, value, 0] for value in ("bird", 1, None)]
    refuse(visitor, wrong, "Choose a class / 请选择类别: cat, dog, lion")
    refuse(visitor, [["draw", 1, "dog", value] for value in (None, -1, 0.5)], "Give a seed")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("system", ["gan", "wgan"])
def test_a_gan_has_no_classes(system, folder):
    page = page_of(folder, system)
    images = [np.asarray(image) for image in Sampler(folder / f"{system}.pdparams").sample(9, seed=1)]
    np.testing.assert_array_equal(page.draw(9, "", 1), grid([images[:8], images[8:]]))
    with pytest.raises(demo.UserError, match="Choose a class"):
        page.draw(9, "cat", 1)


def test_a_picture_in_the_style_of_another(visit, folder, capfd):
    visitor, source, style, strip = visit("adain")
    path = folder / "adain.pdparams"
    for size in (16, 64):
        model = Stylizer(checkpoint.load(path), path, size)
        picture, other = model.read(folder / "a.png"), model.read(folder / "b.png")
        for alpha, keep in ((1, False), (0.4, True)):
            expected = model.stylize(picture, model.style_of(other, picture if keep else None), alpha)
            found = visitor.picture("stylize", source, style, alpha, keep, str(size))
            np.testing.assert_array_equal(found, expected)
            others = visitor.picture("stylize", source, style, alpha, not keep, str(size))
            assert (found != others).mean() > 0.05
    good = {"alpha": 1, "keep": False, "size": "16"}
    for name, message, values in (
        ("alpha", "Give how much style, a number from 0 to 1 / 请填写", (None, "1", 2, -0.1, True, 1e400)),
        ("keep", "Switch the source's colours on or off / 请打开", (None, 1, "yes", "")),
        ("size", "Choose a size / 请选择尺寸: 16, 32, 64", (None, 16, "33", "1000000", "")),
    ):
        refuse(visitor, [["stylize", source, style, *{**good, name: value}.values()] for value in values], message)
    refuse(visitor, [["stylize", source, None, *good.values()]], "Give a style picture first")
    refuse(visitor, [["stylize", strip, style, *good.values()]], "The source picture is 50 x 10 px: its longer")
    refuse(visitor, [["stylize", source, strip, *good.values()]], "The style picture is 50 x 10 px: its longer")
    assert "Traceback" not in capfd.readouterr().err


def test_the_points_of_a_face(visit, folder, capfd):
    visitor, source, other, _ = visit("fan")
    net = fan_of(checkpoint.load(folder / "fan.pdparams"), "here")
    x, _, points, maps = faces.look_at(net, Image.open(folder / "a.png").convert("RGB"), "mean")
    found = visitor.picture("find", source)
    np.testing.assert_array_equal(found, faces.sheet(x, points, maps))
    assert found.shape == (3 * 192 + 8, 192 + 4, 3) and (visitor.picture("find", other) != found).any()
    refuse(visitor, [["find", None]], "Give a source picture first / 请先上传图片")
    refuse(visitor, [["find", {"path": str(folder / "a.png"), **META}]], demo.NOT_UPLOADED)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "system, option", [("cyclegan", "--domain-names"), ("gan", "--domain-names"), ("cgan", "--fan")]
)
def test_options_that_a_system_lacks(system, option, folder, monkeypatch, capsys):
    monkeypatch.setattr(demo, "import_gradio", lambda: None)
    weights = str(folder / f"{system}.pdparams")
    monkeypatch.setattr(sys, "argv", ["tools/demo.py", "--weights", weights, option, "x"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOL), run_name="__main__")
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said == f"error: {option} is not for {system}, which {weights} is of\n"


def test_the_tool_serves_the_page_of_the_weights(folder, monkeypatch, capsys):
    served = []
    monkeypatch.setattr(demo, "import_gradio", lambda: None)
    monkeypatch.setattr(demo, "serve", lambda gradio, page, host, port: served.append(page))
    titles = {"cyclegan": "CycleGAN", "pix2pix": "pix2pix", "ugatit": "U-GAT-IT", "adain": "AdaIN", "gan": "GAN",
              "fan": "FAN", "wgan": "WGAN", "cgan": "Conditional GAN"}  # fmt: skip
    for system in titles:
        monkeypatch.setattr(sys, "argv", ["tools/demo.py", "--weights", str(folder / f"{system}.pdparams")])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name="__main__")
        assert ended.value.code == 0
    assert [page.title for page in served] == list(titles.values())
    assert [page.about.split(",")[0] for page in served] == [f"{system}.pdparams" for system in titles]
