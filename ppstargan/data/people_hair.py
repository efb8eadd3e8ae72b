"""The hair of a drawn person: what hangs behind the head, and what lies on it and before the face."""

from __future__ import annotations

import numpy as np

from ppstargan.data.people_paint import Painter, stroke
from ppstargan.data.shapes import INK, WHITE, mirror, mix, smooth


def behind(paint: Painter, look) -> None:
    """What hangs down behind the head: of women, to the chin or the shoulders; and a cap."""
    dark = mix(look.hair, INK, 0.25)
    if look.has("Male"):
        paint.fill(_around(0.53, 0.7, -0.1), dark, -0.1)
        return
    long = (1.3, 1.15, 1.4, 0.66)[look.style]
    wide = (0.6, 0.6, 0.68, 0.7)[look.style]
    ripple = 0.05 * look.wave if look.style == 2 else 0.0
    y = np.linspace(-0.2, long, 30)
    x = wide + 0.05 * np.sin(np.pi * (y + 0.2) / (long + 0.2)) + ripple * np.sin(14 * y)
    if look.style == 3:  # a bob turns in at its ends
        x = x - 0.16 * np.clip((y - 0.3) / (long - 0.3), 0, 1) ** 2
    right = np.stack([x, y], 1)
    top = _around(wide, 0.75, -0.2)
    paint.fill(np.concatenate([right, right[::-1] * (-1, 1), top[::-1]]), dark, -0.15)
    for side in (-1, 1):
        for at in (0.12, 0.05):
            strand = np.stack([x - at, y], 1)[4:-2]
            paint.fill(mirror(stroke(strand, 0.025), side), mix(look.hair, INK, 0.12), -0.15)


def _around(rx: float, ry: float, y: float) -> np.ndarray:
    """Over the skull, from left to right."""
    t = np.linspace(0, np.pi, 40)
    return np.stack([-rx * np.cos(t), y - ry * np.sin(t)], 1)


def in_front(paint: Painter, look, points) -> None:
    """What lies on the head; it covers what is behind."""
    male = look.has("Male")
    part = 0.22 if look.part > 0 else -0.22
    style = (_MEN if male else _WOMEN)[look.style]
    for shape, colour in style(look, part):
        paint.fill(shape, colour)


def _cap(look, inner, rx=0.565, ry=0.73, bumps=0.0, count=9) -> np.ndarray:
    """Hair between the skull and the hairline ``inner``, which goes from the right to the left."""
    t = np.linspace(0, np.pi, 80)
    r = 1 + bumps * np.abs(np.sin(count * t))
    outer = np.stack([-rx * look.width * r * np.cos(t), -0.16 - ry * r * np.sin(t)], 1)
    return np.concatenate([outer, inner])


def _line(half) -> np.ndarray:
    """A hairline the same on both sides, from the right to the left, of its right half from the ear to the middle."""
    half = np.array(half, float)
    return smooth(np.concatenate([half, half[-2::-1] * (-1, 1)]), steps=6)


def _shine(look) -> list:
    """Lighter and darker strands over the top."""
    light, dark = mix(look.hair, WHITE, 0.2), mix(look.hair, INK, 0.25)
    strands = []
    for x, colour in ((-0.3, dark), (-0.16, light), (0.08, dark), (0.2, light), (0.34, dark)):
        line = [
            (share * x, y + rise * abs(x))
            for share, y, rise in ((0.5, -0.84, 0.2), (1, -0.72, 0.25), (1.2, -0.56, 0.2))
        ]
        strands.append((stroke(smooth(line), 0.022), colour))
    return strands


def _crop(look, part) -> list:
    inner = _line([(0.5, 0.02), (0.455, -0.05), (0.45, -0.3), (0.37, -0.47), (0.2, -0.53), (0, -0.54)])
    return [(_cap(look, inner), look.hair), *_shine(look)]


def _quiff(look, part) -> list:
    s = np.sign(part)
    inner = _line([(0.5, 0.04), (0.455, -0.04), (0.45, -0.3), (0.4, -0.44), (0.2, -0.54), (0, -0.55)])
    upper = [(-0.5, -0.42), (-0.42, -0.76), (-0.1, -1.0), (0.28, -0.98), (0.5, -0.7)]
    sweep = smooth([*upper, (0.43, -0.46), (0.2, -0.5), (-0.2, -0.56)], closed=True)
    shapes = [(_cap(look, inner, 0.55, 0.66), mix(look.hair, INK, 0.12)), (sweep * (s, 1), look.hair)]
    for d in (-0.06, 0.06, 0.16):
        strand = smooth([(-0.3 + d, -0.6), (-0.1 + d, -0.82), (0.2 + d, -0.86)])
        shapes.append((stroke(strand * (s, 1), 0.024), mix(look.hair, WHITE, 0.16)))
    return shapes


