"""What a drawn person is painted of, but for features and hair: body, ears, skin, beard and glasses."""

from __future__ import annotations

import numpy as np

from ppstargan.data.people_paint import Painter, stroke
from ppstargan.data.people_points import CONTOUR, EYES, MOUTH
from ppstargan.data.shapes import INK, WHITE, curve, ellipse, mirror, mix, smooth

BLUSH = (222, 96, 96)
GLASSES_LIFT = 0.07


def outline(look, points) -> np.ndarray:
    """The face: its contour, closed over the forehead."""
    side = points[CONTOUR][0]
    t = np.linspace(0, np.pi, 24)[1:-1]
    top = np.stack([-side[0] * np.cos(t), side[1] - 0.62 * np.sin(t)], 1)
    return np.concatenate([smooth(points[CONTOUR]), top])


# ---- the parts ----


def body(paint: Painter, look) -> None:
    """Neck, shoulders and what they wear."""
    male = look.has("Male")
    shade, broad = mix(look.skin, (120, 50, 40), 0.22), 1.12 if male else 0.92
    neck = (0.3 if male else 0.235) * look.width
    lean = 0.12 * np.sin(paint.head.yaw)
    t = np.linspace(np.pi, 2 * np.pi, 40)
    shoulders = np.stack([broad * np.cos(t), 1.62 + 0.6 * np.sqrt(np.abs(np.sin(t))) * np.sign(np.sin(t))], 1)
    below = [(broad, 6), (-broad, 6)]
    paint.flat(np.concatenate([shoulders, below]), look.clothes)
    for side in (-1, 1):  # the sleeves lie in the shade
        seam = curve([(0.68 * broad, 1.42), (0.66 * broad, 1.7), (0.7 * broad, 2.3)], 0.04)
        paint.flat(mirror(seam, side), mix(look.clothes, INK, 0.25))
    right, left = [(neck, 0.95), (neck + 0.1, 1.06)], [(-neck - 0.1, 1.06), (-neck, 0.95)]
    column = [(lean - neck, 0.3), (lean + neck, 0.3), *right, (0, 1.2), *left]
    if look.collar == 1:  # a deep neckline
        paint.flat([(-neck - 0.12, 1.02), (neck + 0.12, 1.02), (0, 1.42)], look.skin)
    else:
        paint.flat(ellipse(0, 1.04, neck + 0.12, 0.17), look.skin)
    paint.flat(column, look.skin)
    paint.soft(ellipse(0, 0.62, neck + 0.02, 0.34), shade, 0.75, 0.05, np.array(column))
    if look.collar == 2:  # a shirt
        light = mix(look.clothes, WHITE, 0.75)
        for side in (-1, 1):
            flap = np.array([(neck + 0.02, 0.92), (neck + 0.16, 1.02), (0.2, 1.4), (0.02, 1.2)])
            paint.flat(mirror(flap, side), light)
            paint.flat(mirror(stroke(flap[[1, 2, 3]], 0.012), side), mix(look.clothes, INK, 0.1))


def ears(paint: Painter, look) -> None:
    """Behind the face, so that turning hides the far one."""
    for side in (-1, 1):
        x = 0.505 * look.width
        paint.fill(mirror(ellipse(x, -0.06, 0.085, 0.15, 12), side), mix(look.skin, (150, 60, 50), 0.12), -0.1)
        paint.fill(mirror(ellipse(x + 0.012, -0.06, 0.045, 0.1, 12), side), mix(look.skin, (130, 50, 40), 0.3), -0.1)


def skin(paint: Painter, look, points) -> None:
    """The face without its features: light, shade, blush and beard."""
    face = paint.head.turned(outline(look, points))
    dark, light = mix(look.skin, (110, 40, 40), 0.3), mix(look.skin, WHITE, 0.35)
    paint.flat(face, look.skin)
    away = -1 if np.cos(look.light_angle) > 0 else 1  # the side that the light does not reach
    edge = np.array([(0.56, -0.6), (0.6, 0.3), (0.3, 0.85), (0.05, 0.85), (0.26, 0.62), (0.4, 0.3), (0.43, -0.3)])
    paint.soft(mirror(edge, away), dark, 0.55, 0.06, face)
    paint.soft(ellipse(0, -0.42, 0.2, 0.1), light, 0.5, 0.07, face)
    for side in (-1, 1):
        paint.soft(mirror(ellipse(0.29, 0.19, 0.12, 0.08), side), BLUSH, 0.3 if look.make_up else 0.15, 0.05, face)
        paint.soft(mirror(ellipse(0.27, 0.09, 0.08, 0.04, -12), side), light, 0.4, 0.03, face)
    if look.beard:
        beard(paint, look, points, face)


def beard(paint: Painter, look, points, face) -> None:
    """A shadow of one, or a full one."""
    colour = mix(look.hair, INK, 0.45 if look.beard < 0.8 else 0.12)
    outer = points[CONTOUR][3:30]
    y = points[MOUTH][0, 1]
    inner = smooth([(0.44, 0.1), (0.385, 0.2), (0.3, y - 0.12), (0.13, y - 0.13), (0, y - 0.115)], steps=4)
    inner = np.concatenate([inner, inner[-2::-1] * (-1, 1)])
    around = np.concatenate([outer + np.array([0, 0.03]), inner])
    paint.soft(around, colour, 0.55 * look.beard + (0.4 if look.beard > 0.8 else 0), 0.025, face)


def glasses(paint: Painter, look, points) -> None:
    """Frames that cover what is behind them, and lenses that one sees through."""
    rings = []
    for eye, side in zip(EYES, (-1, 1)):
        middle = points[eye][[0, 4]].mean(0) + np.array([0.004 * side, 0.015])
        t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        power = (1.0, 0.55, 0.75)[look.rims]  # round, square, between
        wide, high = ((0.165, 0.15), (0.18, 0.125), (0.178, 0.135))[look.rims]
        x, y = (np.sign(f(t)) * np.abs(f(t)) ** power for f in (np.cos, np.sin))
        lens = middle + np.stack([wide * x, high * y], 1)
        paint.covering = False
        paint.soft(lens, WHITE, 0.16, 0.01, lift=GLASSES_LIFT)
        glare = middle + np.array([(-0.1, 0.05), (0.0, -0.08), (0.03, -0.08), (-0.07, 0.05)])
        paint.soft(glare, WHITE, 0.3, 0.008, lift=GLASSES_LIFT)
        paint.covering = True
        rings.append((middle, lens, side, wide))
    for middle, lens, side, wide in rings:
        closed = np.concatenate([lens, lens[:1]])
        inner = middle + 0.84 * (closed - middle)
        paint.fill(np.concatenate([closed, inner[::-1]]), look.frame, GLASSES_LIFT)
        x, y = middle + np.array([side * wide, -0.03])
        arm = [(x, y - 0.018), (side * 0.52, -0.15), (side * 0.52, -0.115), (x, y + 0.018)]
        paint.fill(arm, look.frame, np.array([GLASSES_LIFT, 0, 0, GLASSES_LIFT]))
    x, y = rings[1][0] - np.array([rings[1][3], 0.02])
    paint.fill(stroke(smooth([(-x, y), (0, y - 0.03), (x, y)]), 0.034), look.frame, GLASSES_LIFT + 0.03)
