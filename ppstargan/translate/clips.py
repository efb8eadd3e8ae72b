"""Frames of a video file or of a folder of pictures, one at a time, so that memory does not grow with the length."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.transforms import shorter_side
from ppstargan.errors import UserError

ENDINGS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv")  # of video files


class Clip(NamedTuple):
    """``frames()`` gives them anew, uint8 [H, W, 3] each, all of one size."""

    frames: Callable
    count: int
    fps: Fraction


def is_video(path: str | Path) -> bool:
    """Whether ``path`` is a video file by its ending."""
    return Path(path).suffix.lower() in ENDINGS


def of_file(path: str | Path, size: int = 0) -> Clip:
    """The frames of a video file; with ``size``, their shorter side has that. Its sound is left behind.

    Raises UserError without PyAV, for a file that cannot be read, and for one without a frame.
    """

    def frames() -> Iterator[np.ndarray]:
        first = None
        with _opened(path) as container:
            for frame in container.decode(video=0):
                image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                image = shorter_side(image, size) if size else image
                first = first or image.size
                yield np.asarray(image if image.size == first else image.resize(first, Image.Resampling.BILINEAR))

    with _opened(path) as container:
        if not container.streams.video:
            raise UserError(f"{shown(path)} holds no pictures; give a video")
        fps = container.streams.video[0].average_rate or Fraction(25)
        count = sum(1 for _ in container.decode(video=0))  # what its header says may be wrong
    if not count:
        raise UserError(f"{shown(path)} holds no frame that can be read; give another video")
    return Clip(frames, count, Fraction(fps))


def of_pictures(paths: list, read: Callable, fps: int) -> Clip:
    """The pictures at ``paths`` in their order, as ``read(path)`` gives them.

    Its frames raise UserError for one that cannot be read, and for one of another size than the first.
    """

    def frames() -> Iterator[np.ndarray]:
        first = None
        for path in paths:
            picture = read(path)
            first = first or picture.shape
            if picture.shape != first:
                sizes = " and ".join(f"{shape[1]} x {shape[0]} px" for shape in (picture.shape, first))
                raise UserError(f"{shown(path)} and {shown(paths[0])} have {sizes}, and frames have one size")
            yield picture

    return Clip(frames, len(paths), Fraction(fps))


@contextlib.contextmanager
def _opened(path: str | Path):
    try:
        import av
    except ImportError:
        raise UserError('a video is read by PyAV: pip install -e ".[video]"; or give a folder of its frames') from None
    try:
        with av.open(str(path)) as container:
            yield container
    except (av.error.FFmpegError, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the video {shown(path)}: {why}; give another one") from None
