"""StarGAN v2 (Choi et al., CVPR 2020): the four updates of an iteration, in the paper's order.

    D on images in the styles of latents         d_latent
    D on images in the styles of references      d_reference
    G, F and E on the styles of latents          g_latent
    G alone on the styles of references          g_reference

What an update shares or leaves out changes no gradient that an optimiser uses, and the comments say why.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import config, losses
from ppstargan.config import WIDEST, key
from ppstargan.data.batches import Images
from ppstargan.data.dataset import read_dataset
from ppstargan.data.folders import image_lists
from ppstargan.data.transforms import for_training
from ppstargan.errors import UsageError
from ppstargan.face.weights import fan_of, load_fan_to_train_by
from ppstargan.metrics.judges import load_judges
from ppstargan.metrics.protocol import Settings
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.training import distributed
from ppstargan.training.amp import full_precision
from ppstargan.training.step import Update, only
from ppstargan.translate import demo_styles, in_styles
from ppstargan.translate.evaluate import evaluate_in_training
from ppstargan.translate.sheets import sample_sheets, sheet_images

sample, TAKES, page = in_styles.sample, in_styles.TAKES, demo_styles.page  # of tools/sample.py and of tools/demo.py


@dataclass
class Model:
    """``model``: sizes of the networks."""

    img_size: int = key(choices=(32, 64, 128, 256, 512, 1024))
    style_dim: int = key(least=1, most=WIDEST)
    latent_dim: int = key(least=1, most=WIDEST)
    hidden_dim: int = key(least=1, most=WIDEST)
    w_hpf: float = key(least=0)
    channel_base: int = key(least=1)
    max_channels: int = key(least=1, most=WIDEST)


@dataclass
class Data(config.Data):
    """``data``, and how often an image is cropped."""

    crop_probability: float = key(least=0, most=1)


@dataclass
class Face:
    """``face``: the network that finds landmarks."""

    fan: str = key(path=True, harmless=True)  # needed where w_hpf > 0
    allow_random_fan: bool = key(harmless=True)


@dataclass
class Loss:
    """``loss``: the weights of its terms."""

    lambda_reg: float = key(least=0)
    lambda_sty: float = key(least=0)
    lambda_ds: float = key(least=0)  # at the first iteration
    lambda_cyc: float = key(least=0)
    ds_iter: int = key(least=1)


@dataclass
class Train(config.Train):
    """``train``, with rates, averages and measurements."""

    lr: float = key(above=0)  # at 0, nothing is learnt
    f_lr: float = key(least=0)
    beta1: float = key(least=0, below=1)
    beta2: float = key(least=0, below=1)
    weight_decay: float = key(least=0)
    ema_beta: float = key(least=0, below=1)  # at 1, an average never moves
    ema_warmup: bool = key()
    eval_every: int = key(least=0, harmless=True)
    eval_sources: int = key(least=1, harmless=True)


@dataclass
class Config(config.Config):
    """The keys of StarGAN v2."""

    model: Model
    data: Data
    face: Face
    loss: Loss
    train: Train

    def check(self, where: str) -> None:
        """Raises UsageError as ``config.Config.check``, and for layers too narrow to hold an image."""
        super().check(where)
        m = self.model
        channels = min(m.channel_base // m.img_size, m.max_channels)
        if channels < 3:
            raise UsageError(
                f"{where}: layers at {m.img_size} px would have {channels} channels, by model.channel_base "
                f"{m.channel_base} and model.max_channels {m.max_channels}, and an image has 3; give at least "
                f"model.channel_base={3 * m.img_size} and model.max_channels=3"
            )


class Batch(NamedTuple):
    """B samples at S pixels over the domains 0..K-1; a single sample is the same without the leading B."""

    x_src: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]: the images to translate
    y_src: np.ndarray  # [B] int64: their domains
    x_ref: np.ndarray  # [B, 3, S, S] float32 in [-1, 1]: references for the style
    x_ref2: np.ndarray  # [B, 3, S, S]: other images of the same domains
    y_trg: np.ndarray  # [B] int64: the domains of the references
    z_trg: np.ndarray  # [B, latent_dim] float32, standard normal
    z_trg2: np.ndarray  # [B, latent_dim]


def read(config: Config) -> Images:
    """The domains of ``data.root``. Raises UserError as ``read_dataset``."""
    train, val = read_dataset(config.data.root)
    return Images(train, val, image_lists(Path(config.data.root) / "train", train))


def draw(train: dict, config: Config, rng: np.random.Generator, load) -> Batch:
    """A source and a pair of references, each of a domain drawn uniformly, then uniformly within it.

    In distribution, that is the authors' balanced weighted sampling. ``train`` has two images of each domain at least.
    """
    domains, size = list(train.values()), config.model.img_size
    y_src, y_trg = rng.integers(len(domains), size=2)
    source = domains[y_src][rng.integers(len(domains[y_src]))]
    first, second = (domains[y_trg][i] for i in rng.choice(len(domains[y_trg]), 2, replace=False))
    z_trg, z_trg2 = rng.standard_normal((2, config.model.latent_dim), dtype=np.float32)

    def loaded(item, domain: int, partner=None) -> tuple:
        image, item = load(item, domains[domain], partner)
        return for_training(image, size, config.data.crop_probability, rng), item

    x_src, _ = loaded(source, y_src)
    x_ref, first = loaded(first, y_trg, partner=second)
    x_ref2, _ = loaded(second, y_trg, partner=first)
    return Batch(x_src, y_src, x_ref, x_ref2, y_trg, z_trg, z_trg2)


def discriminator_loss(nets: Networks, batch: Batch, x_fake: paddle.Tensor, loss: Loss):
    """Loss of D and its terms for fakes [N, 3, H, W] of the target domains, which carry no gradient."""
    x_real = batch.x_src.detach()
    x_real.stop_gradient = False  # R1 differentiates with respect to the image
    logits_fake = nets.discriminator(x_fake, batch.y_trg)
    with full_precision():  # for the second derivatives of R1
        logits = nets.discriminator(x_real, batch.y_src)
        reg = losses.r1_penalty(logits, x_real)
    terms = {"real": losses.adversarial_loss(logits, 1), "fake": losses.adversarial_loss(logits_fake, 0), "reg": reg}
    return terms["real"] + terms["fake"] + loss.lambda_reg * terms["reg"], terms


def translated(nets: Networks, batch: Batch, s_trg, masks):
    """The source's content, the style codes [N, style_dim], and the source in them: what G's objective begins with."""
    content = nets.generator.encode_content(batch.x_src)
    return content, s_trg, nets.generator.decode_content(content, s_trg, masks)


def generator_loss(nets: Networks, batch: Batch, first, s_trg2, masks, loss: Loss):
    """Full objective of G, F and E (equation 5) and its terms, for what ``translated`` gives and other style codes.

    ``masks`` are those of ``batch.x_src`` (``Networks.masks``): two of [N, 1, M, M], or None where w_hpf is 0.
    """
    content, s_trg, x_fake = first  # the encoder does not see the style: one content for both images
    with paddle.no_grad():  # the second image is a constant of the diversity term
        x_fake2 = nets.generator.decode_content(content, s_trg2, masks)
    s_src = nets.style_encoder(batch.x_src, batch.y_src)
    with full_precision():  # as the source's masks
        masks_back = nets.masks(x_fake.astype(batch.x_src.dtype))
    x_back = nets.generator(x_fake, s_src, masks_back)
    return objective(nets, batch, s_trg, x_fake, x_fake2, x_back, loss)


def objective(nets: Networks, batch: Batch, s_trg, x_fake, x_fake2, x_back, loss: Loss):
    """Equation 5 and its terms, of images [N, 3, H, W]: in two styles, and turned back to the source's style."""
    terms = {
        "adv": losses.adversarial_loss(nets.discriminator(x_fake, batch.y_trg), 1),
        "sty": losses.style_reconstruction_loss(nets.style_encoder(x_fake, batch.y_trg), s_trg),
        "ds": losses.diversity_loss(x_fake, x_fake2),
        "cyc": losses.cycle_loss(x_back, batch.x_src),
    }
    total = (
        terms["adv"] + loss.lambda_sty * terms["sty"] - loss.lambda_ds * terms["ds"] + loss.lambda_cyc * terms["cyc"]
    )
    return total, terms


