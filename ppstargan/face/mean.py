"""The mean face's landmarks, as a file: what tools/download.py takes, and tools/align.py reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ppstargan.errors import UserError
from ppstargan.nets.fan import NUM_LANDMARKS

MEAN_KEY = "mean"


def mean_landmarks(path) -> np.ndarray:
    """The mean face's landmarks [98, 2] as (x, y) in a 256-pixel image, from the authors' celeba_lm_mean.npz.

    Raises UserError where the file is missing or holds something else.
    """
    path = Path(path).absolute()
    try:
        with np.load(path, allow_pickle=False) as file:
            landmarks = np.asarray(file[MEAN_KEY], np.float64)
    except FileNotFoundError:
        raise UserError(
            f"no mean landmarks at {path}: python tools/download.py wing mean_landmarks brings the two files that "
            "aligning needs; or name the authors' celeba_lm_mean.npz by --mean"
        ) from None
    except Exception:  # NumPy raises nearly anything on another file
        raise UserError(f"{path} is no .npz file with the array {MEAN_KEY}, or a damaged one; get it again") from None
    if landmarks.shape != (NUM_LANDMARKS, 2) or not np.isfinite(landmarks).all():
        raise UserError(f"{path}: {MEAN_KEY} is {list(landmarks.shape)}, not {NUM_LANDMARKS} finite points (x, y)")
    return landmarks
