"""Which files are images: told by their first bytes, whatever a name says, and what of Pillow reads them."""

from __future__ import annotations

import importlib
import io
import os
import re
import struct
from functools import lru_cache
from pathlib import Path

from PIL import Image

HEAD = 256  # bytes of a file that tell its format
# No others: for an EPS, say, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000")
NEEDS = {"AVIF": "pillow-avif-plugin", "HEIF": "pillow-heif"}  # by the names that Pillow gives the formats
# A camera's raw file is a TIFF from outside, and Pillow would take the thumbnail in it for the picture.
RAW = (".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".nef", ".nrw", ".pef", ".sr2",
       ".srf", ".srw")  # fmt: skip

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0"), "TIFF"),
    **dict.fromkeys((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"), "JPEG2000"),
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes; a text may begin with BM too
_PPM = re.compile(rb"P[1-6f]\s(\s|#[^\n]*\n)*\d+\s(\s|#[^\n]*\n)*\d")
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")  # a PNG's chunks that say nothing about its pixels, and may be large


def kind(head: bytes) -> str:
    """The format, by Pillow's name, of an image file that begins with ``head``, its first ``HEAD`` bytes; or ""."""
    for start, name in _STARTS.items():
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack("<I", head[14:18])[0] in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":  # MPEG-4's container, of films too
        brands = {head[i : i + 4] for i in (8, *range(16, min(int.from_bytes(head[:4], "big"), HEAD), 4))}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF" if brands & _HEIF_BRANDS else ""
    return "PPM" if _PPM.match(head) else ""


def kind_of(path) -> str:
    """``kind`` of the file at ``path``; "" also for what is no file, or cannot be read."""
    try:
        if os.path.isfile(path):  # a pipe would never end
            with open(path, "rb") as file:
                return kind(file.read(HEAD))
    except OSError:
        pass
    return ""


@lru_cache(maxsize=None)
def can_read(name: str) -> bool:
    """Whether this Pillow, or a package beside it, reads the format."""
    if name == "HEIF":
        with_heif = _module("pillow_heif")
        if with_heif:
            with_heif.register_heif_opener()
        return bool(with_heif)
    if name == "AVIF":
        own = _module("PIL.AvifImagePlugin")  # from Pillow 11.3 on
        return bool((own and own.SUPPORTED) or _module("pillow_avif"))
    return name in FORMATS


def _module(name: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def advice(name: str) -> str:
    """What makes a format that cannot be read readable, or "" for none."""
    return f"{name}: pip install {NEEDS[name]} reads it" if name in NEEDS else ""


def passed_over(path) -> str:
    """What to call a file that is no image to be read, in a list of how many there are: by its ending."""
    ending = Path(path).suffix.lower() or "without ending"
    if ending in RAW:
        return f"{ending} (a camera's raw file: convert it)"
    return f"{ending} ({advice(kind_of(path))})" if advice(kind_of(path)) else ending


def is_readable(path) -> bool:
    """Whether the content of the file is an image that can be read here."""
    return not str(path).lower().endswith(RAW) and can_read(kind_of(path))


def opener(name: str):
    """Pillow's ``factory(file, filename)`` for the format. Other than Image.open it warns of no large image."""
    if name not in Image.OPEN:
        Image.init()
    return Image.OPEN[name][0]


def without_text(content: bytes) -> io.BytesIO | None:
    """A PNG without its texts and its colour profile; None where it has none.

    Pillow takes one of more than 1 MB, unpacked, for an attack, and refuses the whole file, as it does where one is
    damaged; the pixels may be whole.
    """
    kept, place = [content[:8]], 8
    while place + 8 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] not in _TEXT:
            kept.append(content[place:end])
        place = end
    lean = b"".join(kept)
    return io.BytesIO(lean) if len(lean) < len(content) else None
