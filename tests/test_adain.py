"""AdaIN: statistics, contents and styles on disk, what is drawn of them, the toy's encoder, and what is measured."""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data import patterns, styles
from ppstargan.data.check import check_dataset
from ppstargan.errors import UsageError
from ppstargan.metrics import encoder as toy_encoder
from ppstargan.metrics import styles as losses
from ppstargan.metrics import toys
from ppstargan.nets.adain import adain, mixed, statistics
from ppstargan.nets.gans import build
from ppstargan.systems.load import load_config

ROOT = Path(__file__).parents[1]


def features(seed: int, *shape) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).normal(1, 2, shape).astype(np.float32))


def test_statistics_are_unbiased_and_of_one_pixel_finite():
    x = features(0, 2, 3, 5, 4)
    found = statistics(x)
    np.testing.assert_allclose(found.mean.numpy()[..., 0, 0], x.numpy().mean((2, 3)), rtol=1e-5)
    expected = np.sqrt(x.numpy().reshape(2, 3, -1).var(2, ddof=1) + 1e-5)
    np.testing.assert_allclose(found.std.numpy()[..., 0, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(statistics(x[:, :, :1, :1]).std.numpy(), np.sqrt(1e-5), rtol=1e-5)
    assert statistics(x.astype("float16")).std.dtype == paddle.float32


def test_a_mixture_makes_the_weighted_mean():
    content, (one, other) = features(0, 1, 3, 6, 5), (statistics(features(i, 1, 3, 4, 4 + i)) for i in (1, 2))
    expected = 0.75 * adain(content, one) + 0.25 * adain(content, other)
    found = adain(content, mixed([one, other], [3, 1]))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


def fill(root: Path, *folders, size=(20, 12)) -> Path:
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True)
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / folder / "x.png")
    return root


def test_contents_and_styles_are_found_with_what_is_held_out(tmp_path):
    found = styles.find_styles(fill(tmp_path / "a", "content/deep", "style"))
    assert list(found) == ["train"] and [len(found["train"][side]) for side in styles.SIDES] == [1, 1]
    fill(tmp_path / "a", "content_test", "style_test")
    found = styles.read_styles(tmp_path / "a")
    assert found.names == ["content", "style"] and found.val["style"] == [tmp_path / "a" / "style_test" / "x.png"]
    fill(tmp_path / "a", "content_val", "style_val")
    assert styles.read_styles(tmp_path / "a").val["content"] == [tmp_path / "a" / "content_val" / "x.png"]
    assert check_dataset(tmp_path / "a") == 0


def test_what_is_missing_of_contents_and_styles_is_one_line(tmp_path):
    assert "does not exist" in refusal(styles.read_styles, tmp_path / "no")
    fill(tmp_path / "b", "content")
    said = refusal(styles.read_styles, tmp_path / "b")
    assert "b holds content, and needs content and style; see data/README.md" in said
    fill(tmp_path / "c" / "inner", "content", "style")
    assert f"needs content and style; they are in {tmp_path / 'c' / 'inner'}: give that" in refusal(
        styles.read_styles, tmp_path / "c"
    )
    fill(tmp_path / "c" / "inner", "style_val")
    said = refusal(styles.read_styles, tmp_path / "c" / "inner")
    assert said.endswith("inner/style_val has no content_val beside it; add it, or take it away")
    (tmp_path / "d" / "style").mkdir(parents=True)
    fill(tmp_path / "d", "content")
    assert "style has no image" in refusal(styles.read_styles, tmp_path / "d")


def gradient(width: int, height: int) -> Image.Image:
    """Levels rise to the right in red, and downwards in green."""
    x, y = np.linspace(0, 255, width), np.linspace(0, 255, height)
    return Image.fromarray(np.stack(np.broadcast_arrays(x[None], y[:, None], 9.0), 2).astype(np.uint8))


