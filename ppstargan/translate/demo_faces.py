"""The page of a face alignment network: a face's points, their heatmaps, and the face's boundary."""

from __future__ import annotations

import argparse

from PIL import Image

from ppstargan.face.weights import fan_of
from ppstargan.nets.fan import FAN
from ppstargan.translate.demo import Parts, read
from ppstargan.translate.faces import look_at, sheet


def points_of(net: FAN, decoding: str, source) -> Image.Image:
    """The face in the file ``source`` with its points, all heatmaps in one, and the boundary, below each other."""
    x, _, points, maps = look_at(net, read(source, "source picture"), decoding)
    return Image.fromarray(sheet(x, points, maps))


class Page:
    """The page of ``net``, whose maps are read by ``decoding``."""

    title = "FAN"

    def __init__(self, net: FAN, name: str, decoding: str):
        self.net, self.decoding = net, decoding
        self.about = f"{name}, {net.points} points, {net.img_size} px"

    def examples(self, folder) -> list:
        """None."""
        return []

    def fill(self, parts: Parts, examples: list) -> None:
        """A face, and what is found in it."""
        with parts.gr.Row():
            source = parts.source(examples)
            result = parts.output("Points, heatmaps, boundary / 关键点, 热力图, 边界")
        parts.button("Find points / 寻找关键点", self.find, [source], result, "find")

    def find(self, source) -> Image.Image:
        """``points_of`` by the page's network."""
        return points_of(self.net, self.decoding, source)


def page(given: argparse.Namespace, content: dict) -> Page:
    """The page of the weights ``content``. Raises UserError as ``fan_of``."""
    net = fan_of(content, given.weights)
    print(f"weights: {given.weights}: fan, {net.points} points, {net.stacks} stacks, {net.img_size} px", flush=True)
    return Page(net, given.weights.name, content["architecture"].get("decoding", "peaks"))
