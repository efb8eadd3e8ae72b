"""AdaIN's page: a picture in the style of another."""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image

from ppstargan.data.transforms import shorter_side
from ppstargan.errors import UserError
from ppstargan.translate.demo import Parts, chosen, read, share, switched
from ppstargan.translate.stylizer import Stylizer

SIZES = (1, 2, 4)  # times the size that the model was trained at: px of the shorter sides
LONGEST = 4  # times the shorter side


def stylize(model: Stylizer, sizes: list, source, style, alpha, keep_colours, size) -> Image.Image:
    """The file ``source`` in the style of the file ``style``: ``alpha`` of the way there, in either one's colours.

    ``size`` is one of ``sizes``, the px of both pictures' shorter sides, as text.
    """
    size = int(chosen(size, sizes, "a size", "尺寸"))
    alpha = share(alpha, "how much style", "风格化程度")
    keep = switched(keep_colours, "the source's colours", "保留原图颜色")
    picture = seen(source, "source picture", size)
    code = model.style_of(seen(style, "style picture", size), picture if keep else None)
    return Image.fromarray(model.stylize(picture, code, alpha))


def seen(path, what: str, size: int) -> np.ndarray:
    """An upload with a shorter side of ``size`` px: uint8 [H, W, 3]. Raises UserError as ``read``, and for strips."""
    image = read(path, what)
    if max(image.size) > LONGEST * min(image.size):
        raise UserError(
            f"The {what} is {image.width} x {image.height} px: its longer side may be {LONGEST} times the shorter one "
            f"/ 图片 {image.width} x {image.height} px 过于狭长, 长边最多为短边的 {LONGEST} 倍"
        )
    return np.asarray(shorter_side(image, size))


class Page:
    """The page of a model that was trained at ``size`` px."""

    title = "AdaIN"

    def __init__(self, model: Stylizer, name: str, size: int):
        self.model, self.about = model, name
        self.sizes = [str(times * size) for times in SIZES]

    def examples(self, folder) -> list:
        """None."""
        return []

    def fill(self, parts: Parts, examples: list) -> None:
        """Two pictures, how much of the style, whose colours, and the result."""
        with parts.gr.Row():
            source, style = parts.source(examples), parts.upload("Style / 风格图")
            result = parts.output()
        alpha = parts.share("How much style / 风格化程度", 1)
        keep = parts.switch("Keep the source's colours / 保留原图颜色")
        size = parts.choice("Shorter side, px / 短边像素", self.sizes, self.sizes[0])
        parts.button("Stylize / 风格化", self.stylize, [source, style, alpha, keep, size], result, "stylize")

    def stylize(self, *values) -> Image.Image:
        """``stylize`` by the page's model."""
        return stylize(self.model, self.sizes, *values)


def page(given: argparse.Namespace, content: dict) -> Page:
    """The page of the weights ``content``. Raises UserError as ``Stylizer``."""
    model = Stylizer(content, given.weights)
    print(f"weights: {given.weights}: adain", flush=True)
    return Page(model, given.weights.name, content["architecture"]["img_size"])
