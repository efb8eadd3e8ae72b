"""tools/sample.py as its user sees it: pictures, sheets, videos, and mistakes."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_model
from authors_form import refusal
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.inputs import find_pictures
from ppstargan.translate import sampling
from ppstargan.translator import Translator

TOOL = Path(__file__).parents[1] / "tools" / "sample.py"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks())


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return small_model.faces(tmp_path_factory.mktemp("faces") / "toy")


@pytest.fixture
def sample(monkeypatch, capsys, tmp_path):
    """Runs the tool in a folder of its own, which takes no new Python; returns its exit code and what it printed."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["tools/sample.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name="__main__")
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def same(image, other):
    assert np.abs(np.asarray(image).astype(int) - other).max() <= 1


def test_a_reference_is_of_the_nearest_folder_named_as_a_domain(weights, tmp_path):
    paths = ["cat/1.jpg", "cat/dog/2.jpg", "cat/dog/deep/3.jpg", "x/lion/4.jpg", "x/5.jpg"]
    for path in paths:
        (tmp_path / "cat" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cat" / path).touch()
    model = Translator(weights)

    def domains(*given):
        return sampling.reference_domains(model, find_pictures([tmp_path / "cat" / path for path in given]))

    assert domains("") == ["cat", "dog", "dog", "cat", "lion"]
    assert domains("cat", "x/lion/4.jpg") == ["cat", "dog", "dog", "lion"]
    assert domains("x/lion", "cat/1.jpg") == ["lion", "cat"]
    assert "5.jpg lies in no folder named as one of the domains cat, dog, lion" in refusal(domains, "x")


def test_one_image_gives_just_the_translation(weights, faces, tmp_path):
    call = ["--weights", weights, "--source", faces["cat"][0], "--reference", faces["dog"][1], "--out", "new/x.png"]
    done = subprocess.run([sys.executable, TOOL, *call], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.endswith("wrote new/x.png\n"), done
    model = Translator(weights)
    same(
        model.translate(faces["cat"][0], model.style_from_reference(faces["dog"][1], "dog")),
        read(tmp_path / "new/x.png"),
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.png"]


def test_a_seed_and_psi_in_a_domain(weights, faces, tmp_path, sample):
    code, said, _ = sample(
        "--weights", weights, "--source", faces["cat"][0], "--domain", "dog", "--seed", 3, "--psi", 0.5
    )
    written = Path(said.splitlines()[-1][len("wrote ") :])
    assert code == 0 and written.parent == Path("output")
    model = Translator(weights)
    same(model.translate(faces["cat"][0], model.style_from_seed(1, seed=3, psi=0.5)), read(tmp_path / written))


def test_sheets_of_references_hold_every_source_and_every_reference(weights, faces, tmp_path, sample):
    root = faces["cat"][0].parents[1]
    call = (
        "--weights",
        weights,
        "--source",
        root / "cat",
        faces["lion"][0],
        "--reference",
        root / "dog",
        root / "lion",
    )
    code, said, _ = sample(*call, "--columns", 3, "--rows", 4, "--batch-size", 2, "--out", "x.png")
    names = [f"x_0{i}.png" for i in range(1, 5)]
    assert code == 0 and [line for line in said.splitlines() if "wrote" in line] == [f"wrote {name}" for name in names]
    sources, references = [*faces["cat"], faces["lion"][0]], [*faces["dog"], *faces["lion"]]
    model = Translator(weights)
    codes = model.style_from_reference(references, ["dog"] * 3 + ["lion"] * 3)
    images, shown, beside = (
        model.translate(sources * 6, codes.repeat(4, axis=0)),
        model.read(sources),
        model.read(references),
    )
    sheets = [read(tmp_path / name) for name in names]
    assert [sheet.shape for sheet in sheets] == [(172, 138, 3), (172, 70, 3), (104, 138, 3), (104, 70, 3)]
    for i in range(6):
        for j in range(4):
            sheet = sheets[2 * (i // 4) + j // 3]
            same(images[4 * i + j], small_model.cell(sheet, 1 + i % 4, 1 + j % 3))
            same(shown[j], small_model.cell(sheet, 0, 1 + j % 3))
            same(beside[i], small_model.cell(sheet, 1 + i % 4, 0))


def test_the_last_sheet_may_have_one_row_and_one_column(weights, faces):
    model = Translator(weights)
    found = list(sampling.sheets(model, faces["cat"], model.style_from_seed("dog", count=3), columns=2, rows=2))
    assert [sheet.shape for sheet in found] == [(104, 70, 3), (104, 36, 3), (70, 70, 3), (70, 36, 3)]


def test_a_sheet_of_seeds_goes_through_the_domains(weights, faces, tmp_path, sample):
    call = ("--weights", weights, "--source", *faces["cat"], "--domain", "lion", "0", "--latents", 2, "--seed", 1)
    assert sample(*call, "--out", "x.webp")[0] == 0
    assert read(tmp_path / "x.webp").shape == (172, 104, 3)
    assert sample(*call, "--out", "x.png")[0] == 0
    model = Translator(weights)
    codes = np.concatenate([model.style_from_seed(domain, seed=1, count=2) for domain in ("lion", "cat")])
    for i, style in enumerate(codes):
        for j, image in enumerate(model.translate(faces["cat"], style)):
            same(image, small_model.cell(read(tmp_path / "x.png"), 1 + i, j))


def test_videos_of_many_sources(weights, faces, tmp_path, sample):
    call = ("--weights", weights, "--source", *faces["cat"], "--domain", "dog", "--latents", 3, "--columns", 2)
    code, said, _ = sample(*call, "--video", "--seconds", 0.4, "--fps", 10, "--out", "x.gif")
    assert code == 0 and "wrote x_01.gif: 12 frames, 1.2 seconds\nwrote x_02.gif: 12 frames" in said
    for name, width in (("x_01.gif", 70), ("x_02.gif", 36)):
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == 12 and image.size == (width, 70)
    code, _, error = sample(*call[:-4], "--latents", 1, "--video", "--out", "y.gif")
    assert code == 2 and "two or more references, or --latents 2" in error


def test_names_for_weights_without_and_a_domain_for_references_without(weights, faces, tmp_path, sample):
    content = checkpoint.load(weights)
    checkpoint.save({**content, "domains": None}, tmp_path / "w.pdparams")
    (tmp_path / "some").mkdir()
    Image.open(faces["dog"][0]).save(tmp_path / "some" / "x.png")
    call = ["--weights", "w.pdparams", "--source", faces["cat"][0], "--out", "out.png", "--force"]
    code, _, error = sample(*call, "--reference", faces["dog"][0])
    assert code == 1 and "lies in no folder named as one of the domains 0, 1, 2" in error and "--domain-names" in error
    assert sample(*call, "--reference", faces["dog"][0], "--domain-names", "cat", "dog", "lion")[0] == 0
    named = read(tmp_path / "out.png")
    assert sample(*call, "--reference", "some", "--domain", "1")[0] == 0
    same(named, read(tmp_path / "out.png"))
    assert sample(*call, "--reference", "some", "--domain", "0")[0] == 0
    assert np.abs(named - read(tmp_path / "out.png")).max() > 1


def test_nothing_is_replaced_unasked(weights, faces, tmp_path, sample):
    mine = tmp_path / "mine.png"
    Image.open(faces["cat"][0]).save(mine)
    before = mine.read_bytes()
    code, _, error = sample("--weights", weights, "--source", faces["cat"][0], "--domain", "dog", "--out", mine)
    assert code == 1 and error == f"error: {mine} exists; give another --out, or --force to replace it\n"
    code, _, error = sample("--weights", weights, "--source", mine, "--domain", "dog", "--out", mine, "--force")
    assert code == 1 and "is one of the files to read" in error
    assert mine.read_bytes() == before


@pytest.mark.parametrize(
    "changes, code, message",
    [
        ({"--weights": ["none.pdparams"]}, 1, "no weights at {here}/none.pdparams; to get them: python tools/"),
        ({"--domain": ["bird"]}, 1, "unknown domain bird; {weights} has cat, dog, lion"),
        ({"--source": ["empty"]}, 1, "{here}/empty holds no images (jpg jpeg jpe jfif png bmp gif webp tif tiff)"),
        ({"--source": ["none"]}, 1, "no file or folder {here}/none"),
        ({"--source": ["bad.jpg"]}, 1, "cannot read image {here}/bad.jpg"),
        ({"--source": []}, 2, "--source"),
        ({"--domain": None}, 2, "give --reference, or --domain"),
        ({"--reference": ["bad.jpg"], "--psi": ["0.5"]}, 2, "--psi is for styles from seeds"),
        ({"--reference": ["bad.jpg"], "--domain": ["cat", "dog"]}, 2, "--domain is that of all references; give one"),
        ({"--seed": ["-1"], "--weights": ["none.pdparams"]}, 2, "--seed is -1; give 0 or more"),
        ({"--psi": ["2"], "--weights": ["none.pdparams"]}, 2, "--psi is 2; give a number from 0 to 1"),
        ({"--psi": ["nan"]}, 2, "--psi is nan"),
        ({"--latents": ["0"]}, 2, "--latents is 0; give 1 or more"),
        ({"--fps": ["5"]}, 2, "--fps go with --video only"),
        ({"--video": [], "--seconds": ["nan"]}, 2, "--seconds is nan"),
        ({"--out": ["x.gif"]}, 2, "a picture's name ends in .png"),
        ({"--video": [], "--out": ["x.png"]}, 2, "a video's name ends in .mp4"),
    ],
)
def test_mistakes_are_told_in_one_line(weights, faces, tmp_path, sample, changes, code, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    before = sorted(tmp_path.iterdir())
    call = {"--weights": [weights], "--source": [faces["cat"][0]], "--domain": ["dog"], **changes}
    ended, _, error = sample(*(word for key, words in call.items() if words is not None for word in (key, *words)))
    assert ended == code and error.startswith("error: ") and error.count("\n") == 1
    assert message.format(here=tmp_path, weights=weights) in error
    assert sorted(tmp_path.iterdir()) == before
