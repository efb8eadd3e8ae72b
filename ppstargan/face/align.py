"""Landmarks of a face -> the similarity transform to the mean face -> the aligned face, as the StarGAN v2 authors crop.

The frame is turned as in Progressive GAN's CelebA-HQ: by the eyes and the mouth. Where it leaves the image, the image
goes on mirrored, and fades into a blurred copy of itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.filters import gaussian

from ppstargan.errors import UserError
from ppstargan.nets.fan import NUM_LANDMARKS

MEAN_SIZE = 256  # px of the image that the mean landmarks are in
# Among the 98 landmarks of WFLW:
LEFT_EYE = [*range(60, 68), 96]  # its outline and its pupil
RIGHT_EYE = [*range(68, 76), 97]
MOUTH_CORNERS = [76, 82]
SCALE_POINTS = [96, 97, 76, 82]  # whose distances from the face's centre give the scale


def _checked(landmarks) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (NUM_LANDMARKS, 2):
        raise UserError(f"a face's landmarks are an array [{NUM_LANDMARKS}, 2] of (x, y), not {list(landmarks.shape)}")
    if not np.isfinite(landmarks).all():
        raise UserError("the landmarks contain NaN or infinity")
    return landmarks


def _upright(landmarks: np.ndarray) -> np.ndarray:
    """Vector [2] along the face's x axis: from eye to eye, plus the line from mouth to eyes turned right by 90°."""
    left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    x, y = (left + right) / 2 - landmarks[MOUTH_CORNERS].mean(axis=0)
    return right - left + (-y, x)


def similarity(landmarks: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The matrix [3, 3] that turns, scales and moves a face's landmarks [98, 2], as (x, y), to lie as ``targets`` do.

    Not the least-squares fit: the centres of all points meet, the rotation is that between the faces' x axes, and
    the scale is the mean over the pupils and the corners of the mouth of their ratios of distances from the centre.
    Raises UserError for another shape, for points that are not finite, and for landmarks that fall on one point.
    """
    landmarks, targets = _checked(landmarks), _checked(targets)
    centre, target_centre = landmarks.mean(axis=0), targets.mean(axis=0)
    (x, y), (target_x, target_y) = _upright(landmarks), _upright(targets)
    cos, sin = x * target_x + y * target_y, x * target_y - y * target_x
    radii = np.linalg.norm(landmarks - centre, axis=1)[SCALE_POINTS]
    length = np.hypot(cos, sin)
    if min(length, radii.min()) < 1e-6:
        raise UserError("the landmarks fall on one point: no face was found in the image")
    ratios = np.linalg.norm(targets - target_centre, axis=1)[SCALE_POINTS] / radii
    matrix = np.eye(3)
    matrix[:2, :2] = ratios.mean() / length * np.array([[cos, -sin], [sin, cos]])
    matrix[:2, 2] = target_centre - matrix[:2, :2] @ centre
    return matrix


def _ramp(length: int, pad: int) -> np.ndarray:
    """From 0 on the border to 1 where the image begins, ``pad`` pixels further in, on both sides: [length]."""
    distance = np.arange(length, dtype=np.float32)
    return np.clip(np.minimum(distance, distance[::-1]) / pad, 0, 1)


def _pad(image: np.ndarray):
    """Image [H, W, 3] -> (padded image, pad above, pad on the left): mirrored by half its size on every side.

    The margins fade into the blurred picture, by the fourth power of the distance from the outer border.
    """
    height, width = image.shape[:2]
    top, left = height // 2, width // 2
    padded = np.pad(image, ((top, top), (left, left), (0, 0)), mode="reflect")
    blurred = gaussian(cv2.resize(padded, (width, height)), height // 100, channel_axis=2)
    blurred = cv2.resize(blurred, padded.shape[1::-1])
    sharp = np.minimum(_ramp(padded.shape[0], top)[:, None], _ramp(padded.shape[1], left)) ** 4
    return blurred + sharp[:, :, None] * (padded - blurred), top, left


def align_face(image: np.ndarray, landmarks: np.ndarray, mean_landmarks: np.ndarray, size: int = 256) -> np.ndarray:
    """The face of ``image``, aligned: float32 [H, W, 3] in [-1, 1] -> float32 [size, size, 3] in [-1, 1].

    ``landmarks`` [98, 2] are (x, y) in pixels of the image (``FAN.landmarks``), ``mean_landmarks`` [98, 2] those of
    the mean face in a 256-pixel image, whatever ``size`` is. Beyond the mirrored margins the result is black.
    Raises UserError for landmarks as ``similarity`` does, and for an image of another shape.
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 2:
        raise UserError(f"an image to align is [height, width, 3] of at least 2 px, not {list(image.shape)}")
    matrix = similarity(landmarks, _checked(mean_landmarks) * (size / MEAN_SIZE))
    padded, top, left = _pad(image)
    matrix[:2, 2] -= matrix[:2, :2] @ (left, top)
    aligned = cv2.warpPerspective(padded, matrix, (size, size), flags=cv2.INTER_LANCZOS4, borderValue=(-1, -1, -1))
    return aligned.clip(-1, 1)
