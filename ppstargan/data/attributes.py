"""Faces and what is known of each: CelebA's list of attributes, or a folder for each class, as RaFD's expressions.

    ROOT/list_attr_celeba.txt     a count; the names of the attributes; then FILE and a 1 or -1 for each of them
    ROOT/images/000001.jpg …      the files that it lists
    ROOT/train/CLASS/*, ROOT/test/CLASS/*   or classes; the second part may be called val

The list does not say which images are for testing: its lines are shuffled as StarGAN's authors do, and the first 1999
are; of a list that has no more than these, a tenth.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.batches import Images
from ppstargan.data.folders import check_same_domains, dataset_root, folders_in, image_lists, images_of
from ppstargan.data.folders import names as quoted
from ppstargan.data.transforms import to_array
from ppstargan.errors import UserError

LIST, FOLDER, POOL = "list_attr_celeba.txt", "images", "faces"
TEST, SEED = 1999, 1234  # images to test on, and the seed of the shuffle: the authors'
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # one excludes the others
HELP = "see data/README.md, or draw faces by python tools/draw_toy.py stargan"


class Faces(list):
    """Paths of images; ``labels`` uint8 [N, C] says 1 or 0 of each of ``names``."""

    def __init__(self, paths, labels: np.ndarray, names: list):
        super().__init__(paths)
        self.labels, self.names = labels, names


class Attributes(Images):
    """Images whose parts are one pool of ``Faces``; ``names`` are the attributes'."""

    __slots__ = ()

    @property
    def names(self) -> list:
        """The attributes, in the order of the labels."""
        return self.train[POOL].names


class Listed(NamedTuple):
    """What a list of attributes says."""

    names: list  # of all attributes
    rows: list  # (name of a file, [1 or -1, …]) in the order of the list
    faults: list  # (name of the file or "", what is wrong); rows lack these files


def read_faces(root: str | Path, attributes: list) -> Images:
    """The faces of ``root`` to train and to test on, by a list of which ``attributes`` are taken, or by classes if [].

    Raises UserError for a folder or list that is missing or cannot be read as one, and for images that are not there.
    """
    root = dataset_root(root, HELP)
    if attributes:
        return _by_list(root, attributes)
    parts = {name: folders_in(root / name) if (root / name).is_dir() else {} for name in ("train", "val", "test")}
    if len(parts["train"]) < 2:
        listed = f"; it has a {LIST}: name attributes of it by data.attributes" if (root / LIST).exists() else ""
        what = f"{shown(root)} has no folder train with a folder for each of two or more classes{listed}"
        raise UserError(f"{what}; {HELP}")
    val = parts["val"] or parts["test"]
    if val:
        check_same_domains(root, parts["train"], val)
    train = images_of(parts["train"], 1)
    return Images(train, images_of(val, 1) if val else {}, image_lists(root, train))


def read_list(path: str | Path) -> Listed:
    """CelebA's list of attributes. Raises UserError as ``look_at_list``, and for the first fault of it."""
    found = look_at_list(path)
    if found.faults:
        raise UserError(found.faults[0][1])
    return found


