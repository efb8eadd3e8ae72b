"""A sheet that shows what was found in a photograph and what became of it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ppstargan.face.find import Face, Square, see
from ppstargan.nets.fan import FAN
from ppstargan.nets.masks import face_masks
from ppstargan.pictures import grid, to_uint8

PANEL = 512  # px of each of the three pictures
YELLOW, WHITE, GREEN, RED = (255, 220, 0), (255, 255, 255), (0, 220, 0), (255, 40, 40)
MASKS = ((60, 120, 255), (255, 60, 200))  # of the whole face; of eyes and nose


def debug_sheet(fan: FAN, photo: Image.Image, boxes: list[Square], face: Face, corners, aligned) -> np.ndarray:
    """Three pictures beside each other, uint8 [H, W, 3].

    First the photograph, with the cascade's boxes in yellow, the FAN's view in white, the landmarks in red and the
    frame of the result, whose ``corners`` [4, 2] are (x, y), in green. Then the view, with the landmarks and the masks
    that the model would use for it: of the whole face in blue, and without chin, brows and mouth in pink. Then the
    ``aligned`` face, uint8 [S, S, 3]. ``corners`` and ``aligned`` may be None.
    """
    side = max(photo.size)
    picture, draw, place = _panel(photo, Square(0, 0, side))
    for box, colour in (*((box, YELLOW) for box in boxes), (face.view, WHITE)):
        left, top = place((box.left, box.top))
        right, bottom = place((box.left + box.side, box.top + box.side))
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
    if corners is not None:
        draw.polygon([place(corner) for corner in corners], outline=GREEN, width=3)
    _dots(draw, place, face.landmarks)

    x, view = see(photo, face.view)
    tinted = to_uint8(x)[0].astype(np.float64)
    for mask, colour in zip(face_masks(fan, x), MASKS):
        share = 0.5 * mask.numpy()[0, 0, :, :, None]
        tinted += share * (colour - tinted)
    seen, draw, place = _panel(Image.fromarray(tinted.astype(np.uint8)), view)
    _dots(draw, place, face.landmarks)

    result = (
        Image.fromarray(aligned).resize((PANEL, PANEL)) if aligned is not None else Image.new("RGB", (PANEL, PANEL))
    )
    return grid([[np.asarray(image) for image in (picture, seen, result)]])


def _panel(image: Image.Image, part: Square):
    """(a panel with ``image`` at the top left, what draws on it, and point (x, y) -> its place on the panel)

    ``part`` says which square of the photograph the panel shows.
    """
    scale = PANEL / max(image.size)
    panel = Image.new("RGB", (PANEL, PANEL))
    panel.paste(image.resize([max(1, round(side * scale)) for side in image.size]))

    def place(point) -> tuple:
        return tuple((value - start) * PANEL / part.side for value, start in zip(point, part))

    return panel, ImageDraw.Draw(panel), place


def _dots(draw: ImageDraw.ImageDraw, place, landmarks: np.ndarray) -> None:
    for landmark in landmarks:
        x, y = place(landmark)
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=RED)
