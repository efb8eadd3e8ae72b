"""tools/evaluate.py for pix2pix: what is made of pairs, against the true partners."""

from functools import partial

import comparing
import numpy as np
import paddle
import pytest
from comparing import FIGURES, features, pictures, same
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.transforms import to_array
from ppstargan.nets.gans import build
from ppstargan.pictures import to_uint8

ARCHITECTURE = {
    "img_size": 64, "direction": "BtoA", "in_channels": 3, "out_channels": 1, "levels": 6, "g_width": 2,
    "d_network": "basic", "d_width": 4, "d_layers": 1, "norm": "batch", "dropout": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pairs in two folders and side by side, the same ones; and weights that go from B to A."""
    root = tmp_path_factory.mktemp("pairs")
    for seed, part in enumerate(("train", "val")):
        for side in "AB":
            pictures(root / "two" / part / side, 2 if part == "train" else 7, 10 * seed + ord(side), size=(20, 24))
        (root / "one" / part).mkdir(parents=True)
        for a in (root / "two" / part / "A").iterdir():
            halves = [np.asarray(Image.open(path)) for path in (a, a.parents[1] / "B" / a.name)]
            Image.fromarray(np.concatenate(halves, axis=1)).save(root / "one" / part / a.name)
    paddle.seed(0)
    net = build("pix2pix", ARCHITECTURE)["generator"]
    for parameter in net.parameters():
        parameter.set_value(parameter * 5)
    content = {"system": "pix2pix", "architecture": ARCHITECTURE, "domains": None}
    checkpoint.save({**content, "nets": {"generator": checkpoint.arrays(net)}}, root / "pix2pix.pdparams")
    return root


@pytest.fixture
def tiny(monkeypatch):
    return comparing.tiny(monkeypatch)


@pytest.fixture
def evaluate(place, tiny, monkeypatch, capsys, tmp_path):
    return partial(comparing.evaluate, place, tmp_path, monkeypatch, capsys, "pix2pix_toy", "pix2pix")


def test_each_wanted_image_is_compared_with_what_is_made_for_it(place, tiny, evaluate):
    """By the direction of the weights, whatever the configuration's, and with dropout."""
    code, said, error, rows = evaluate("two", "--seeds", 2)
    assert (code, error) == (0, "") and list(rows) == [("BtoA", 777), ("BtoA", 778)]
    net = build("pix2pix", ARCHITECTURE)["generator"]
    checkpoint.fill(net, checkpoint.load(place / "pix2pix.pdparams")["nets"]["generator"], "")
    given, wanted = [], []
    for side, mode, images in (("B", "RGB", given), ("A", "L", wanted)):
        for i in range(7):
            image = Image.open(place / "two" / "val" / side / f"{i}.png").convert(mode)
            images.append(image.resize((64, 64), Image.Resampling.BICUBIC))
    real = [image.convert("RGB") for image in wanted]
    for (_, seed), row in rows.items():
        made = []
        for image in given:
            paddle.seed(seed)
            with paddle.no_grad():
                made.append(to_uint8(net(paddle.to_tensor(to_array(image)[None])).expand([-1, 3, -1, -1]))[0])
        assert {*FIGURES} <= {*row} and same(
            row, features(tiny, real, 64), features(tiny, map(Image.fromarray, made), 64)
        )
        apart = np.mean([np.abs(np.float64(a) - np.float64(b)).mean() for a, b in zip(made, map(np.asarray, real))])
        assert row["l1"] == pytest.approx(apart / 127.5, rel=1e-5)
    assert rows["BtoA", 777]["l1"] != rows["BtoA", 778]["l1"]
    assert "- generated: BtoA: what the generator, with dropout, makes of the given images of 7 pairs of val\n" in said
    assert "coverage (tiny) | L1 | generated | real |" in said


def test_both_layouts_and_a_count(evaluate, tmp_path):
    *_, two = evaluate("two", "--count", 4)
    *_, one = evaluate("one", "--count", 4)
    assert one == two and one["BtoA", 777]["real"] == one["BtoA", 777]["generated"] == 4


def test_bad_pairs_are_left_out_and_named(place, evaluate, tmp_path):
    for side in "AB":
        for part, count in (("train", 2), ("val", 7)):
            pictures(tmp_path / "bad" / part / side, count, ord(side))
    bad = tmp_path / "bad" / "val" / "A" / "2.png"
    bad.write_bytes(b"no image")
    code, _, error, _ = evaluate(tmp_path / "bad")
    assert code == 1 and "1 of 7 val pairs is bad, more than data.max_bad_share=0.05 allows" in error
    code, said, error, rows = evaluate(tmp_path / "bad", "-o", "data.max_bad_share=0.2")
    assert code == 0 and rows["BtoA", 777]["real"] == 6 and f"bad image, left out: {bad} (" in error
    assert f"- warning: 1 of 7 pairs of val are bad and left out: {bad} (" in said
