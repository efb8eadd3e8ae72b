"""fan: where 98 points of a face are, by stacked hourglasses (Wang et al., ICCV 2019; StarGAN v2's masks come by it).

The network answers with a heatmap for each point and one for the face's boundary, and every stack is trained towards
them: by the Adaptive Wing loss, by the Wing loss on the maps or on the coordinates, or by squares.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import WIDEST, key
from ppstargan.data import face_changes, heatmaps, landmarks
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError
from ppstargan.losses import adaptive_wing, weighted_mean, wing, wing_loss
from ppstargan.metrics.landmarks import found
from ppstargan.nets.fan import INPUT_SIZE, centres
from ppstargan.nets.gans import build
from ppstargan.training import distributed
from ppstargan.training.rates import Rates, adams, set_rate, stepwise
from ppstargan.training.rmsprop import RMSProp
from ppstargan.training.step import Update
from ppstargan.translate import demo_faces, faces

SHOWN = 8  # faces on a sheet
WFLWS = "wflw"  # of data.flip_pairs: the pairs of WFLW's 98 points
ON_MAPS = {"awing": adaptive_wing, "wing": wing, "l2": lambda maps, target: (maps - target).square()}
sample, TAKES, page = faces.sample, faces.TAKES, demo_faces.page
evaluate, MEASURES = faces.evaluate, faces.MEASURES


@dataclass
class Model:
    """``model``: the network's sizes, and how its maps are read."""

    img_size: int = key(least=64, most=1024)
    points: int = key(least=1, most=1000)
    stacks: int = key(least=1, most=4)
    width: int = key(least=4, most=WIDEST)
    decoding: str = key(choices=("peaks", "mean"))


@dataclass
class Data(config.Data):
    """``data``: how far a face is changed at random, in pixels of a picture of 256 px, and how often."""

    flip_pairs: str = key()
    rotation: float = key(least=0, most=180)
    scale: float = key(least=0, below=1)
    shift: float = key(least=0, most=128)
    blur: float = key(least=0, most=1)
    noise: float = key(least=0, most=1)
    occlusion: float = key(least=0, most=1)

    def flip_table(self, points: int) -> np.ndarray | None:
        """Which of ``points`` points each becomes in a mirror, or None where none is known. Raises ValueError."""
        if self.flip_pairs == WFLWS:
            return heatmaps.FLIP if points == heatmaps.WFLW else None
        pairs = []
        for text in self.flip_pairs.split() if self.flip_pairs != "none" else ():
            if not re.fullmatch(r"[0-9]+-[0-9]+", text):
                raise ValueError(f"has {text!r}, which is no pair such as 0-16")
            pairs.append([int(number) for number in text.split("-")])
        numbers = [number for pair in pairs for number in pair]
        for number in numbers:
            if number >= points:
                raise ValueError(f"has point {number}, and the points are 0 to {points - 1}")
            if numbers.count(number) > 1:
                raise ValueError(f"has point {number} twice")
        return heatmaps.flip_table(pairs, points) if pairs else None


@dataclass
class Loss:
    """``loss``: which, and how much more a map's surroundings of a point count."""

    kind: str = key(choices=(*ON_MAPS, "wing_points"))
    mask_weight: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: the optimiser and its rate."""

    optimizer: str = key(choices=("rmsprop", "adam"))
    weight_decay: float = key(least=0)
    lr_hold: int = key(least=1)


@dataclass
class Config(config.Config):
    """The keys of a fan."""

    data: Data
    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes and a decoding that do not fit."""
        super().check(where)
        m = self.model
        if m.img_size % 64 or m.width % 4:
            told = f"model.img_size {m.img_size} must be a multiple of 64, and model.width {m.width} one of 4"
            raise UsageError(f"{where}: {told}")
        if m.img_size == 64 and self.train.batch_size == 1:  # whose smallest maps have one pixel
            raise UsageError(f"{where}: train.batch_size=1 is too few to normalise at model.img_size=64; give 2")
        try:
            self.data.flip_table(m.points)
        except ValueError as error:
            raise UsageError(f"{where}: data.flip_pairs {error}") from None
        if (self.loss.kind == "wing_points") != (m.decoding == "mean"):
            raise UsageError(f"{where}: loss.kind=wing_points needs model.decoding=mean, and the others need peaks")


