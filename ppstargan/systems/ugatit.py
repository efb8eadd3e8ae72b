"""U-GAT-IT: unpaired A <-> B by attention and adaptive layer-instance norm (Kim et al., ICLR 2020), full and light.

genA2B makes images of A into images of B, and genB2A the other way. Each domain has two discriminators, of large
patches (disGA, disGB) and of small ones (disLA, disLB). All six have an attention that tells domains apart, or real
from fake, and that is trained beside the images.
"""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config
from ppstargan.config import WIDEST, key
from ppstargan.data import sides
from ppstargan.data.batches import Images
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UsageError
from ppstargan.losses import adversarial_loss, cycle_loss, least_squares_loss
from ppstargan.nets.gans import build
from ppstargan.nets.norms import ILN, AdaILN
from ppstargan.nets.spectral_norm import put_back, vectors
from ppstargan.nets.ugatit import DISCRIMINATORS, GENERATORS, smallest
from ppstargan.pictures import grid, heat, to_uint8
from ppstargan.training import distributed
from ppstargan.training.rates import Rates, adams, set_rate
from ppstargan.training.step import Update, only
from ppstargan.translate import compared, demo_pictures, from_pictures
from ppstargan.translate.from_pictures import Way

SHOWN = 8  # images of each side on a sheet
WAYS = {"AtoB": Way("genA2B"), "BtoA": Way("genB2A")}
# What tools/sample.py does with weights, by which options.
sample = partial(
    from_pictures.sample,
    ways=WAYS,
    resample=sides.BILINEAR,
    multiple_of=lambda architecture: 4 if architecture["light"] else 0,  # the full model's linear layer has one size
)
TAKES = from_pictures.TAKES_HEATMAP
comparisons = partial(compared.from_sides, ways=WAYS, resample=sides.BILINEAR)  # and what tools/evaluate.py does
MEASURES = compared.SIDES
page = partial(demo_pictures.page, title="U-GAT-IT", ways=WAYS, resample=sides.BILINEAR)  # and tools/demo.py


def ways(content: dict) -> dict:
    """The directions of the system, of which the file of ``content`` may have one."""
    return WAYS


@dataclass
class Model:
    """``model``: sizes of the networks."""

    img_size: int = key(least=8, most=4096)
    light: bool = key()
    g_width: int = key(least=1, most=WIDEST)
    d_width: int = key(least=1, most=WIDEST)
    blocks: int = key(least=0, most=64)
    global_layers: int = key(least=3, most=12)
    local_layers: int = key(least=3, most=12)

    def check(self, where: str) -> None:
        """Raises UsageError for a size that the networks cannot have."""
        if self.img_size % 4:
            why = "the generators halve an image twice"
            raise UsageError(f"{where}: {why}, so model.img_size must be a multiple of 4, not {self.img_size}")
        for name in ("global_layers", "local_layers"):
            layers = getattr(self, name)
            if self.img_size < smallest(layers):
                fits = max(n for n in range(3, layers) if smallest(n) <= self.img_size)
                need = f"a discriminator of {layers} layers needs images of {smallest(layers)} px"
                raise UsageError(f"{where}: {need}; for model.img_size={self.img_size} give model.{name}={fits}")


@dataclass
class Data(config.Data):
    """``data``: the size that images are resized to before a square is cut out."""

    load_size: int = key(least=8, most=8192)


@dataclass
class Loss:
    """``loss``: weights of the terms."""

    lambda_adv: float = key(least=0)
    lambda_cycle: float = key(least=0)
    lambda_identity: float = key(least=0)
    lambda_cam: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: both Adams' rates, and the weight decay."""

    lr_iter: int = key(least=0)
    weight_decay: float = key(least=0)


