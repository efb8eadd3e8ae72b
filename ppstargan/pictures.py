"""Sheets of translated images, and how they come to disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
from PIL import Image

from ppstargan.errors import UserError
from ppstargan.files import whole_file
from ppstargan.nets.stargan_v2 import Networks

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  # of pictures, by the ending of the name
LARGEST = {"JPEG": 65500, "WEBP": 16383}  # px a side
PSIS = (0.5, 0.7, 1.0)  # truncation of the latent sheets
GAP = 2  # px between the images of a sheet


def to_uint8(x) -> np.ndarray:
    """Images [N, 3, H, W] in [-1, 1], clipped -> uint8 [N, H, W, 3]."""
    x = x.numpy() if isinstance(x, paddle.Tensor) else x
    return np.round((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)


def heat(maps: np.ndarray, size: int) -> np.ndarray:
    """Attention [N, 1, h, w], each from its lowest to its highest value -> uint8 [N, size, size, 3] in the colours JET.

    Rounded and resized as U-GAT-IT's authors do it; blue is low, red is high.
    """
    import cv2  # here: it takes a moment

    found = []
    for map_ in maps[:, 0].astype(np.float64):
        above = map_ - map_.min()
        levels = np.uint8(255 * (above / (above.max() or 1.0)))
        found.append(cv2.applyColorMap(cv2.resize(levels, (size, size)), cv2.COLORMAP_JET)[:, :, ::-1])  # it gives BGR
    return np.stack(found)


def grid(rows: list) -> np.ndarray:
    """Rows of uint8 images [H, W, 3] of one size, None for an empty place, as one white-framed image."""
    height, width = next(image.shape[:2] for row in rows for image in row if image is not None)
    columns = max(len(row) for row in rows)
    sheet = np.full((GAP + len(rows) * (height + GAP), GAP + columns * (width + GAP), 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            if image is not None:
                top, left = GAP + i * (height + GAP), GAP + j * (width + GAP)
                sheet[top : top + height, left : left + width] = image
    return sheet


def style_sheet(sources, rows, beside=None) -> np.ndarray:
    """Sources on top; below, a row of images for each style, and on its left the picture ``beside`` it, if any.

    All are uint8: N sources [H, W, 3], M rows of N images, M pictures.
    """
    if beside is None:
        return grid([list(sources), *map(list, rows)])
    return grid([[None, *sources], *([picture, *row] for picture, row in zip(beside, rows))])


def save_image(image: np.ndarray, path) -> None:
    """Writes a uint8 image [H, W, 3] in the one of ``FORMATS`` that its ending says, whole or not at all.

    Raises UserError where the disk does not take it, or the format no image as large.
    """
    kind = FORMATS[Path(path).suffix.lower()]
    height, width = image.shape[:2]
    if max(height, width) > LARGEST.get(kind, max(height, width)):
        what = f"{path} would have {width} x {height} px, and a {kind} holds {LARGEST[kind]} a side"
        raise UserError(f"{what}; name a .png, or make the sheet smaller, by --rows and --columns")
    with whole_file(path) as partial:
        Image.fromarray(image).save(partial, kind, quality=95)  # PNG has no quality


@paddle.no_grad()
def translations(nets: Networks, x_src: paddle.Tensor, styles: list) -> list:
    """Sources [N, 3, H, W] in each of ``styles``, codes [1, style_dim] -> a uint8 [N, H, W, 3] for each."""
    content, masks = nets.generator.encode_content(x_src), nets.masks(x_src)
    return [to_uint8(nets.generator.decode_content(content, s.expand([x_src.shape[0], -1]), masks)) for s in styles]


@paddle.no_grad()
def reference_sheet(nets: Networks, x_src, x_ref, y_ref) -> np.ndarray:
    """Sources across, references down; each image is the source above it in the style of the reference beside it.

    N sources ``x_src`` and M references ``x_ref``, [N or M, 3, H, W] in [-1, 1], these of domains ``y_ref`` [M] -> a
    uint8 image of M + 1 rows and N + 1 columns, [height, width, 3].
    """
    styles = nets.style_from_reference(x_ref, y_ref).split(x_ref.shape[0])
    return style_sheet(to_uint8(x_src), translations(nets, x_src, styles), to_uint8(x_ref))


@paddle.no_grad()
def latent_sheets(nets: Networks, x_src, z, means: list) -> dict:
    """{psi: sheet}: sources on top; below, a row for each domain and latent z [M, latent_dim], truncated by psi.

    ``means`` are the domains' mean styles [1, style_dim] (``Networks.mean_style``).
    """
    styles = []
    for psi in PSIS:
        for domain, mean in enumerate(means):
            y = paddle.full([z.shape[0]], domain, "int64")
            styles += nets.style_from_latent(z, y, psi, mean).split(z.shape[0])
    rows, sources = translations(nets, x_src, styles), to_uint8(x_src)
    count = len(rows) // len(PSIS)
    return {psi: style_sheet(sources, rows[i * count : (i + 1) * count]) for i, psi in enumerate(PSIS)}


@paddle.no_grad()
def cycle_sheet(nets: Networks, x_src, y_src, x_ref, y_ref) -> np.ndarray:
    """Four rows: sources, a reference for each, the translation, and that turned back to the source's style.

    ``x_src`` and ``x_ref`` [N, 3, H, W] in [-1, 1], of domains ``y_src`` and ``y_ref`` [N] -> a uint8 image of N
    columns, [height, width, 3].
    """
    x_fake = nets.translate(x_src, nets.style_from_reference(x_ref, y_ref))
    x_back = nets.translate(x_fake, nets.style_from_reference(x_src, y_src))
    return grid([list(to_uint8(x)) for x in (x_src, x_ref, x_fake, x_back)])
