"""Image files of any kind to 8-bit RGB images."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor

from ppstargan.data.bad_files import BadImage
from ppstargan.data.depth import read_colours, to_8_bits
from ppstargan.data.formats import FORMATS, HEAD, advice, can_read, kind, opener, without_text
from ppstargan.errors import UsageError

MOST_PIXELS = 300_000_000  # of a file; 1.2 GB while it is read
LARGE = 80_000_000  # what has more pixels is made smaller by a whole number; from 89 million on Pillow would warn

_ORIENTATION_TAG = 0x0112
_WHITE_IS_ZERO = 0x0106, 0  # of a TIFF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_one_large = threading.Lock()  # so that the loader's threads do not each hold one of a gigabyte


class Picture(NamedTuple):
    """An image file: 8-bit RGB, upright; its width and height in the file; whether it is transparent in places."""

    image: Image.Image
    width: int
    height: int
    transparent: bool


def read_picture(path: str | Path, background: tuple | None = None) -> Picture:
    """The image at ``path`` as 8-bit RGB, turned upright by its EXIF orientation; the first one of an animation.

    What is transparent gets the colours that the file hides there, as in the authors' code, or is seen before
    ``background``, an (R, G, B). Images of more than 8 bits are taken as ``to_8_bits`` says, and those of more than
    ``LARGE`` pixels made smaller. Raises BadImage, a UserError that names the file, when it cannot be read, or has
    more than ``MOST_PIXELS``.
    """
    try:
        if os.path.getsize(path) == 0:
            raise OSError("the file is empty (0 bytes)")
        with open(path, "rb") as file:
            return _read(file, os.fspath(path), background)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, SyntaxError):  # what Pillow's readers say of a header
            reason = f"a damaged image ({reason})"
        raise BadImage(path, reason) from error


def background_colour(text: str | None) -> tuple | None:
    """(R, G, B) of a colour's name, such as white, or #RRGGBB. Raises UsageError for another text."""
    try:
        return None if text is None else ImageColor.getrgb(text)[:3]
    except (ValueError, AttributeError):
        raise UsageError(f"{text} is no colour; give a name such as white, or #RRGGBB") from None


def _read(file, name: str, background) -> Picture:
    found = kind(file.read(HEAD))
    file.seek(0)
    if not can_read(found):
        raise OSError(advice(found) or f"not an image ({', '.join(FORMATS)}), or a damaged one")
    try:
        return _decode(found, file, name, background)
    except Exception:
        file.seek(0)
        lean = without_text(file.read()) if found == "PNG" else None
        if lean is None:
            raise
        return _decode(found, lean, "", background)


def _decode(found: str, file, name: str, background) -> Picture:
    try:
        if found in ("WEBP", "AVIF"):  # Pillow 13 looks at its limit when it opens them
            content = io.BytesIO(file.read())
            with _large():
                image = opener(found)(content, "")
        else:
            image = opener(found)(file, name)
    except Exception:
        file.seek(0)
        colours = read_colours(file.read()) if found == "TIFF" else None  # of floats, say
        if colours is None:
            raise
        image = _from_colours(colours)
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        most = f"at most {MOST_PIXELS // 1_000_000} million are read"
        raise OSError(f"it has {image.width} x {image.height} pixels, and {most}: make it smaller")
    with _large() if pixels > LARGE else contextlib.nullcontext():
        return _decoded(image, file, background)


@contextlib.contextmanager
def _large():
    """One at a time, and without Pillow's own limit, which some of its readers look at once more."""
    with _one_large:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        except MemoryError:
            raise OSError("there is not enough memory for so many pixels: make it smaller") from None
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decoded(image: Image.Image, file, background) -> Picture:
    width, height = image.size
    factor = _factor(width, height)
    if factor > 1 and image.format in ("JPEG", "MPO"):  # which come out smaller for less time and memory
        drafts = next(f for f in (2, 4, 8) if f >= factor)
        image.draft(image.mode, (width // drafts, height // drafts))
    colours = None
    deep = ";16" in str(getattr(image, "tile", "")) and image.mode in ("RGB", "RGBA", "LA")
    image.load()
    if deep and max(high for _, high in image.convert("RGB").getextrema()) < 80:  # fewer bits than 16, maybe
        file.seek(0)
        colours = read_colours(file.read())
    exif = orientation(image)
    if colours is not None:
        image = _from_colours(colours)
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        image = _smaller(image)  # before it becomes RGB, which takes as much memory again
    rgb, transparent = to_rgb(image, background)
    rgb = _turned(_smaller(rgb), exif)
    return Picture(rgb, *((height, width) if exif in _SIDEWAYS else (width, height)), transparent)


def _smaller(image: Image.Image) -> Image.Image:
    """The image, or means over squares of it where it has more than ``LARGE`` pixels."""
    factor = _factor(*image.size)
    return image if factor == 1 else image.reduce(factor)


def _factor(width: int, height: int) -> int:
    return next(f for f in range(1, 99) if -(-width // f) * -(-height // f) <= LARGE)


def _from_colours(values: np.ndarray) -> Image.Image:
    if values.ndim == 3 and values.shape[2] == 4:
        return Image.fromarray(np.dstack([to_8_bits(values[..., :3]), to_8_bits(values[..., 3])]))
    return Image.fromarray(to_8_bits(values))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8."""
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return 1


def upright(image: Image.Image) -> Image.Image:
    """The image turned by its EXIF orientation."""
    return _turned(image, orientation(image))


def _turned(image: Image.Image, exif: int) -> Image.Image:
    return image.transpose(_TURNS[exif]) if exif in _TURNS else image


def to_rgb(image: Image.Image, background: tuple | None = None) -> tuple:
    """(8-bit RGB image, whether it is transparent in places) of a Pillow image of any mode; see ``read_picture``."""
    if image.mode[0] in "IF":  # Pillow would clip at 255
        tag, zero = _WHITE_IS_ZERO
        levels = to_8_bits(np.asarray(image))
        if image.mode != "F" and getattr(image, "tag_v2", {}).get(tag) == zero:
            levels = 255 - levels
        return Image.fromarray(levels).convert("RGB"), False
    transparent, behind = False, None
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        behind = image.convert("RGBA")
        transparent = behind.getchannel("A").getextrema()[0] < 255
    if transparent and background is not None:
        whole = Image.new("RGB", image.size, background)
        whole.paste(behind, mask=behind.getchannel("A"))
        return whole, True
    if "transparency" in image.info:  # dropped anyway; Pillow would warn about it
        image = image.copy()
        image.info.pop("transparency", None)
    return image.convert("RGB"), transparent