@dataclass
class Config(config.Config):
    """The keys of a U-GAT-IT."""

    data: Data
    model: Model
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes that do not fit."""
        super().check(where)
        self.model.check(where)
        size, load_size = self.model.img_size, self.data.load_size
        if load_size < size:
            cut = f"model.img_size {size} is cut out of data.load_size {load_size}"
            raise UsageError(f"{where}: {cut}, which must be as large or larger")
        if self.train.lr_iter % 2:  # the authors' rate would end below 0, and the last step go uphill
            raise UsageError(f"{where}: train.lr_iter has two halves, so it must be even, not {self.train.lr_iter}")


class Batch(NamedTuple):
    """B images of each side at S pixels; a single sample is the same without the leading B."""

    a: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]
    b: np.ndarray  # [B, 3, S, S]: no partners of those


def read(config: Config) -> Images:
    """Both sides of ``data.root``. Raises UserError as ``read_sides``."""
    return sides.read_sides(config.data.root)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """An image of each side, drawn uniformly, each mirrored, resized and cut by itself."""
    load_size, size = config.data.load_size, config.model.img_size
    images = [load(items[rng.integers(len(items))], items)[0] for items in train.values()]
    bilinear = {"resample": sides.BILINEAR, "flip_first": True}
    return Batch(*(sides.jittered(image, load_size, size, rng, **bilinear) for image in images))


def updates(networks: dict, batch: Batch, loss: Loss):
    """The four discriminators step, then both generators, on the same fakes; then every rho is clipped to [0, 1].

    The authors make the fakes anew for the second step, when the generators are still what they were.
    Each discriminator sees its real images, its fakes, and in the generators' step its fakes again: three rounds of
    spectral norm's power iteration.
    """
    to_b, to_a = (networks[name] for name in GENERATORS)
    # Both sides go through a generator at once, since no layer looks across the batch. Its pieces are computed in turn
    # between the yields, so the fakes are made where no piece has the generators frozen.
    (fake_b, same_b), (cam_a2b, cam_b2b) = (both.chunk(2) for both in to_b(paddle.concat([batch.a, batch.b]))[:2])
    (fake_a, same_a), (cam_b2a, cam_a2a) = (both.chunk(2) for both in to_a(paddle.concat([batch.b, batch.a]))[:2])
    shown, terms = {"A": (batch.a, fake_a.detach()), "B": (batch.b, fake_b.detach())}, {}
    for name in DISCRIMINATORS:
        (real, real_cam, _), (fake, fake_cam, _) = map(networks[name], shown[name[-1]])
        terms[f"ad_{name[3:]}"] = least_squares_loss(real, 1) + least_squares_loss(fake, 0)
        terms[f"cam_{name[3:]}"] = least_squares_loss(real_cam, 1) + least_squares_loss(fake_cam, 0)
    yield Update("discriminators", DISCRIMINATORS, loss.lambda_adv * sum(terms.values()), terms)

    with only(networks, *GENERATORS):
        back_a, back_b = to_a(fake_b)[0], to_b(fake_a)[0]
        terms = {}
        for name in DISCRIMINATORS:
            fake, fake_cam, _ = networks[name](fake_a if name.endswith("A") else fake_b)
            terms[f"ad_{name[3:]}"], terms[f"cam_{name[3:]}"] = (least_squares_loss(s, 1) for s in (fake, fake_cam))
        adversarial = sum(terms.values())
        terms["recon_A"], terms["recon_B"] = cycle_loss(back_a, batch.a), cycle_loss(back_b, batch.b)
        terms["identity_A"], terms["identity_B"] = cycle_loss(same_a, batch.a), cycle_loss(same_b, batch.b)
        terms["cam_A"] = adversarial_loss(cam_b2a, 1) + adversarial_loss(cam_a2a, 0)
        terms["cam_B"] = adversarial_loss(cam_a2b, 1) + adversarial_loss(cam_b2b, 0)
        total = (
            loss.lambda_adv * adversarial
            + loss.lambda_cycle * (terms["recon_A"] + terms["recon_B"])
            + loss.lambda_identity * (terms["identity_A"] + terms["identity_B"])
            + loss.lambda_cam * (terms["cam_A"] + terms["cam_B"])
        )
        yield Update("generators", GENERATORS, total, terms)
    clip_rho(to_b, to_a)


@paddle.no_grad()
def clip_rho(*generators: paddle.nn.Layer) -> None:
    """Clips the share of the instance norm in every ILN and AdaILN to [0, 1]."""
    for layer in (layer for net in generators for layer in net.sublayers()):
        if isinstance(layer, (ILN, AdaILN)):
            layer.rho.clip_(0.0, 1.0)


def rate(iteration: int, lr: float, lr_iter: int) -> float:
    """The learning rate at ``iteration`` (from 0): ``lr``, in the second half of ``lr_iter`` falling to 0; 0: ``lr``.

    The last of them runs at 0, or where ``lr_iter`` is odd, as in the authors' code, below. Later ones run at 0.
    """
    if not lr_iter:
        return lr
    half = lr_iter // 2
    return lr * (1 - max(0, iteration + 1 - half) / half) if iteration < lr_iter else 0.0


def from_the_same(discriminators: list, held: list, updates):
    """``updates`` of a piece of a batch, each from the u and v of spectral norm that the whole would start from.

    These move with every forward pass, and the pieces of a batch take turns. Where they move to depends on the weights
    alone, so all pieces leave them in the same state. ``held`` are those before the first piece.
    """
    with contextlib.closing(updates):
        while True:
            put_back(held)
            update = next(updates, None)
            if update is None:
                return
            held = vectors(discriminators)
            yield update


class System:
    """Networks, optimisers and updates of one run, and its sheets."""

    averaged, across_batch = (), False
    frozen: dict = {}  # noqa: RUF012, never changed

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.architecture = dataclasses.asdict(config.model)
        self.networks = build("ugatit", self.architecture)
        self.optimizers = adams(self.networks, t.lr, t.beta1, t.beta2, t.weight_decay)

    def prepare(self, loaded: set) -> None:
        """Reads the images of the sheets: of val, or of train where there is no val. Raises UserError for a bad one."""
        if distributed.rank() > 0:  # the first draws them
            return
        shown = self.data.val or self.data.train
        size = self.config.model.img_size
        self.looked_at = Batch(
            *(
                np.stack([sides.prepared(load_rgb(path), size, resample=sides.BILINEAR) for path in paths[:SHOWN]])
                for paths in shown.values()
            )
        )

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration but the rates, which the curves have anyway."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name, on the run's networks."""
        t = self.config.train
        set_rate(self.optimizers, rate(iteration, t.lr, t.lr_iter))
        discriminators = [self.networks[name] for name in DISCRIMINATORS]
        held = vectors(discriminators)  # now, before any piece has had its turn
        return from_the_same(discriminators, held, updates(self.networks, batch, self.config.loss))

    @paddle.no_grad()
    def sheets(self, networks: dict) -> dict:
        """{"a2b": uint8 [H, W, 3], "b2a": …}: a column an image, its heatmap, what it becomes, and the way back."""
        to_b, to_a = (networks[name] for name in GENERATORS)
        found = {}
        for name, images, there, back in (("a2b", self.looked_at.a, to_b, to_a), ("b2a", self.looked_at.b, to_a, to_b)):
            x = paddle.to_tensor(images)
            y, _, heatmap = there(x)
            maps = heat(heatmap.numpy(), x.shape[-1])
            found[name] = grid([list(row) for row in (to_uint8(x), maps, to_uint8(y), to_uint8(back(y)[0]))])
        return found