def updates(nets: Networks, batch: Batch, loss: Loss):
    """Yields the four updates; between two of them the caller goes backward and steps the optimisers.

    ``loss`` has the weights of the terms, lambda_ds that of this iteration.
    """
    trained = nets.trained
    alone = not nets.generator.from_rgb.weight.stop_gradient  # else another piece of the batch is in an update of D
    with full_precision():
        masks = nets.masks(batch.x_src)  # the FAN never changes: once an iteration
    with only(trained, *AVERAGED), paddle.set_grad_enabled(alone):  # G, F and E stay until g_latent
        first = content, _, x_fake = translated(nets, batch, nets.mapping_network(batch.z_trg, batch.y_trg), masks)

    with only(trained, "discriminator"):
        yield Update("d_latent", ("discriminator",), *discriminator_loss(nets, batch, x_fake.detach(), loss))
        with paddle.no_grad():  # D's fakes are constants
            x_fake = nets.generator.decode_content(content, nets.style_encoder(batch.x_ref, batch.y_trg), masks)
        yield Update("d_reference", ("discriminator",), *discriminator_loss(nets, batch, x_fake, loss))

    with only(trained, *AVERAGED):
        if not alone:  # there was no graph, and one for each piece would take much memory
            first = translated(nets, batch, nets.mapping_network(batch.z_trg, batch.y_trg), masks)
        with paddle.no_grad():
            s_trg2 = nets.mapping_network(batch.z_trg2, batch.y_trg)
        yield Update("g_latent", AVERAGED, *generator_loss(nets, batch, first, s_trg2, masks, loss))
    del first, content, x_fake  # room for the last update

    with only(trained, "generator"):
        first = translated(nets, batch, nets.style_encoder(batch.x_ref, batch.y_trg), masks)
        s_trg2 = nets.style_encoder(batch.x_ref2, batch.y_trg)
        yield Update("g_reference", ("generator",), *generator_loss(nets, batch, first, s_trg2, masks, loss))


