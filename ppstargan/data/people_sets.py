"""Drawn people on disk, in the layouts of CelebA's attributes, of WFLW's landmarks, and of two domains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.drawn import label_of, need_least, rng_of, write_drawn
from ppstargan.data.landmark_lists import IMAGES, LIST
from ppstargan.data.people import ATTRIBUTES, VERSION, Look, draw_look, random_attributes, random_look
from ppstargan.errors import UserError

ATTRIBUTE_LIST = "list_attr_celeba.txt"
POINTS = "val_points.txt"  # of the two domains, in the form of WFLW's lists
MEAN = "mean_landmarks.npz"  # of the two domains, for tools/align.py, in the form of StarGAN v2's authors'
MEAN_SIZE = 256  # px of the picture in which it is
DOMAINS = ("female", "male")
# Of the toy sets: pixels, and how many images to train and to test on (of the two domains, of each).
SIZE, TRAIN_COUNT, TEST_COUNT = 32, 1500, 200
CANVAS, LANDMARK_TRAIN, LANDMARK_TEST = 320, 600, 100
FACES_SIZE, FACES_TRAIN, FACES_VAL = 64, 400, 40


def write_attributes(
    root: str | Path, *, size: int = SIZE, train_count: int = TRAIN_COUNT, test_count: int = TEST_COUNT, seed: int = 0
) -> bool:
    """Draws ROOT/images/000001.png … and ROOT/list_attr_celeba.txt, as CelebA has them: ``train_count`` people and
    ``test_count`` more, of whom the list does not say which are for what.

    Each depends on the seed and its number only. Returns False when ROOT holds this very set already. Raises UserError
    when ROOT holds anything else or cannot be written, and UsageError for a size below 16, fewer than 2 images to
    train on or 1 to test, or a negative seed.
    """
    label = _label("attributes", size, train_count, test_count, seed)

    def draw(root: Path) -> None:
        (root / "images").mkdir()
        lines = [str(train_count + test_count), " ".join(ATTRIBUTES)]
        for index in range(train_count + test_count):
            look = person(seed, "train", 2, index)
            name = f"{index + 1:06d}.png"
            Image.fromarray(draw_look(look, size)[0]).save(root / "images" / name)
            lines.append(" ".join([name, *(f"{1 if look.has(each) else -1:2d}" for each in ATTRIBUTES)]))
        _write_lines(root / ATTRIBUTE_LIST, lines)

    return write_drawn(root, label, "toy attributes", draw)


def write_landmarks(
    root: str | Path,
    *,
    size: int = CANVAS,
    train_count: int = LANDMARK_TRAIN,
    test_count: int = LANDMARK_TEST,
    seed: int = 0,
) -> bool:
    """Draws ROOT/WFLW_images and the two lists of ROOT/WFLW_annotations, as WFLW has them.

    In pictures of ``size`` pixels, faces of a fifth to a third of that stand anywhere. A line of a list has 98 points,
    a box around them (not a very exact one, as by a detector; in the list to train on, up to the whole head's, so that
    faces are known of that size too), whether pose, expression, illumination, make-up,
    occlusion and blur make it a hard one, and the path. Returns and raises as ``write_attributes``.
    """
    label = _label("landmarks", size, train_count, test_count, seed)

    def draw(root: Path) -> None:
        (root / LIST).parent.mkdir(parents=True)
        for part, count in (("train", train_count), ("test", test_count)):
            folder = root / IMAGES / part
            folder.mkdir(parents=True)
            lines = []
            for index in range(count):
                look = person(seed, part, 3, index, wild=True)
                image, points, visible = draw_look(look, size)
                name = f"{part}/{index:05d}.png"
                Image.fromarray(image).save(root / IMAGES / name)
                lines.append(_line(look, points, visible, rng_of(seed, part, 4, index), size, name, part == "train"))
            _write_lines(root / LIST.format(part=part), lines)

    return write_drawn(root, label, "toy landmarks", draw)


def write_people(
    root: str | Path,
    *,
    size: int = FACES_SIZE,
    train_count: int = FACES_TRAIN,
    val_count: int = FACES_VAL,
    seed: int = 0,
) -> bool:
    """Draws ROOT/train/female/00000.png …, train/male, val/female and val/male: so many of each.

    The truth about the validation images lies in ROOT/val_points.txt, for ``true_points``, and the mean face of the
    training ones in ROOT/mean_landmarks.npz. Returns and raises as ``write_attributes``.
    """
    label = _label("people", size, train_count, val_count, seed)

    def draw(root: Path) -> None:
        mean = np.zeros((98, 2))
        for part, split, count in (("train", "train", train_count), ("test", "val", val_count)):
            lines = []
            for number, domain in enumerate(DOMAINS):
                folder = root / split / domain
                folder.mkdir(parents=True)
                for index in range(count):
                    look = person(seed, part, number, index, male=domain == "male")
                    image, points, visible = draw_look(look, size)
                    Image.fromarray(image).save(folder / f"{index:05d}.png")
                    if part == "train":
                        mean += points / (len(DOMAINS) * count)
                    rng = rng_of(seed, part, 4 + number, index)
                    lines.append(_line(look, points, visible, rng, size, f"{domain}/{index:05d}.png"))
        _write_lines(root / POINTS, lines)
        np.savez(root / MEAN, mean=(mean + 0.5) * (MEAN_SIZE / size) - 0.5)

    return write_drawn(root, label, "toy people", draw)


def true_points(root: str | Path) -> dict:
    """{path under ROOT/val: points [98, 2] in pixels} of what ``write_people`` drew. Raises UserError elsewhere."""
    label = label_of(root)
    if label is None or (label.get("of"), label.get("version")) != ("people", VERSION):
        raise UserError(f"{root} does not hold the toy people; draw them by python tools/draw_toy.py faces")
    fields = [line.split(" ") for line in (Path(root) / POINTS).read_text(encoding="utf-8").splitlines()]
    return {line[-1]: np.array(line[:196], float).reshape(98, 2) for line in fields}


def person(seed: int, part: str, group: int, index: int, male: bool | None = None, wild: bool = False) -> Look:
    """Who is drawn as number ``index``; ``part`` is train or test, ``group`` keeps the sets apart."""
    rng = rng_of(seed, part, group, index)
    return random_look(random_attributes(rng, male), rng, wild)


def _label(of: str, size: int, train_count: int, test_count: int, seed: int) -> dict:
    label = {"of": of, "version": VERSION, "size": size, "train": train_count, "test": test_count, "seed": seed}
    need_least(f"toy {of}", label, {"size": 16, "train": 2, "test": 1, "seed": 0})
    return label


def _line(
    look: Look, points: np.ndarray, visible: np.ndarray, rng: np.random.Generator, size: int, name: str, loose=False
) -> str:
    """207 fields, as of WFLW; a ``loose`` box is anything between the face's and the head's."""
    low, high = points.min(0), points.max(0)
    shifts = rng.uniform(-0.03, 0.03, (2, 2)) * (high - low)
    if loose:
        shifts += rng.random() * np.array([[-0.25, -0.55], [0.25, 0.1]]) * (high - low)
    box = np.clip([np.floor(low + shifts[0]), np.ceil(high + shifts[1])], 0, size - 1).ravel()
    hard = (
        abs(look.turn) > 0.75 or abs(look.roll) > 20,
        look.mouth_open > 0.09 or (look.mouth_open > 0.04 and not look.has("Smiling")),
        look.light > 0.25 or look.exposure < 0.75,
        look.make_up,
        visible.mean() < 0.85,
        look.blur > 0,
    )
    fields = [f"{value:.6f}" for value in points.ravel()] + [str(int(value)) for value in (*box, *hard)]
    return " ".join([*fields, name])


def _write_lines(path: Path, lines: list) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
