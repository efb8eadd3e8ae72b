"""Videos of translations whose style moves from one code to the next. Frames are drawn and encoded one at a time."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Callable, Iterable, Iterator

import numpy as np
from PIL import GifImagePlugin, Image

from ppstargan.errors import UsageError, UserError
from ppstargan.files import whole_file
from ppstargan.pictures import GAP, style_sheet
from ppstargan.runtime import Progress
from ppstargan.translator import Translator

FPS, SECONDS = 25, 2.0  # 25 a second are whole hundredths, which is what a GIF counts in
FASTEST = 100  # frames a second, which a GIF can still tell apart
WIDEST = 4096  # px across that the H.264 decoders of browsers take
BT709, LIMITED_RANGE = 1, 1  # FFmpeg's numbers: without them a player guesses, and colours shift


def ease(t: float) -> float:
    """t in [0, 1] -> [0, 1], slow at both ends (smoothstep)."""
    return t * t * (3 - 2 * t)


def most_sources(img_size: int, with_references: bool) -> int:
    """How many sources of ``img_size`` px fit side by side into what browsers play; at least 1."""
    return max(1, (WIDEST - GAP) // (img_size + GAP) - with_references)


def style_frames(model: Translator, sources, styles, steps: int, references=None) -> Iterator[np.ndarray]:
    """M * ``steps`` frames uint8 [H, W, 3]: N sources on top, and under each its translation.

    The style goes from each of ``styles`` [M, style_dim] to the next in ``steps`` frames, and from the last to the
    first: shown in a loop, the video has no seam. The strip of ``references``, the M images behind the styles, slides
    on the left in step.
    """
    pictures = model.read(sources)
    prepared = model.prepare(pictures)
    for i, style in enumerate(styles):
        j = (i + 1) % len(styles)
        strip = None
        if references is not None:
            here, there = model.read([references[i], references[j]])
            strip = np.concatenate([here, np.full_like(here[:GAP], 255), there])
        for step in range(steps):
            t = ease(step / steps)
            images = model.render(prepared, (1 - t) * style + t * styles[j])
            top = round(t * (model.img_size + GAP))
            yield style_sheet(pictures, [images], None if strip is None else [strip[top : top + model.img_size]])


def telling(frames: Iterable, count: int, name) -> Iterator:
    """Yields the ``count`` frames, and prints now and then how many are done and how long the rest will take."""
    progress = Progress(str(name), count, "frames")
    for frame in frames:
        yield frame
        progress.add(1)


def timing(fps: int | None, seconds: float | None) -> tuple:
    """(frames a second, frames from a style to the next) of what the user gave, or the usual."""
    fps = fps or FPS
    return fps, max(1, round(fps * (seconds or SECONDS)))


def write_telling(frames: Iterable, count: int, fps: int, path) -> None:
    """Writes ``count`` frames to ``path`` as ``writer`` does, and tells how far it is and that it is done."""
    writer(path)(telling(frames, count, Path(path).name), count, fps, path)
    print(f"wrote {path}: {count} frames, {float(count / fps):.1f} seconds", flush=True)


def writer(path) -> Callable:
    """The function ``write(frames, count, fps, path)`` for the ending of ``path``: .mp4 (H.264), .gif or .webp.

    It takes ``count`` frames uint8 [H, W, 3] of one size, and writes the file whole or not at all. Raises UsageError
    for another ending, and UserError where an .mp4 needs PyAV and there is none.
    """
    writers = {".mp4": _write_mp4, ".gif": _write_gif, ".webp": _write_webp}
    write = writers.get(Path(path).suffix.lower())
    if write is None:
        raise UsageError(f"{path}: a video's name ends in {', '.join(writers)}")
    if write is _write_mp4:
        try:
            import av  # noqa: F401
        except ImportError:
            raise UserError(
                'an .mp4 needs PyAV: pip install -e ".[video]"; or name a .webp or .gif by --out, which need nothing'
            ) from None
    return write


def _write_mp4(frames: Iterable, count: int, fps: int, path) -> None:
    import av
    from av.video.reformatter import Colorspace

    frames = iter(frames)
    first = next(frames)
    height, width = first.shape[:2]
    margins = ((0, height % 2), (0, width % 2), (0, 0))  # H.264 halves the colours' resolution, so sizes are even
    with whole_file(path) as partial:
        # With the index in front, a browser plays before it has the whole file.
        with av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=fps, options={"crf": "18"})
            stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED_RANGE
            for image in itertools.chain([first], frames):
                frame = av.VideoFrame.from_ndarray(np.pad(image, margins, "edge"), format="rgb24")
                container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
            container.mux(stream.encode())


def _delays(count: int, fps: int, unit: int) -> list:
    """How long each frame is shown, in whole 1/``unit`` seconds that do not drift."""
    ends = [round(unit * k / fps) for k in range(count + 1)]
    return [end - start for start, end in zip(ends, ends[1:])]


def _write_gif(frames: Iterable, count: int, fps: int, path) -> None:
    # Pillow's own writer of animations keeps all frames until the last one is there.
    with whole_file(path) as partial, open(partial, "wb") as file:
        for k, (frame, delay) in enumerate(zip(frames, _delays(count, fps, 100))):
            image = Image.fromarray(frame).quantize()
            if k == 0:
                file.writelines(GifImagePlugin.getheader(image, info={"loop": 0})[0])
            file.writelines(GifImagePlugin.getdata(image, duration=10 * delay, include_color_table=k > 0))
        file.write(b";")


def _write_webp(frames: Iterable, count: int, fps: int, path) -> None:
    frames = iter(frames)
    with whole_file(path) as partial:
        Image.fromarray(next(frames)).save(
            partial,
            "WEBP",
            save_all=True,
            append_images=[_Rest(frames, count - 1)],
            duration=_delays(count, fps, 1000),
            loop=0,
            quality=90,
        )


class _Rest:
    """Frames as Pillow takes them from an image of many: ``seek`` draws the next, so that no list is needed."""

    def __init__(self, frames: Iterator, count: int):
        self.frames, self.n_frames, self.image = frames, count, None

    def seek(self, index: int) -> None:
        self.image = Image.fromarray(next(self.frames))

    def __getattr__(self, name: str):
        return getattr(self.image, name)
