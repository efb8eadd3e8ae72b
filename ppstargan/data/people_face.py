"""Eyes, brows, nose and mouth of a drawn person: all through the landmarks, so that these lie on what is drawn."""

from __future__ import annotations

import numpy as np

from ppstargan.data.people_paint import Painter, stroke
from ppstargan.data.people_points import BROWS, EYES, MOUTH, NOSE, NOSE_LIFT, iris
from ppstargan.data.shapes import INK, WHITE, curve, ellipse, mix, smooth


def features(paint: Painter, look, points) -> None:
    """Eyes, brows, nose and mouth, through their landmarks."""
    dark = mix(look.skin, (96, 34, 30), 0.5)
    nose(paint, look, points, dark)
    for eye, side in zip(EYES, (-1, 1)):
        one_eye(paint, look, points[eye], side, points[96 + (side > 0)])
    colour = mix(look.hair, INK, 0.35)
    for brow in BROWS:
        paint.fill(smooth(points[brow], closed=True), colour)
    mouth(paint, look, points[MOUTH], dark)


def one_eye(paint: Painter, look, points, side: int, pupil) -> None:
    """Eight points: from the left corner over the upper lid to the right one, and back below."""
    upper, lower = smooth(points[:5]), smooth([*points[4:], points[0]])
    shadow = mix(look.skin, (104, 44, 48), 0.5) if not look.make_up else mix(look.skin, (110, 60, 120), 0.6)
    middle = points[[0, 4]].mean(0)
    paint.soft(ellipse(*np.add(middle, (0, -0.045)), 0.12, 0.06), shadow, 0.4, 0.025)
    paint.fill(np.concatenate([upper, lower]), WHITE)

    def inside(shape) -> np.ndarray:
        """What of a shape the lids leave to be seen."""
        top, bottom = (np.interp(shape[:, 0], *lid.T) for lid in (upper, lower[::-1]))
        return np.stack([shape[:, 0].clip(points[0, 0], points[4, 0]), shape[:, 1].clip(top, bottom)], 1)

    _, _, r = iris(look)
    x, y = pupil
    paint.fill(inside(ellipse(x, y, r * 1.12, r * 1.12)), mix(look.iris, INK, 0.55))
    paint.fill(inside(ellipse(x, y, r * 0.94, r * 0.94)), look.iris)
    paint.fill(inside(ellipse(x, y, r * 0.5, r * 0.5)), INK)
    glint = -0.3 if np.cos(look.light_angle) < 0 else 0.3
    paint.fill(ellipse(x + glint * r, y - 0.32 * r, r * 0.24, r * 0.24), WHITE)
    lash = INK if look.make_up or not look.has("Male") else mix(look.skin, INK, 0.75)
    paint.fill(stroke(upper, 0.034 if not look.has("Male") else 0.024), lash)
    if not look.has("Male"):
        corner = points[4] if side > 0 else points[0]
        wing = np.array([(-0.03 * side, -0.012), (0, 0), (0.035 * side, -0.022)])
        paint.fill(stroke(smooth(corner + wing), 0.02), lash)
    paint.fill(stroke(lower, 0.01), mix(look.skin, (96, 34, 30), 0.6))
    paint.fill(stroke(upper * (1, 0.9) + (0, -0.047), 0.01), mix(look.skin, (96, 34, 30), 0.45))


def nose(paint: Painter, look, points, dark) -> None:
    """A shade beside the bridge, a light along it, wings, nostrils."""
    bridge, base = points[NOSE][:4], points[NOSE][4:]
    away = -1 if np.cos(look.light_angle) > 0 else 1
    wide = base[4, 0]
    beside = np.array([bridge[0], bridge[2], base[2], base[2 + 2 * away], bridge[1]])
    beside = beside + np.array([(0.03, -0.03), (0.02, 0), (0, 0), (0, 0), (0.07, 0)]) * (away, 1)
    paint.soft(beside, mix(look.skin, dark, 0.8), 0.5, 0.02, lift=0.07)
    paint.soft(ellipse(*bridge[3], 0.045, 0.05), mix(look.skin, WHITE, 0.6), 0.55, 0.02, lift=NOSE_LIFT[3])
    paint.soft(ellipse(0, base[2, 1] + 0.025, wide, 0.025), dark, 0.45, 0.015, lift=0.05)
    line = smooth(base)
    lift = np.interp(line[:, 0], base[:, 0], NOSE_LIFT[4:])
    paint.fill(stroke(line, 0.016), dark, np.concatenate([lift, lift[::-1]]))
    for s, (at, up) in zip((-1, 1), ((1, 0), (3, 4))):
        nostril = ellipse(base[at, 0], base[at, 1] - 0.006, 0.026 * look.nose, 0.012, 8 * s)
        paint.fill(nostril, mix(dark, INK, 0.5), NOSE_LIFT[5])
        wing = [(s * wide * 0.86, base[up, 1] - 0.075), (s * wide * 1.08, base[up, 1] - 0.045), base[up]]
        paint.fill(curve(wing, 0.016), dark, NOSE_LIFT[4])


def mouth(paint: Painter, look, points, dark) -> None:
    """Twelve points around the lips, and eight around what is between them."""
    outer = np.concatenate([smooth(points[:7]), smooth([*points[6:12], points[0]])])
    inner = np.concatenate([smooth(points[12:17]), smooth([*points[16:20], points[12]])])
    rose = mix(look.skin, (178, 62, 66), 0.42 if look.has("Male") else 0.62)
    lip = look.lip if look.make_up else rose
    paint.fill(outer, mix(lip, INK, 0.1))
    lower = np.concatenate([smooth([*points[6:12], points[0]]), smooth(points[12:17])])
    paint.fill(lower, lip)
    gloss = ellipse(0, points[9, 1] - 0.42 * look.lips, 0.35 * look.mouth, 0.25 * look.lips)
    paint.soft(gloss, mix(lip, WHITE, 0.5), 0.6, 0.012)
    paint.fill(inner, (84, 26, 32))
    if look.has("Smiling"):  # it shows its upper teeth
        upper = smooth(points[12:17])
        floor = np.interp(upper[:, 0], *smooth([*points[16:20], points[12]])[::-1].T)
        teeth = np.stack([upper[:, 0], upper[:, 1] + 0.68 * (floor - upper[:, 1])], 1)
        paint.fill(np.concatenate([upper, teeth[::-1]]), (250, 248, 244))
    paint.fill(stroke(smooth(points[12:17]), 0.012), mix(lip, INK, 0.6))
    if look.has("Smiling"):
        for side in (-1, 1):
            corner = points[6] * (side, 1)
            fold = np.array([(-0.04, -0.17), (0.06, -0.08), (0.055, 0.04)]) * (side, 1)
            paint.fill(curve(corner + fold, 0.016), mix(look.skin, dark, 0.55))
    paint.soft(ellipse(0, points[9, 1] + 0.04, 0.1, 0.018), dark, 0.35, 0.018)
