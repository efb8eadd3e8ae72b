"""tools/sample.py for StarGAN: what is asked for in words, where a face's own labels come from, sheets and files."""


import numpy as np
import paddle
import pytest
from authors_form import refusal
from PIL import Image
from test_attributes import write

from ppstargan import checkpoint
from ppstargan.data.attributes import read_faces
from ppstargan.data.transforms import for_testing
from ppstargan.nets.gans import build
from ppstargan.nets.stargan import redrawn
from ppstargan.pictures import to_uint8
from ppstargan.translate import compared, labels, relabelled

NAMES = ["Black_Hair", "Eyeglasses", "Blond_Hair", "Smiling"]
ARCHITECTURE = {
    "img_size": 16, "g_width": 4, "g_blocks": 1, "d_width": 4, "d_layers": 2, "exclusive": False, "num_domains": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """both.pdparams; g.pdparams, a generator without names; classes.pdparams; and pictures in pictures/."""
    root, rng = tmp_path_factory.mktemp("stargan"), np.random.default_rng(0)
    paddle.seed(0)
    nets = build("stargan", ARCHITECTURE)
    for parameter in nets["discriminator"].parameters():
        parameter.set_value(parameter * 6)  # so that it takes one picture for this, and another for that
    values = {name: checkpoint.arrays(net) for name, net in nets.items()}
    for name, some, domains, more in (
        ("both", values, NAMES, {}),
        ("g", {"generator": values["generator"]}, None, {}),
        ("d", {"discriminator": values["discriminator"]}, NAMES, {}),
        ("classes", values, ["a", "b", "c", "d"], {"exclusive": True}),
    ):
        content = {"system": "stargan", "architecture": {**ARCHITECTURE, **more}, "domains": domains, "nets": some}
        checkpoint.save(content, root / f"{name}.pdparams")
    (root / "pictures").mkdir()
    for i in range(5):
        image = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
        Image.fromarray(image).save(root / "pictures" / f"{i}.png")
    return root


@pytest.fixture
def sample(folder, run_sample):
    """Runs the tool with weights; returns its exit code and what it printed."""

    def run(weights, *arguments):
        return run_sample(folder / f"{weights}.pdparams", *arguments)

    return run


def asked(words, own):
    return labels.of_words(words, NAMES).change(np.array([own], np.float32))[0].tolist()


def test_words_change_what_they_name_and_nothing_else():
    assert asked(["hair=blond"], [1, 1, 0, 0]) == [0, 1, 1, 0]
    assert asked(["Hair=BLACK", "glasses=no"], [0, 1, 1, 1]) == [1, 0, 0, 1]
    assert asked(["Blond_Hair=yes", "smile=1"], [1, 0, 0, 0]) == [0, 0, 1, 1]
    assert asked(["black_hair=no"], [1, 0, 0, 1]) == [0, 0, 0, 1]
    assert not labels.of_words(["hair=black"], NAMES).from_anything
    assert labels.of_words(["hair=black", "glasses=no", "smile=no"], NAMES).from_anything


@pytest.mark.parametrize(
    "words, said",
    [
        (["hair=green"], "--set hair=green: the weights have hair=black, hair=blond"),
        (["glases=yes"], "the weights have Black_Hair, Eyeglasses, Blond_Hair, Smiling, hair, glasses, smile"),
        (["glasses"], "--set glasses: give NAME=yes or NAME=no, or hair=COLOUR"),
        (["glasses=maybe"], "give glasses=yes or glasses=no"),
        (["hair=black", "hair=blond"], "asks for Black_Hair and for its contrary"),
    ],
)
def test_words_that_mean_nothing_are_one_line(words, said):
    assert said in refusal(labels.of_words, words, NAMES)


def expected(folder, picture, change):
    """What the networks of both.pdparams make of a picture, by the labels that the discriminator gives it."""
    nets, values = build("stargan", ARCHITECTURE), checkpoint.load(folder / "both.pdparams")["nets"]
    for name, net in nets.items():
        checkpoint.fill(net, values[name], name)
        net.eval()
    x = for_testing(Image.open(folder / "pictures" / f"{picture}.png"), 16)[None]
    logits = nets["discriminator"](paddle.to_tensor(x))[1].numpy()[0]
    own = logits > 0
    if own[0] and own[2]:  # of two colours of hair, the likelier
        own[0], own[2] = logits[0] > logits[2], logits[2] > logits[0]
    return to_uint8(redrawn(nets["generator"], x, change(own[None].astype(np.float32))))[0], own


def test_a_face_keeps_what_is_not_asked_about(folder, sample, tmp_path):
    """Its own labels are what the discriminator takes it for."""
    owns = set()
    for picture in range(5):
        code, _, _ = sample("both", "--source", folder / "pictures" / f"{picture}.png", "--set", "glasses=yes",
                            "--out", f"{picture}.png")  # fmt: skip

        def change(own):
            return np.concatenate([own[:, :1], np.ones((1, 1), np.float32), own[:, 2:]], axis=1)

        wanted, own = expected(folder, picture, change)
        owns.add(tuple(own))
        assert code == 0
        np.testing.assert_allclose(np.asarray(Image.open(tmp_path / f"{picture}.png"), int), wanted, atol=1)
    assert len(owns) > 1


def test_the_papers_figure_has_a_row_a_face_and_a_column_an_attribute(folder, sample, tmp_path):
    code, said, _ = sample("both", "--source", folder / "pictures", "--out", "sheet.png", "--rows", 3)
    assert code == 0 and "columns: the face, then Black_Hair, Eyeglasses, Blond_Hair, Smiling" in said
    assert "what a face is now, as the discriminator tells it, stays but for what is asked" in said
    sizes = [Image.open(tmp_path / f"sheet_{i:02d}.png").size for i in (1, 2)]
    assert sizes == [(2 + 5 * 18, 2 + 3 * 18), (2 + 5 * 18, 2 + 2 * 18)]
    sheet = np.asarray(Image.open(tmp_path / "sheet_01.png"), int)

    def change(own):
        return np.concatenate([own[:, :3], 1 - own[:, 3:]], axis=1)

    np.testing.assert_allclose(sheet[20:36, 2 + 4 * 18 : 18 + 4 * 18], expected(folder, 1, change)[0], atol=1)
    np.testing.assert_array_equal(sheet[20:36, 2:18], np.asarray(Image.open(folder / "pictures" / "1.png")))


def test_a_file_for_each_face_at_its_own_size(folder, sample, tmp_path):
    words = ["--set", "hair=black", "--out-dir", "out", "--size", "own"]
    code, _, _ = sample("both", "--source", folder / "pictures", *words)
    assert code == 0
    found = sorted((tmp_path / "out").rglob("*.png"))
    assert [path.name for path in found] == [f"{i}.png" for i in range(5)]
    assert all(Image.open(path).size == (16, 16) for path in found)


def test_a_class_is_asked_for_by_its_name(folder, sample, tmp_path):
    code, said, _ = sample("classes", "--source", folder / "pictures" / "0.png", "--domain", "c", "--out", "c.png")
    wanted, _ = expected(folder, 0, lambda own: np.eye(4, dtype=np.float32)[[2]])
    assert code == 0 and "discriminator" not in said  # whatever the face is now
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "c.png"), int), wanted, atol=1)


