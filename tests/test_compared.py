"""tools/evaluate.py for the systems beside StarGAN v2, with tiny networks and a stand-in for Inception."""

import os
from functools import partial
from pathlib import Path

import comparing
import noise_model
import numpy as np
import paddle
import pytest
import small_model
from comparing import FIGURES, features, pictures, same
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data import idx
from ppstargan.data.digits import write_digits
from ppstargan.data.transforms import middle_square, to_array
from ppstargan.errors import UserError
from ppstargan.metrics import judges as judges_module
from ppstargan.metrics.likeness import Comparison, measure
from ppstargan.nets.gans import build
from ppstargan.pictures import to_uint8
from ppstargan.sampler import Sampler
from ppstargan.systems import gan

ROOT = Path(__file__).parents[1]
CLASSES = {"cat": 8, "dog": 5, "lion": 1}  # images of each
CYCLEGAN = {
    "img_size": 16, "channels_a": 1, "channels_b": 3, "blocks": 1, "g_width": 4, "d_network": "basic", "d_width": 4,
    "d_layers": 2, "norm": "instance", "dropout": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Digits; pictures of three classes, and of two sides; and weights of each system."""
    root = tmp_path_factory.mktemp("compared")
    for seed, name in enumerate(("digits", "others")):
        write_digits(root / name, size=20, train_count=3, test_count=1, seed=seed)
    for seed, (name, count) in enumerate(CLASSES.items()):
        pictures(root / "classes" / "train" / name, count, seed)
    for data, counts in {"sides": (2, 2, 7, 9), "no_val": (2, 2), "one": (2, 2, 1, 2)}.items():
        for seed, (name, count) in enumerate(zip(("trainA", "trainB", "testA", "testB"), counts)):
            pictures(root / data / name, count, 10 + seed)
    small_model.save(root / "stargan_v2.pdparams", small_model.networks())
    for system in noise_model.ARCHITECTURES:
        noise_model.save(root / f"{system}.pdparams", system)
    ten = {**noise_model.ARCHITECTURES["cgan"], "num_domains": 10}
    nets = {"generator": checkpoint.arrays(build("cgan", ten)["generator"])}
    checkpoint.save({"system": "cgan", "architecture": ten, "domains": None, "nets": nets}, root / "ten.pdparams")
    other = {name: checkpoint.arrays(net) for name, net in noise_model.networks("gan", seed=1).items()}
    noise_model.save(root / "other.pdparams", "gan", nets=other)
    paddle.seed(0)
    nets = build("cyclegan", CYCLEGAN)
    for net in nets.values():
        for parameter in net.parameters():
            parameter.set_value(parameter * 10)
    values = {name: checkpoint.arrays(nets[name]) for name in ("G_A", "G_B")}
    discriminator = {"D_A": checkpoint.arrays(nets["D_A"])}
    for name, held in (("cyclegan", values), ("way", {"G_B": values["G_B"]}), ("discriminator", discriminator)):
        content = {"system": "cyclegan", "architecture": CYCLEGAN, "domains": None, "nets": held}
        checkpoint.save(content, root / f"{name}.pdparams")
    return root


@pytest.fixture
def tiny(monkeypatch):
    return comparing.tiny(monkeypatch)


@pytest.fixture
def evaluate(place, tiny, monkeypatch, capsys, tmp_path):
    return partial(comparing.evaluate, place, tmp_path, monkeypatch, capsys)


def test_what_a_gan_draws_against_the_images_of_train(place, tiny, evaluate):
    code, said, error, rows = evaluate("gan_toy", "gan", "digits", "--seeds", 2)
    assert (code, error) == (0, "") and list(rows) == [("all", 777), ("all", 778)]
    train = [image for images in idx.read(place / "digits").by_class("train").values() for image in images]
    real = features(tiny, [middle_square(Image.fromarray(image), 16).convert("RGB") for image in train])
    model = Sampler(place / "gan.pdparams")
    for (_, seed), row in rows.items():
        assert set(FIGURES) <= set(row) and same(row, real, features(tiny, model.sample(30, seed=seed)))
    assert "- generated: 30 images from noise\n" in said and "- seeds: 777, 778 (±: deviation over them)\n" in said
    assert "- real: all 30 images of train, the middle at 16 px, grey\n" in said
    assert "- warning: 30 generated images of all: FID is biased upwards with fewer than 2048" in said
    head = "|  | FID (tiny) | KID x 1000 (tiny; standard error) | precision (tiny) | recall (tiny) | density (tiny) |"
    assert f"\n{head} coverage (tiny) | generated | real |\n" in said and "\n| all | " in said


def test_a_wgan_and_a_count(place, tiny, evaluate):
    code, said, _, rows = evaluate("wgan_toy", "wgan", "classes", "--count", 9)
    assert code == 0 and rows["all", 777]["generated"] == rows["all", 777]["real"] == 9
    paths = [place / "classes" / "train" / name / f"{i}.png" for name, i in
             [("cat", 0), ("cat", 1), ("cat", 3), ("cat", 4), ("cat", 6), ("cat", 7), ("dog", 1), ("dog", 2),
              ("dog", 4)]]  # fmt: skip
    real = features(tiny, [middle_square(Image.open(path), 16) for path in paths])
    assert same(rows["all", 777], real, features(tiny, Sampler(place / "wgan.pdparams").sample(9, seed=777)))
    assert "- real: 9 of 14 images of train, the middle at 16 px\n" in said
    assert evaluate("wgan_toy", "wgan", "classes", "--count", 30)[3]["all", 777]["real"] == 14


def test_each_class_of_a_conditional_gan(place, tiny, evaluate):
    """As often as in train, and each by itself where there are enough."""
    code, said, _, rows = evaluate("cgan_toy", "cgan", "classes", "--count", 28)
    assert code == 0 and list(rows) == [("all classes", 777), ("class cat", 777), ("class dog", 777)]
    model, folder = Sampler(place / "cgan.pdparams"), place / "classes" / "train"
    made = features(tiny, model.sample(28, domain=[0] * 8 + [1] * 5 + [2], seed=777))
    paths = [folder / name / f"{i}.png" for name, count in CLASSES.items() for i in range(count)]
    real = features(tiny, [middle_square(Image.open(path).convert("L"), 16).convert("RGB") for path in paths])
    of_made, of_real = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2] * 2), np.array([0] * 8 + [1] * 5 + [2])
    assert same(rows["all classes", 777], real, made)
    for number, name in enumerate(("cat", "dog")):
        assert same(rows[f"class {name}", 777], real[of_real == number], made[of_made == number])
    why = "all figures are left out: class lion has 2 generated and 1 real images, and FID needs 2 of each"
    assert f"\n- warning: {why}\n" in said
    assert "\n- warning: 2 generated images of a class: FID is biased" in said
    why = "are left out: class dog has 10 generated and 5 real images, and coverage needs 6 real ones"
    assert f"\n- warning: precision, recall, density and coverage {why}\n" in said
    (line,) = [line for line in said.splitlines() if line.startswith("| class dog |")]
    assert line.endswith(") |  |  |  |  | 10 | 5 |") and set(rows["class dog", 777]) & set(FIGURES) == {*FIGURES[:3]}


def test_what_many_classes_lack_is_said_once(place, evaluate):
    said = evaluate("cgan_toy", "ten", "digits", "--count", 30)[1]
    why = "KID, precision, recall, density and coverage are left out: class 0 has 3 generated and 3 real images, and"
    assert f"- warning: {why} KID needs 4 of each (so it is with 9 more)\n" in said
    assert said.count("- warning: KID") == 1


def test_both_ways_between_two_sides(place, tiny, evaluate):
    """The images of test, all of each, and grey where a side is."""
    code, said, _, rows = evaluate("cyclegan_toy", "cyclegan", "sides")
    assert code == 0 and list(rows) == [("AtoB", None), ("BtoA", None)]
    nets = build("cyclegan", CYCLEGAN)
    content = checkpoint.load(place / "cyclegan.pdparams")
    images = {}
    for side, mode, count in (("A", "L", 7), ("B", "RGB", 9)):
        shown = [Image.open(place / "sides" / f"test{side}" / f"{i}.png").convert(mode) for i in range(count)]
        images[side] = [image.resize((16, 16), Image.Resampling.BICUBIC) for image in shown]
    for name, source, target in (("G_A", "A", "B"), ("G_B", "B", "A")):
        checkpoint.fill(nets[name], content["nets"][name], name)
        nets[name].eval()
        with paddle.no_grad():
            made = [nets[name](paddle.to_tensor(to_array(image)[None])) for image in images[source]]
        made = features(tiny, [Image.fromarray(to_uint8(image.expand([-1, 3, -1, -1]))[0]) for image in made])
        real = features(tiny, [image.convert("RGB") for image in images[target]])
        assert same(rows[f"{source}to{target}", None], real, made)
    made = "AtoB: what G_A makes of 7 images of A in val; BtoA: what G_B makes of 9 images of B in val"
    real = "9 images of B in val, all of each at 16 px; 7 images of A in val, all of each at 16 px, grey"
    assert f"\n- generated: {made}\n- real: {real}\n- software" in said  # and no seeds
    assert list(evaluate("cyclegan_toy", "way", "sides", "--count", 5)[3]) == [("BtoA", None)]


def test_what_is_there_counts_for_the_same_inputs_alone(place, tiny, evaluate):
    call = ("gan_toy", "gan", "digits", "--count", 8, "--batch-size", 3)
    *_, straight = evaluate(*call)
    assert tiny.net.images == 16
    _, said, _, again = evaluate(*call)
    assert again == straight and tiny.net.images == 16 and "1 of 1 comparisons were in report already\n" in said
    *_, rows = evaluate(*call, "--seeds", 2)  # another seed, the same real ones
    assert tiny.net.images == 16 + 8 and rows["all", 777] == straight["all", 777]
    *_, rows = evaluate("gan_toy", "gan", "digits", "--count", 9, "--batch-size", 8)
    assert tiny.net.images == 24 + 18 and rows["all", 777]["fid_tiny"] != straight["all", 777]["fid_tiny"]
    *_, rows = evaluate("gan_toy", "other", "digits", "--count", 8)
    assert tiny.net.images == 42 + 8 and rows["all", 777]["fid_tiny"] != straight["all", 777]["fid_tiny"]
    *_, rows = evaluate("gan_toy", "gan", "others", "--count", 8)  # by their pixels, as they are no files
    assert tiny.net.images == 50 + 16 and rows["all", 777]["fid_tiny"] != straight["all", 777]["fid_tiny"]
    evaluate("wgan_toy", "wgan", "classes")
    os.utime(place / "classes" / "train" / "cat" / "0.png", (0, 0))
    evaluate("wgan_toy", "wgan", "classes")
    assert tiny.net.images == 66 + 28 + 28


def test_bad_files_are_left_out_and_named(place, tiny, evaluate, tmp_path):
    pictures(tmp_path / "bad" / "train" / "x", 5, 0)
    pictures(tmp_path / "bad" / "train" / "y", 4, 1)
    (tmp_path / "bad" / "train" / "x" / "3.png").write_bytes(b"no image")
    call = ("wgan_toy", "wgan", tmp_path / "bad")
    code, _, error, _ = evaluate(*call)
    assert code == 1 and "error: 1 of 9 train images is bad, more than data.max_bad_share=0.05 allows" in error
    code, said, error, rows = evaluate(*call, "-o", "data.max_bad_share=0.2")
    assert code == 0 and rows["all", 777]["real"] == rows["all", 777]["generated"] == 8
    assert f"- warning: 1 of 9 images of train are bad and left out: {tmp_path}/bad/train/x/3.png (" in said


def test_a_true_partner(tiny, tmp_path):
    rng = np.random.default_rng(0)
    real, made = rng.integers(0, 256, (2, 9, 16, 16, 3), dtype=np.uint8)
    one = Comparison("AtoB", None, 16, lambda: iter([made[:4], made[4:]]), 9, list(real), Image.fromarray, ("", ""),
                     {}, paired=True)  # fmt: skip
    (row,) = measure([one], tiny, tmp_path / "a", tmp_path / "b", batch_size=3)
    assert row["l1"] == pytest.approx(np.abs(real.astype(float) - made).mean() / 127.5)
    assert same(row, *(features(tiny, map(Image.fromarray, images)) for images in (real, made)))


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        (("cgan_toy", "gan", "digits"), 2, "gan.pdparams is of gan, and {configs}/cgan_toy.yaml of cgan; give the"),
        (("gan_toy", "gan", "digits", "--mode", "latent"), 2, "--mode is not for gan, which {place}/gan.pdparams is"),
        (("gan_toy", "gan", "digits", "--keep-images"), 2, "--keep-images is not for gan"),
        (("cyclegan_toy", "cyclegan", "sides", "--seeds", "2"), 2, "--seeds is not for cyclegan"),
        (("toy", "stargan_v2", "classes", "--count", "9"), 2, "--count is not for stargan_v2"),
        (("gan_toy", "gan", "digits", "--count", "1"), 2, "--count is 1; give a number from 2 to 1000000"),
        (("cgan_toy", "cgan", "digits"), 1, "has the domains cat, dog, lion, and not 0, 1, 2"),
        (("cgan_toy", "cgan", "none"), 1, "dataset folder {place}/none/train does not exist"),
        (("cyclegan_toy", "discriminator", "sides"), 1, "holds D_A, and no generator; give one that does"),
        (("cyclegan_toy", "cyclegan", "no_val"), 1, "there is neither val nor test beside train"),
        (("cyclegan_toy", "cyclegan", "one"), 1, "AtoB has 1 generated and 2 real images, and FID needs 2 of each"),
        (("gan_toy", "none", "digits"), 1, "no weights at {place}/none.pdparams"),
    ],
)
def test_wrong_calls_are_told_in_one_line(place, evaluate, call, code, message):
    ended, _, error, _ = evaluate(*call)
    assert ended == code and error.startswith("error: ") and error.count("\n") == 1
    assert message.format(place=place, configs=ROOT / "configs") in error


def test_a_system_without_figures(place, evaluate, monkeypatch):
    monkeypatch.delattr(gan, "MEASURES")
    code, _, error, _ = evaluate("gan_toy", "gan", "digits")
    assert code == 1 and "gan.pdparams is of gan, and there are no figures for it; there are for adain, cgan, " in error


def test_inceptions_missing_file_is_named(evaluate, monkeypatch, tiny):
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"no weights at .*none/inception_v3\.pdparams; .*: python tools/download\.py"):
        judges_module.load_inception("none/inception_v3.pdparams")
