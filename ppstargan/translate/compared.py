"""The report on a system that makes images from noise or from images: how like the real ones they are."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.batches import Images
from ppstargan.data.sides import BICUBIC
from ppstargan.data.transforms import load_rgb, middle_square
from ppstargan.errors import UserError
from ppstargan.metrics import likeness, store, table
from ppstargan.metrics.frechet import few_samples
from ppstargan.metrics.inputs import good_images
from ppstargan.metrics.judges import Judge, digest_of, preprocessing
from ppstargan.metrics.likeness import Comparison
from ppstargan.metrics.protocol import choose
from ppstargan.sampler import Sampler
from ppstargan.translate.evaluate import name_of, told
from ppstargan.translate.from_pictures import OneWay

COUNT = 10_000  # images that are made, and at most so many real ones: the papers' figures are of as many, or more
NOISE, SIDES = ("count", "seeds"), ("count",)  # options of tools/evaluate.py that they take, with those for all


class Settings(NamedTuple):
    """How much is made for a measurement, and how."""

    count: int | None = None  # None: as many as there are real ones, at most COUNT
    seeds: tuple = (777,)
    batch_size: int = 8
    workers: int = 4  # threads that read and resize images
    max_bad_share: float = 0.0  # of the files


def evaluate(config, weights, content: dict, system, inception: Judge, settings: Settings, folder=None) -> list:
    """Measures the ``content`` of the file ``weights`` on the data of ``config``; returns the lines of a report.

    ``system`` is the module of both. Writes evaluation.json and evaluation.md to ``folder``, by default
    OUTPUT/evaluation/NAME, beside a file for each comparison: the next call with the same inputs goes on from these.
    Bad files are left out, as in training. Raises UserError for what cannot be read or measured.
    """
    weights, images = Path(weights), system.read(config)
    folder = Path(folder or Path(config.output) / "evaluation" / name_of(weights))
    cache = Path(config.output) / "features"
    store.need_folder(folder, "name another by --to")
    store.need_folder(cache, "name another by -o output=FOLDER")
    comparisons, warnings = system.comparisons(content, weights, images, settings)
    for name, one in {one.name: one for one in comparisons}.items():
        warnings += likeness.left_out(one)
        warnings += few_samples({f"real images of {name}": len(one.real), f"generated images of {name}": one.count})
    for line in warnings:
        print(f"warning: {line}", flush=True)
    measured = likeness.measure(comparisons, inception, folder, cache, settings.batch_size, settings.workers)
    made, real = ("; ".join(dict.fromkeys(each)) for each in zip(*(one.told for one in comparisons)))
    seeds = [str(one.seed) for one in comparisons if one.seed is not None]
    facts = {
        "weights": str(weights.absolute()),
        "system": checkpoint.system_of(content),
        "data": f"{Path(config.data.root).absolute()}, {comparisons[0].size} px",
        "FID, KID and the rest": f"{told(inception)}; every image {preprocessing(inception, comparisons[0].size)}",
        "generated": made,
        "real": real,
        **({"seeds": ", ".join(seeds) + " (±: deviation over them)" * (len(seeds) > 1)} if seeds else {}),
        "software": f"Paddle {paddle.__version__} on {paddle.device.get_device()}",
    }
    found = table.likeness_report(table.likeness_title(weights.name, inception), facts, warnings, measured)
    text = table.likeness_markdown(found)
    store.write_text(folder / "evaluation.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    store.write_text(folder / "evaluation.md", text)
    return [text, f"wrote {folder / 'evaluation.json'}\nwrote {folder / 'evaluation.md'}"]


def from_noise(content: dict, weights, images: Images, settings: Settings) -> tuple:
    """The comparisons of a GAN, WGAN or conditional GAN, one for each seed, and warnings.

    What it makes is compared with the images of train; of a conditional one, the classes come as often as there, and
    each is also measured by itself. Raises UserError as ``Sampler``, and for other classes than the weights have.
    """
    of_classes = bool(content["architecture"].get("num_domains"))
    model = Sampler(weights, images.names if of_classes else None, settings.batch_size, content)
    items = [(item, label) for label, some in enumerate(images.train.values()) for item in some]
    chosen, warnings = _good(choose(items, settings.count or COUNT), "images", "train", settings)
    real, labels = [item for item, _ in chosen], np.array([label for _, label in chosen])
    count, channels = settings.count or len(real), model.architecture["channels"]
    asked = labels[np.arange(count) % len(labels)]
    made = {"network": digest_of(model.generator), "count": count}
    parts = {}
    if of_classes:
        made["classes"] = store.digest({"asked": asked.tolist()})
        parts = {f"class {name}": (np.flatnonzero(asked == i), np.flatnonzero(labels == i))
                 for i, name in enumerate(images.names)}  # fmt: skip
    total = f"{len(real)} of {len(items)}" if len(real) < len(items) else f"all {len(real)}"
    size = model.img_size
    how = f"the middle at {size} px{', grey' * (channels == 1)}"
    words = (f"{count} images from noise", f"{total} images of train, {how}")
    name = "all classes" if of_classes else "all"
    seen = partial(_middle, size=size, channels=channels)
    return [
        Comparison(name, seed, size, partial(model.batches, count, asked.tolist() if of_classes else None, seed), count,
                   real, seen, words, made, parts)
        for seed in settings.seeds
    ], warnings  # fmt: skip


def _middle(item, size: int, channels: int) -> Image.Image:
    """An image as those that start from noise are trained on it, in RGB."""
    image = Image.fromarray(item) if isinstance(item, np.ndarray) else load_rgb(item)
    return middle_square(image.convert("L" if channels == 1 else "RGB"), size).convert("RGB")


def from_sides(content: dict, weights, images: Images, settings: Settings, ways: dict, resample=BICUBIC) -> tuple:
    """The comparisons of a system between two sides, one for each of the ``ways`` that the file has, and warnings.

    What becomes of a side's images of val (or test) is compared with the other side's. Raises UserError where there are
    none, and as ``OneWay``.
    """
    if not images.val:
        raise UserError("there is neither val nor test beside train, whose images would be translated; add one")
    there = {**(content.get("nets") or {}), **(content.get("averages") or {})}
    (a, of_a), (b, of_b) = images.val.items()
    sides, warnings, comparisons = {}, [], []
    for name, some in ((a, of_a), (b, of_b)):
        good, lines = _good([(path, name) for path in choose(some, settings.count or COUNT)], name, "val", settings)
        sides[name], warnings = [path for path, _ in good], warnings + lines
    possible = {direction: way for direction, way in ways.items() if way.network in there}
    if not possible:
        raise UserError(f"{weights} holds {', '.join(there) or 'nothing'}, and no generator; give one that does")
    for direction, way in possible.items():
        source, target = (a, b) if direction == "AtoB" else (b, a)
        back = next((other for other in ways.values() if other != way), way)
        model = OneWay(content, weights, way, resample, "squash", None, settings.batch_size)
        channels, size = content["architecture"].get(back.channels, 3), model.img_size
        given = sides[source]
        words = (
            f"{direction}: what {way.network} makes of {len(given)} images of {source} in val",
            f"{len(sides[target])} images of {target} in val, all of each at {size} px{', grey' * (channels == 1)}",
        )
        made = {"network": digest_of(model.net), "given": store.digest_of_files(given)}
        seen = partial(_whole, size=size, channels=channels, resample=resample)
        comparisons.append(Comparison(direction, None, size, partial(_translated, model, given), len(given),
                                      sides[target], seen, words, made))  # fmt: skip
    return comparisons, warnings


def _whole(path, size: int, channels: int, resample) -> Image.Image:
    """An image as systems between two sides are trained on it, all of it, in RGB."""
    image = load_rgb(path)
    return (image.convert("L") if channels == 1 else image).resize((size, size), resample).convert("RGB")


def _translated(model: OneWay, paths: list):
    """What becomes of ``paths``, uint8 [n, S, S, 3] at a time."""
    for start in range(0, len(paths), model.batch_size):
        yield model.render(model.prepare(model.read(paths[start : start + model.batch_size])))


def _good(items: list, domain: str, part: str, settings: Settings) -> tuple:
    """Those of [(path or image in memory, what it is)] that can be read, and warnings on the rest."""
    paths = [item for item, _ in items if not isinstance(item, np.ndarray)]
    if not paths:
        return items, []
    good, warning = good_images({domain: paths}, part, settings.max_bad_share)
    kept = set(good[domain])
    return [(path, what) for path, what in items if path in kept], [warning] if warning else []