def look_at_list(path: str | Path) -> Listed:
    """CelebA's list of attributes with its ``faults``. Raises UserError for a file that is no list at all."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()  # some editors put a mark in front
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror}; {HELP}") from None
    except UnicodeDecodeError:
        raise UserError(f"{shown(path)} is no text; give CelebA's list of attributes") from None
    lines = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    if len(lines) < 3 or len(lines[0][1]) != 1 or not lines[0][1][0].isdecimal():
        raise UserError(f"{shown(path)} is no list of attributes: a count, their names, and a line a file; {HELP}")
    (_, (count,)), (_, names), *rest = lines
    faults, rows, first = [], [], {}
    if int(count) != len(rest):
        says = f"{shown(path)} says that it has {count} files, and lists {len(rest)}"
        faults.append(("", f"{says}: part of it is missing, or its first line is wrong"))
    for number, (name, *values) in rest:
        where = f"{shown(path)}, line {number} ({shown(name)})"
        if name in first:
            faults.append((name, f"{where} lists what line {first[name]} does; remove one of them"))
        elif len(values) != len(names) or not set(values) <= {"1", "-1"}:
            has = f"{len(values)} values" if len(values) != len(names) else "values other than 1 and -1"
            faults.append((name, f"{where} has {has}, and {len(names)} of 1 or -1 are needed"))
        else:
            rows.append((name, [int(value) for value in values]))
        first.setdefault(name, number)
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        faults.append(("", f"{shown(path)} names the attributes {quoted(dict.fromkeys(twice))} more than once"))
    return Listed(names, rows, faults)


def chosen(listed: Listed, attributes: list, where) -> np.ndarray:
    """The labels uint8 [N, C] of ``attributes``, in this order. Raises UserError for one that the list lacks."""
    unknown = [name for name in attributes if name not in listed.names]
    if unknown:
        raise UserError(f"{shown(where)} has no attribute {quoted(unknown)}; it has {quoted(listed.names)}")
    places = [listed.names.index(name) for name in attributes]
    return np.array([[values[place] == 1 for place in places] for _, values in listed.rows], np.uint8)


def split(count: int) -> tuple:
    """(the numbers of the lines to train on, those to test on) of ``count`` lines, in the authors' order."""
    order = list(range(count))
    random.Random(SEED).shuffle(order)
    test = TEST if count > TEST else max(1, count // 10)
    return order[test:], order[:test]


def _by_list(root: Path, attributes: list) -> Attributes:
    path, folder = root / LIST, root / FOLDER
    listed = read_list(path)
    labels = chosen(listed, attributes, path)
    there = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    lost = [name for name, _ in listed.rows if name not in there]
    if lost:
        what = f"{len(lost)} of the {len(listed.rows)} files that {shown(path)} lists are not in {shown(folder)}"
        raise UserError(f"{what}, {shown(lost[0])} first; unpack them there, or take their lines out of the list")
    files = [folder / name for name, _ in listed.rows]
    train, test = (
        Faces([files[i] for i in numbers], labels[numbers], list(attributes)) for numbers in split(len(files))
    )
    digests = image_lists(root, {POOL: train})
    known = hashlib.sha256(digests[POOL][1].encode() + " ".join(attributes).encode() + train.labels.tobytes())
    return Attributes({POOL: train}, {POOL: test}, {POOL: [len(train), known.hexdigest()]})


def targets(labels: np.ndarray, names: list, exclusive: bool) -> list:
    """The labels to ask for, float32 [N, C] for each of C attributes or classes, as the authors test.

    ``labels`` [N, C] are the images' own. With ``exclusive``, of classes, each is asked for alone. Of attributes, a
    colour of hair comes in place of the others, and any other attribute is turned round.
    """
    found, hair = [], [name in HAIR for name in names]
    for column, name in enumerate(names):
        asked = np.array(labels, np.float32)
        if exclusive or name in HAIR:
            asked[:, slice(None) if exclusive else hair] = 0
            asked[:, column] = 1
        else:
            asked[:, column] = 1 - asked[:, column]
        found.append(asked)
    return found


def prepared(image: Image.Image, crop: int, size: int, flip: bool = False) -> np.ndarray:
    """The middle ``crop`` px squared of an image, mirrored or not, resized to float32 [3, size, size] in [-1, 1].

    What a smaller image lacks is black, as in torchvision.
    """
    if flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    lacks = [max(0, crop - side) for side in image.size]
    if any(lacks):
        wider = Image.new("RGB", tuple(side + lack for side, lack in zip(image.size, lacks)))
        wider.paste(image, tuple(lack // 2 for lack in lacks))
        image = wider
    left, top = (round((side - crop) / 2) for side in image.size)  # half to even
    image = image.crop((left, top, left + crop, top + crop))
    return to_array(image if crop == size else image.resize((size, size), Image.Resampling.BILINEAR))
