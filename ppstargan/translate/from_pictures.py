"""What tools/sample.py does for systems that make another image of each: sheets with the sources, or a file each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint, pictures
from ppstargan.data.inputs import find_pictures
from ppstargan.data.reading import background_colour
from ppstargan.data.sides import BICUBIC
from ppstargan.data.transforms import FITS, fitted, load_rgb, to_array
from ppstargan.errors import UsageError, UserError
from ppstargan.nets.gans import build_bare
from ppstargan.runtime import choose_device
from ppstargan.translate import sampling
from ppstargan.translate.in_styles import write_each

TAKES = (
    "source", "direction", "size", "fit", "background", "columns", "rows", "out", "out_dir", "force",
)  # fmt: skip
TAKES_HEATMAP = (*TAKES, "heatmap")  # of systems whose networks return (image, …, heatmap)
TAKES_EVAL = (*TAKES, "eval", "seed")  # of systems whose networks are used as in training
COLUMNS, ROWS = 8, 4
BATCH = 8  # pictures that are in memory at a time; the network sees one
OWN = "own"  # the size that each picture has
LEAST, LARGEST = 8, 8192  # px a side; edges are reflected at a quarter of it


class Way(NamedTuple):
    """One direction of a system: the network, and which entry of the architecture is the number of its channels."""

    network: str
    channels: str = ""  # "": 3


class Setting(NamedTuple):
    """How pictures are made ready, and what is made of them."""

    size: tuple | None  # (width, height) in px; None: each picture's own, to the nearest ``multiple``
    multiple: int  # of px, that the network's sides are
    resample: Image.Resampling
    fit: str
    background: tuple | None
    heatmap: bool = False
    seed: int | None = None  # of dropout, where the network is used as in training


class OneWay:
    """A network that makes an image of an image, for ``sampling``, whose styles it does not look at.

    With a heatmap, it makes columns of source, attention and image. With a seed, it normalises each picture by its own
    statistics and drops values, as in training; the same values of each. Raises UserError for a file without the
    network, or with one that does not fit its architecture.
    """

    batch_size = BATCH

    def __init__(self, content: dict, weights, way: Way, setting: Setting):
        system, architecture = checkpoint.system_of(content), content["architecture"]
        values = {**(content.get("nets") or {}), **(content.get("averages") or {})}
        self.net = build_bare(system, architecture, str(weights))[way.network]
        checkpoint.fill(self.net, values[way.network], f"{weights}, {way.network}")
        self.net.eval()
        if setting.seed is not None:
            self.net.train()
        self.channels, self.setting = architecture.get(way.channels, 3), setting

    def read(self, images) -> list:
        """Images as the network sees them, each uint8 [H, W, 3], of a path or a list. Raises BadImage."""
        paths = [images] if isinstance(images, (str, Path)) else images
        return [np.asarray(self._seen(path)) for path in paths]

    def _seen(self, path) -> Image.Image:
        image, given = load_rgb(path, self.setting.background), self.setting
        size = given.size or tuple(near(side, given.multiple) for side in image.size)
        image = fitted(image, given.fit) if given.size else image
        if self.channels == 1:  # before it is resized, as in training
            image = image.convert("L")
        return image.resize(size, given.resample).convert("RGB")

    def prepare(self, images) -> list:
        """What ``render`` needs of N images of ``read``: N tensors [1, C, H, W]."""
        arrays = [to_array(Image.fromarray(image))[: self.channels] for image in images]
        return [paddle.to_tensor(array[None]) for array in arrays]

    @paddle.no_grad()
    def render(self, prepared: list, style=None) -> list:
        """What becomes of the images: uint8 [H, W, 3] each, or a column [3 H, W, 3]."""
        found = []
        for x in prepared:  # each by itself: its pixels depend on no other
            if self.setting.seed is not None:
                paddle.seed(self.setting.seed)
            made = self.net(x)
            image = pictures.to_uint8((made[0] if isinstance(made, tuple) else made).expand([-1, 3, -1, -1]))
            if self.setting.heatmap:
                attention = pictures.heat(made[-1].numpy(), x.shape[3])
                image = np.concatenate([pictures.to_uint8(x), attention, image], axis=1)
            found.append(image[0])
        return found


def near(side: int, multiple: int) -> int:
    """The multiple that is nearest to ``side`` px, and at least LEAST."""
    return max(round(side / multiple) * multiple, multiple, LEAST)


def halvings(architecture: dict) -> int:
    """The multiple of px that networks take which halve an image twice."""
    return 4


def sample(
    given: argparse.Namespace,
    content: dict,
    ways: dict,
    resample=BICUBIC,
    multiple_of: Callable = halvings,
    as_trained: bool = False,
) -> int:
    """Translates as ``given`` with the model of ``content``; returns the exit code. Raises UserError.

    ``ways`` are the directions that the system has, {"AtoB": Way, …}; the first that the file has is the default.
    ``multiple_of(architecture)`` is the one of px that the network takes, or 0 where it takes one size alone. Networks
    that are used ``as_trained`` are so but by --eval.
    """
    if not given.source:
        raise UsageError("give --source, the images to translate: files or folders")
    found = find_pictures(given.source)
    direction = direction_of(given, content, ways)
    size, multiple = size_of(given, content["architecture"], multiple_of)
    if size is None and not given.out_dir and len(found) > 1:
        raise UsageError(f"--size {OWN} gives pictures of many sizes, which no sheet takes: give --out-dir DIR")
    print(f"device: {choose_device()}", flush=True)
    seed = (given.seed or 0) if as_trained and not given.eval else None
    background = background_colour(given.background)
    setting = Setting(size, multiple, resample, given.fit or FITS[0], background, given.heatmap, seed)
    model = OneWay(content, given.weights, ways[direction], setting)
    px = f"{size[0]} px" if size else "each picture's own size"
    of = f"{checkpoint.system_of(content)}, {px}{f', {direction}' if len(ways) > 1 else ''}"
    print(f"weights: {given.weights}: {of}", flush=True)
    content.clear()  # its arrays are in the network now
    inputs = [given.weights, *(picture.path for picture in found)]
    if given.out_dir:
        bad = write_each(given, model, found, [None], inputs)
    else:
        good = sampling.good_ones(model, found)
        bad = len(found) - len(good)
        write_sheets(given, model, [picture.path for picture in good], inputs)
    return 1 if bad else 0


def size_of(given: argparse.Namespace, architecture: dict, multiple_of: Callable) -> tuple:
    """The (width, height) to translate at, None for each picture's own, and what they are a multiple of.

    Raises UsageError for a size that the network does not take.
    """
    trained, multiple = architecture["img_size"], multiple_of(architecture)
    if given.size is None or given.size == str(trained):
        return (trained, trained), multiple or trained
    if not multiple:
        raise UsageError(f"{given.weights} takes pictures of {trained} px alone; leave out --size {given.size}")
    if given.size == OWN:
        if given.heatmap:
            raise UsageError(f"--heatmap is of square pictures, and does not go with --size {OWN}; leave one out")
        return None, multiple
    side = int(given.size) if given.size.isdecimal() else 0
    if not LEAST <= side <= LARGEST or side % multiple:
        what = f"a multiple of {multiple} from {max(multiple, LEAST)} to {LARGEST}, or {OWN}"
        raise UsageError(f"--size is {given.size}; give {what}")
    return (side, side), multiple


def directions(content: dict, weights, ways: dict) -> list:
    """Those of ``ways`` that the file has. Raises UserError where it has none."""
    there = {**(content.get("nets") or {}), **(content.get("averages") or {})}
    possible = [direction for direction, way in ways.items() if way.network in there]
    if not possible:
        raise UserError(f"{weights} holds {', '.join(there) or 'nothing'}, and no generator; give one that does")
    return possible


def direction_of(given: argparse.Namespace, content: dict, ways: dict) -> str:
    """The direction asked for, or the first that the file has. Raises UserError where it has it not."""
    possible = directions(content, given.weights, ways)
    if given.direction and given.direction not in ways:
        what = f"{given.weights} was trained {possible[0]}, and goes no other way"
        raise UserError(f"{what}; leave out --direction, or train with model.direction={given.direction}")
    if given.direction and given.direction not in possible:
        lacks = f"{given.weights} has no {ways[given.direction].network}, which goes {given.direction}"
        raise UserError(f"{lacks}; give --direction {possible[0]}, or a file that has it")
    return given.direction or possible[0]


def write_sheets(given: argparse.Namespace, model: OneWay, sources: list, inputs: list) -> None:
    """Writes sheets of --columns sources across, --rows of them down, each above its translation; or that alone.

    With --heatmap, the attention is between the two, and of one source, too, they make a column.
    """
    columns = given.columns or COLUMNS
    each = columns * (given.rows or ROWS)
    names = sampling.free_names(given.out, -(-len(sources) // each), inputs, given.force)
    for path, first in zip(names, range(0, len(sources), each)):
        rows = [row for both in rows_of(model, sources[first : first + each], columns) for row in both]
        pictures.save_image(rows[-1][0] if len(sources) == 1 else pictures.grid(rows), path)
        print(f"wrote {path}", flush=True)


def rows_of(model: OneWay, sources: list, columns: int) -> Iterator[tuple]:
    """Yields (a row of sources, their translations), uint8 [S, S, 3] each, or (columns of both and the attention,)."""
    for left in range(0, len(sources), columns):
        images = model.read(sources[left : left + columns])
        made = list(model.render(model.prepare(images)))
        yield (made,) if model.setting.heatmap else (list(images), made)
