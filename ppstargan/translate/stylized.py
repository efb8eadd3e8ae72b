"""What tools/sample.py does for AdaIN: pictures, sheets or videos in the styles of others."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan import pictures
from ppstargan.data.bad_files import BadImage, say_left_out, shown
from ppstargan.data.inputs import find_pictures
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import middle_square
from ppstargan.errors import UsageError, UserError
from ppstargan.files import short_name
from ppstargan.nets.adain import mixed
from ppstargan.nets.vgg import SMALLEST
from ppstargan.runtime import choose_device
from ppstargan.translate import clips, sampling, video
from ppstargan.translate.from_pictures import LARGEST, OWN
from ppstargan.translate.stylizer import Stylizer

TAKES = (
    "source", "reference", "alpha", "style_weights", "keep_colours", "size", "background", "columns", "rows", "video",
    "fps", "out", "out_dir", "force",
)  # fmt: skip
COLUMNS, ROWS = 8, 8  # styles across a sheet, and contents down
CELL = 256  # px of a picture on a sheet, where no --size is given


def sample(given: argparse.Namespace, content: dict) -> int:
    """Stylizes as ``given`` with the model of ``content``; returns the exit code. Raises UserError."""
    check(given)
    size = size_of(given)
    found = [] if clips.is_video(given.source[0]) else find_pictures(given.source)
    references = find_pictures(given.reference)
    if given.style_weights and len(given.style_weights) != len(references):
        counts = f"{len(given.style_weights)}, and --reference gives {len(references)} pictures"
        raise UsageError(f"--style-weights are {counts}; give one for each")
    print(f"device: {choose_device()}", flush=True)
    model = Stylizer(content, given.weights, size, background_colour(given.background))
    print(f"weights: {given.weights}: adain, {f'shorter side {size} px' if size else 'own sizes'}", flush=True)
    content.clear()  # its arrays are in the networks now
    good = sampling.good_ones(model, references)
    bad = len(references) - len(good)
    if bad and given.style_weights:
        raise UserError(f"--style-weights are for {len(references)} references, and {bad} cannot be read")
    styles = Styles(given, model, [reference.path for reference in good])
    inputs = [given.weights, *(picture.path for picture in (*found, *good))]
    if given.video:
        if len(styles.names) > 1:
            raise UsageError(f"a video has one style, and these are {len(styles.names)}; or give --style-weights")
        write_video(given, model, styles, found, inputs)
    elif given.out_dir:
        bad += write_each(given, model, styles, found, inputs)
    else:
        sources = sampling.good_ones(model, found)
        bad += len(found) - len(sources)
        write_sheets(given, model, styles, [source.path for source in sources], inputs)
    return 1 if bad else 0


def check(given: argparse.Namespace) -> None:
    """Raises UsageError where the arguments do not go together."""
    if not given.source:
        raise UsageError("give --source, the contents: files or folders")
    if not given.reference:
        raise UsageError("give --reference, pictures of the styles: files or folders")
    weights = given.style_weights or [1.0]
    if not all(0 <= weight < np.inf for weight in weights) or not sum(weights):
        shares = " ".join(f"{weight:g}" for weight in weights)
        raise UsageError(f"--style-weights are {shares}; give numbers from 0 on, and not 0 for all")
    videos = [path for path in given.source if clips.is_video(path)]
    if videos and not given.video:
        raise UsageError(f"--source {shown(videos[0])} is a video: add --video")
    if videos and len(given.source) > 1:
        raise UsageError("--source: a video is stylized by itself; give one alone")


def size_of(given: argparse.Namespace) -> int:
    """The length in px of shorter sides, or 0 for each picture's own. Raises UsageError for another --size."""
    if given.size in (None, OWN, "0"):
        return 0
    size = int(given.size) if given.size.isdecimal() else 0
    if not SMALLEST <= size <= LARGEST:
        what = f"the px of the shorter side from {SMALLEST} to {LARGEST}, or 0 for each picture's own size"
        raise UsageError(f"--size is {given.size}; give {what}")
    return size