def lambda_ds_at(iteration: int, lambda_ds: float, ds_iter: int) -> float:
    """Weight of the diversity term: falls linearly from ``lambda_ds`` to 0 at iteration ``ds_iter``."""
    return lambda_ds * max(0.0, 1.0 - iteration / ds_iter)


def adam_optimizers(networks: dict, lr=1e-4, f_lr=1e-6, beta1=0.0, beta2=0.99, weight_decay=1e-4) -> dict:
    """An Adam for each of the four networks; F learns at ``f_lr``. The weight decay is L2, as in PyTorch's Adam."""
    rates = {"mapping_network": f_lr}
    return {
        name: paddle.optimizer.Adam(
            rates.get(name, lr), beta1, beta2, parameters=net.parameters(), weight_decay=weight_decay
        )
        for name, net in networks.items()
    }


class System:
    """Networks, optimisers and updates of one run, and what its sheets and measurements show."""

    averaged, across_batch = AVERAGED, False  # instance norms alone

    def __init__(self, config: Config, data: Images):
        self.config, self.data = config, data
        self.nets = Networks(len(data.names), **dataclasses.asdict(config.model))
        self.networks, self.frozen, self.architecture = self.nets.trained, self.nets.frozen, self.nets.architecture
        t = config.train
        self.optimizers = adam_optimizers(self.networks, t.lr, t.f_lr, t.beta1, t.beta2, t.weight_decay)

    def fit_frozen(self, stored: dict, where) -> None:
        """Takes a FAN of the sizes of that in a file's content, which need not be ours. Raises UserError for none."""
        if self.frozen.keys() & (stored.get("nets") or {}).keys():
            self.nets.see_by(fan_of(stored, where))

    def prepare(self, loaded: set) -> None:
        """Reads the FAN, unless it is among those ``loaded``, and what sheets and figures need. Raises UserError."""
        face, t = self.config.face, self.config.train
        fan = load_fan_to_train_by(face.fan, face.allow_random_fan) if self.frozen.keys() - loaded else None
        if fan is not None:
            self.nets.see_by(fan)
        if distributed.rank() == 0:
            self.looked_at = sheet_images(self.data.val, self.config.model.img_size)
            self.judges = load_judges() if t.eval_every else None

    def schedule(self, iteration: int) -> dict:
        """What changes with the iteration, for the curves."""
        return {"lambda_ds": lambda_ds_at(iteration, self.config.loss.lambda_ds, self.config.loss.ds_iter)}

    def updates(self, batch: Batch, iteration: int):
        """As the function of this name, with lambda_ds as it is at ``iteration``."""
        return updates(self.nets, batch, dataclasses.replace(self.config.loss, **self.schedule(iteration)))

    def sheets(self, averages: dict) -> dict:
        """{name: uint8 [H, W, 3]} of the moving averages; the same images and latents on every sheet of a run."""
        m = self.config.model
        return sample_sheets(self.nets.sharing(averages), self.looked_at, m.latent_dim, self.config.train.seed)

    def evaluate(self, averages: dict, folder: Path, cache: Path) -> dict:
        """{name: value}: FID, KID and LPIPS of the moving averages; results go to ``folder``, features to ``cache``."""
        nets, t, data = self.nets.sharing(averages), self.config.train, self.config.data
        settings = Settings(sources=t.eval_sources, seeds=(t.seed,), batch_size=t.batch_size, workers=data.workers)
        settings = settings._replace(max_bad_share=data.max_bad_share)
        return evaluate_in_training(nets, self.data.train, self.data.val, self.judges, folder, cache, settings)
