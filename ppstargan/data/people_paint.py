"""How a drawn person gets on the canvas: shapes in face coordinates, sharp or soft."""

from __future__ import annotations

import cv2
import numpy as np

from ppstargan.data.people_points import Head


class Painter:
    """Fills shapes in face coordinates on a canvas; while ``covering``, notes what they cover."""

    def __init__(self, canvas: np.ndarray, head: Head):
        self.canvas, self.head = canvas, head
        self.covering, self.covered = False, np.zeros(canvas.shape[:2], np.uint8)

    def fill(self, points, colour, lift=0.0) -> None:
        """A polygon [N, 2], which stands out of the face by ``lift``."""
        self.flat(self.head.turned(points, lift), colour)

    def flat(self, points, colour) -> None:
        """A polygon that does not turn with the face."""
        pixels = self._sixteenths(points)
        cv2.fillPoly(self.canvas, [pixels], colour, cv2.LINE_AA, shift=4)
        if self.covering:
            cv2.fillPoly(self.covered, [pixels], 255, cv2.LINE_AA, shift=4)

    def soft(self, points, colour, strength: float, blur: float, within=None, lift=0.0) -> None:
        """A polygon with edges blurred by ``blur``, so that ``strength`` of what it gives is ``colour``.

        ``within``: a turned polygon that it stays inside of.
        """
        points = self._sixteenths(self.head.turned(points, lift))
        sigma = blur * np.hypot(*self.head.pose[:, 0])
        step = max(1, int(sigma / 3))  # what is blurred is as well drawn small, and sooner
        low = np.maximum(points.min(0) // 16 - int(3 * sigma), 0)
        high = np.minimum(points.max(0) // 16 + int(3 * sigma) + 2, self.canvas.shape[1::-1])
        if (high <= low).any():
            return
        mask = np.zeros(-(-(high - low) // step)[::-1], np.uint8)
        small = ((points - 16 * low + 8) / step - 8).round().astype(np.int32)
        cv2.fillPoly(mask, [small], 255, cv2.LINE_AA, shift=4)
        mask = cv2.GaussianBlur(mask, (0, 0), max(sigma / step, 0.3))
        if step > 1:
            mask = cv2.resize(mask, tuple((step * np.array(mask.shape[::-1])).tolist()))
            mask = mask[: high[1] - low[1], : high[0] - low[0]]
        if within is not None:
            inside = np.zeros_like(mask)
            cv2.fillPoly(inside, [self._sixteenths(within) - 16 * low], 255, cv2.LINE_AA, shift=4)
            mask = np.minimum(mask, inside)
        part = self.canvas[low[1] : high[1], low[0] : high[0]]
        share = (strength / 255) * mask[:, :, None].astype(np.float32)
        part[:] = (part + share * (np.array(colour, np.float32) - part) + 0.5).astype(np.uint8)

    def _sixteenths(self, points) -> np.ndarray:
        return np.round((self.head.placed(np.asarray(points, float)) - 0.5) * 16).astype(np.int32)


def stroke(line, width: float) -> np.ndarray:
    """A band along an open line [N, 2], thinner at its ends."""
    line = np.asarray(line, float)
    along = np.concatenate([line[1:2] - line[:1], line[2:] - line[:-2], line[-1:] - line[-2:-1]])
    across = along[:, ::-1] * (-1, 1) / np.hypot(along[:, :1], along[:, 1:])
    half = width / 2 * (0.3 + 0.7 * np.sin(np.pi * np.linspace(0, 1, len(line))[:, None]))
    return np.concatenate([line + half * across, (line - half * across)[::-1]])
