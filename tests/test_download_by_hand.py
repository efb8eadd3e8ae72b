"""Data sets that have no address: what a user unpacked becomes the layout that training takes, by links."""

import os

import pytest
from test_download import names, refused
from test_unpack import files

from ppstargan.download.assets import ASSETS, download, overview

SETS = [name for name, asset in ASSETS.items() if asset.kind == "arranged"]
CELEBA = {"Anno/list_attr_celeba.txt": b"2\nSmiling\n", "Img/img_align_celeba/000001.jpg": b"a"}


def write(folder, content):
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", SETS)
def test_the_way_to_get_it_is_told(name, tmp_path):
    data = tmp_path / "data"
    message = refused(name, data)
    assert message.startswith(f"{name} cannot be fetched from here: ")
    assert message.endswith("and give --from FOLDER, which then has to stay") and ASSETS[name].url in message
    assert refused(name, data, "http://127.0.0.1/") == message and not data.exists()
    assert any(ASSETS[name].url in line and "--from" in line for line in overview(data))


def test_celeba_as_its_authors_and_as_others_lay_it_out(tmp_path, capsys):
    """In their two folders, and with the folder of images in itself, as on Kaggle."""
    nested = {"list_attr_celeba.txt": b"2\nSmiling\n", "img_align_celeba/img_align_celeba/000001.jpg": b"a"}
    for number, content in enumerate((CELEBA, nested)):
        source, data = write(tmp_path / f"mine{number}", content), tmp_path / f"data{number}"
        assert download("celeba", data, local=source) == data / "celeba"
        assert names(data) == ["celeba"] and names(data / "celeba") == ["images", "list_attr_celeba.txt"]
        assert files(data / "celeba/images") == {"000001.jpg": b"a"}
        assert (data / "celeba/list_attr_celeba.txt").read_bytes() == b"2\nSmiling\n"
        said = capsys.readouterr().out
        assert f"list_attr_celeba.txt: 1, images: 1 files, linked to {source}, which has to stay" in said
        assert "licence: CelebA's terms" in said
    (source / "img_align_celeba/img_align_celeba/000002.jpg").write_bytes(b"b")  # what is added is there too
    download("celeba", data, local=source)
    assert "there already" in capsys.readouterr().out and len(files(data / "celeba/images")) == 2


@pytest.mark.parametrize(
    "name, content, result",
    [
        ("coco_wikiart", ["train2014/a.jpg", "train/1.jpg"], ["content/a.jpg", "style/1.jpg"]),
        ("rafd", ["train/angry/1.jpg", "test/angry/2.jpg"], ["train/angry/1.jpg", "val/angry/2.jpg"]),
        ("wflw", ["WFLW_images/0--Parade/a.jpg", "x/WFLW_annotations/list_98pt/l.txt"],
         ["WFLW_images/0--Parade/a.jpg", "WFLW_annotations/list_98pt/l.txt"]),
    ],
)  # fmt: skip
def test_layouts(name, content, result, tmp_path, monkeypatch):
    write(tmp_path / "mine", {path: path.encode() for path in content})
    monkeypatch.chdir(tmp_path)
    download(name, tmp_path / "data", local=type(tmp_path)("mine"))  # a relative path: the links are in full
    monkeypatch.chdir("/")
    for mine, place in zip(content, result):
        assert (tmp_path / "data" / name / place).read_bytes() == mine.encode()


def test_what_is_missing_or_empty_leaves_nothing(tmp_path):
    source, data = write(tmp_path / "mine", CELEBA), tmp_path / "data"
    (source / "Img/img_align_celeba/000001.jpg").unlink()
    assert f"{source}/Img/img_align_celeba is empty; unpack" in refused("celeba", data, local=source)
    os.rmdir(source / "Img/img_align_celeba")
    (source / "img_align_celeba.zip").touch()
    assert f"{source} holds no img_align_celeba; unpack the archive" in refused("celeba", data, local=source)
    assert "holds no list_attr_celeba.txt" in refused("celeba", data, local=tmp_path / "nowhere")
    assert not data.exists()
    write(source, CELEBA)
    (tmp_path / "data").touch()  # in its way
    assert "data" in refused("celeba", data, local=source) and data.is_file()