class Styles:
    """The styles asked for: one for each reference, or with --style-weights a mixture of all."""

    def __init__(self, given: argparse.Namespace, model: Stylizer, paths: list):
        self.model, self.paths, self.weights = model, paths, given.style_weights
        self.alpha, self.keep = 1.0 if given.alpha is None else given.alpha, given.keep_colours
        stems = [path.stem for path in paths]
        if len(set(stems)) < len(stems):  # cat/1.jpg and dog/1.jpg
            stems = [f"{path.parent.name}_{path.stem}" for path in paths]
        self.names = ["interpolation"] if self.weights else [f"stylized_{stem}" for stem in stems]
        self.known = None if self.keep else self._of(None)

    def _of(self, colours) -> list:
        """The statistics of each, in the colours of the picture ``colours`` where that is given."""
        found = [self.model.style_of(self.model.read(path), colours) for path in self.paths]
        return [mixed(found, self.weights)] if self.weights else found

    def applied(self, picture: np.ndarray, some: slice = slice(None)) -> list:
        """``picture``, uint8 [H, W, 3], in each style, or in ``some`` of them."""
        styles = self._of(picture) if self.known is None else self.known
        return self.model.stylize_all(picture, styles[some], self.alpha)

    def shown(self, size: int) -> list:
        """The pictures of the styles for the top of a sheet; a mixture has none."""
        if self.weights:
            return [None]
        return [_middle(self.model.read(path), size) for path in self.paths]


def write_each(given, model: Stylizer, styles: Styles, found: list, inputs: list) -> int:
    """Writes CONTENT_stylized_STYLE, or CONTENT_interpolation, for each into --out-dir; returns how many are bad."""
    jobs = sampling.find_jobs(given.source, found, given.out_dir, 1)
    targets, taken = {}, {}
    for job in jobs:
        (plain,) = job.targets
        stem = Path(plain.stem).stem if plain.stem == job.source.name else plain.stem
        names = [short_name(f"{stem}_{name}", plain.suffix, 200) for name in styles.names]
        targets[job.source] = [plain.with_name(name) for name in names]
        for target in targets[job.source]:
            if str(target).casefold() in taken:
                raise UserError(f"two pictures would be {shown(target)}; rename a content or a style")
            taken[str(target).casefold()] = job.source
    sampling.check_there([target for each in targets.values() for target in each], inputs, given.force)
    bad = 0
    for source, files in targets.items():
        try:
            picture = model.read(source)
        except BadImage as error:
            say_left_out(error)
            bad += 1
            continue
        for path, image in zip(files, styles.applied(picture)):
            pictures.save_image(image, path)
            print(f"wrote {shown(path)}", flush=True)
    print(f"stylized {len(jobs) - bad} of {len(jobs)} pictures into {given.out_dir.absolute()}; {bad} left out")
    return bad


def write_sheets(given, model: Stylizer, styles: Styles, sources: list, inputs: list) -> None:
    """Writes one content in one style as it is; of more, sheets of their middles: contents down, styles across."""
    if len(sources) == len(styles.names) == 1:
        (path,) = sampling.free_names(given.out, 1, inputs, given.force)
        pictures.save_image(styles.applied(model.read(sources[0]))[0], path)
        print(f"wrote {path}", flush=True)
        return
    columns, rows, cell = given.columns or COLUMNS, given.rows or ROWS, model.size or CELL
    parts = [(top, left) for top in range(0, len(sources), rows) for left in range(0, len(styles.names), columns)]
    names, above = sampling.free_names(given.out, len(parts), inputs, given.force), styles.shown(cell)
    for path, (top, left) in zip(names, parts):
        made = []
        for source in sources[top : top + rows]:
            picture = model.read(source)
            across = styles.applied(picture, slice(left, left + columns))
            made.append([_middle(image, cell) for image in (picture, *across)])
        heads = above[left : left + columns]
        pictures.save_image(pictures.grid(made if styles.weights else [[None, *heads], *made]), path)
        print(f"wrote {path}", flush=True)


def write_video(given, model: Stylizer, styles: Styles, found: list, inputs: list) -> None:
    """Writes the frames of a video file, or of the pictures ``found`` in their order, in the one style."""
    if given.out_dir:
        raise UsageError("--video writes one file, which --out names; leave out --out-dir")
    (path,) = sampling.free_names(given.out, 1, [*inputs, *given.source], given.force)
    if found:
        clip = clips.of_pictures([picture.path for picture in found], model.read, given.fps or video.FPS)
    else:
        clip = clips.of_file(given.source[0], model.size)
    frames = (styles.applied(frame)[0] for frame in clip.frames())
    video.write_telling(frames, clip.count, given.fps or clip.fps, path)


def _middle(picture: np.ndarray, size: int) -> np.ndarray:
    """The middle square of a picture at ``size`` px."""
    return np.asarray(middle_square(Image.fromarray(picture), size))
