"""Images by class: MNIST's files, or a folder of images for each class below ROOT/train and ROOT/val."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data import idx
from ppstargan.data.batches import Images
from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import image_lists
from ppstargan.data.transforms import middle_square, to_array

POOLED = "images"  # the one name of what is drawn without classes


def read_classes(root: str | Path) -> Images:
    """The classes of ``root``. Raises UserError as ``idx.read`` or ``find_domains`` do."""
    if idx.is_idx(root):
        digits = idx.read(root)
        train = digits.by_class("train")
        digests = {name: [len(images), _digest(images)] for name, images in train.items()}
        return Images(train, digits.by_class("test"), digests)
    folder = Path(root) / "train"
    train = find_domains(folder)
    val = find_domains(folder.with_name("val")) if folder.with_name("val").is_dir() else {}
    return Images(train, val, image_lists(folder, train))


def read_pooled(root: str | Path) -> Images:
    """All images of ``root`` as if of one class; digests are still those of the classes."""
    classes = read_classes(root)
    pools = [{POOLED: [item for items in part.values() for item in items]} for part in (classes.train, classes.val)]
    return Images(*pools, classes.digests)


def _digest(images: list) -> str:
    digest = hashlib.sha256()
    for image in images:
        digest.update(image.tobytes())
    return digest.hexdigest()


def prepared(image, size: int, channels: int) -> np.ndarray:
    """The middle of an image, or of uint8 [H, W], as float32 [channels, size, size] in [-1, 1]; 1 channel is grey."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    return to_array(middle_square(image.convert("L" if channels == 1 else "RGB"), size))
