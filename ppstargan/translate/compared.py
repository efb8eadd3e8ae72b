"""The report on a system that makes images from noise or from images: how like the real ones they are."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.bad_files import BadFiles, BadImage, listing
from ppstargan.data.batches import Images
from ppstargan.data.pairs import open_pair, prepared
from ppstargan.data.sides import BICUBIC
from ppstargan.data.transforms import load_rgb, middle_square
from ppstargan.errors import UserError
from ppstargan.metrics import likeness, store, table
from ppstargan.metrics.frechet import few_samples
from ppstargan.metrics.inputs import good_images
from ppstargan.metrics.judges import Judge, digest_of, preprocessing
from ppstargan.metrics.likeness import Comparison
from ppstargan.metrics.protocol import choose
from ppstargan.pictures import to_uint8
from ppstargan.sampler import Sampler
from ppstargan.translate.evaluate import name_of, told
from ppstargan.translate.from_pictures import OneWay, Setting, Way, directions

COUNT = 10_000  # images that are made, and at most so many real ones: the papers' figures are of as many, or more
NOISE, SIDES = ("count", "seeds"), ("count",)  # options of tools/evaluate.py, with and without anything drawn


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
    weights, model = Path(weights), config.model
    known = {name: content["architecture"].get(name, value) for name, value in dataclasses.asdict(model).items()}
    images = system.read(dataclasses.replace(config, model=dataclasses.replace(model, **known)))  # as the weights are
    folder = Path(folder or Path(config.output) / "evaluation" / name_of(weights))
    cache = Path(config.output) / "features"
    store.need_folder(folder, "name another by --to")
    store.need_folder(cache, "name another by -o output=FOLDER")
    comparisons, warnings = system.comparisons(content, weights, images, settings)
    for name, one in {one.name: one for one in comparisons}.items():
        warnings += likeness.left_out(one)
        made, real = (min(map(len, rows)) for rows in zip(*one.sets().values()))
        of = "a class" if one.parts else name
        warnings += few_samples({f"real images of {of}": real, f"generated images of {of}": made})
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
    chosen, warnings = good_ones(choose(items, settings.count or COUNT), "images", "train", settings)
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
    how = f"the middle at {size} px{_grey(channels)}"
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
    sides, warnings = {}, []
    for name, paths in held_out(images).items():
        chosen = [(path, name) for path in choose(paths, settings.count or COUNT)]
        good, lines = good_ones(chosen, name, "val", settings)
        sides[name], warnings = [path for path, _ in good], warnings + lines
    (a, b), architecture, size = sides, content["architecture"], content["architecture"]["img_size"]
    setting = Setting((size, size), 1, resample, "squash", None)
    channels = {source: architecture.get(ways[way].channels, 3) for source, way in ((a, "AtoB"), (b, "BtoA"))}
    comparisons = []
    for direction in directions(content, weights, ways):
        source, target = (a, b) if direction == "AtoB" else (b, a)
        given, real, network = sides[source], sides[target], ways[direction].network
        model = OneWay(content, weights, ways[direction], setting)
        words = (
            f"{direction}: what {network} makes of {len(given)} images of {source} in val",
            f"{len(real)} images of {target} in val, all of each at {size} px{_grey(channels[target])}",
        )
        made_of = {"network": digest_of(model.net), "given": store.digest_of_files(given)}
        seen = partial(_whole, size=size, channels=channels[target], resample=resample)
        comparisons.append(Comparison(direction, None, size, partial(_translated, model, given), len(given), real, seen,
                                      words, made_of))  # fmt: skip
    return comparisons, warnings


def from_pairs(content: dict, weights, images: Images, settings: Settings) -> tuple:
    """The comparisons of a system that learns from pairs, one for each seed of its dropout, and warnings.

    What becomes of the given images of val (or test) is compared with the wanted ones, also one by one (L1). The
    network is used as in training, as the authors do. Raises UserError where there are none, and as ``OneWay``.
    """
    (items,), architecture = held_out(images).values(), content["architecture"]
    direction, size, channels = (architecture[key] for key in ("direction", "img_size", "out_channels"))
    good, warnings = _good_pairs(choose(items, settings.count or COUNT), direction, settings)
    ways = {direction: Way("generator", "in_channels")}
    directions(content, weights, ways)
    words = (
        f"{direction}: what the generator, with dropout, makes of the given images of {len(good)} pairs of val",
        f"the wanted images of these {direction} pairs, all of each at {size} px{_grey(channels)}",
    )
    comparisons = []
    for seed in settings.seeds:
        setting = Setting((size, size), 1, BICUBIC, "squash", None, seed=seed)
        model = OneWay(content, weights, ways[direction], setting)
        given = partial(_of_pair, direction=direction, wanted=False, size=size, channels=model.channels)
        made_of = {"network": digest_of(model.net)}  # and the files, which are those of the wanted ones
        seen = partial(_wanted, direction=direction, size=size, channels=channels)
        comparisons.append(Comparison(direction, seed, size, partial(_made_of_pairs, model, good, given), len(good),
                                      good, seen, words, made_of, paired=True))  # fmt: skip
    return comparisons, warnings


def held_out(images: Images) -> dict:
    """The images of val or test."""
    if not images.val:
        raise UserError("there is neither val nor test beside train, whose images would be translated; add one")
    return images.val


def _grey(channels: int) -> str:
    return ", grey" if channels == 1 else ""


def _whole(path, size: int, channels: int, resample) -> Image.Image:
    """An image as systems between two sides are trained on it, all of it, in RGB."""
    image = load_rgb(path)
    return (image.convert("L") if channels == 1 else image).resize((size, size), resample).convert("RGB")


def _of_pair(item, direction: str, wanted: bool, size: int, channels: int) -> np.ndarray:
    """The given or the wanted image of a pair, all of it: float32 [channels, size, size] in [-1, 1]."""
    return prepared(open_pair(item, direction)[wanted], "resize_and_crop", size, size, 0, 0, False, channels)


def _wanted(item, direction: str, size: int, channels: int) -> Image.Image:
    array = _of_pair(item, direction, True, size, channels)
    return Image.fromarray(to_uint8(np.broadcast_to(array, (1, 3, size, size)))[0])


def _translated(model: OneWay, paths: list):
    """What becomes of ``paths``, uint8 [n, S, S, 3] at a time."""
    for start in range(0, len(paths), model.batch_size):
        yield np.stack(model.render(model.prepare(model.read(paths[start : start + model.batch_size]))))


def _made_of_pairs(model: OneWay, items: list, given: Callable):
    """What becomes of the ``given`` images of pairs, uint8 [n, S, S, 3] at a time."""
    for start in range(0, len(items), model.batch_size):
        some = items[start : start + model.batch_size]
        yield np.stack(model.render([paddle.to_tensor(given(item)[None]) for item in some]))


def _good_pairs(items: list, direction: str, settings: Settings) -> tuple:
    """Those of the pairs that can be read, and warnings on the rest."""
    bad_files = BadFiles(len(items), settings.max_bad_share, "val pairs")
    good = []
    for item in items:
        try:
            open_pair(item, direction)
            good.append(item)
        except BadImage as error:
            bad_files.add([error])
    bad = bad_files.found.values()
    return good, [f"{len(bad)} of {len(items)} pairs of val are bad and left out: {listing(bad)}"] if bad else []


def good_ones(items: list, domain: str, part: str, settings: Settings) -> tuple:
    """Those of [(path or image in memory, what it is)] that can be read, and warnings on the rest."""
    paths = [item for item, _ in items if not isinstance(item, np.ndarray)]
    if not paths:
        return items, []
    good, warning = good_images({domain: paths}, part, settings.max_bad_share)
    kept = set(good[domain])
    return [(path, what) for path, what in items if path in kept], [warning] if warning else []
