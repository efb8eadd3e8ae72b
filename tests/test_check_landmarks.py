"""What tools/check_dataset.py says of WFLW's lists and pictures: of drawn ones, and of what can be wrong with them."""

import shutil

import numpy as np
import pytest
from authors_form import refusal
from PIL import Image

from ppstargan.data.check import check_dataset
from ppstargan.data.landmark_lists import LIST, look_at_list, read_face
from ppstargan.data.people_sets import write_landmarks


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("landmarks") / "toy"
    write_landmarks(root, size=64, train_count=4, test_count=2)
    return root


@pytest.fixture
def root(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "set")


@pytest.fixture
def check(root, capsys):
    """Checks the set with a line in the place of line 2 of the training list; returns the code and what is bad."""
    path = root / LIST.format(part="train")

    def run(line):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], line, *lines[2:]]) + "\n")
        code = check_dataset(root)
        path.write_text("\n".join(lines) + "\n")
        said = capsys.readouterr().out.splitlines()
        return code, [one for one in said if one.startswith("bad: ")], said

    return run


def fields_of(root, number=2):
    return root.joinpath(LIST.format(part="train")).read_text().splitlines()[number - 1].split(" ")


def test_a_line(root):
    path, fields = root / LIST.format(part="train"), fields_of(root, 1)
    (where, face), *_ = look_at_list(path).faces
    assert where == f"{path}, line 1" and face.points.shape == (98, 2) and face.name == "train/00000.png"
    np.testing.assert_array_equal(face.points[97], [float(fields[194]), float(fields[195])])
    np.testing.assert_array_equal(face.box.ravel(), [float(value) for value in fields[196:200]])
    assert face.hard == tuple(value == "1" for value in fields[200:206])
    assert read_face(" ".join([*fields[:-1], "a folder/a face.jpg"])).name == "a folder/a face.jpg"


def test_drawn_faces_are_clean(root, capsys):
    assert check_dataset(root) == 0
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert said[1:5] == ["train 4 0 64 / 64 / 64 64 / 64 / 64 pictures", "test 2 0 64 / 64 / 64 64 / 64 / 64 pictures",
                         "train 4 faces", "test 2 faces"]  # fmt: skip
    assert said[-1] == (
        "6 pictures, 0 of them bad; 6 faces in good lines, and 0 bad lines; 0 pictures in test that are in train too"
    )


@pytest.mark.parametrize(
    "changes, words",
    [
        ({206: None}, "has 206 fields, and 207 are needed"),
        ({10: None}, "has 206 fields, and 207 are needed"),
        ({7: "x"}, "has x as field 8, which is to be a number"),
        ({199: "nan"}, "has nan as field 200, which is to be a number"),
        ({0: "inf"}, "has inf as field 1"),
        ({200: "2"}, "for pose, expression, illumination, make_up, occlusion, blur, each of which is to be 0 or 1"),
        ({205: "-1"}, "each of which is to be 0 or 1"),
        ({206: "../../secret.png"}, "names ../../secret.png, which is no place below WFLW_images"),
        ({206: "/etc/passwd"}, "names /etc/passwd, which is no place"),
        ({196: "40", 198: "40"}, "whose corners are no two"),
        ({197: "60", 199: "20"}, "whose corners are no two"),
        ({196: "64", 198: "90"}, "has a box outside of its picture, 64 x 64 px"),
        ({196: "0", 197: "0", 198: "1", 199: "1"}, "has a box that holds none of the points"),
        ({100: "300"}, "has point 50 at 300 "),
        ({101: "-300"}, "far outside of its picture, 64 x 64 px"),
    ],
)
def test_a_bad_line_is_named(changes, words, root, check):
    fields = fields_of(root)
    for place, value in changes.items():
        fields[place] = value
    code, bad, said = check(" ".join(value for value in fields if value is not None))
    assert code == 1 and len(bad) == 1
    assert bad[0].startswith(f"bad: {root / LIST.format(part='train')}, line 2 ") and words in bad[0]
    assert ", and 1 bad lines;" in said[-1]


def test_a_point_a_little_outside_is_no_fault(root, check):
    fields = fields_of(root)
    fields[0] = "-0.5"
    code, bad, said = check(" ".join(fields))
    assert code == 0 and not bad
    assert f"has points outside its picture: {root / LIST.format(part='train')}, line 2" in said


def test_a_face_twice_and_two_faces_in_a_picture(root, check):
    code, bad, _ = check(" ".join(fields_of(root, 1)))
    assert code == 1 and bad == [f"bad: {root / LIST.format(part='train')}, line 2 is line 1 again; remove one of them"]
    fields = fields_of(root)
    code, bad, said = check(" ".join([*fields[:-1], "train/00000.png"]))
    assert code == 0 and said[-1].startswith("5 pictures, 0 of them bad; 6 faces")


def test_pictures_that_are_missing_bad_or_in_both_parts(root, capsys):
    folder = root / "WFLW_images"
    (folder / "train/00001.png").unlink()
    (folder / "train/00002.png").write_bytes(b"none")
    shutil.copy(folder / "train/00000.png", folder / "test/00000.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "test/00001.png")
    assert check_dataset(root) == 1
    said = capsys.readouterr().out
    assert f"bad: {folder}/train/00001.png (No such file or directory)" in said
    assert f"bad: {folder}/train/00002.png (not an image" in said
    assert f"in train and in test: {folder}/train/00000.png = {folder}/test/00000.png" in said
    assert f"1 of nearly one colour: {folder}/test/00001.png" in said
    assert "6 pictures, 2 of them bad; 6 faces in good lines, and 0 bad lines; 1 pictures in test" in said


def test_lists_that_are_missing_empty_or_no_text(root):
    path = root / LIST.format(part="test")
    path.write_bytes(b"\n")
    assert refusal(check_dataset, root) == f"{path} lists no face; unpack WFLW_annotations.tar.gz again"
    path.write_bytes(b"\xff\xfe\x00")
    assert "is no text" in refusal(check_dataset, root)
    path.unlink()
    assert f"cannot read {path}: No such file or directory; unpack WFLW" in refusal(check_dataset, root)