@pytest.mark.parametrize(
    "weights, arguments, said",
    [
        ("both", ["--set", "hair=green"], "hair=black, hair=blond"),
        ("both", ["--domain", "Mael"], "--domain Mael: the weights have Black_Hair"),
        ("both", ["--set", "glasses=no", "--domain", "Smiling"], "give one of the two"),
        ("classes", ["--set", "a=yes"], "has classes: give --domain, of a, b, c, d"),
        ("g", ["--set", "hair=black"], "has 4 labels and does not name them: give 4 by --domain-names"),
        ("g", ["--domain-names", *NAMES, "--set", "hair=black"], "has no discriminator, which tells what a face is"),
        ("d", ["--set", "hair=black"], "has no generator"),
        ("both", ["--domain-names", *NAMES[::-1]], "has the domains Black_Hair, Eyeglasses, Blond_Hair, Smiling, and"),
        ("g", ["--domain-names", *NAMES[:3]], "has 4 domains, and Black_Hair, Eyeglasses, Blond_Hair do not name so"),
        ("both", ["--psi", "0.5"], "--psi is not for stargan"),
        ("both", ["--size", "18", "--set", "hair=black"], "a multiple of 4"),
    ],
)
def test_what_cannot_be_is_one_line(folder, sample, tmp_path, weights, arguments, said):
    code, _, error = sample(weights, "--source", folder / "pictures" / "0.png", *arguments, "--out", "no.png")
    assert code in (1, 2) and error.count("\n") == 1 and said in error
    assert not (tmp_path / "no.png").exists()


