"""Whether masks keep a face's points in place: what a face alignment network finds on translations of drawn people.

Every val face becomes one of the other domain, by the style of a face there: once as the model does it, and once by the
same weights without the masked high-pass features. The first figure of a pair is by the points that the network finds
on the source, the other by the true ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import pictures
from ppstargan.data.batches import load_batch
from ppstargan.data.people_sets import true_points
from ppstargan.metrics import landmarks, toy
from ppstargan.nets.fan import FAN
from ppstargan.nets.stargan_v2 import Networks
from ppstargan.translate.faces import LEAST_SHOWN, RED, dotted

BATCH, SHOWN = 20, 8


class Report(NamedTuple):
    """``model`` is the judge's of the translations; NME are by the outer corners of the eyes, [N] for N faces each."""

    model: toy.Report
    seen: np.ndarray  # the network's error on the sources themselves
    moved: dict  # {"with masks": (NME by the points found on the source, by the true ones), "without": …}

    def lines(self) -> list:
        """The report for people."""
        told = "; ".join(
            f"{name} {np.mean(by_source):.3f} from those on the source, {np.mean(by_truth):.3f} from the true ones"
            for name, (by_source, by_truth) in self.moved.items()
        )
        count = len(self.seen)
        return [
            *self.model.lines(),
            f"the points that the face alignment network finds on {count} held-out faces are {self.seen.mean():.3f} "
            "from the true ones (NME)",
            f"and on their translations, {told}",
        ]


@paddle.no_grad()
def translated(nets: Networks, x: np.ndarray, y: np.ndarray, seed: int = 0) -> dict:
    """{"with masks": float32 [N, 3, S, S], "without masks": …} of faces x [N, 3, S, S] of the domains y [N], 0 or 1.

    Each in the style of a face of the other domain. A model without masks gives "without masks" alone.
    """
    rng = np.random.default_rng(seed)
    references = np.array([rng.choice(np.flatnonzero(y != domain)) for domain in y])
    made: dict = {}
    for first in range(0, len(x), BATCH):
        part = slice(first, first + BATCH)
        source, y_trg = paddle.to_tensor(x[part]), paddle.to_tensor(1 - y[part])
        style = nets.style_from_reference(paddle.to_tensor(x[references[part]]), y_trg)
        content, masks = nets.generator.encode_content(source), nets.masks(source)
        for name, given in (("with masks", masks), ("without masks", None)):
            if given is not None or name == "without masks":
                made.setdefault(name, []).append(nets.generator.decode_content(content, style, given).numpy())
    return {name: np.concatenate(parts).clip(-1, 1) for name, parts in made.items()}


def points_on(fan: FAN, x: np.ndarray) -> np.ndarray:
    """Points [N, 98, 2] in pixels of faces [N, 3, S, S] in [-1, 1]."""
    return np.concatenate([fan.landmarks(paddle.to_tensor(x[i : i + BATCH])) for i in range(0, len(x), BATCH)])


def measure(nets: Networks, fan: FAN, model: toy.Report, val: dict, root: str | Path, size: int) -> tuple:
    """(the ``Report`` on the val faces {domain: paths} of drawn people in ``root``, a picture of it).

    The picture, uint8 [H, W, 3], has a few sources on top and their translations below, with the points in red.
    Raises UserError as ``true_points``, and for pictures of another size than the model's.
    """
    known = true_points(root)
    paths = [path for group in val.values() for path in group]
    true = np.stack([known[f"{path.parent.name}/{path.name}"] for path in paths])
    x = load_batch(paths, size)
    y = np.concatenate([np.full(len(group), domain) for domain, group in enumerate(val.values())])
    made = translated(nets, x, y)
    on_source, found = points_on(fan, x), {name: points_on(fan, images) for name, images in made.items()}
    # By the true distance of the eyes in all of them: the network's own may be wrong.
    unit = landmarks.sizes_of(true)

    def error(points: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points - others, axis=2).mean(axis=1) / unit

    moved = {name: (error(points, on_source), error(points, true)) for name, points in found.items()}
    shown = np.linspace(0, len(x) - 1, min(SHOWN, len(x))).round().astype(int)
    scale = -(-LEAST_SHOWN // size)
    rows = [(x, on_source), *((made[name], found[name]) for name in made)]
    sheet = [dotted(pictures.to_uint8(images[shown]), [(points[shown], RED)], scale) for images, points in rows]
    return Report(model, error(on_source, true), moved), pictures.grid(sheet)
