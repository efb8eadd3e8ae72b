"""tools/sample.py --out-dir: a file for each source, under its own name; and bad pictures in all of its ways."""

import io
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import small_model
from PIL import Image

from ppstargan.translator import Translator

TOOL = Path(__file__).parents[1] / "tools" / "sample.py"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path, number=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
    form = {".jpg": "JPEG", ".bmp": "BMP", ".gif": "GIF"}.get(path.suffix.lower(), "PNG")
    Image.fromarray(pixels).save(path, form)
    return path


@pytest.fixture
def sample(weights, here, monkeypatch, capsys):
    """Runs the tool; returns its exit code and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tools/sample.py", "--weights", str(weights), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    return run


def files(folder) -> set:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def same(path, model, source, style):
    want = io.BytesIO()
    model.translate(source, style).save(want, "JPEG" if path.suffix == ".jpg" else "PNG", quality=95)
    assert np.abs(np.asarray(Image.open(path), int) - np.asarray(Image.open(want), int)).mean() <= 1, path


NAMES = ["a.jpg", "a.png", "a.bmp", "A.gif", "sub/a.jpg", "sub/deep/b.PNG", "without ending"]
WRITTEN = {"a.jpg", "a.png", "a.bmp.png", "A.gif.png", "sub/a.jpg", "sub/deep/b.PNG", "without ending.png"}


def test_each_source_has_a_file_of_its_own_name(weights, here, sample):
    sources = [picture(here / "in" / name, i) for i, name in enumerate(NAMES)]
    code, said, error = sample("--source", "in", "--domain", "dog", "--out-dir", "new/out", "--batch-size", 3)
    assert (code, error) == (0, "") and files(here / "new" / "out") == WRITTEN
    assert said.endswith(f"translated 7 of 7 pictures into {here}/new/out; 0 left out\n") and said.count("wrote ") == 7
    model = Translator(weights)
    style = model.style_from_seed("dog")
    for source, name in zip(sources, NAMES):
        written = name if Path(name).suffix.lower() in (".jpg", ".png") else f"{name}.png"
        same(here / "new" / "out" / written, model, source, style)


def test_files_given_one_by_one_and_a_source_given_twice(here, sample):
    one, two = picture(here / "in" / "x.png"), picture(here / "in" / "y.png", 1)
    assert sample("--source", one, two, one, "--domain", "dog", "--out-dir", "out")[0] == 0
    assert files(here / "out") == {"x.png", "y.png"}


def test_several_styles_are_numbered(weights, here, sample):
    source = picture(here / "in" / "x.png")
    picture(here / "in" / "y.jpg", 1)
    references = [picture(here / "ref" / "dog" / "1.png", 2), picture(here / "ref" / "lion" / "1.png", 3)]
    call = ("--source", "in", "--out-dir")
    assert sample(*call, "out", "--reference", "ref")[0] == 0
    assert files(here / "out") == {"x_01.png", "x_02.png", "y_01.jpg", "y_02.jpg"}
    model = Translator(weights)
    for i, style in enumerate(model.style_from_reference(references, ["dog", "lion"]), 1):
        same(here / "out" / f"x_0{i}.png", model, source, style)
    assert sample(*call, "seeds", "--domain", "dog", "lion", "--latents", 2)[0] == 0
    assert len(files(here / "seeds")) == 8
    same(here / "seeds" / "x_04.png", model, source, model.style_from_seed("lion", count=2)[1])
    assert sample(*call, "each", "--domain", "dog", "lion")[0] == 0 and len(files(here / "each")) == 4


def test_bad_pictures_are_named_and_the_others_written(weights, here, sample):
    for i in range(5):
        picture(here / "in" / f"{i}.png", i)
    (here / "in" / "2.png").write_bytes(b"no image")
    (here / "in" / "3.png").write_bytes(b"")
    (here / "in" / "notes.txt").write_text("not one of them")
    code, said, error = sample("--source", "in", "--domain", "dog", "--out-dir", "out", "--batch-size", 2)
    assert code == 1 and files(here / "out") == {"0.png", "1.png", "4.png"}
    passed, first, second = error.splitlines()
    assert passed == f"{here}/in: passed over 1 file that is no image to be read: 1 .txt"
    assert first.startswith(f"bad image, left out: {here}/in/2.png (not an image")
    assert second == f"bad image, left out: {here}/in/3.png (the file is empty (0 bytes))"
    assert said.endswith(f"translated 3 of 5 pictures into {here}/out; 2 left out\n")
    model = Translator(weights)
    same(here / "out" / "4.png", model, here / "in" / "4.png", model.style_from_seed("dog"))


def test_bad_pictures_on_sheets_and_among_the_references(here, sample):
    for i in range(3):
        picture(here / "in" / f"{i}.png", i)
        picture(here / "ref" / "dog" / f"{i}.png", 10 + i)
    (here / "in" / "1.png").write_bytes(b"no image")
    (here / "ref" / "dog" / "0.png").write_bytes(b"no image")
    code, _, error = sample("--source", "in", "--reference", "ref", "--out", "x.png")
    assert code == 1 and error.count("bad image, left out: ") == error.count("\n") == 2
    assert Image.open("x.png").size == (104, 104)  # two sources, two references
    code, _, error = sample("--source", "in/0.png", "--reference", "ref", "--out-dir", "out")
    assert code == 1 and f"{here}/ref/dog/0.png (not an image" in error and files("out") == {"0_01.png", "0_02.png"}
    call = ("--video", "--fps", 2, "--seconds", 1)
    code, said, _ = sample("--source", "in", "--domain", "dog", "--out", "x.gif", *call)
    assert code == 1 and Image.open("x.gif").size == (70, 70) and "wrote x.gif" in said
    for name in ("0", "2"):
        (here / "in" / f"{name}.png").write_bytes(b"")
    code, _, error = sample("--source", "in", "--domain", "dog", "--out", "y.png")
    assert code == 1 and error.startswith("error: none of 3 pictures can be read: ") and error.count("\n") == 1
    assert not Path("y.png").exists()


def test_what_is_there_stays_unless_force_is_given(here, sample):
    for i in range(3):
        picture(here / "in" / f"{i}.png", i)
    kept = picture(here / "out" / "1.png", 9).read_bytes()
    call = ("--source", "in", "--domain", "dog", "--out-dir", "out")
    code, _, error = sample(*call)
    assert code == 1 and "out/1.png exists, as 1 of 3 files do; give another --out-dir, or --force" in error
    assert files(here / "out") == {"1.png"} and (here / "out" / "1.png").read_bytes() == kept
    assert sample(*call, "--force")[0] == 0
    assert files(here / "out") == {"0.png", "1.png", "2.png"} and (here / "out" / "1.png").read_bytes() != kept


def test_sources_are_never_replaced_nor_results_read(here, sample):
    one, two = picture(here / "in" / "x.png"), picture(here / "in" / "sub" / "y.png", 1)
    before = one.read_bytes(), two.read_bytes()
    (here / "link").symlink_to(here / "in")
    for out in ("in", "in/out", "link", "link/sub"):
        code, _, error = sample("--source", "in", "--domain", "dog", "--out-dir", out, "--force")
        assert code == 2 and f"lies in {here}/in, which is read; name a folder outside it" in error
    for source, out in (("in/x.png", "in"), ("in/x.png", "link"), ("in/sub", ".")):
        call = ("--source", source, "--domain", "dog", "--out-dir", out, "--force")
        code, _, error = sample(*call)
        assert code == (1 if out != "." else 0) and ("is one of the files to read" in error or out == ".")
    assert (one.read_bytes(), two.read_bytes()) == before
    assert files("in") == {"x.png", "sub/y.png"}


def test_two_pictures_of_one_name_are_refused(here, sample):
    picture(here / "a" / "x.png")
    picture(here / "b" / "X.PNG", 1)
    code, _, error = sample("--source", "a", "b", "--domain", "dog", "--out-dir", "out")
    assert code == 1 and f"{here}/a/x.png and {here}/b/X.PNG would both be {here}/out/X.PNG; rename one" in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "more, message",
    [
        (("--out-dir", "out", "--out", "x.png"), "does not go with --out; leave one out"),
        (("--out-dir", "out", "--video"), "does not go with --video; leave one out"),
        (("--out-dir", "file"), "--out-dir file is a file; name a folder"),
        (("--out", "folder"), "--out-dir takes a folder"),
    ],
)
def test_what_does_not_go_together(here, sample, more, message):
    picture(here / "x.png")
    Path("file").touch()
    code, _, error = sample("--source", "x.png", "--domain", "dog", *more)
    assert code == 2 and message in error and error.count("\n") == 1