def test_a_generator_alone_takes_all_labels_in_words(folder, sample, tmp_path):
    words = ["--domain-names", *NAMES, "--set", "hair=black", "glasses=yes", "smile=no"]
    code, _, _ = sample("g", "--source", folder / "pictures" / "2.png", *words, "--out", "all.png")
    wanted, _ = expected(folder, 2, lambda own: np.array([[1, 1, 0, 0]], np.float32))
    assert code == 0
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "all.png"), int), wanted, atol=1)


def test_faces_without_an_attribute_are_compared_with_those_that_have_it(folder, tmp_path):
    """By the labels of the list, not by what the discriminator takes them for."""
    images = read_faces(write(tmp_path / "faces", count=40, names=NAMES), NAMES)
    images = images._replace(val=images.train)
    content = checkpoint.load(folder / "both.pdparams")
    found, warnings = relabelled.comparisons(content, "both", images, compared.Settings())
    assert [one.name for one in found] == NAMES and not warnings
    for bit, one in enumerate(found):
        assert all(int(path.stem) >> bit & 1 for path in one.real) and one.count + len(one.real) == 36
        made = np.concatenate(list(one.made()))
        assert made.shape == (one.count, 16, 16, 3)
    first = next(path for path in images.val["faces"] if not int(path.stem) & 1)
    own = np.array([[int(first.stem) >> bit & 1 for bit in range(4)]], np.float32)
    generator = build("stargan", ARCHITECTURE)["generator"]
    checkpoint.fill(generator, content["nets"]["generator"], "generator")
    x = for_testing(Image.open(first), 16)[None]
    own[:, [0, 2]] = 1, 0  # black hair instead of what it was
    np.testing.assert_allclose(next(found[0].made())[0].astype(int), to_uint8(redrawn(generator, x, own))[0], atol=1)


def test_a_label_that_too_few_have_is_named_and_others_are_measured(folder, tmp_path):
    images = read_faces(write(tmp_path / "faces", count=20, names=NAMES), NAMES)
    pool = images.train["faces"]
    for label in pool.labels:
        label[1] = 0  # nobody has glasses
    found, warnings = relabelled.comparisons(
        checkpoint.load(folder / "both.pdparams"), "both", images._replace(val=images.train), compared.Settings()
    )
    assert [one.name for one in found] == ["Black_Hair", "Blond_Hair", "Smiling"]
    assert warnings == ["fewer than 2 faces with or without Eyeglasses in val: not measured"]
    nobody = images._replace(val={"faces": type(pool)(pool[:1], pool.labels[:1], NAMES)})
    arguments = checkpoint.load(folder / "both.pdparams"), "both", nobody, compared.Settings()
    assert "FID needs 2 faces of val with a label and as many without" in refusal(relabelled.comparisons, *arguments)


def test_faces_of_other_classes_are_made_one_and_compared_with_it(folder, tmp_path):
    for part in ("train", "test"):
        for number, name in enumerate("abcd"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(2 + number):
                color = (40 * number, 60 * i, 9)
                Image.new("RGB", (16, 16), color).save(tmp_path / part / name / f"{i}.png")
    images, content = read_faces(tmp_path, []), checkpoint.load(folder / "classes.pdparams")
    found, _ = relabelled.comparisons(content, "classes", images, compared.Settings())
    assert [(one.name, one.count, len(one.real)) for one in found] == list(zip("abcd", (12, 11, 10, 9), (2, 3, 4, 5)))
    assert all(path.parts[-3:-1] == ("test", one.name) for one in found for path in one.real)
    generator = build("stargan", ARCHITECTURE)["generator"]
    checkpoint.fill(generator, content["nets"]["generator"], "generator")
    x = for_testing(Image.open(tmp_path / "test" / "a" / "0.png"), 16)[None]
    wanted = to_uint8(redrawn(generator, x, np.eye(4, dtype=np.float32)[[3]]))[0]
    np.testing.assert_allclose(next(found[3].made())[0].astype(int), wanted, atol=1)


def test_names_in_another_order_are_not_measured(folder, tmp_path):
    images = read_faces(write(tmp_path / "faces", names=NAMES), NAMES[::-1])
    content = checkpoint.load(folder / "both.pdparams")
    said = refusal(relabelled.comparisons, content, "both", images, compared.Settings())
    assert "and not Smiling, Blond_Hair, Eyeglasses, Black_Hair" in said
