"""AdaIN: any picture in the style of any other, in one pass (Huang and Belongie, ICCV 2017).

A frozen encoder, VGG-19 up to relu4_1, sees content and style; the content's features are given the style's means and
deviations, t; and the decoder, all that is trained, makes a picture g of t. The encoder looks at g, too: there its last
features are to be t, and the statistics of all four of its layers those of the style.
"""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import checkpoint, config
from ppstargan.config import WIDEST, key
from ppstargan.data import styles
from ppstargan.data.batches import Images
from ppstargan.errors import UsageError, UserError
from ppstargan.losses import feature_loss
from ppstargan.metrics.protocol import choose
from ppstargan.nets.adain import statistics, transfer
from ppstargan.nets.gans import build
from ppstargan.nets.vgg import SHRINKS
from ppstargan.pictures import grid, to_uint8
from ppstargan.training import distributed
from ppstargan.training.rates import Rates, adams, set_rate
from ppstargan.training.step import Update
from ppstargan.translate import demo_stylized, style_losses, stylized

SHOWN = 6  # contents and styles on a sheet
sample, TAKES = stylized.sample, stylized.TAKES  # what tools/sample.py does with weights, by which options
evaluate, MEASURES = style_losses.evaluate, style_losses.MEASURES  # and tools/evaluate.py, without a judge
page = demo_stylized.page  # and tools/demo.py


