"""StarGAN v2's page: a picture in other domains and styles, of references or seeds, several at once, or in between."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.cli import load_model
from ppstargan.data.toy import DOMAINS, draw_face
from ppstargan.translate.demo import Parts, chosen, read, share, whole_seed
from ppstargan.translator import Translator

STYLES = 8  # in the gallery
LARGEST_TOY = 64  # px; the drawn faces are for models that learnt them
EXAMPLES = 2  # of each domain
EXAMPLE_SIZE = 128  # px


def known_domain(model: Translator, domain) -> str:
    """A domain's name from a request. Raises UserError for others."""
    return chosen(domain, model.domains, "a domain", "目标域")


def style(model: Translator, domain, seed, psi) -> np.ndarray:
    """The style code [1, style_dim] of a seed (a whole number from 0 on) in a domain, truncated by ``psi``."""
    return model.style_from_seed(domain, whole_seed(seed), psi=share(psi, "psi", " psi"))


def translate(model: Translator, source, domain, reference, seed, psi) -> Image.Image:
    """The file ``source`` in the style of the file ``reference``, of that domain, or without one in that of a seed."""
    domain, image = known_domain(model, domain), read(source, "source picture")
    if reference:
        code = model.style_from_reference(read(reference, "reference picture"), domain)
    else:
        code = style(model, domain, seed, psi)
    return model.translate(image, code)


def gallery(model: Translator, source, domain, seed, psi) -> list:
    """The file ``source`` in the styles of ``STYLES`` seeds from ``seed`` on: pairs of an image and its caption."""
    domain, image, first = known_domain(model, domain), read(source, "source picture"), whole_seed(seed)
    seeds = range(first, first + STYLES)
    codes = np.concatenate([style(model, domain, number, psi) for number in seeds])
    return [(picture, f"seed / 种子 {number}") for picture, number in zip(model.translate(image, codes), seeds)]


def morph(model: Translator, source, domain, seed, other_seed, position, psi) -> Image.Image:
    """The file ``source`` in the style at ``position``: 0 is that of ``seed``, 1 that of ``other_seed``."""
    domain, image = known_domain(model, domain), read(source, "source picture")
    position = share(position, "a place between A and B", " A 到 B 的位置")
    start, end = (style(model, domain, number, psi) for number in (seed, other_seed))
    return model.translate(image, (1 - position) * start + position * end)


def draw_examples(model: Translator, folder) -> list[str]:
    """Writes drawn faces into ``folder`` where the model has learnt them, and returns their paths; else none."""
    if model.domains != list(DOMAINS) or model.img_size > LARGEST_TOY:
        return []
    paths = []
    for number in range(EXAMPLES):
        for domain in DOMAINS:
            paths.append(str(Path(folder, f"{domain}_{number}.png")))
            Image.fromarray(draw_face(domain, EXAMPLE_SIZE, np.random.default_rng(number))).save(paths[-1])
    return paths


class Page:
    """The page of a model."""

    title = "StarGAN v2"

    def __init__(self, model: Translator):
        self.model = model
        self.about = f"{model.weights.name}, {model.img_size} px"

    def examples(self, folder) -> list:
        """``draw_examples``."""
        return draw_examples(self.model, folder)

    def fill(self, parts: Parts, examples: list) -> None:
        """Three tabs: one style, several, and those between two."""
        gr, domains = parts.gr, self.model.domains
        translated, drawn, morphed = (partial(function, self.model) for function in (translate, gallery, morph))
        with gr.Row():
            with gr.Column(scale=2):
                source = parts.source(examples)
                domain = parts.choice("Domain / 目标域", domains, domains[-1])
                psi = parts.share("psi: variety of seeds / 种子风格的多样性", 1)
            with gr.Column(scale=3):
                with gr.Tab("One style / 单个风格"):
                    with gr.Row():
                        reference = parts.upload("Reference, or none / 参考图, 可不填")
                        result = parts.output()
                    seed = parts.number("Seed, without a reference / 种子 (无参考图时)", 0)
                    inputs = [source, domain, reference, seed, psi]
                    parts.button("Translate / 转换", translated, inputs, result, "translate")
                with gr.Tab("Gallery / 多种风格"):
                    first, results = parts.number("First seed / 起始种子", 0), parts.outputs(columns=4)
                    inputs = [source, domain, first, psi]
                    parts.button(f"Draw {STYLES} styles / 生成 {STYLES} 种风格", drawn, inputs, results, "gallery")
                with gr.Tab("Morph / 渐变"):
                    with gr.Row():
                        start, end = parts.number("Seed A / 种子 A", 0), parts.number("Seed B / 种子 B", 1)
                    position, result = parts.share("From A to B / 从 A 到 B", 0, step=0.02), parts.output()
                    inputs = [source, domain, start, end, position, psi]
                    parts.button("Draw / 生成", morphed, inputs, result, "morph")
                    parts.live(position, morphed, inputs, result)


def page(given: argparse.Namespace, content: dict) -> Page:
    """The page of the weights that ``given`` names. Raises UserError as ``Translator``."""
    return Page(load_model(given, content=content))
