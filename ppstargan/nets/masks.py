"""Heatmaps of facial landmarks -> the two masks of the high-pass features (appendix, "High-pass filtering").

Every shift and exponent is the reference implementation's, in pixels of a 256-pixel map.
"""

from __future__ import annotations

import paddle
from paddle.nn import functional as F

from ppstargan.nets.fan import FAN, INPUT_SIZE

# Part -> the range of its landmarks among the 98 of WFLW.
CHIN = slice(8, 25)
EYEBROWS = slice(33, 51)
NOSE_BELOW_ROOT = slice(52, 55)
NOSTRILS = slice(55, 60)
EYES = slice(60, 76)
MOUTH = slice(76, 96)
LIP_UPPER, LIP_LOWER, LIP_INNER = slice(77, 82), slice(83, 88), slice(88, 96)

# Part -> pixels that its maps move up (down where negative), and the exponent that sharpens them.
OPERATIONS = (
    (CHIN, 0, 3),
    (EYEBROWS, -7, 2),
    (NOSE_BELOW_ROOT, 4, 1),
    (NOSTRILS, 8, 4),
    (LIP_UPPER, -8, 4),
    (LIP_LOWER, 8, 4),
    (LIP_INNER, -2, 3),
)
# Temples, the outer ends of the eyebrows, and the corners of the mouth take no part.
SILENT = (slice(0, 8), slice(25, 33), slice(33, 34), slice(46, 47), slice(76, 77), slice(82, 83))
THRESHOLD = 0.1


def _move_up(maps: paddle.Tensor, pixels: int) -> paddle.Tensor:
    return paddle.roll(maps, -pixels, axis=2)


@paddle.no_grad()
def masks_from_heatmaps(heatmaps: paddle.Tensor):
    """Heatmaps [N, 98, H, W], H a multiple of 256 or less -> (mask, mask without face line and mouth).

    Each mask is [N, 1, H, W] in [0, 1]: the sum of the truncated, normalised, shifted and sharpened maps, clipped.
    Below 256 px, where there is no reference, shifts are of the nearest whole pixel.
    """
    scale = heatmaps.shape[2] / INPUT_SIZE
    maps = heatmaps * (heatmaps >= THRESHOLD).astype(heatmaps.dtype)
    lowest = maps.min(axis=[2, 3], keepdim=True)
    highest = maps.max(axis=[2, 3], keepdim=True)
    maps = (maps - lowest) / (highest - lowest + 1e-6)  # a map without a peak stays 0

    for part, pixels, exponent in OPERATIONS:
        maps[:, part] = _move_up(maps[:, part], round(pixels * scale)) ** exponent
    for part in SILENT:
        maps[:, part] = 0
    eyes, scale = maps[:, EYES], min(1, scale)  # alone in the reference to move by as many pixels of a larger map
    maps[:, EYES] = _move_up(eyes, round(-8 * scale)) ** 3 + _move_up(eyes, round(-24 * scale))

    coarse = maps.sum(axis=1, keepdim=True)
    for part in (CHIN, EYEBROWS, MOUTH):
        maps[:, part] = 0
    fine = maps.sum(axis=1, keepdim=True)
    return coarse.clip(0, 1), fine.clip(0, 1)


@paddle.no_grad()
def face_masks(fan: FAN, x: paddle.Tensor):
    """The two masks [N, 1, 256, 256] in [0, 1] for images x [N, 3, H, W] in [-1, 1] of any size.

    Those of a FAN that sees less than the authors' are [N, 1, H, H], where the images are smaller: what they cost grows
    with their area, and is many times what small networks cost.
    """
    side = INPUT_SIZE if fan.img_size >= INPUT_SIZE else min(INPUT_SIZE, x.shape[2])
    return masks_from_heatmaps(F.interpolate(fan.heatmaps(x), [side, side], mode="bilinear", align_corners=True))
