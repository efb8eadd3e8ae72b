"""What is no image by its name: what its content says, and what is said of the rest."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from ppstargan.data import formats
from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import find_images
from ppstargan.data.formats import HEAD, can_read, kind
from ppstargan.data.inputs import find_pictures
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99
AVIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1miafavif" + b"\0" * 99


def encoded(form: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 40, 120)).save(content, form)
    return content.getvalue()


def fill(folder: Path, **files) -> Path:
    """``files`` {ending, or text with "none" for no ending: (how many, content)}."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending, (count, content) in files.items():
        for i in range(count):
            (folder / (f"{ending}{i}" if ending == "none" else f"{i}.{ending}")).write_bytes(content)
    return folder


def test_a_folder_of_many_endings_is_used(tmp_path, capsys):
    jpeg, gif = encoded("JPEG"), encoded("GIF")
    files = {"jfif": (20, jpeg), "gif": (10, gif), "none": (5, jpeg), "jpg_large": (5, jpeg), "JPG": (3, jpeg)}
    fill(tmp_path / "a", **files, heic=(1, HEIC), txt=(2, b"BMW, a car"), nef=(1, encoded("TIFF")), mp4=(4, b"film"))
    (tmp_path / "a" / "broken link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "a" / "pipe")
    found = find_images(tmp_path / "a")
    assert len(found) == 43 and {load_rgb(path).size for path in found} == {(9, 7)}
    assert find_images(tmp_path / "a") == found
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}/a: passed over 10 files that are no images to be read: 4 .mp4, ")
    assert said.count("\n") == 1  # though it was looked through twice
    heic = "1 .heic" if can_read("HEIF") else "1 .heic (HEIF: pip install pillow-heif reads it)"
    for words in ("2 .txt", "2 without ending", heic, "1 .nef (a camera's raw file: convert it)"):
        assert words in said


def test_a_known_ending_is_not_opened(tmp_path, monkeypatch):
    fill(tmp_path, jpg=(2, b"no image"), jpeg=(1, b""), png=(1, b""), gif=(1, b""), webp=(1, b""), jfif=(1, b""))
    monkeypatch.setattr(formats, "kind_of", lambda path: pytest.fail(f"{path} was opened"))
    assert len(find_images(tmp_path)) == 7


def test_endings_without_number_are_not_all_listed(tmp_path, capsys):
    fill(tmp_path, **{f"x{i}": (1, b"no image") for i in range(30)})
    assert find_images(tmp_path) == []
    said = capsys.readouterr().err
    assert "passed over 30 files" in said and said.endswith(" and 22 more kinds\n") and said.count(" .x") == 8


@pytest.mark.parametrize("form, name", [("HEIF", "pillow-heif"), ("AVIF", "pillow-avif-plugin")])
def test_formats_that_a_package_reads_are_named_with_it(tmp_path, capsys, monkeypatch, form, name):
    monkeypatch.setattr(formats, "_module", lambda name: None)
    can_read.cache_clear()
    content = {"HEIF": HEIC, "AVIF": AVIF}[form]
    fill(tmp_path / "a", photo=(3, content), jpg=(1, content))
    assert [path.name for path in find_images(tmp_path / "a")] == ["0.jpg"]
    assert f"3 .photo ({form}: pip install {name} reads it)" in capsys.readouterr().err
    with pytest.raises(UserError, match=rf"0\.jpg: {form}: pip install {name} reads it; replace or remove the file"):
        load_rgb(tmp_path / "a" / "0.jpg")
    can_read.cache_clear()


@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_they_are_read_where_they_can_be(tmp_path, form):
    if not can_read(form):
        pytest.skip(f"this Pillow reads no {form}")
    Image.new("RGB", (64, 48), (200, 40, 120)).save(tmp_path / "x.photo", form, quality=95)
    assert find_images(tmp_path) == [tmp_path / "x.photo"]
    colour = load_rgb(tmp_path / "x.photo").getpixel((30, 20))
    assert max(abs(a - b) for a, b in zip(colour, (200, 40, 120))) < 6


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000"])
def test_content_tells_the_format(form):
    assert kind(encoded(form)[:HEAD]) == form


@pytest.mark.parametrize(
    "content", [b"", b"BM", b"BMW and others in Munich", b"P5 is a prime", b"RIFF....WAVE", b"GIF"]
)
def test_texts_are_no_images(content):
    assert kind(content) == ""


def test_pictures_without_domain_folders_are_seen_by_content(tmp_path):
    (tmp_path / "photo").write_bytes(encoded("PNG"))
    with pytest.raises(UserError, match="holds images directly"):
        find_domains(tmp_path)


def test_the_pictures_to_translate_too(tmp_path, capsys):
    fill(tmp_path / "in", none=(1, encoded("PNG")), gif=(1, encoded("GIF")), pdf=(1, b"%PDF"))
    assert [found.path.name for found in find_pictures([tmp_path / "in"])] == ["0.gif", "none0"]
    assert capsys.readouterr().err.endswith("/in: passed over 1 file that is no image to be read: 1 .pdf\n")
