"""Cityscapes as pix2pix trains on it: each photograph beside the colours of its labels, made small.

    SOURCE/leftImg8bit/train/CITY/NAME_leftImg8bit.png      2048 x 1024 px
    SOURCE/gtFine/train/CITY/NAME_gtFine_color.png

and the same in val. Its test part has no labels. As in the authors' script, the photograph is A, on the left, both are
squeezed to a square by Pillow's bicubic filter, and the labels are B: data.direction BtoA makes photographs of labels.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.reading import read_picture
from ppstargan.data.threads import in_threads
from ppstargan.download.fetch import disk_error
from ppstargan.download.unpack import partial_of, remove_partial
from ppstargan.errors import UserError
from ppstargan.runtime import usable_cores

SIZE = 256  # px, of each half
PHOTO, LABELS = ("leftImg8bit", "_leftImg8bit.png"), ("gtFine", "_gtFine_color.png")  # folder, end of the names
PARTS = ("train", "val")


def write_pairs(source: Path, root: Path) -> dict:
    """Writes ``root``/train/NAME.png and ``root``/val/NAME.png, whole or not at all: {part: how many}.

    Raises UserError where ``source`` lacks a part, a photograph or its labels, where one cannot be read, and where
    ``root`` cannot be written.
    """
    found = {part: _pairs(source, part) for part in PARTS}
    partial = partial_of(root)
    remove_partial(root)
    jobs = [(partial / part / f"{name}.png", *paths) for part in PARTS for name, paths in found[part].items()]
    try:
        for part in PARTS:
            (partial / part).mkdir(parents=True)
        with contextlib.closing(in_threads(_write, jobs, _told(len(jobs)), usable_cores())) as written:
            for _ in written:
                pass
        if root.is_dir():
            root.rmdir()
        partial.rename(root)
    except OSError as error:
        raise disk_error(error, root) from None
    finally:
        remove_partial(root)
    return {part: len(found[part]) for part in PARTS}


def _pairs(source: Path, part: str) -> dict:
    """{name: (photograph, labels)}, sorted by name."""
    photos, labels = (_named(source, folder, part, end) for folder, end in (PHOTO, LABELS))
    for some, others, what in ((photos, labels, "labels"), (labels, photos, "photograph")):
        alone = sorted(set(some) - set(others))
        if alone:
            raise UserError(f"{shown(some[alone[0]])} and {len(alone) - 1} more have no {what}; unpack both archives")
    return {name: (photos[name], labels[name]) for name in sorted(photos)}


def _named(source: Path, folder: str, part: str, end: str) -> dict:
    """{NAME: path} of the files NAME + ``end`` in ``folder``, which lies in ``source`` or in a folder in there."""
    found = sorted({*source.glob(f"{folder}/{part}/*/*{end}"), *source.glob(f"*/{folder}/{part}/*/*{end}")})
    if not found:
        raise UserError(
            f"{shown(source)} holds no {folder}/{part}/CITY/*{end}; unpack gtFine_trainvaltest.zip and "
            "leftImg8bit_trainvaltest.zip there, and give this folder"
        )
    return {path.name[: -len(end)]: path for path in found}


def _write(job: tuple) -> None:
    target, *paths = job
    pair = Image.new("RGB", (2 * SIZE, SIZE))
    for column, path in enumerate(paths):
        image = read_picture(path).image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        pair.paste(image, (column * SIZE, 0))
    pair.save(target)


def _told(count: int):
    def told(done: int) -> None:
        print(f"{done} of {count} pairs", flush=True)

    return told
