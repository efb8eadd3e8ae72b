"""What tools/sample.py and tools/evaluate.py do for StarGAN: faces with other attributes, or as other classes."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint, pictures
from ppstargan.arguments import domain_names
from ppstargan.data.attributes import Faces, prepared
from ppstargan.data.batches import Images
from ppstargan.data.inputs import find_pictures
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import FITS, fitted, load_rgb, to_array
from ppstargan.errors import UsageError, UserError
from ppstargan.metrics import store
from ppstargan.metrics.judges import digest_of
from ppstargan.metrics.likeness import LEAST_REAL, Comparison
from ppstargan.metrics.protocol import choose
from ppstargan.nets.gans import build_bare
from ppstargan.nets.stargan import redrawn
from ppstargan.runtime import choose_device
from ppstargan.translate import compared, labels, sampling
from ppstargan.translate.from_pictures import OWN, near, size_of
from ppstargan.translate.in_styles import write_each

TAKES = (
    "source", "set", "domain", "domain_names", "size", "fit", "background", "columns", "rows", "out", "out_dir",
    "force",
)  # fmt: skip
MEASURES = compared.SIDES
ROWS, COLUMNS, BATCH = 8, 8, 8
MULTIPLE = 4  # of px, that the generator's sides are


class Relabeller:
    """The generator of a file, for ``sampling``, whose styles are wishes; the discriminator tells what a face is now.

    ``size`` is (width, height) in px, or None for each picture's own. Raises UserError for a file without the
    generator, or with networks that do not fit its architecture, where nothing names the labels, and for other
    ``names`` than the file's own.
    """

    batch_size = BATCH

    def __init__(self, content: dict, weights, names=None, size=None, fit: str = FITS[0], background=None):
        architecture, values = content["architecture"], content.get("nets") or {}
        stored, count = content.get("domains"), architecture["num_domains"]
        if not (names or stored):
            unnamed = f"{weights} has {count} labels and does not name them"
            raise UserError(f"{unnamed}: give {count} by --domain-names, in their order")
        self.names = domain_names(stored, names, count, weights)
        if "generator" not in values:
            raise UserError(f"{weights} has no generator; give a file that does")
        nets = build_bare("stargan", architecture, str(weights))
        for name in ("generator", "discriminator"):
            if name in values:
                checkpoint.fill(nets[name], values[name], f"{weights}, {name}")
                nets[name].eval()
        self.generator, self.judge = nets["generator"], nets["discriminator"] if "discriminator" in values else None
        self.exclusive, self.img_size = bool(architecture["exclusive"]), architecture["img_size"]
        self.weights, self.size, self.fit, self.background = weights, size, fit, background

    def read(self, images) -> list:
        """Pictures as the network sees them, each uint8 [H, W, 3], of a path or a list. Raises BadImage."""
        paths = [images] if isinstance(images, (str, Path)) else images
        found = []
        for path in paths:
            image = load_rgb(path, self.background)
            size = self.size or tuple(near(side, MULTIPLE) for side in image.size)
            image = fitted(image, self.fit) if self.size else image
            found.append(np.asarray(image.resize(size, Image.Resampling.BILINEAR)))
        return found

    def prepare(self, images: list) -> list:
        """What ``render`` needs of uint8 images: (x [3, H, W], its label [C], or None where nothing tells it) each."""
        arrays = [to_array(Image.fromarray(image)) for image in images]
        return [(x, self.label_of(image)) for x, image in zip(arrays, images)]

    @paddle.no_grad()
    def label_of(self, image: np.ndarray) -> np.ndarray | None:
        """What the discriminator takes a uint8 image for, float32 [C] of 0 and 1; None without one.

        A label that excludes others is the likeliest of them, where it finds any.
        """
        if self.judge is None:
            return None
        small = Image.fromarray(image).resize((self.img_size, self.img_size), Image.Resampling.BILINEAR)
        logits = self.judge(paddle.to_tensor(to_array(small)[None]))[1].numpy()[0]
        if self.exclusive:
            return (np.arange(len(logits)) == logits.argmax()).astype(np.float32)
        found = (logits > 0).astype(np.float32)
        hair = [i for i, name in enumerate(self.names) if name in labels.HAIR]
        if hair and found[hair].sum() > 1:
            found[hair] = logits[hair] == logits[hair].max()
        return found

    def render(self, ready: list, wish: labels.Wish) -> list:
        """The pictures with what ``wish`` asks for: uint8 [H, W, 3] each. Raises UserError where it needs labels."""
        found = []
        for x, label in ready:
            if label is None and not wish.from_anything:
                raise UserError(
                    f"{self.weights} has no discriminator, which tells what a face is now: convert the authors' D file "
                    "beside the G file, or give a yes or no to every label by --set"
                )
            known = np.zeros(len(self.names), np.float32) if label is None else label
            found.append(pictures.to_uint8(redrawn(self.generator, x[None], wish.change(known[None])))[0])
        return found


def sample(given: argparse.Namespace, content: dict) -> int:
    """Redraws faces as ``given`` with the model of ``content``; returns the exit code. Raises UserError."""
    if not given.source:
        raise UsageError("give --source, the faces to redraw: files or folders")
    if given.set and given.domain:
        raise UsageError("--set changes some labels at once, --domain asks for each by itself; give one of the two")
    found = find_pictures(given.source)
    size, _ = size_of(given, content["architecture"], lambda architecture: MULTIPLE)
    if size is None and not given.out_dir and len(found) > 1:
        raise UsageError(f"--size {OWN} gives pictures of many sizes, which no sheet takes: give --out-dir DIR")
    fit, background = given.fit or FITS[0], background_colour(given.background)
    model = Relabeller(content, given.weights, given.domain_names, size, fit, background)
    wishes = wishes_of(given, model)
    print(f"device: {choose_device()}", flush=True)
    px = f"{size[0]} px" if size else "each picture's own size"
    print(f"weights: {given.weights}: stargan, {px}, {', '.join(model.names)}", flush=True)
    if model.judge is not None and not all(wish.from_anything for wish in wishes):
        print("what a face is now, as the discriminator tells it, stays but for what is asked", flush=True)
    content.clear()  # its arrays are in the networks now
    inputs = [given.weights, *(picture.path for picture in found)]
    if given.out_dir:
        bad = write_each(given, model, found, wishes, inputs)
    else:
        good = sampling.good_ones(model, found)
        bad = len(found) - len(good)
        write_sheets(given, model, [picture.path for picture in good], wishes, inputs)
    return 1 if bad else 0


def wishes_of(given: argparse.Namespace, model: Relabeller) -> list:
    """What is asked for: by --set one thing, by --domain each, or else every label, as in the paper's figure."""
    if not given.set:
        return labels.each(model.names, model.exclusive, given.domain)
    if model.exclusive:
        classes = ", ".join(model.names)
        raise UsageError(f"--set is for attributes, and {given.weights} has classes: give --domain, of {classes}")
    return [labels.of_words(given.set, model.names)]


