from pathlib import Path

import pytest

from ppstargan.data.folders import find_domains, find_images
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


@pytest.mark.parametrize(
    ("root", "advice"),
    [
        ("photos", "to make a dataset of a folder of images for each domain: python tools/prepare.py {here}/photos"),
        ("data/train", "the root of this dataset is {here}/data; give that"),
        ("nowhere", "name the folder that holds train and val by -o data.root=ROOT; see data/README.md"),
    ],
)
def test_the_way_to_a_dataset(tmp_path, root, advice):
    for part in ("photos", "data/train"):
        for domain in ("cat", "dog"):
            (tmp_path / part / domain).mkdir(parents=True)
    refused(tmp_path / root / "train", f"{root}/train does not exist; {advice.format(here=tmp_path)}")