def test_squares_are_cut_anywhere_and_never_flipped():
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        square = styles.jittered(gradient(90, 70), 64, 16, False, rng)
        assert square.shape == (3, 16, 16) and square.dtype == np.float32 and 0 <= square.min() <= square.max() <= 1
        assert (np.diff(square[0].mean(0)) > 0).all() and (np.diff(square[1].mean(1)) > 0).all()
        found.append((square[0, 0, 0], square[1, 0, 0]))
    assert np.ptp(found, axis=0).min() > 0.6  # of the 0.75 that there is room for


@pytest.mark.parametrize("size", [(5, 3), (1, 1), (2000, 3), (3, 2000), (64, 64), (300, 16)])
@pytest.mark.parametrize("keep_aspect", [False, True])
def test_pictures_of_any_size_are_enlarged_and_cut(size, keep_aspect, monkeypatch):
    whole, resized = [], styles.resized
    monkeypatch.setattr(styles, "resized", lambda *given: whole.append(resized(*given)) or whole[-1])
    square = styles.jittered(gradient(*size), 32, 32, keep_aspect, np.random.default_rng(0))
    assert square.shape == (3, 32, 32)
    assert min(whole[0].size) == 32 and max(whole[0].size) <= 8 * 32  # and not 21333 px of a line


def test_sizes_that_do_not_fit_are_refused():
    for overrides, said in (
        (["model.img_size=60"], "a multiple of 8, not 60"),
        (["data.load_size=48"], "model.img_size 64 is cut out of data.load_size 48, which must be no smaller"),
    ):
        with pytest.raises(UsageError, match=said):
            load_config(CONFIGS / "adain_toy.yaml", overrides)


# ---- the toy ----


def test_a_pattern_is_the_same_at_any_size_and_has_its_palette():
    for kind in patterns.KINDS:
        small, large = (patterns.draw_pattern(kind, "fire", size, np.random.default_rng(7)) for size in (32, 64))
        halves = large.reshape(32, 2, 32, 2, 3).mean((1, 3))
        assert np.abs(halves - small).mean() < 6 and small.std() > 20, kind
        assert halves[..., 0].mean() > halves[..., 2].mean() + 40  # reds


def test_patterns_are_drawn_once_and_their_names_say_what_they_are(tmp_path):
    small = {"size": 16, "train_count": 7, "val_count": 2}
    assert patterns.write_patterns(tmp_path / "a", **small) and not patterns.write_patterns(tmp_path / "a", **small)
    found = styles.find_styles(tmp_path / "a")
    assert [len(found[part][side]) for part in ("train", "val") for side in styles.SIDES] == [7, 7, 2, 2]
    kinds = [patterns.label_of(path)[0] for path in found["train"]["style"]]
    assert kinds == [0, 1, 2, 3, 4, 5, 0]
    assert all(patterns.label_of(path)[1] < 6 for path in found["train"]["style"])
    assert {patterns.label_of(path) for path in found["train"]["content"]} == {(6, 6)}


def test_the_encoder_is_trained_once_and_scaled_to_the_same_function(tmp_path):
    patterns.write_patterns(tmp_path / "a", size=16, train_count=4, val_count=2)
    path = tmp_path / "a" / "encoder.pdparams"
    assert toy_encoder.train_encoder(tmp_path / "a", path, 16, 3)[0].endswith(f"wrote {path}")
    before = path.read_bytes()
    assert toy_encoder.train_encoder(tmp_path / "a", path, 16, 3) == [f"encoder: {path} is there already"]
    assert path.read_bytes() == before
    nets = build("adain", {"width": 3})
    checkpoint.fill(nets["encoder"], checkpoint.load(path)["nets"]["encoder"], "")
    images = np.random.default_rng(0).uniform(size=(4, 3, 16, 16)).astype(np.float32)
    first = [each.numpy() for each in nets["encoder"].features(paddle.to_tensor(images))]
    toy_encoder.scale(nets["encoder"], images)
    for before, after in zip(first, nets["encoder"].features(paddle.to_tensor(images))):
        np.testing.assert_allclose(after.numpy(), before / before.mean(), rtol=1e-3, atol=1e-4)


