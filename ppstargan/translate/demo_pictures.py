"""The page of systems that make another picture of each (pix2pix, CycleGAN, U-GAT-IT): a source and a direction."""

from __future__ import annotations

import argparse

from PIL import Image

from ppstargan.data.sides import BICUBIC
from ppstargan.data.transforms import FITS
from ppstargan.translate.demo import Parts, chosen, read, whole_seed
from ppstargan.translate.from_pictures import OneWay, Setting, directions

MOST_SEED = 2**63 - 1  # that dropout takes
NAMES = {"AtoB": "A to B / A 到 B", "BtoA": "B to A / B 到 A"}  # of the directions


def translate(models: dict, source, direction, seed) -> Image.Image:
    """What the model of ``direction`` makes of the file ``source``; ``seed`` is that of dropout, where it has it."""
    model = models[chosen(direction, list(models), "a direction", "方向")]
    picture, seed = read(source, "source picture", model.read), whole_seed(seed, MOST_SEED)
    if model.setting.seed is not None:
        model.setting = model.setting._replace(seed=seed)
    return Image.fromarray(model.render(model.prepare(picture))[0])


class Page:
    """The page of ``models``, {direction: OneWay}."""

    def __init__(self, title: str, about: str, models: dict):
        self.title, self.about, self.models = title, about, models

    def examples(self, folder) -> list:
        """None."""
        return []

    def fill(self, parts: Parts, examples: list) -> None:
        """Source, direction, result, and a seed where there is dropout."""
        with parts.gr.Row():
            with parts.gr.Column():
                source = parts.source(examples)
                names = [(NAMES[direction], direction) for direction in self.models]
                direction = parts.choice("Direction / 方向", names, names[0][1])
                dropout = any(model.setting.seed is not None for model in self.models.values())
                seed = parts.number("Seed of dropout / dropout 的种子", 0, visible=dropout)
            with parts.gr.Column():
                result = parts.output()
                inputs = [source, direction, seed]
                parts.button("Translate / 转换", self.translate, inputs, result, "translate")

    def translate(self, *values) -> Image.Image:
        """``translate`` by the page's models."""
        return translate(self.models, *values)


def page(
    given: argparse.Namespace,
    content: dict,
    title: str,
    ways: dict,
    resample=BICUBIC,
    as_trained: bool = False,
) -> Page:
    """The page of the weights ``content`` in those of ``ways`` that they have; the rest is ``from_pictures.sample``'s.

    Raises UserError for a file without a generator, or with one that does not fit its architecture.
    """
    size = content["architecture"]["img_size"]
    setting = Setting((size, size), 1, resample, FITS[0], None, seed=0 if as_trained else None)
    possible = directions(content, given.weights, ways)
    models = {direction: OneWay(content, given.weights, ways[direction], setting) for direction in possible}
    print(f"weights: {given.weights}: {size} px, {' and '.join(models)}", flush=True)
    return Page(title, f"{given.weights.name}, {size} px", models)
