"""Image files to arrays, with the pixels of Pillow and torchvision.

Every array is float32 [3, H, W], RGB. Resizing is Pillow's bilinear filter, which averages when it shrinks.
Pillow 13 and later resize some tall images vertically first: earlier ones differ there by one 8-bit level.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import shown
from ppstargan.data.reading import read_picture
from ppstargan.errors import as_typed

CROP_AREA = (0.8, 1.0)  # share of the image that a random crop keeps
FITS = ("square", "squash")  # how a picture of other shape becomes a square, the default first
CROP_ASPECT = (0.9, 1.1)  # its width over its height

_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
_told: list = []  # the transparent image that the user has been told of


def load_rgb(path: str | Path, background: tuple | None = None) -> Image.Image:
    """``read_picture``, the image alone; the first one with transparent places is named on stderr.

    Raises BadImage, a UserError that names the file.
    """
    picture = read_picture(path, background)
    if picture.transparent and background is None and not _told:
        _told.append(path)
        if _told[0] is path:  # of the threads that load, the first
            both = as_typed("tools/prepare.py and tools/sample.py")
            print(
                f"{shown(path)} is transparent in places: the colours that it hides are used there, as in the authors' "
                f"code; {both} put one behind them by --background white (said once)",
                file=sys.stderr,
                flush=True,
            )
    return picture.image


def to_array(image: Image.Image) -> np.ndarray:
    """An 8-bit image as float32 [3, H, W], or [1, H, W] of a grey one, in [-1, 1]."""
    return (to_unit(image) - np.float32(0.5)) / np.float32(0.5)


def to_unit(image: Image.Image) -> np.ndarray:
    """An 8-bit image as float32 [3, H, W], or [1, H, W] of a grey one, in [0, 1]."""
    pixels = np.ascontiguousarray(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1))
    return pixels.astype(np.float32) / np.float32(255)


def _resize(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BILINEAR)


def for_testing(image: Image.Image, size: int) -> np.ndarray:
    """The whole image, resized to float32 [3, size, size] in [-1, 1]; its aspect ratio is not kept."""
    return to_array(_resize(image, size))


def fitted(image: Image.Image, fit: str) -> Image.Image:
    """The image as a square is made of it: its middle for ``fit`` "square", the whole, to be squeezed, for "squash"."""
    if fit == "squash" or image.width == image.height:
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def crop_and_resize(image: Image.Image, top: int, left: int, height: int, width: int, size: int) -> np.ndarray:
    """A box of the image (in pixels), resized to float32 [3, size, size] in [-1, 1]."""
    # Cropped before resizing, so that no pixel from outside the box bleeds in at its edge.
    return to_array(_resize(image.crop((left, top, left + width, top + height)), size))


def for_training(image: Image.Image, size: int, crop_probability: float, rng: np.random.Generator) -> np.ndarray:
    """A random crop (else the whole image), flipped half of the time: float32 [3, size, size] in [-1, 1]."""
    if rng.random() < crop_probability:
        array = crop_and_resize(image, *random_crop(image.height, image.width, rng), size)
    else:
        array = for_testing(image, size)
    return np.ascontiguousarray(array[:, :, ::-1]) if rng.random() < 0.5 else array


def random_crop(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box (top, left, height, width) in pixels, chosen as torchvision's RandomResizedCrop does."""
    low, high = CROP_ASPECT
    for _ in range(10):
        area = height * width * rng.uniform(*CROP_AREA)
        aspect = math.exp(rng.uniform(math.log(low), math.log(high)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    # A long or narrow image: the largest central box with an allowed aspect ratio.
    w = min(width, round(height * high))
    h = min(height, round(width / low))
    return (height - h) // 2, (width - w) // 2, h, w


def for_inception(image: Image.Image, size: int = 256) -> np.ndarray:
    """The input of the FID's Inception, float32 [3, 299, 299] with ImageNet's mean and deviation taken out.

    Resized to the generator's ``size`` and then to 299, both in 8 bits: the authors' loader does so, and FID depends
    on it.
    """
    return (to_unit(_resize(_resize(image, size), 299)) - _IMAGENET_MEAN) / _IMAGENET_STD


def shorter_side(image: Image.Image, size: int) -> Image.Image:
    """The image resized until its shorter side has ``size`` px, the longer one rounded down, as torchvision's."""
    short = min(image.size)
    return image.resize([int(size * side / short) for side in image.size], Image.Resampling.BILINEAR)


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """The shorter side resized to ``size``, and the middle of the longer one, as WGAN's authors prepare images."""
    image = shorter_side(image, size)
    left, top = (round((side - size) / 2) for side in image.size)  # half to even, as torchvision's
    return image.crop((left, top, left + size, top + size))


def resized(image: Image.Image, mode: str, load_size: int, size: int) -> Image.Image:
    """The image as pix2pix's and CycleGAN's authors resize it, by Pillow's bicubic filter, before a square is cut out.

    ``mode`` is "resize_and_crop" (to a square of ``load_size``), "crop" (as it is), "scale_width" or
    "scale_width_and_crop" (to the width ``load_size``, and at least the height ``size``), or "none" (each side to the
    nearest multiple of 4).
    """
    width, height = image.size
    if mode == "resize_and_crop":
        target = (load_size, load_size)
    elif mode.startswith("scale_width"):
        same = width == load_size and height >= size
        target = image.size if same else (load_size, int(max(load_size * height / width, size)))
    else:
        target = image.size if mode == "crop" else tuple(int(round(side / 4) * 4) for side in image.size)
    return image if target == image.size else image.resize(target, Image.Resampling.BICUBIC)