class Perfect(paddle.nn.Layer):
    """A decoder that gives a known picture, whatever it is asked for."""

    def __init__(self, picture):
        super().__init__()
        self.picture = paddle.to_tensor(picture[None])

    def forward(self, t):
        return self.picture.expand([t.shape[0], -1, -1, -1])


def test_shares_are_of_the_pictures_as_they_are():
    """Who gives the style picture has no style loss, and all of its content loss; and the other way round."""
    paddle.seed(0)
    net, rng = build("adain", {"width": 3})["encoder"], np.random.default_rng(0)
    contents, (style,) = (rng.uniform(size=(n, 3, 16, 16)).astype(np.float32) for n in (3, 1))
    given = losses.measure(net, Perfect(style), contents, style[None], batch_size=2)
    assert given.style_share < 1e-9 and given.content_share == pytest.approx(1, rel=1e-5)
    kept = losses.measure(net, Perfect(contents[0]), contents[:1], style[None])
    x, y = (net(paddle.to_tensor(picture[None])) for picture in (contents[0], style))
    expected = ((x - adain(x, statistics(y))) ** 2).mean()
    assert kept.style_share == pytest.approx(1, rel=1e-5) and kept.content == pytest.approx(float(expected), rel=1e-4)
    assert (given.contents, given.styles) == (3, 1)
    assert kept.lines()[0].startswith("style loss: ") and kept.lines()[1] == "that is 1.000 of it"


def test_the_toy_is_measured_on_what_is_held_out(tmp_path):
    patterns.write_patterns(tmp_path, size=16, train_count=3, val_count=2)
    nets = build("adain", {"width": 3})
    trainer = SimpleNamespace(
        config=SimpleNamespace(model=SimpleNamespace(img_size=16)),
        data=styles.read_styles(tmp_path),
        system=SimpleNamespace(frozen={"encoder": nets["encoder"]}, networks={"decoder": nets["decoder"]}),
    )
    report = toys.measure_patterns(trainer)
    pictures = [styles.load_middles(trainer.data.val[side], 16) for side in styles.SIDES]
    assert report == losses.measure(nets["encoder"], nets["decoder"], *pictures)
    assert (report.contents, report.styles) == (2, 2)


def test_evaluate_writes_both_losses(tmp_path, monkeypatch, capsys):
    patterns.write_patterns(tmp_path / "data", size=16, train_count=2, val_count=3)
    nets = build("adain", {"width": 3})
    held = {name: checkpoint.arrays(net) for name, net in nets.items()}
    content = {"system": "adain", "architecture": {"img_size": 16, "width": 3}, "domains": None, "nets": held}
    checkpoint.save(content, tmp_path / "w.pdparams")
    config = ["-c", CONFIGS / "adain_toy.yaml", "-o", f"data.root={tmp_path / 'data'}", "model.img_size=16"]

    def evaluate(*more):
        command = ["tools/evaluate.py", "--weights", tmp_path / "w.pdparams", *config, f"output={tmp_path}", *more]
        monkeypatch.setattr(sys, "argv", list(map(str, command)))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "evaluate.py"), run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    code, out, err = evaluate("--count", 2)
    assert code == 0 and "| style | " in out, err
    found = json.loads((tmp_path / "evaluation" / "w" / "evaluation.json").read_text())
    (root, val) = tmp_path / "data", styles.read_styles(tmp_path / "data").val
    pictures = [styles.load_middles(val[side][:2], 16) for side in styles.SIDES]
    expected = losses.measure(nets["encoder"], nets["decoder"], *pictures)
    assert found["style"] == pytest.approx(expected.style) and found["content_share"] == pytest.approx(
        expected.content_share
    )
    assert found["pairs"] == "2 contents of 3 in 2 styles of 3, every one in every one"
    assert evaluate("--seeds", 2)[2].startswith("error: --seeds is not for adain")
    for side in styles.SIDES:
        (root / f"{side}_val").rename(root / f"{side}_away")
    code, _, err = evaluate()
    assert code == 1 and "has no content_val and style_val, which are measured on; add them" in err
