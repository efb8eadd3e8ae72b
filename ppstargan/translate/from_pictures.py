"""What tools/sample.py does for systems that make another image of each: sheets with the sources, or a file each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Iterator, NamedTuple

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

TAKES = ("source", "direction", "fit", "background", "columns", "rows", "batch_size", "out", "out_dir", "force")
TAKES_HEATMAP = (*TAKES, "heatmap")  # of systems whose networks return (image, …, heatmap)
COLUMNS, ROWS, BATCH = 8, 4, 8


class Way(NamedTuple):
    """One direction of a system: the network, and which entry of the architecture is the number of its channels."""

    network: str
    channels: str = ""  # "": 3


class OneWay:
    """A network that makes an image of an image, for ``sampling``, whose styles it does not look at.

    Its images have ``img_size`` px, and those given are resized to that by the filter ``resample``. With ``heatmap``,
    it makes columns of source, attention and image. Raises UserError for a file without the network, or with one that
    does not fit its architecture.
    """

    def __init__(
        self, content: dict, weights, way: Way, resample, fit: str, background, batch_size: int, heatmap: bool = False
    ):
        system, architecture = checkpoint.system_of(content), content["architecture"]
        values = {**(content.get("nets") or {}), **(content.get("averages") or {})}
        self.net = build_bare(system, architecture, str(weights))[way.network]
        checkpoint.fill(self.net, values[way.network], f"{weights}, {way.network}")
        self.net.eval()
        self.img_size, self.channels = architecture["img_size"], architecture.get(way.channels, 3)
        self.resample, self.fit, self.background, self.batch_size = resample, fit, background, batch_size
        self.heatmap = heatmap

    def read(self, images) -> np.ndarray:
        """Images as the network sees them, uint8 [N, S, S, 3], of a path or a list. Raises BadImage."""
        paths = [images] if isinstance(images, (str, Path)) else images
        return np.stack([np.asarray(self._seen(path)) for path in paths])

    def _seen(self, path) -> Image.Image:
        image = fitted(load_rgb(path, self.background), self.fit)
        if self.channels == 1:  # before it is resized, as in training
            image = image.convert("L")
        return image.resize((self.img_size, self.img_size), self.resample).convert("RGB")

    def prepare(self, images) -> paddle.Tensor:
        """What ``render`` needs of N images of ``read``."""
        arrays = [to_array(Image.fromarray(image))[: self.channels] for image in images]
        return paddle.to_tensor(np.stack(arrays))

    @paddle.no_grad()
    def render(self, prepared: paddle.Tensor, style=None) -> np.ndarray:
        """What becomes of the images: uint8 [N, S, S, 3], or columns [N, 3 S, S, 3]."""
        found = []
        for x in prepared.split([1] * len(prepared)):  # each by itself: its pixels depend on no other
            made = self.net(x)
            image = pictures.to_uint8((made[0] if isinstance(made, tuple) else made).expand([-1, 3, -1, -1]))
            if self.heatmap:
                attention = pictures.heat(made[-1].numpy(), self.img_size)
                image = np.concatenate([pictures.to_uint8(x), attention, image], axis=1)
            found.append(image)
        return np.concatenate(found)


def sample(given: argparse.Namespace, content: dict, ways: dict, resample=BICUBIC) -> int:
    """Translates as ``given`` with the model of ``content``; returns the exit code. Raises UserError.

    ``ways`` are the directions that the system has, {"AtoB": Way, …}; the first that the file has is the default.
    """
    if not given.source:
        raise UsageError("give --source, the images to translate: files or folders")
    found = find_pictures(given.source)
    direction = direction_of(given, content, ways)
    print(f"device: {choose_device()}", flush=True)
    background, batch_size = background_colour(given.background), given.batch_size or BATCH
    settings = (resample, given.fit or FITS[0], background, batch_size, given.heatmap)
    model = OneWay(content, given.weights, ways[direction], *settings)
    of = f"{checkpoint.system_of(content)}, {model.img_size} px{f', {direction}' if len(ways) > 1 else ''}"
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


def direction_of(given: argparse.Namespace, content: dict, ways: dict) -> str:
    """The direction asked for, or the first that the file has. Raises UserError where it has it not."""
    there = {**(content.get("nets") or {}), **(content.get("averages") or {})}
    possible = [direction for direction, way in ways.items() if way.network in there]
    if not possible:
        raise UserError(f"{given.weights} holds {', '.join(there) or 'nothing'}, and no generator; give one that does")
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
        yield (made,) if model.heatmap else (list(images), made)
