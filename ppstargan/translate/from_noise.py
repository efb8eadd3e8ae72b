"""What tools/sample.py does for systems that start from noise: sheets, a file each, and videos from noise to noise."""

from __future__ import annotations

import argparse
import math
from typing import Iterator

import numpy as np

from ppstargan import pictures
from ppstargan.cli import check_numbers
from ppstargan.errors import UsageError
from ppstargan.files import short_name
from ppstargan.runtime import choose_device
from ppstargan.sampler import MOST, Sampler, by_turns
from ppstargan.translate import sampling, video

TAKES = (
    "count", "seed", "latents", "columns", "rows", "batch_size", "video", "seconds", "fps", "out", "out_dir", "force",
)  # fmt: skip
WITH_CLASSES = ("domain", "domain_names", *TAKES)
SIDE = 8  # pictures along a side of a sheet, where these are not more or of classes
MOVING, LATENTS = 16, 4  # of a video: pictures, and seeds
BATCH = 64
MOST_PIXELS = 2**28  # of a sheet: 0.8 GB


def sample(given: argparse.Namespace, content: dict) -> int:
    """Draws as ``given`` from the generator of ``content``; returns the exit code. Raises UserError."""
    if given.latents is not None and not given.video:
        raise UsageError("--latents goes with --video only; --count says how many pictures to draw")
    check_numbers(given, count=(1, MOST))
    print(f"device: {choose_device()}", flush=True)
    model = Sampler(given.weights, given.domain_names, given.batch_size or BATCH, content)
    content.clear()  # its arrays are in the network now
    of_classes = f", classes {', '.join(model.domains)}" if model.domains else ""
    print(f"weights: {model.weights}: {model.system}, {model.img_size} px{of_classes}", flush=True)
    classes = model.classes(given.domain)
    if given.out_dir:
        write_each(given, model, classes)
    elif given.video:
        write_video(given, model, classes)
    else:
        write_sheets(given, model, classes)
    return 0


def columns_of(given: argparse.Namespace, count: int, classes: list) -> int:
    """Pictures across a sheet: a column for each class where there are several, else so that it is a square."""
    return given.columns or (len(classes) if len(classes) > 1 else max(SIDE, math.ceil(math.sqrt(count))))


def count_of(given: argparse.Namespace, classes: list) -> int:
    """How many pictures to draw: by default a whole sheet, which has a column for each class."""
    return given.count or (SIDE * len(classes) if len(classes) > 1 else SIDE * SIDE)


def write_sheets(given: argparse.Namespace, model: Sampler, classes: list) -> None:
    """Writes a sheet, or several of --rows each; just the picture where it is one."""
    count = count_of(given, classes)
    columns = columns_of(given, count, classes)
    rows = given.rows or -(-count // columns)
    each, cell = min(count, rows * columns), model.img_size + pictures.GAP
    if -(-each // columns) * min(columns, each) * cell**2 > MOST_PIXELS:
        what = f"a sheet of {each} pictures of {model.img_size} px is too large"
        raise UsageError(f"{what}; give a smaller --count, --rows for several sheets, or --out-dir for a file each")
    names = iter(sampling.free_names(given.out, -(-count // each), [given.weights], given.force))
    left, waiting = count, []
    for batch in model.batches(count, classes or None, given.seed or 0):
        waiting += list(batch)
        left -= len(batch)
        while len(waiting) >= each or (waiting and not left):
            path = next(names)
            pictures.save_image(sheet(waiting[:each], columns), path)
            print(f"wrote {path}", flush=True)
            waiting = waiting[each:]


def sheet(images: list, columns: int) -> np.ndarray:
    """Pictures row by row, or the picture itself where it is one."""
    if len(images) == 1:
        return images[0]
    return pictures.grid([images[i : i + columns] for i in range(0, len(images), columns)])


def write_each(given: argparse.Namespace, model: Sampler, classes: list) -> None:
    """Writes 000001.png and so on into --out-dir, with the class in the name where there are classes."""
    count, folder = count_of(given, classes), given.out_dir.absolute()
    named = [f"_{name}".replace("/", "_").replace("\\", "_") for name in model.domains]
    turns = by_turns(classes, count)
    targets = [folder / short_name(f"{i + 1:06d}{named[turns[i]] if turns else ''}", ".png") for i in range(count)]
    sampling.check_there(targets, [given.weights], given.force)
    names = iter(targets)
    for batch in model.batches(count, classes or None, given.seed or 0):
        for image in batch:
            pictures.save_image(image, next(names))
    print(f"wrote {count} pictures into {folder}: {targets[0].name} to {targets[-1].name}", flush=True)


def write_video(given: argparse.Namespace, model: Sampler, classes: list) -> None:
    """Writes a video of --count pictures, whose noise moves through that of --latents seeds from --seed on."""
    seeds, count = given.latents or LATENTS, given.count or (len(classes) if len(classes) > 1 else MOVING)
    if seeds < 2:
        raise UsageError("a video goes from noise to noise; give --latents 2 or more")
    columns = given.columns or (len(classes) if len(classes) > 1 else math.ceil(math.sqrt(count)))
    widest = max(min(columns, count), -(-count // columns)) * (model.img_size + pictures.GAP) + pictures.GAP
    if count > 1 and widest > video.WIDEST:
        what = f"{count} pictures of {model.img_size} px need {widest} px, and browsers play up to {video.WIDEST}"
        raise UsageError(f"{what}; give a smaller --count, or other --columns")
    fps, steps = video.timing(given.fps, given.seconds)
    (path,) = sampling.free_names(given.out, 1, [given.weights], given.force)
    stops = [model.noise(count, (given.seed or 0) + i) for i in range(seeds)]
    frames = moving(model, stops, by_turns(classes, count), columns, steps)
    video.write_telling(frames, steps * seeds, fps, path)


def moving(model: Sampler, stops: list, classes: list, columns: int, steps: int) -> Iterator[np.ndarray]:
    """Frames of pictures whose noise goes from each of ``stops`` [N, latent_dim] to the next, and back to the first.

    On the way it stays standard normal, which the mean of two is not.
    """
    for here, there in zip(stops, [*stops[1:], stops[0]]):
        for step in range(steps):
            t = video.ease(step / steps)
            z = ((1 - t) * here + t * there) / math.hypot(1 - t, t)
            yield sheet(list(model.render(z, classes)), columns)
