"""Random changes of a face and its points together, to train the face alignment network on more than there is."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np


class Changes(NamedTuple):
    """How far each goes, in pixels of a picture of 256 px, and how often."""

    rotation: float  # degrees, either way
    scale: float  # by up to this share larger or smaller
    shift: float  # px on each axis, either way
    blur: float  # how often, likewise the next two
    noise: float
    occlusion: float


def turned(image: np.ndarray, points: np.ndarray, angle: float, scale: float) -> tuple:
    """Image and points turned by ``angle`` degrees, anticlockwise, and scaled about the middle; zeros come in.

    As they are where a point would leave the image.
    """
    size = image.shape[0]
    return _moved(image, points, cv2.getRotationMatrix2D((size / 2, size / 2), angle, scale))


def _moved(image: np.ndarray, points: np.ndarray, matrix: np.ndarray) -> tuple:
    moved, size = points @ matrix[:, :2].T + matrix[:, 2], image.shape[0]
    if moved.min() < 0 or moved.max() > size - 1:
        return image, points
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR), moved


def flipped(image: np.ndarray, points: np.ndarray, table: np.ndarray) -> tuple:
    """The mirror image, in which point ``table[i]`` has become point i."""
    return np.ascontiguousarray(image[:, ::-1]), ((image.shape[1] - 1, 0) + points * (-1, 1))[table]


def changed(image: np.ndarray, points: np.ndarray, changes: Changes, table, rng: np.random.Generator) -> tuple:
    """(uint8 [S, S, 3], points [P, 2]) of a random change of both; ``table`` None stands for faces that have no mirror.

    What would move a point out of the image is left undone.
    """
    unit = image.shape[0] / 256
    angle, scale = rng.uniform(-changes.rotation, changes.rotation), 1 + rng.uniform(-changes.scale, changes.scale)
    shift = rng.uniform(-changes.shift, changes.shift, 2) * unit
    mirror, blur, noise, occlusion = rng.random(4)
    if changes.rotation or changes.scale:
        image, points = turned(image, points, angle, scale)
    if changes.shift:
        image, points = _moved(image, points, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]))
    if table is not None and mirror < 0.5:
        image, points = flipped(image, points, table)
    if blur < changes.blur:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 3) * unit)
    if noise < changes.noise:
        image = np.clip(image + rng.normal(0, rng.uniform(2, 16), image.shape), 0, 255).astype(np.uint8)
    if occlusion < changes.occlusion:
        sides = (rng.uniform(0.1, 0.4, 2) * image.shape[0]).astype(int)
        left, top = (int(rng.integers(0, image.shape[0] - side)) for side in sides)
        image = image.copy()
        image[top : top + sides[1], left : left + sides[0]] = rng.integers(0, 256, 3)
    return image, points
