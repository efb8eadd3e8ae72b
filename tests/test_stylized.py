"""tools/sample.py for AdaIN: pictures of any size, mixtures, sheets, files and videos, and what is refused."""

from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.transforms import middle_square, to_unit
from ppstargan.nets.adain import statistics, transfer
from ppstargan.nets.gans import build
from ppstargan.pictures import GAP, to_uint8
from ppstargan.translate import clips, stylizer, video
from ppstargan.translate.colours import coral
from ppstargan.translate.stylizer import Stylizer

ARCHITECTURE = {"img_size": 16, "width": 4}


def networks() -> dict:
    """Random ones whose pictures are neither black nor white."""
    paddle.seed(0)
    nets = build("adain", ARCHITECTURE)
    for net in nets.values():
        for layer in net:
            if isinstance(layer, paddle.nn.Conv2D):
                outward, inward, size, _ = layer.weight.shape
                layer.weight.set_value(paddle.randn(layer.weight.shape) * (2 / (inward * size * size)) ** 0.5)
                layer.bias.set_value(paddle.full([outward], 0.2))
    last = nets["decoder"][28]
    last.weight.set_value(last.weight / 4)
    last.bias.set_value(paddle.full([3], 0.5))
    return nets


def content_of(nets: dict) -> dict:
    held = {name: checkpoint.arrays(net) for name, net in nets.items()}
    return {"system": "adain", "architecture": dict(ARCHITECTURE), "domains": None, "nets": held}