def _curls(look, part) -> list:
    temple, brow = [(0.5, 0.0), (0.455, -0.06), (0.45, -0.3), (0.4, -0.42)], [(0.3, -0.46), (0.22, -0.43)]
    shapes = [(_cap(look, _line([*temple, *brow, (0.1, -0.5), (0, -0.45)]), 0.57, 0.76, 0.055, 8), look.hair)]
    for row, y in enumerate((-0.54, -0.64, -0.74, -0.83)):
        for x in np.linspace(-0.4, 0.4, 6) + (0.07 if row % 2 else -0.01):
            if abs(x) < 0.52 * np.sqrt(max(0, 1 - ((y + 0.2) / 0.7) ** 2)):
                curl = np.array([(-0.055, 0.02), (-0.03, -0.035), (0.03, -0.035), (0.055, 0.02), (0.02, 0.03)])
                shapes.append(
                    (stroke(smooth(curl + np.array([x, y])), 0.016), mix(look.hair, (INK, WHITE)[row % 2], 0.2))
                )
    return shapes


def _buzz(look, part) -> list:
    temple = [(0.5, -0.02), (0.465, -0.08), (0.46, -0.32), (0.4, -0.5)]
    inner = _line([*temple, (0.34, -0.6), (0.18, -0.56), (0, -0.57)])
    return [(_cap(look, inner, 0.535, 0.665), mix(look.hair, look.skin, 0.08)), *_shine(look)[1:4:2]]


def _curtains(look, part, long=0.62, wave=0.0, narrow=0.0) -> list:
    """Two falls of hair from a parting down beside the face; their ends are ``narrow``, or as wide as above."""
    shapes = []
    for side in (-1, 1):
        at = part * side  # where the parting is on a side that counts outwards
        y = np.linspace(-0.1, long, 14)
        ripple, taper = wave * np.sin(13 * y), narrow * np.linspace(0, 1, 14) ** 2
        inner = [(at - 0.02, -0.83), (at + 0.1, -0.6), (0.33, -0.42), (0.45, -0.2)]
        inner += [*zip(0.485 + 0.02 * y + ripple + taper, y)]
        over = [(0.595, -0.2), (0.55, -0.5), (0.38, -0.79), (at + 0.06, -0.92), (at - 0.04, -0.92)]
        outer = [*zip(0.6 + 0.06 * np.sin(2 * y) + ripple - 0.3 * taper, y)][::-1] + over
        end = (0.53 + 0.04 * narrow, long + 0.1)
        fall = np.concatenate([smooth(inner, steps=4), [end], smooth(outer, steps=4)])
        shapes.append((mirror(fall, side), look.hair if side * part < 0 else mix(look.hair, INK, 0.06)))
        for d, tint, share in ((0.03, WHITE, 0.2), (0.075, INK, 0.25)):
            low = [(0.48 + d, -0.1), (0.5 + d + wave, 0.25), (0.52 + d, long - 0.1)]
            strand = smooth([(at + 0.06 + d, -0.8), (0.34 + d, -0.52), *low])
            shapes.append((mirror(stroke(strand, 0.018), side), mix(look.hair, tint, share)))
    return shapes


def _straight(look, part) -> list:
    return _curtains(look, 0.25 * part, 0.95, 0.0, 0.06)


def _fringe(look, part) -> list:
    side = np.array([(0.455, -0.3), (0.6, -0.3), (0.63, 0.3), (0.6, 0.7), (0.52, 0.55), (0.49, 0.2)])
    inner = _line([(0.5, 0.3), (0.455, -0.02), (0.43, -0.25), (0.3, -0.27), (0.15, -0.3), (0, -0.29)])
    shapes = [(mirror(side, s), look.hair) for s in (-1, 1)] + [(_cap(look, inner, 0.6, 0.75), look.hair)]
    for x, tint in ((-0.34, INK), (-0.2, WHITE), (-0.07, INK), (0.1, WHITE), (0.24, INK), (0.36, WHITE)):
        strand = smooth([(0.5 * x, -0.84), (0.9 * x, -0.6), (x, -0.33)])
        shapes.append((stroke(strand, 0.02), mix(look.hair, tint, 0.22)))
    return shapes


def _wavy(look, part) -> list:
    return _curtains(look, 1.2 * part, 1.05, 0.03 * look.wave + 0.01, 0.05)


def _bob(look, part) -> list:
    return _curtains(look, 0.8 * part, 0.42)


_MEN, _WOMEN = (_crop, _quiff, _curls, _buzz), (_straight, _fringe, _wavy, _bob)
