"""The layouts in which people keep datasets: what is a part, what a domain, and that the advised commands work."""

import os
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import check_same_domains
from ppstargan.data.layouts import Unclear, find_layout, part_of, way_to_dataset
from ppstargan.errors import UserError

TOOL = Path(__file__).parents[1] / "tools" / "prepare.py"


def draw(root: Path, folders: str, count: int = 3) -> Path:
    """``count`` images in each of these folders, no two alike."""
    for number, folder in enumerate(folders.split()):
        for i in range(count):
            path = root / folder / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng([number, i]).integers(0, 256, (6, 6, 3), np.uint8)).save(path)
    return root


@pytest.mark.parametrize(
    "part, names",
    [
        ("train", "train Train TRAIN training Training_set trainset train-data images_train 01_train train2017 训练集"),
        ("val", "val VAL valid Validation eval Evaluation dev val_256 val-images 验证集"),
        ("test", "test Testing TEST_SET test2017 测试"),
    ],
)
def test_names_of_parts(part, names):
    assert {name: part_of(name) for name in names.split()} == dict.fromkeys(names.split(), (part, ""))


def test_names_of_parts_with_a_letter():
    for name in ("trainA", "TrainA", "TRAINA", "train_a", "train-A", "train a"):
        assert part_of(name) == ("train", "A"), name
    assert (part_of("testB"), part_of("val_b")) == (("test", "B"), ("val", "B"))


def test_names_that_are_no_parts():
    for name in "cat trains trainer trainee tests vale valley devil tested evaluate_me train_station test_tube".split():
        assert part_of(name) is None, name


CAT_DOG, A_B, HORSES = ["cat", "dog"], ["A", "B"], ["horse", "zebra"]
LAYOUTS = [  # folders with images, the part that is missing, domains, images of a domain in train and val
    ("cat dog", "train", CAT_DOG, 2, 1),
    ("Train/cat Train/dog Val/cat Val/dog", "train", CAT_DOG, 3, 3),
    ("train/cat train/dog validation/cat validation/dog", "val", CAT_DOG, 3, 3),
    ("training/cat training/dog valid/cat valid/dog test/cat test/dog", "train", CAT_DOG, 3, 3),
    ("train/cat train/dog test/cat test/dog", "val", CAT_DOG, 3, 3),
    ("train2017/cat train2017/dog dev-set/cat dev-set/dog", "train", CAT_DOG, 3, 3),
    ("train/cat train/dog", "val", CAT_DOG, 2, 1),
    ("train/cat train/dog masks/cat masks/dog", "val", CAT_DOG, 2, 1),
    ("train/cat train/dog test", "val", CAT_DOG, 2, 1),
    ("trainA trainB testA testB", "train", A_B, 3, 3),
    ("train_a train_b val_a val_b test_a test_b", "train", A_B, 3, 3),
    ("trainA trainB", "train", A_B, 2, 1),
    ("train_horse train_zebra test_horse test_zebra", "train", HORSES, 3, 3),
    ("horse-train zebra-train horse-val zebra-val masks", "train", HORSES, 3, 3),
    ("cat/train cat/val dog/train dog/val", "train", CAT_DOG, 3, 3),
    ("cat/Train cat/Test dog/Train dog/Test", "train", CAT_DOG, 3, 3),
    ("unpacked/trainA unpacked/trainB unpacked/testA unpacked/testB", "train", A_B, 3, 3),
    ("cat dog test", "train", CAT_DOG, 2, 1),
]


