"""Image files to arrays, with the pixels of Pillow and torchvision.

Every array is float32 [3, H, W], RGB. Resizing is Pillow's bilinear filter, which averages when it shrinks.
Pillow 13 and later resize some tall images vertically first: earlier ones differ there by one 8-bit level.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import BadImage

# By content, whatever a name says. No others: for an EPS, say, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
CROP_AREA = (0.8, 1.0)  # share of the image that a random crop keeps
CROP_ASPECT = (0.9, 1.1)  # its width over its height

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


def load_rgb(path: str | Path) -> Image.Image:
    """The image as 8-bit RGB, turned upright by its EXIF orientation; transparency is dropped.

    Integer images of more than 8 bits are taken as 16-bit ones (0..65535), float images as 0..1, or as 0..255
    when a value exceeds 1. Raises BadImage, a UserError that names the file, when it cannot be read, or has so many
    pixels that Pillow takes it for an attack on the memory.
    """
    try:
        if os.path.getsize(path) == 0:
            raise OSError("the file is empty (0 bytes)")
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            orientation = _orientation(image)
            rgb = _to_rgb(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, Image.UnidentifiedImageError):
            reason = f"not an image ({', '.join(FORMATS)}), or a damaged one"
        raise BadImage(path, reason) from error
    return rgb.transpose(_TURNS[orientation]) if orientation in _TURNS else rgb


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # Pillow would clip at 255 and leave a white image
        values = np.clip(np.asarray(image).astype(np.float64), 0, 65535) / 257
        image = Image.fromarray(np.round(values).astype(np.uint8))
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        values = np.clip(values * 255 if values.max() <= 1 else values, 0, 255)
        image = Image.fromarray(np.round(values).astype(np.uint8))
    image.info.pop("transparency", None)  # dropped anyway; Pillow would warn about it
    return image.convert("RGB")


def to_array(image: Image.Image) -> np.ndarray:
    """An 8-bit RGB image as float32 [3, H, W] in [-1, 1]."""
    return (_unit(image) - np.float32(0.5)) / np.float32(0.5)


def _unit(image: Image.Image) -> np.ndarray:
    pixels = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
    return pixels.astype(np.float32) / np.float32(255)


def _resize(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BILINEAR)


def for_testing(image: Image.Image, size: int) -> np.ndarray:
    """The whole image, resized to float32 [3, size, size] in [-1, 1]; its aspect ratio is not kept."""
    return to_array(_resize(image, size))


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
    return (_unit(_resize(_resize(image, size), 299)) - _IMAGENET_MEAN) / _IMAGENET_STD


def for_wgan(image: Image.Image, size: int) -> np.ndarray:
    """The shorter side resized to ``size``, and the middle of the longer one: float32 [3, size, size] in [-1, 1]."""
    short = min(image.size)
    image = image.resize([int(size * side / short) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (round((side - size) / 2) for side in image.size)  # half to even, as torchvision's
    return to_array(image.crop((left, top, left + size, top + size)))
