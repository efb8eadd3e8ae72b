"""tools/sample.py for systems that make another picture of each: sheets, files, directions, and what is refused."""


import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.sides import prepared
from ppstargan.data.transforms import to_array
from ppstargan.nets.gans import build
from ppstargan.pictures import heat, to_uint8
from ppstargan.translate import from_pictures

ARCHITECTURE = {
    "img_size": 16, "channels_a": 1, "channels_b": 3, "blocks": 1, "g_width": 4, "d_network": "basic", "d_width": 4,
    "d_layers": 2, "norm": "instance", "dropout": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights: both.pdparams, and a.pdparams of G_A alone; and pictures in pictures/."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paddle.seed(0)
    nets = build("cyclegan", ARCHITECTURE)
    for net in nets.values():
        for parameter in net.parameters():
            parameter.set_value(parameter * 10)
    values = {name: checkpoint.arrays(nets[name]) for name in ("G_A", "G_B")}
    for name, held in (("both", values), ("a", {"G_A": values["G_A"]}), ("d", {"D_A": checkpoint.arrays(nets["D_A"])})):
        content = {"system": "cyclegan", "architecture": ARCHITECTURE, "domains": None, "nets": held}
        checkpoint.save(content, root / f"{name}.pdparams")
    for i in range(5):
        path = root / "pictures" / ("deep" if i == 4 else "") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
    return root


@pytest.fixture
def sample(folder, run_sample):
    """Runs the tool with weights; returns its exit code and what it printed."""

    def run(weights, *arguments):
        return run_sample(folder / f"{weights}.pdparams", *arguments)

    return run


@paddle.no_grad()
def expected(folder, path, network):
    """What becomes of a picture, by the network itself: uint8 [16, 16, 3]."""
    net = build("cyclegan", ARCHITECTURE)[network]
    checkpoint.fill(net, checkpoint.load(folder / "both.pdparams")["nets"][network], network)
    net.eval()
    x = prepared(Image.open(path), 16, ARCHITECTURE["channels_a" if network == "G_A" else "channels_b"])
    return to_uint8(net(paddle.to_tensor(x[None])).expand([-1, 3, -1, -1]))[0]


@pytest.mark.parametrize("direction, network", [("AtoB", "G_A"), ("BtoA", "G_B")])
def test_one_picture_is_its_translation_alone(folder, sample, tmp_path, direction, network):
    """The generator of that direction, by bicubic pixels, grey where the side is; without dropout."""
    path = folder / "pictures" / "1.png"
    code, said, error = sample("both", "--source", path, "--direction", direction, "--out", "x.png")
    assert (code, error) == (0, "") and said.endswith(f"both.pdparams: cyclegan, 16 px, {direction}\nwrote x.png\n")
    found = np.asarray(Image.open(tmp_path / "x.png"))
    assert found.std() > 5
    np.testing.assert_array_equal(found, expected(folder, path, network))


def test_sheets_have_translations_below_their_sources(folder, sample, tmp_path):
    code, said, _ = sample("both", "--source", folder / "pictures", "--columns", 2, "--rows", 2, "--out", "x.png")
    assert code == 0 and said.endswith("wrote x_01.png\nwrote x_02.png\n")
    first, second = (np.asarray(Image.open(tmp_path / f"x_{i:02d}.png")) for i in (1, 2))
    assert (first.shape, second.shape) == ((74, 38, 3), (38, 20, 3))
    for i in range(4):
        path, (top, left) = folder / "pictures" / f"{i}.png", (2 + 36 * (i // 2), 2 + 18 * (i % 2))
        grey = np.asarray(Image.open(path).convert("L").resize((16, 16), Image.Resampling.BICUBIC).convert("RGB"))
        np.testing.assert_array_equal(first[top : top + 16, left : left + 16], grey)
        made = first[top + 18 : top + 34, left : left + 16]
        np.testing.assert_array_equal(made, expected(folder, path, "G_A"))
    deep = expected(folder, folder / "pictures" / "deep" / "4.png", "G_A")
    np.testing.assert_array_equal(second[20:36, 2:18], deep)


def test_a_file_each_and_bad_ones_left_out(folder, sample, tmp_path, monkeypatch):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("0.png", "deep/4.png"):
        (tmp_path / "in" / name).write_bytes((folder / "pictures" / name).read_bytes())
    monkeypatch.setattr(from_pictures.OneWay, "batch_size", 2)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    code, said, error = sample("both", "--source", "in", "--out-dir", "out")
    assert code == 1 and "bad image, left out" in error and "bad.png" in error
    assert f"translated 2 of 3 pictures into {tmp_path / 'out'}; 1 left out" in said
    for name in ("0.png", "deep/4.png"):
        made = np.asarray(Image.open(tmp_path / "out" / name))
        np.testing.assert_array_equal(made, expected(folder, folder / "pictures" / name, "G_A"))
    code, _, error = sample("both", "--source", "in", "--out", "sheet.png")
    assert code == 1 and "bad.png" in error and Image.open(tmp_path / "sheet.png").size == (38, 38)


@pytest.mark.parametrize(
    "weights, arguments, code, words",
    [
        ("both", [], 2, "give --source, the images to translate"),
        ("both", ["--source", "nowhere.png"], 1, "no file or folder"),
        ("both", ["--count", "3"], 2, "--count is not for cyclegan"),
        ("both", ["--eval"], 2, "--eval is not for cyclegan"),
        ("both", ["--source", "{0}", "--size", "18"], 2, "--size is 18; give a multiple of 4 from 8 to 8192, or own"),
        ("both", ["--direction", "AB"], 2, "invalid choice: 'AB'"),
        (
            "a",
            ["--source", "{0}", "--direction", "BtoA"],
            1,
            "a.pdparams has no G_B, which goes BtoA; give --direction AtoB",
        ),
        ("d", ["--source", "{0}"], 1, "d.pdparams holds D_A, and no generator"),
        ("both", ["--source", "{0}", "--out", "{0}"], 1, "is one of the files to read"),
    ],
)
def test_refusals_are_one_line(folder, sample, tmp_path, weights, arguments, code, words):
    picture = folder / "pictures" / "0.png"
    before = picture.read_bytes()
    found, _, error = sample(weights, *[argument.replace("{0}", str(picture)) for argument in arguments])
    assert found == code and words in error and error.strip().splitlines()[-1].count("error: ") == 1
    assert list(tmp_path.iterdir()) == [] and picture.read_bytes() == before


def test_a_file_of_one_generator_goes_its_way(folder, sample, tmp_path):
    picture = folder / "pictures" / "0.png"
    code, _, _ = sample("a", "--source", picture, "--out", "x.png")
    assert code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), expected(folder, picture, "G_A"))


def test_a_heatmap_is_between_source_and_translation(folder, sample, tmp_path):
    """Of U-GAT-IT: a column, whether of one picture, in a sheet, or in a file each; by bilinear pixels."""
    architecture = {"img_size": 16, "light": True, "g_width": 2, "d_width": 2, "blocks": 1}
    architecture.update(global_layers=4, local_layers=3)
    paddle.seed(0)
    nets = build("ugatit", architecture)
    values = {name: checkpoint.arrays(nets[name]) for name in ("genA2B", "genB2A")}
    content = {"system": "ugatit", "architecture": architecture, "domains": None, "nets": values}
    checkpoint.save(content, folder / "ugatit.pdparams")
    source, net = folder / "pictures" / "0.png", nets["genB2A"]
    seen = Image.open(source).resize((16, 16), Image.Resampling.BILINEAR)
    image, _, heatmap = net(paddle.to_tensor(to_array(seen)[None]))
    column = np.concatenate([np.asarray(seen), heat(heatmap.numpy(), 16)[0], to_uint8(image)[0]])

    asked = ("--source", source, "--direction", "BtoA", "--heatmap")
    assert sample("ugatit", *asked, "--out", "x.png")[0] == sample("ugatit", *asked, "--out-dir", "each")[0] == 0
    assert sample("ugatit", *asked[:-1], "--out", "plain.png")[0] == 0
    everything = ("--source", folder / "pictures", *asked[2:], "--columns", 3, "--out", "sheet.png")
    assert sample("ugatit", *everything)[0] == 0
    for path in ("x.png", "each/0.png"):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / path)), column)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "plain.png")), column[32:])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 + 2 * 50, 2 + 3 * 18, 3)
    np.testing.assert_array_equal(sheet[2:50, 2:18], column)
    assert sample("ugatit", *asked, "--size", 24, "--out", "larger.png")[0] == 0
    assert np.asarray(Image.open(tmp_path / "larger.png")).shape == (72, 24, 3)
    code, _, error = sample("ugatit", *asked, "--size", "own")
    assert code == 2 and "--heatmap is of square pictures, and does not go with --size own" in error
    content["architecture"] = {**architecture, "light": False}
    content["nets"] = {"genB2A": checkpoint.arrays(build("ugatit", content["architecture"])["genB2A"])}
    checkpoint.save(content, folder / "full.pdparams")
    code, _, error = sample("full", *asked, "--size", 24)
    assert code == 2 and "full.pdparams takes pictures of 16 px alone; leave out --size 24" in error
    code, _, error = sample("both", "--source", source, "--heatmap")
    assert code == 2 and "--heatmap is not for cyclegan" in error
