"""Pictures of more than 8 bits a colour to 8 bits: which value is white, and what Pillow alone cannot read of them."""

from __future__ import annotations

import numpy as np

# White in whole numbers of 8, 10, 12, 14 and 16 bits, and of 24 and 32: cameras put fewer bits into files of 16.
WHITES = (255, 1023, 4095, 16383, 65535, 2**24 - 1, 2**32 - 1)
BEYOND = 1.25  # so far beyond white go the overshoots of a resampling
MOST_OF_UNIT = 4  # floats up to here are of 0..1 with highlights: of 0..255 they would be black


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """Values of any number type as uint8 of the same shape; what is beyond black or white is clipped, NaN is black.

    Whole numbers are taken for those of the fewest bits that hold the largest of them. Floats are 0..1, or the like of
    whole numbers where more than a hundredth of them are far above 1: a few, such as infinities, do not count. Where
    more than a hundredth are far below 0, black is white's negative: -1..1.
    """
    low, white = _black_and_white(values)
    scaled = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(255 / (white - low))
    return np.round(np.clip(np.nan_to_num(scaled), 0, 255)).astype(np.uint8)


def _black_and_white(values: np.ndarray) -> tuple:
    if values.dtype.kind in "iub":
        return 0, _white(float(values.max()))
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0, 1
    hundredth = (finite.size - 1) // 100
    ordered = np.partition(finite, (hundredth, finite.size - 1 - hundredth))
    least, most = float(ordered[hundredth]), float(ordered[finite.size - 1 - hundredth])
    white = 1 if most <= MOST_OF_UNIT else _white(most)
    return (-white if least < (1 - BEYOND) * white else 0), white


def _white(most: float) -> float:
    return next((white for white in WHITES if most <= BEYOND * white), WHITES[-1])


def read_colours(content: bytes) -> np.ndarray | None:
    """A picture [H, W, 3 or 4] or [H, W], RGB or RGBA, with all its bits, by OpenCV; None where that cannot read it.

    Pillow keeps the upper 8 of 16 bits in colour, and refuses floats in colour.
    """
    import cv2

    # OpenCV 4 and 5. It would print what is wrong with a damaged file, which the caller says in a line.
    set_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
    before = set_level(0)
    try:
        found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        set_level(before)
    if found is None or found.ndim == 2:
        return found
    return found[..., [2, 1, 0, 3][: found.shape[2]]] if found.shape[2] in (3, 4) else None
