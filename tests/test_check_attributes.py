"""What tools/check_dataset.py says of CelebA's list and images: of drawn people, and of what can be wrong with them."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest
from authors_form import refusal
from PIL import Image

from ppstargan.data import check_attributes as module
from ppstargan.data.attributes import LIST, read_faces
from ppstargan.data.check import check_dataset
from ppstargan.data.people_sets import write_attributes

TOOL = Path(__file__).parents[1] / "tools" / "check_dataset.py"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("attributes") / "toy"
    write_attributes(root, size=16, train_count=10, test_count=2)
    return root


@pytest.fixture
def root(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "set")


@pytest.fixture
def check(root, capsys):
    """Checks the set with a list of other lines: its exit code, what is bad without the folder's name, and all lines.

    Lines are {number: another line, or None for none}; one behind the last is added.
    """

    def run(changes=(), attributes=()):
        lines = dict(enumerate((root / LIST).read_text().splitlines(), 1))
        lines.update(changes)
        (root / LIST).write_text("".join(f"{line}\n" for line in lines.values() if line is not None))
        code = check_dataset(root, attributes=attributes)
        said = [line.replace(f"{root}/", "") for line in capsys.readouterr().out.splitlines()]
        return code, [line for line in said if line.startswith("bad: ")], said

    return run


def line_of(root, number):
    return (root / LIST).read_text().splitlines()[number - 1]


def test_drawn_people_are_clean(check, root):
    code, bad, said = check()
    assert code == 0 and not bad
    assert [line.split()[:3] for line in said[1:3]] == [["train", "11", "0"], ["test", "1", "0"]]
    assert said[-1] == "12 images, 0 of them bad; 0 other faults; 0 in test that are in train too"
    names = line_of(root, 2).split()
    counts = [sum(line_of(root, i).split()[1 + names.index("Smiling")] == "1" for i in range(3, 15))]
    assert f"{counts[0]:7} of 12 are Smiling" in said


def test_lines_that_are_not_as_they_should_be(check, root):
    third, fourth = line_of(root, 3), line_of(root, 4)
    changes = {
        1: "13",
        3: third.rsplit(" ", 1)[0],
        5: line_of(root, 5).replace("-1", "0", 1),
        6: f"{line_of(root, 6)} 1",
        7: line_of(root, 7)[:-1] + "x",
        15: fourth,
    }
    width = len(line_of(root, 2).split())
    needed = f"and {width} of 1 or -1 are needed"
    code, bad, said = check(changes)
    assert code == 1 and bad == [
        f"bad: {LIST}, line 3 (000001.png) has {width - 1} values, {needed}",
        f"bad: {LIST}, line 5 (000003.png) has values other than 1 and -1, {needed}",
        f"bad: {LIST}, line 6 (000004.png) has {width + 1} values, {needed}",
        f"bad: {LIST}, line 7 (000005.png) has values other than 1 and -1, {needed}",
        f"bad: {LIST}, line 15 (000002.png) lists what line 4 does; remove one of them",
    ]
    assert said[-1] == "8 images, 0 of them bad; 5 other faults; 0 in test that are in train too"


@pytest.mark.parametrize("count", ["11", "13", "202599"])
def test_a_wrong_count(count, check, root):
    code, bad, _ = check({1: count})
    what = f"says that it has {count} files, and lists 12: part of it is missing, or its first line is wrong"
    assert code == 1 and bad == [f"bad: {LIST} {what}"]
    assert what in refusal(read_faces, root, ["Smiling"])  # training stops at the first fault


def test_files_without_lines_and_lines_without_files(check, root):
    (root / "images/000004.png").rename(root / "images/other.png")
    (root / "images/sub").mkdir()
    (root / "images/000005.png").rename(root / "images/sub/000005.png")
    code, bad, said = check()
    assert code == 1 and bad == [
        "bad: images/000004.png is in the list, and not there",
        "bad: images/000005.png is in the list, and not there",
        f"bad: images/other.png has no line in {LIST}",
        f"bad: images/sub/000005.png has no line in {LIST}",
    ]
    assert said[-1].startswith("10 images, 0 of them bad; 4 other faults")


def test_many_faults_of_a_kind_are_counted(check, root, monkeypatch):
    monkeypatch.setattr(module, "LISTED", 3)
    for number in range(1, 8):
        (root / f"images/{number:06d}.png").unlink()
    code, bad, said = check()
    assert code == 1 and len(bad) == 3 and "and 4 more of this kind" in said


def test_images_that_are_bad_or_in_both_parts(check, root):
    train, test = (getattr(read_faces(root, ["Smiling"]), part)["faces"] for part in ("train", "val"))
    train[0].write_bytes(b"none")
    shutil.copy(train[1], test[0])
    Image.new("RGB", (16, 16), (9, 9, 9)).save(train[2])
    code, bad, said = check()
    assert code == 1 and len(bad) == 1 and bad[0].startswith(f"bad: images/{train[0].name} (not an image")
    assert f"in train and in test: images/{train[1].name} = images/{test[0].name}" in said
    assert f"1 of nearly one colour: images/{train[2].name}" in said
    assert said[-1] == "12 images, 1 of them bad; 0 other faults; 1 in test that are in train too"


def test_attributes_that_are_to_be_trained_on(check, root):
    code, bad, said = check(attributes=["Smiling", "Bald"])
    assert code == 1 and len(bad) == 1 and bad[0].startswith(f"bad: {LIST} has no attribute Bald; it has Black_Hair, ")
    assert len([line for line in said if " of 12 are " in line]) == 1
    names, changes = line_of(root, 2).split(), {}
    for number in range(3, 15):
        name, *values = line_of(root, number).split()
        values[names.index("Smiling")] = "-1"
        changes[number] = " ".join([name, *values])
    code, bad, said = check(changes, ["Smiling"])
    assert code == 0 and "      0 of 12 are Smiling, the same for all: nothing can be learnt of it" in said


def test_a_name_twice_among_the_attributes(check, root):
    names = line_of(root, 2).split()
    code, bad, _ = check({2: " ".join([*names[:-1], names[0]])})
    assert code == 1 and bad == [f"bad: {LIST} names the attributes {names[0]} more than once"]


def test_what_is_no_list(check, root):
    for text in ("", "12\n", "a b\nSmiling\n1.jpg 1\n", "1\nSmiling\n"):
        (root / LIST).write_text(text)
        assert "is no list of attributes: a count, their names, and a line a file" in refusal(check_dataset, root)
    (root / LIST).write_bytes(b"\xff\xfe")
    assert "is no text" in refusal(check_dataset, root)
    (root / LIST).unlink()
    said = refusal(check_dataset, root, False, ["Smiling"])
    assert f"cannot read {root / LIST}: No such file" in said


def test_the_tool(root, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["", str(root), "--attributes", "Smiling", "Wearing_Hat"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert ended.value.code == 1 and "has no attribute Wearing_Hat" in capsys.readouterr().out