def picture(seed: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights w.pdparams; contents/ of several sizes, one grey; styles/."""
    root = tmp_path_factory.mktemp("styles")
    checkpoint.save(content_of(networks()), root / "w.pdparams")
    (root / "contents" / "deep").mkdir(parents=True)
    (root / "styles").mkdir()
    for i, (name, size) in enumerate((("a", (37, 53)), ("deep/b", (24, 16)), ("c", (20, 50)))):
        Image.fromarray(picture(i, *size)).save(root / "contents" / f"{name}.png")
    Image.open(root / "contents" / "c.png").convert("L").save(root / "contents" / "c.png")
    for i, size in enumerate(((40, 30), (17, 64), (32, 32)), 10):
        Image.fromarray(picture(i, *size)).save(root / "styles" / f"s{i}.png")
    return root


@pytest.fixture
def sample(folder, run_sample):
    """Runs the tool; returns its exit code and what it printed."""

    def run(*arguments):
        return run_sample(folder / "w.pdparams", *arguments)

    return run


@paddle.no_grad()
def made(content: np.ndarray, styles: list, alpha=1.0, weights=None) -> np.ndarray:
    """What the networks make of whole pictures: the mean of the AdaIN of each style."""
    nets = networks()
    features = nets["encoder"](tensor(content))
    ts = [transfer(features, statistics(nets["encoder"](tensor(style)))) for style in styles]
    t = sum(w * t for w, t in zip(np.divide(weights or [1], np.sum(weights or [1])).tolist(), ts))
    y = nets["decoder"](alpha * t + (1 - alpha) * features)
    return to_uint8(2 * y.numpy() - 1)[0, : content.shape[0], : content.shape[1]]


def tensor(pixels) -> paddle.Tensor:
    pixels = to_unit(Image.fromarray(pixels)) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    return paddle.to_tensor(pixels[None])


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def close(image, expected):
    """But for what rounding may do to a level."""
    assert image.shape == expected.shape and expected.std() > 10
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_tiles_are_the_whole(monkeypatch):
    """Whatever the sides, and as many tiles as there are; a halo of 24 px would be too few."""
    nets = networks()
    content, style = picture(1, 150, 133), picture(2, 90, 77)
    monkeypatch.setattr(stylizer, "TILE", 64)
    for halo, same in ((stylizer.HALO, True), (24, False)):
        monkeypatch.setattr(stylizer, "HALO", halo)
        model = Stylizer(content_of(nets), "w")
        features = model._encoded(to_unit(Image.fromarray(content)))
        whole = nets["encoder"](tensor(content)).numpy()[0]
        assert (np.abs(features - whole).max() < 1e-4) == same
        image = model.stylize(content, model.style_of(style))
        assert (np.abs(image.astype(int) - made(content, [style])).max() <= 1) == same


def test_a_picture_keeps_its_size_and_alpha_its_share(folder, sample):
    a, s = folder / "contents" / "a.png", folder / "styles" / "s10.png"
    for alpha in (None, 0.25, 0.0):
        given = [] if alpha is None else ["--alpha", alpha]
        code, out, err = sample("--source", a, "--reference", s, "--out", "x.png", "--force", *given)
        assert code == 0 and "adain, own sizes" in out and out.endswith("wrote x.png\n"), err
        close(read("x.png"), made(read(a), [read(s)], 1.0 if alpha is None else alpha))
    assert sample("--source", a, "--reference", s, "--size", 20, "--out", "y.png")[0] == 0
    assert read("y.png").shape == (20, 28, 3)  # int(20 * 53 / 37)
    assert sample("--source", folder / "contents" / "c.png", "--reference", s, "--size", 0, "--out", "c.png")[0] == 0
    close(read("c.png"), made(read(folder / "contents" / "c.png"), [read(s)]))


def test_styles_are_mixed_by_their_weights_whatever_their_sizes(folder, sample):
    a, styles = folder / "contents" / "a.png", sorted((folder / "styles").iterdir())
    asked = ["--source", a, "--reference", folder / "styles", "--style-weights", 1, 2, 5, "--alpha", 0.5]
    assert sample(*asked, "--out", "x.png")[0] == sample(*asked, "--out-dir", "each")[0] == 0
    close(read("x.png"), made(read(a), [read(s) for s in styles], 0.5, [1, 2, 5]))
    np.testing.assert_array_equal(read("each/a_interpolation.png"), read("x.png"))


def test_a_content_keeps_its_colours(folder, sample):
    """The style is what changes its colours, before the encoder sees it."""
    a, s = (folder / name for name in ("contents/a.png", "styles/s11.png"))
    assert sample("--source", a, "--reference", s, "--keep-colours", "--out", "x.png")[0] == 0
    style, content = Image.open(s), Image.open(a)
    recoloured = coral(to_unit(style), to_unit(content.resize(style.size, Image.Resampling.NEAREST)))
    close(read("x.png"), made(read(a), [recoloured]))
    assert np.abs(read("x.png").astype(int) - made(read(a), [read(s)])).max() > 5


def test_coral_gives_means_and_deviations_and_no_nan():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.2, 0.4, (3, 9, 11)), rng.uniform(0, 1, (3, 3, 33)) * np.array([1, 0.5, 0.2]).reshape(3, 1, 1)
    found = coral(x, y)
    np.testing.assert_allclose(found.mean((1, 2)), y.mean((1, 2)), atol=1e-12)
    np.testing.assert_allclose(found.std((1, 2)), y.std((1, 2)), rtol=0.02)
    grey = coral(np.full((3, 4, 4), 0.7), y)
    np.testing.assert_allclose(grey, np.broadcast_to(y.mean((1, 2), keepdims=True), grey.shape), atol=1e-12)
    assert np.isfinite(coral(np.ones((3, 1, 1)), np.ones((3, 2, 2)))).all()


def test_files_are_named_after_both(folder, sample):
    asked = ["--source", folder / "contents", "--reference", folder / "styles"]
    code, out, _ = sample(*asked, "--out-dir", "each")
    assert code == 0 and out.endswith(f"stylized 3 of 3 pictures into {Path('each').absolute()}; 0 left out\n")
    files = {str(path.relative_to("each")) for path in Path("each").rglob("*.png")}
    assert files == {f"{c}_stylized_s{s}.png" for c in ("a", "deep/b", "c") for s in (10, 11, 12)}
    a, s = folder / "contents" / "a.png", folder / "styles" / "s11.png"
    close(read("each/a_stylized_s11.png"), made(read(a), [read(s)]))
    assert sample(*asked, "--out-dir", "each")[2].startswith("error: ")  # they are there
    other = Path("other/s11.png")
    other.parent.mkdir()
    other.write_bytes(s.read_bytes())
    assert sample("--source", a, "--reference", s, other, "--out-dir", "folders")[0] == 0
    assert {path.name for path in Path("folders").iterdir()} == {
        "a_stylized_styles_s11.png", "a_stylized_other_s11.png"
    }  # fmt: skip
    code, _, err = sample("--source", a, "--reference", s, s, "--out-dir", "twice")
    assert code == 1 and "two pictures would be" in err and not Path("twice").exists()


def test_a_sheet_has_contents_down_and_styles_across(folder, sample):
    asked = ["--source", folder / "contents", "--reference", folder / "styles"]
    assert sample(*asked, "--size", 24, "--columns", 2, "--out", "sheet.png")[0] == 0
    first, second = read("sheet_01.png"), read("sheet_02.png")
    step = 24 + GAP
    assert first.shape == (4 * step + GAP, 3 * step + GAP, 3) and second.shape == (4 * step + GAP, 2 * step + GAP, 3)
    model = Stylizer(content_of(networks()), "w", 24)
    content, style = model.read(folder / "contents" / "c.png"), model.read(folder / "styles" / "s12.png")
    image = model.stylize(content, model.style_of(style))
    for place, expected in (((0, 1), style), ((2, 0), content), ((2, 1), image)):
        top, left = (GAP + i * step for i in place)
        np.testing.assert_array_equal(
            second[top : top + 24, left : left + 24], np.asarray(middle_square(Image.fromarray(expected), 24))
        )


def test_bad_pictures_are_left_out_and_small_ones_named(folder, sample, tmp_path):
    (tmp_path / "some").mkdir()
    Image.fromarray(picture(3, 20, 20)).save(tmp_path / "some" / "good.png")
    Image.fromarray(picture(3, 8, 40)).save(tmp_path / "some" / "small.png")
    (tmp_path / "some" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    asked = ["--source", "some", "--reference", folder / "styles" / "s10.png"]
    code, out, err = sample(*asked, "--out-dir", "each")
    assert code == 1 and "stylized 1 of 3 pictures" in out
    assert "small.png (it has 40 x 8 px, and 9 px a side are needed: give --size)" in err and "torn.png" in err
    assert "stylized 2 of 3 pictures" in sample(*asked, "--size", 16, "--out-dir", "enlarged")[1]


BOTH = ("--source", "a", "--reference", "styles")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--source", "a"], "give --reference, pictures of the styles"),
        (["--reference", "styles"], "give --source, the contents"),
        ([*BOTH, "--style-weights", "1"], "--style-weights are 1, and --reference gives 3"),
        ([*BOTH, "--style-weights", "0", "0", "0"], "--style-weights are 0 0 0; give"),
        ([*BOTH, "--style-weights", "1", "-1", "1"], "--style-weights are 1 -1 1; give"),
        ([*BOTH, "--size", "8"], "--size is 8; give the px of the shorter side from 9"),
        ([*BOTH, "--alpha", "1.5"], "--alpha is 1.5"),
        ([*BOTH, "--domain", "cat"], "--domain is not for adain"),
        (["--source", "x.mp4", "--reference", "styles"], "--source x.mp4 is a video: add --video"),
        ([*BOTH, "--video"], "a video has one style, and these are 3"),
    ],
)
def test_what_does_not_go_together_is_one_line(folder, sample, tmp_path, arguments, said):
    (tmp_path / "styles").symlink_to(folder / "styles")
    (tmp_path / "a").symlink_to(folder / "contents")
    code, _, err = sample(*arguments)
    assert code == 2 and err.startswith(f"error: {said}") and err.count("\n") == 1, err


def test_a_video_becomes_one_of_as_many_frames(folder, sample, tmp_path):
    pytest.importorskip("av")
    frames = [picture(20 + i, 33, 48) for i in range(7)]
    video.writer(tmp_path / "in.mp4")(iter(frames), 7, 10, tmp_path / "in.mp4")
    s = folder / "styles" / "s10.png"
    code, out, err = sample("--source", "in.mp4", "--reference", s, "--video", "--out", "out.mp4")
    assert code == 0 and out.endswith("wrote out.mp4: 7 frames, 0.7 seconds\n"), err
    before, after = clips.of_file("in.mp4"), clips.of_file("out.mp4")
    assert after.count == before.count == 7 and after.fps == before.fps == 10
    for given, found in zip(before.frames(), after.frames()):
        expected = made(given, [read(s)])
        assert found.shape == expected.shape == (34, 48, 3)
        assert np.abs(found.astype(int) - expected).mean() < 8  # H.264
    code, _, err = sample("--source", "no.mp4", "--reference", s, "--video", "--out", "o.mp4")
    assert code == 1 and err.startswith("error: cannot read the video no.mp4: ") and err.count("\n") == 1
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    code, _, err = sample("--source", "bad.mp4", "--reference", s, "--video", "--out", "o.mp4")
    assert code == 1 and err.startswith("error: cannot read the video bad.mp4: ") and not Path("o.mp4").exists()


def test_frames_in_a_folder_are_read_one_at_a_time(folder, sample, tmp_path):
    (tmp_path / "frames").mkdir()
    for i in range(3):
        Image.fromarray(picture(i, 24, 24)).save(tmp_path / "frames" / f"{i}.png")
    asked = ["--source", "frames", "--reference", folder / "styles" / "s10.png", "--video", "--fps", 5]
    assert sample(*asked, "--out", "x.webp")[0] == 0
    with Image.open("x.webp") as image:
        assert image.n_frames == 3 and image.size == (24, 24)
    Image.fromarray(picture(9, 24, 30)).save(tmp_path / "frames" / "1.png")
    code, _, err = sample(*asked, "--out", "y.webp")
    assert code == 1 and "have 30 x 24 px and 24 x 24 px, and frames have one size" in err
    assert not Path("y.webp").exists()
    seen = []
    frames = clips.of_pictures(list(range(9)), lambda i: seen.append(i) or picture(i, 9, 9), 5).frames()
    next(frames), next(frames)
    assert seen == [0, 1]
