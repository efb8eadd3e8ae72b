"""What the toy configuration of each system is trained on, and how what it has learnt is measured."""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np
import paddle

from ppstargan.data import idx
from ppstargan.data.digits import CLASSES, write_digits
from ppstargan.data.toy import write_dataset
from ppstargan.metrics import digits, toy

SAMPLES = 1000  # generated digits that the judge sees


class Toy(NamedTuple):
    """``draw(config)`` fills ``data.root``, unless it is filled; ``measure(trainer)`` returns a report with lines."""

    what: str
    draw: Callable
    measure: Callable
    sheet: str  # the name of the one to look at


def draw_faces(config) -> None:
    """Raises UserError as ``write_dataset``."""
    write_dataset(config.data.root, size=config.model.img_size, train_count=400, val_count=40, seed=0)


def draw_digits(config) -> None:
    """Raises UserError as ``write_digits``."""
    write_digits(config.data.root)


def measure_faces(trainer) -> toy.Report:
    """Translations by the moving averages of ``trainer``."""
    nets, model = trainer.system.nets.sharing(trainer.averages), trainer.config.model
    return toy.measure(nets, trainer.data.train, trainer.data.val, model.img_size, model.latent_dim)


def measure_digits(trainer) -> digits.Report:
    """Digits by the moving average of the generator of ``trainer``; of a conditional one, as many of each class."""
    classes = np.arange(SAMPLES) % CLASSES if trainer.config.system == "cgan" else None
    made = generated(trainer.averages["generator"], SAMPLES, trainer.config.model.latent_dim, classes)
    drawn = idx.read(trainer.config.data.root)
    return digits.measure(drawn.train, drawn.test, made.mean(1, keepdims=True), classes)


@paddle.no_grad()
def generated(generator, count: int, latent_dim: int, classes: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """``count`` images float32 [count, C, S, S] by running statistics, of ``classes`` [count] where there are any."""
    noise = np.random.default_rng(seed).standard_normal((count, latent_dim), dtype=np.float32)
    inputs = [noise] if classes is None else [noise, classes]
    generator.eval()
    parts = [generator(*map(paddle.to_tensor, part)) for part in zip(*(np.array_split(i, 10) for i in inputs))]
    generator.train()
    return paddle.concat(parts).numpy()


_FACES = Toy("faces", draw_faces, measure_faces, "reference")
_DIGITS = Toy("digits", draw_digits, measure_digits, "samples")
TOYS = {"stargan_v2": _FACES, "gan": _DIGITS, "wgan": _DIGITS, "cgan": _DIGITS}  # by the system
