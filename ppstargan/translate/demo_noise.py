"""The page of systems that start from noise (GAN, WGAN, conditional GAN): how many pictures, of which class."""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image

from ppstargan.errors import UserError
from ppstargan.sampler import Sampler
from ppstargan.translate.demo import Parts, chosen, is_number, whole_seed
from ppstargan.translate.from_noise import SIDE, sheet

MOST = SIDE * SIDE  # pictures at once
TITLES = {"gan": "GAN", "wgan": "WGAN", "cgan": "Conditional GAN"}
ALL = ""  # all classes by turns; no class has this name


def draw(model: Sampler, count, domain, seed) -> Image.Image:
    """A sheet of ``count`` pictures from the noise of ``seed``: of the class ``domain``, or of all by turns."""
    if not is_number(count) or not 1 <= count <= MOST or count != int(count):
        raise UserError(f"Give a count, a whole number from 1 to {MOST} / 请填写数量 (1 到 {MOST} 的整数)")
    name = chosen(domain, [ALL, *model.domains], "a class", "类别")
    images = np.concatenate(list(model.batches(int(count), name or None, whole_seed(seed))))
    columns = len(model.domains) if model.domains and name == ALL else SIDE
    return Image.fromarray(sheet(list(images), columns))


class Page:
    """The page of a model."""

    def __init__(self, model: Sampler):
        self.model, self.title = model, TITLES[model.system]
        self.about = f"{model.weights.name}, {model.img_size} px"

    def examples(self, folder) -> list:
        """None: nothing is uploaded."""
        return []

    def fill(self, parts: Parts, examples: list) -> None:
        """Count, class and seed, and the sheet."""
        with parts.gr.Row():
            with parts.gr.Column():
                count = parts.gr.Slider(1, MOST, MOST, step=1, label="Pictures / 数量")
                names = [("all / 全部", ALL), *((name, name) for name in self.model.domains)]
                domain = parts.choice("Class / 类别", names, ALL, visible=bool(self.model.domains))
                seed = parts.number("Seed / 种子", 0)
            with parts.gr.Column():
                result = parts.output()
                parts.button("Draw / 生成", self.draw, [count, domain, seed], result, "draw")

    def draw(self, *values) -> Image.Image:
        """``draw`` by the page's model."""
        return draw(self.model, *values)


def page(given: argparse.Namespace, content: dict) -> Page:
    """The page of the weights that ``given`` names. Raises UserError as ``Sampler``."""
    model = Sampler(given.weights, given.domain_names, content=content)
    of_classes = f", classes {', '.join(model.domains)}" if model.domains else ""
    print(f"weights: {model.weights}: {model.system}, {model.img_size} px{of_classes}", flush=True)
    return Page(model)