def write_sheets(given: argparse.Namespace, model: Relabeller, sources: list, wishes: list, inputs: list) -> None:
    """Writes sheets with a row a face, itself and then each wish; or just the picture of one face and one wish.

    At most --rows faces are on a sheet, and --columns wishes.
    """
    rows, columns = given.rows or ROWS, given.columns or COLUMNS
    tops, lefts = range(0, len(sources), rows), range(0, len(wishes), columns)
    one = len(sources) == len(wishes) == 1
    names = iter(sampling.free_names(given.out, len(tops) * len(lefts), inputs, given.force))
    for top, left in ((top, left) for top in tops for left in lefts):
        images = model.read(sources[top : top + rows])
        ready = model.prepare(images)
        made = [model.render(ready, wish) for wish in wishes[left : left + columns]]
        path = next(names)
        pictures.save_image(made[0][0] if one else pictures.grid([list(row) for row in zip(images, *made)]), path)
        print(f"wrote {path}", flush=True)
    if not one:
        print(f"columns: the face, then {', '.join(wish.name for wish in wishes)}", flush=True)


def comparisons(content: dict, weights, images: Images, settings: compared.Settings) -> tuple:
    """The comparisons for tools/evaluate.py, one for each label, and warnings.

    Faces of val (or test) that are without an attribute, or of other classes, are given it, and compared with those
    that have it there. Raises UserError as ``Relabeller``, and where nothing can be compared.
    """
    model = Relabeller(content, weights, images.names)
    paths, known = labelled(images)
    found, warnings = compared.good_ones([(path, i) for i, path in enumerate(paths)], "faces", "val", settings)
    found = choose(found, settings.count or compared.COUNT)
    crop = content.get("config", {}).get("data", {}).get("crop_size", min(load_rgb(found[0][0]).size))
    seen = partial(_seen, crop=crop, size=model.img_size)
    network, chosen, few = digest_of(model.generator), [], []
    for column, wish in enumerate(labels.each(model.names, model.exclusive)):
        without = [(path, i) for path, i in found if not known[i, column]]
        real = [path for path, i in found if known[i, column]]
        if min(len(without), len(real)) < LEAST_REAL:
            few.append(wish.name)
            continue
        made_of = {"network": network, "label": wish.name, "crop": crop,
                   "given": store.digest_of_files([path for path, _ in without]),
                   "labels": store.digest({"known": known[[i for _, i in without]].tolist()})}  # fmt: skip
        words = (
            f"{wish.name}: what the generator makes of {len(without)} faces of val without it",
            f"{len(real)} faces of val with it, the middle {crop} px at {model.img_size} px",
        )
        made = partial(_made, model, without, known, wish, seen)
        chosen.append(Comparison(wish.name, None, model.img_size, made, len(without), real, seen, words, made_of))
    if not chosen:
        raise UserError(f"FID needs {LEAST_REAL} faces of val with a label and as many without: add some")
    if few:
        warnings.append(f"fewer than {LEAST_REAL} faces with or without {', '.join(few)} in val: not measured")
    return chosen, warnings


def labelled(images: Images) -> tuple:
    """(paths of val, their labels [N, C])."""
    parts = list(compared.held_out(images).values())
    if isinstance(parts[0], Faces):
        return list(parts[0]), parts[0].labels
    paths = [path for part in parts for path in part]
    return paths, np.repeat(np.eye(len(parts), dtype=np.uint8), [len(part) for part in parts], axis=0)


def _seen(path, crop: int, size: int) -> Image.Image:
    return Image.fromarray(pictures.to_uint8(prepared(load_rgb(path), crop, size)[None])[0])


def _made(model: Relabeller, given: list, known: np.ndarray, wish: labels.Wish, seen):
    """What becomes of ``given``, uint8 [n, S, S, 3] at a time, by the true labels."""
    for start in range(0, len(given), BATCH):
        some = given[start : start + BATCH]
        x = np.stack([to_array(seen(path)) for path, _ in some])
        yield pictures.to_uint8(redrawn(model.generator, x, wish.change(known[[i for _, i in some]])))