@pytest.mark.parametrize("folders, missing, domains, train, val", LAYOUTS, ids=[layout[0] for layout in LAYOUTS])
def test_the_advised_command_makes_the_dataset_that_was_meant(
    tmp_path, monkeypatch, capsys, folders, missing, domains, train, val
):
    root = draw(tmp_path / "it's $HOME; 图", folders)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        find_domains(root / missing)
    start = "python tools/prepare.py "
    told, _, command = str(caught.value).partition(start)
    assert f"{root}/{missing} does not exist" in told and "\n" not in command
    arguments = shlex.split(command)
    monkeypatch.setattr(sys, "argv", [str(TOOL), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert ended.value.code == 0, capsys.readouterr()
    made = [find_domains(tmp_path / arguments[1] / part) for part in ("train", "val")]
    assert [{name: len(paths) for name, paths in part.items()} for part in made] == [
        dict.fromkeys(domains, count) for count in (train, val)
    ]


def test_the_root_that_was_meant(tmp_path):
    draw(tmp_path, "afhq/train/cat afhq/train/dog afhq/val/cat afhq/val/dog")
    for root in (tmp_path, tmp_path / "afhq" / "train"):
        with pytest.raises(UserError, match=f"the root of .* dataset is {tmp_path}/afhq; give that"):
            find_domains(root / "train")
    with pytest.raises(UserError, match="nowhere/train does not exist; name the folder that holds train and val"):
        find_domains(tmp_path / "nowhere" / "train")
    with pytest.raises(UserError, match=f"holds whole datasets; give one: {tmp_path}/afhq"):
        find_layout(tmp_path)


@pytest.mark.parametrize("taken", ["data/mine", "."])
def test_the_advised_output_is_free(tmp_path, monkeypatch, taken):
    draw(tmp_path / "here", "cat dog")
    root = tmp_path / "here"
    monkeypatch.chdir(root if taken == "." else tmp_path)
    if taken != ".":
        (tmp_path / taken).mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        find_domains(root / "train")
    output = Path(shlex.split(str(caught.value))[-1]).absolute()
    assert not output.exists() and root not in output.parents


@pytest.mark.parametrize(
    "folders, domains, words",
    [
        ("bus car train", ["bus", "car", "train"], "no folder for each domain in train"),
        ("cat dog test", ["cat", "dog"], "holds test and no train"),
        ("cat/train cat/val dog", ["cat", "dog"], "has parts in cat"),
        ("train train_set dog", [], "several folders for one part, train, train_set"),
        ("val/cat val/dog test/cat test/dog", [], "holds test, val and no train"),
        ("train1 train2 test1 test2", [], "several folders for one part, train1, train2"),
        ("train val", [], "no folder for each domain in train"),
    ],
)
def test_unclear_layouts_make_no_domains_unless_asked(tmp_path, folders, domains, words):
    draw(tmp_path, folders)
    with pytest.raises(Unclear, match=words) as caught:
        find_layout(tmp_path)
    assert caught.value.domains == domains and "--domains" in str(caught.value)
    if domains:
        assert str(caught.value).endswith(f"add --domains {' '.join(domains)}")
        assert list(find_layout(tmp_path, domains).images[""]) == domains


def test_domains_that_are_called_as_parts(tmp_path, monkeypatch):
    draw(tmp_path / "photos", "train test plane")
    command = [str(TOOL), str(tmp_path / "photos"), str(tmp_path / "out"), "--domains", "train", "test/"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert ended.value.code == 0
    train, val = (find_domains(tmp_path / "out" / part) for part in ("train", "val"))
    assert list(train) == ["test", "train"]
    check_same_domains(tmp_path / "out", train, val)
    with pytest.raises(UserError, match=r"--domains: no folder lion; .* holds plane, test, train"):
        find_layout(tmp_path / "photos", ["plane", "lion"])


def test_a_val_with_other_domains_is_refused_and_such_a_test_is_left_out(tmp_path):
    draw(tmp_path / "a", "train/cat train/dog val/cat")
    with pytest.raises(UserError, match="train has the domains cat, dog, and val has cat"):
        find_layout(tmp_path / "a")
    layout = find_layout(draw(tmp_path / "b", "train/cat train/dog test/cat masks"))
    assert list(layout.images) == [""] and layout.notes == [
        "train is split into train and val",
        "left out: masks, test",
    ]


def test_no_folder(tmp_path):
    for name, words in (("file", "is a file, not a folder"), ("none", "does not exist")):
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match=f"{tmp_path}/{name} {words}; give a folder"):
            find_layout(tmp_path / name)
    draw(tmp_path, "cat")
    os.unlink(tmp_path / "file")
    with pytest.raises(UserError, match="holds only one domain, cat"):
        find_layout(tmp_path)
    with pytest.raises(UserError, match="holds images directly; put"):
        find_layout(tmp_path / "cat")
    (tmp_path / "cat" / "new").mkdir()
    with pytest.raises(UserError, match="cat holds images directly, beside the folder new; put"):
        find_layout(tmp_path / "cat")


def test_sets_that_need_no_preparing(tmp_path):
    """Their folders would be taken for domains, or for parts."""
    for name, files, words in (
        ("celeba", ["list_attr_celeba.txt", "images/1.jpg", "x/2.jpg"], "holds CelebA's list, which stargan trains on"),
        ("wflw", ["WFLW_annotations/list.txt", "WFLW_images/train/1.jpg"], "holds WFLW's lists, which fan trains on"),
        ("art", [f"{side}{part}/{i}.jpg" for side in ("content", "style") for part in ("", "_val") for i in range(3)],
         "holds contents and styles, which adain trains on"),
    ):  # fmt: skip
        for file in files:
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).touch()
        with pytest.raises(UserError) as caught:
            find_layout(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name} {words} as they are: give it as data.root, and check")
    assert list(find_layout(tmp_path / "art", ["content", "style"]).images[""]) == ["content", "style"]
    assert "which stargan trains on" in way_to_dataset(tmp_path / "celeba")
