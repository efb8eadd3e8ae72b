from pathlib import Path
from unicodedata import normalize

import pytest

from ppstargan.data import folders
from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import check_same_domains, find_images
from ppstargan.errors import UserError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def refused(folder: Path, *words: str, **options) -> None:
    with pytest.raises(UserError) as caught:
        find_domains(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(folder), *words):
        assert word in message


def test_domains_and_images_come_sorted(tmp_path):
    make(tmp_path, "dog/b.jpg", "dog/a.JPG", "cat/2.png", "cat/10.webp", "lion/x.TIFF", "lion/w.bmp")
    domains = find_domains(tmp_path)
    assert list(domains) == ["cat", "dog", "lion"]
    assert domains["dog"] == [tmp_path / "dog/a.JPG", tmp_path / "dog/b.jpg"]
    assert [path.name for path in domains["cat"]] == ["10.webp", "2.png"]
    assert len(domains["lion"]) == 2


def test_subfolders_count_and_hidden_or_other_files_do_not(tmp_path):
    make(tmp_path, "a/deep/er/1.jpeg", "a/0.tif", "b/1.jpg", "stray.jpg")
    make(tmp_path, "a/.ipynb_checkpoints/9.jpg", "a/__MACOSX/9.jpg", "a/._0.jpg", "a/notes.txt")
    make(tmp_path, ".ipynb_checkpoints/9.jpg", "__MACOSX/9.jpg")
    domains = find_domains(tmp_path)
    assert domains == {
        "a": [tmp_path / "a/0.tif", tmp_path / "a/deep/er/1.jpeg"],
        "b": [tmp_path / "b/1.jpg"],
    }
    assert find_images(tmp_path / "a") == domains["a"]


def test_links_to_folders_are_followed(tmp_path):
    make(tmp_path, "elsewhere/part/1.jpg", "train/a/1.jpg")
    train = tmp_path / "train"
    (train / "b").symlink_to(tmp_path / "elsewhere")
    (train / "a/more").symlink_to(tmp_path / "elsewhere")
    assert find_domains(train) == {
        "a": [train / "a/1.jpg", train / "a/more/part/1.jpg"],
        "b": [train / "b/part/1.jpg"],
    }


def test_a_relative_folder_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=str(tmp_path / "data")):
        find_domains("data")


def test_missing_folder(tmp_path):
    refused(tmp_path / "no", "does not exist", "data/README.md", "python tools/draw_toy.py")
    make(tmp_path, "file")
    refused(tmp_path / "file", "not a folder")


def test_no_domains(tmp_path):
    refused(tmp_path, "no domain folders", "ROOT/train/DOMAIN/*.jpg")


def test_images_without_domain_folders(tmp_path):
    refused(make(tmp_path, "1.jpg", "2.jpg"), "directly", "ROOT/train/DOMAIN/*.jpg")


def test_the_root_in_place_of_its_part(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg")
    refused(tmp_path, "root", str(tmp_path / "train"))
    assert list(find_domains(tmp_path / "train")) == ["a", "b"]


def test_one_domain(tmp_path):
    refused(make(tmp_path, "cat/1.jpg"), "only one domain, cat")


def test_empty_domain(tmp_path):
    make(tmp_path, "cat/1.jpg", "dog/readme.txt")
    refused(tmp_path, "dog", "no images")


def test_too_few_images(tmp_path):
    make(tmp_path, "cat/1.jpg", "cat/2.jpg", "dog/1.jpg")
    refused(tmp_path, "dog has 1 image ", "2 needed", min_images=2)
    assert len(find_domains(tmp_path)) == 2


@pytest.mark.parametrize("inside", [True, False], ids=["in a domain", "beside domains"])
@pytest.mark.parametrize(
    "name",
    "@eaDir,@Recycle,#recycle,#snapshot,$RECYCLE.BIN,RECYCLER,lost+found,FOUND.000,System Volume Information,"
    "__MACOSX,.ipynb_checkpoints,.Trash-1000,Thumbs,Temporary Items".split(","),
)
def test_folders_that_a_system_makes_are_passed_over_and_named_once(tmp_path, monkeypatch, capsys, name, inside):
    monkeypatch.setattr(folders, "_told", set())
    for part in ("train", "val"):
        make(tmp_path, f"{part}/cat/1.jpg", f"{part}/dog/1.jpg")
        make(tmp_path / part, *([f"cat/{name}/9.jpg", f"dog/more/{name}/x/9.jpg"] if inside else [f"{name}/9.jpg"]))
        found = find_domains(tmp_path / part)
        assert found == {domain: [tmp_path / part / domain / "1.jpg"] for domain in ("cat", "dog")}
    first = tmp_path / "train" / ("cat" if inside else "") / name
    assert capsys.readouterr().err == f"passed over: {first}, and every folder of this name\n"


def test_names_in_either_unicode_form_are_the_same_domain(tmp_path):
    forms = [normalize(form, "café") for form in ("NFC", "NFD")]
    for part, name in zip(("train", "val"), forms):
        make(tmp_path / part, f"{name}/1.jpg", "caff/1.jpg", "caz/1.jpg")
    train, val = find_domains(tmp_path / "train"), find_domains(tmp_path / "val")
    assert list(train) == list(val) == ["caff", forms[0], "caz"]  # in one order: they are numbered by it
    assert val[forms[0]] == [tmp_path / "val" / forms[1] / "1.jpg"]
    check_same_domains(tmp_path, train, val)
    make(tmp_path / "train", f"{forms[1]}/2.jpg")
    refused(tmp_path / "train", "two folders whose names look the same, café", "NFD")


def test_names_that_look_the_same_look_different_in_the_message(tmp_path):
    with pytest.raises(UserError) as caught:
        check_same_domains(tmp_path, ["cat", "dog"], ["cat ", "dog\u200b"])
    assert "train has the domains cat, dog, and val has 'cat ', dog\\u200b;" in str(caught.value)