class Batch(NamedTuple):
    """B faces at S pixels with P points; a single sample is the same without the leading B."""

    x: np.ndarray  # [B, 3, S, S] float32 in [0, 1]
    maps: np.ndarray  # [B, P + 1, S/4, S/4]: the points' bumps, and the boundary
    mask: np.ndarray  # the same of zeros and ones: where the loss counts more
    points: np.ndarray  # [B, P, 2] as (x, y) in pixels


def read(config: Config) -> Images:
    """The faces of ``data.root``. Raises UserError as ``read_faces``."""
    return landmarks.read_faces(config.data.root, config.model.points)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """A face drawn uniformly, changed at random."""
    m, d, items = config.model, config.data, train[landmarks.POOL]
    item = items[rng.integers(len(items))]
    (image, points), _ = load(item, items, open_item=partial(landmarks.opened, size=m.img_size))
    changes = face_changes.Changes(*(getattr(d, name) for name in face_changes.Changes._fields))
    return prepared(*face_changes.changed(image, points, changes, d.flip_table(m.points), rng))


def prepared(image: np.ndarray, points: np.ndarray) -> Batch:
    """One sample of an image uint8 [S, S, 3] and its points."""
    x = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    maps, mask = heatmaps.targets(points, image.shape[0] // heatmaps.STRIDE)
    return Batch(x, maps, mask, points.astype(np.float32))


def updates(networks: dict, batch: Batch, loss):
    """One step on the plain sum of the stacks' losses; ``loss(heatmaps, batch)`` gives that of one."""
    stacks = networks["fan"].each_stack(batch.x)
    terms = {f"stack{i}": loss(maps, batch) for i, (maps, _) in enumerate(stacks)}
    yield Update("fan", ("fan",), sum(terms.values()), terms)


def loss_of(loss: Loss):
    """The function of one stack's heatmaps and a batch that ``loss`` names."""
    if loss.kind == "wing_points":
        return _on_points

    def on_maps(maps, batch):
        values = ON_MAPS[loss.kind](maps.astype(batch.maps.dtype), batch.maps)
        return weighted_mean(values, batch.mask, loss.mask_weight)

    return on_maps


def _on_points(maps: paddle.Tensor, batch: Batch) -> paddle.Tensor:
    """Wing's of the maps' centres, in pixels of a picture of 256 px, for which its w and epsilon are."""
    size = batch.x.shape[3]
    places = centres(maps[:, :-1].astype(batch.points.dtype)) * (INPUT_SIZE / maps.shape[3])
    return wing_loss(places, batch.points * (INPUT_SIZE / size))


class System:
    """The network, its optimiser and updates of one run, and its sheets."""

    averaged, across_batch = (), True
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("fan", self.architecture)
        decay = t.weight_decay or None
        parameters = self.networks["fan"].parameters()
        self.optimizers = (
            {"fan": RMSProp(t.lr, parameters, weight_decay=decay)}
            if t.optimizer == "rmsprop"
            else adams(self.networks, t.lr, t.beta1, t.beta2, decay)
        )

    def prepare(self, loaded: set) -> None:
        """Reads the faces of the sheet: of test, or of train where there is no test. Raises UserError for a bad one."""
        if distributed.rank() > 0:  # the first draws them
            return
        items = (self.data.val or self.data.train)[landmarks.POOL][:SHOWN]
        opened = [landmarks.opened(item, self.config.model.img_size) for item in items]
        self.looked_at = Batch(*map(np.stack, zip(*(prepared(*one) for one in opened))))

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration, but the rate."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name."""
        t = self.config.train
        set_rate(self.optimizers, t.lr * stepwise(iteration, t.lr_hold))
        return updates(self.networks, batch, loss_of(self.config.loss))

    def sheets(self, networks: dict) -> dict:
        """{"faces": uint8 [H, W, 3]}: points found (red) and true (green), heatmaps and boundary, a column a face."""
        x, _, _, true = self.looked_at
        points, maps = found(networks["fan"], x, self.config.model.decoding)
        return {"faces": faces.sheet(x, points, maps, true)}