@dataclass
class Model:
    """``model``: sizes of the pictures and of both networks."""

    img_size: int = key(least=2 * SHRINKS, most=4096)
    width: int = key(least=1, most=WIDEST // 8)

    def check(self, where: str) -> None:
        """Raises UsageError for a size that the networks do not give back."""
        if self.img_size % SHRINKS:
            what = f"model.img_size must be a multiple of {SHRINKS}, not {self.img_size}"
            raise UsageError(f"{where}: {what}: the encoder halves a picture three times")


@dataclass
class Data(config.Data):
    """``data``: how pictures are resized before a square is cut out."""

    load_size: int = key(least=2 * SHRINKS, most=8192)
    keep_aspect: bool = key()


@dataclass
class Encoder:
    """``encoder``: the network that is not trained, and whether the one that is begins with the same file's."""

    weights: str = key(path=True, harmless=True)
    with_decoder: bool = key()


@dataclass
class Loss:
    """``loss``: weights of the terms."""

    lambda_content: float = key(least=0)
    lambda_style: float = key(least=0)


@dataclass
class Train(Rates):
    """``train``: the decoder's Adam, and how its rate falls."""

    lr_decay: float = key(least=0)


@dataclass
class Config(config.Config):
    """The keys of an AdaIN."""

    data: Data
    model: Model
    encoder: Encoder
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for sizes that do not fit."""
        super().check(where)
        self.model.check(where)
        if self.data.load_size < self.model.img_size:
            larger = f"data.load_size {self.data.load_size}, which must be no smaller"
            raise UsageError(f"{where}: model.img_size {self.model.img_size} is cut out of {larger}")


class Batch(NamedTuple):
    """B contents and as many styles at S pixels; a single sample is the same without the leading B."""

    content: np.ndarray  # [B, 3, S, S] float32 in [0, 1]
    style: np.ndarray  # [B, 3, S, S]


def read(config: Config) -> Images:
    """Contents and styles of ``data.root``. Raises UserError as ``read_styles``."""
    return styles.read_styles(config.data.root)


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """A content and a style, each drawn uniformly and cut by itself."""
    d, size = config.data, config.model.img_size
    images = [load(train[side][rng.integers(len(train[side]))], train[side])[0] for side in styles.SIDES]
    return Batch(*(styles.jittered(image, d.load_size, size, d.keep_aspect, rng) for image in images))


def terms(encoder, decoder, batch: Batch, alpha: float = 1.0) -> dict:
    """{"content": scalar, "style1": …, "style4": …}, without weights; gradients flow to the decoder alone."""
    with paddle.no_grad():
        wanted = [statistics(features) for features in encoder.features(batch.style)]
        t = transfer(encoder(batch.content), wanted[-1], alpha)
    seen = encoder.features(decoder(t))
    found = {"content": feature_loss(seen[-1], t)}
    for i, (features, style) in enumerate(zip(seen, wanted), 1):
        own = statistics(features)
        found[f"style{i}"] = feature_loss(own.mean, style.mean) + feature_loss(own.std, style.std)
    return found


def updates(encoder, networks: dict, batch: Batch, loss: Loss, alpha: float = 1.0):
    """The decoder's one step, on the content's loss and the styles', both logged with their weights."""
    found = terms(encoder, networks["decoder"], batch, alpha)
    content = loss.lambda_content * found.pop("content")
    style = loss.lambda_style * sum(found.values())
    yield Update("decoder", ("decoder",), content + style, {"content": content, "style": style})


def rate(iteration: int, lr: float, lr_decay: float) -> float:
    """The learning rate at ``iteration`` (from 0)."""
    return lr / (1 + lr_decay * iteration)


def how_to_get(path, root) -> str:
    """What brings the encoder's file ``path``: the toy's own, which lies in its data, or the authors', converted."""
    target = shlex.quote(str(path))
    if Path(path).parent == Path(root):
        return f"python tools/draw_toy.py adain --out {shlex.quote(str(root))} draws the toy's data and trains it"
    return (
        "convert the authors' vgg_normalised.pth (of pytorch-AdaIN's releases): "
        f"python tools/convert_torch_weights.py vgg_normalised.pth {target}; or name another by -o encoder.weights=FILE"
    )


def load_networks(nets: dict, path, advice: str) -> None:
    """Gives ``nets`` {name: network} their weights in ``path``. Raises UserError, with the ``advice`` on that file."""
    stored = checkpoint.load(path, advice)
    held, width = stored.get("nets") or {}, stored["architecture"].get("width")
    for name, net in nets.items():
        if name not in held:
            raise UserError(f"{Path(path).absolute()} holds no {name} of AdaIN; {advice}")
        checkpoint.compare(net, held[name], f"{path}, {name}", advice=f"; for this file's: -o model.width={width}")
    for name, net in nets.items():
        checkpoint.fill(net, held[name], f"{path}, {name}")


class System:
    """Networks, the optimiser and the updates of one run, and its sheet."""

    averaged, across_batch = (), False

    def __init__(self, config: Config, data: Images):
        self.config, self.data, t = config, data, config.train
        self.architecture = dataclasses.asdict(config.model)
        networks = build("adain", self.architecture)
        self.frozen = {"encoder": networks.pop("encoder")}
        self.networks = networks
        self.optimizers = adams(self.networks, t.lr, t.beta1, t.beta2)

    def prepare(self, loaded: set) -> None:
        """Reads the encoder, and a decoder to begin with where that is asked for, and the sheet's pictures.

        Networks that are among those ``loaded`` from a file stay as they are.

        Raises UserError for what is missing or bad.
        """
        path, begins = self.config.encoder.weights, self.config.encoder.with_decoder
        nets = {**self.frozen, **(self.networks if begins else {})}
        wanted = {name: net for name, net in nets.items() if name not in loaded}
        if wanted:
            load_networks(wanted, path, how_to_get(path, self.config.data.root))
        if distributed.rank() > 0:  # the first draws the sheets
            return
        shown, size = self.data.val or self.data.train, self.config.model.img_size
        self.looked_at = Batch(*(styles.load_middles(choose(shown[side], SHOWN), size) for side in styles.SIDES))

    def schedule(self, iteration: int) -> dict:
        """Nothing changes with the iteration but the rate, which the curves have anyway."""
        return {}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name."""
        t = self.config.train
        set_rate(self.optimizers, rate(iteration, t.lr, t.lr_decay))
        return updates(self.frozen["encoder"], self.networks, batch, self.config.loss)

    @paddle.no_grad()
    def sheets(self, networks: dict) -> dict:
        """{"styles": uint8 [H, W, 3]}: contents on the left, styles on top, and each content in each style."""
        encoder, decoder = self.frozen["encoder"], networks["decoder"]
        contents, pictures = (paddle.to_tensor(images) for images in self.looked_at)
        features, rows = encoder(contents), []
        for style in pictures.split(len(pictures)):
            rows.append(to_uint8(2 * decoder(transfer(features, statistics(encoder(style)))) - 1))
        beside, above = (to_uint8(2 * images - 1) for images in self.looked_at)
        made = [[content, *(column[i] for column in rows)] for i, content in enumerate(beside)]
        return {"styles": grid([[None, *above], *made])}
