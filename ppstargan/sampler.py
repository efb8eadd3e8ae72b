"""A trained or converted GAN, WGAN or conditional GAN for use: noise in, images out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.arguments import domain_names, domain_number, told, whole
from ppstargan.errors import UserError
from ppstargan.nets.gans import build_bare
from ppstargan.pictures import to_uint8

SYSTEMS = ("gan", "wgan", "cgan")
MOST = 1_000_000  # pictures at once


class Sampler:
    """The generator of a file of weights, ready to draw.

    ::

        model = Sampler("output/cgan_toy-DATE-TIME/checkpoints/0003000.pdparams")
        images = model.sample(count=16, seed=0)  # PIL images; of a conditional GAN the classes by turns
        model.sample(count=1, domain="3")[0].save("three.png")

    The same seed gives the same pictures, and which the i-th is depends on no other, nor on ``batch_size``: so they are
    computed in float64, where a sum in another order does not reach the eight bits of a picture. In every class the
    i-th picture has the same noise. Whatever cannot be used raises UserError.
    """

    def __init__(self, weights, domains=None, batch_size: int = 64, content: dict | None = None):
        """Loads a run's checkpoint or a converted file: the generator's moving average, or itself where there is none.

        ``domains`` names a conditional GAN's classes in the order of their numbers where the file does not (a converted
        one). ``content`` is what ``checkpoint.load`` gave of the file, where that is done already. Raises UserError for
        a file that is missing, damaged, of another system or without a generator, and for names that do not fit.
        """
        if not isinstance(weights, (str, os.PathLike)):
            raise UserError(f"weights is {told(weights)}; give the path of a file")
        self.weights, self.batch_size = Path(weights).absolute(), whole("batch_size", batch_size, 1)
        content = checkpoint.load(weights) if content is None else content
        checkpoint.need_system(content, SYSTEMS, weights)
        values = {**(content.get("nets") or {}), **(content.get("averages") or {})}
        if "generator" not in values:
            found = ", ".join(values) or "nothing"
            advice = "give a run's checkpoint, or a converted file of the generator, as of netG_epoch_24.pth"
            raise UserError(f"{self.weights} holds {found}, and no generator; {advice}")
        self.system, self.architecture = content["system"], content["architecture"]
        self.generator = build_bare(self.system, self.architecture, str(self.weights))["generator"]
        checkpoint.fill(self.generator, values["generator"], f"{self.weights}, generator")
        self.generator.to(dtype="float64")
        self.generator.eval()  # by running statistics: a picture depends on its own noise alone
        self.img_size, count = self.architecture["img_size"], self.architecture.get("num_domains")
        if count is None and domains is not None:
            raise UserError(f"{self.weights} is of {self.system}, which has no classes to name")
        self.domains = domain_names(content.get("domains"), domains, count, self.weights) if count else []
        self.named = bool(domains or content.get("domains"))

    def classes(self, domain=None) -> list:
        """The numbers of the classes that ``domain`` names: one, a list of them, or all for None; none of GAN, WGAN."""
        if domain is None:
            return list(range(len(self.domains)))
        if not self.domains:
            raise UserError(f"domain {told(domain)}: {self.weights} is of {self.system}, which has no classes")
        asked = domain if isinstance(domain, (list, tuple, np.ndarray)) else [domain]
        if not len(asked):
            raise UserError("domain is an empty list; name a class, or leave it out for all")
        return [domain_number(name, self.domains, self.named, self.weights) for name in asked]

    def sample(self, count: int = 16, domain=None, seed: int = 0) -> list:
        """``count`` RGB PIL images of ``img_size`` px.

        ``domain`` is the class of all, by name or number, or a list of classes to take by turns; None: all classes by
        turns. Raises UserError for an unknown class, for any class where there are none, and for a wrong number.
        """
        return [Image.fromarray(image) for batch in self.batches(count, domain, seed) for image in batch]

    def batches(self, count: int = 16, domain=None, seed: int = 0) -> Iterator[np.ndarray]:
        """The images of ``sample`` as uint8 [N, img_size, img_size, 3], ``batch_size`` at a time as they are drawn."""
        count, classes = whole("count", count, 1, MOST), self.classes(domain)
        rng = np.random.default_rng(whole("seed", seed, 0))
        for first in range(0, count, self.batch_size):
            size = min(self.batch_size, count - first)
            yield self.render(self._noise(rng, size), by_turns(classes, size, first))

    def noise(self, count: int = 16, seed: int = 0) -> np.ndarray:
        """What ``sample`` draws: float32 [count, latent_dim], standard normal, the first of it whatever ``count``."""
        rng = np.random.default_rng(whole("seed", seed, 0))
        return self._noise(rng, whole("count", count, 1, MOST))

    def _noise(self, rng, count: int) -> np.ndarray:
        return rng.standard_normal((count, self.architecture["latent_dim"]), dtype=np.float32)

    @paddle.no_grad()
    def render(self, z: np.ndarray, classes=()) -> np.ndarray:
        """Images uint8 [N, img_size, img_size, 3] of noise z [N, latent_dim], and of numbers of ``classes`` [N]."""
        images = []
        for first in range(0, len(z), self.batch_size):
            part = slice(first, first + self.batch_size)
            inputs = [paddle.to_tensor(np.asarray(z[part], np.float64))]
            if len(classes):
                inputs.append(paddle.to_tensor(np.asarray(classes[part], np.int64)))
            images.append(to_uint8(self.generator(*inputs).expand([-1, 3, -1, -1])))
        return np.concatenate(images)


def by_turns(classes: list, count: int, first: int = 0) -> list:
    """The class of each of ``count`` pictures, the first of which is number ``first``: ``classes`` by turns."""
    return [classes[i % len(classes)] for i in range(first, first + count)] if classes else []
