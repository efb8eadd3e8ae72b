"""Cases of the system cyclegan."""

from __future__ import annotations

import random
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import paddle
from PIL import Image

from ppstargan.data.sides import read_sides
from ppstargan.data.transforms import load_rgb, resized, to_array
from ppstargan.errors import UserError
from ppstargan.nets.patchgan import PatchGAN, PixelGAN
from ppstargan.nets.resnet import ResnetGenerator
from ppstargan.parity import fill, steps
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.kit import Case, Check
from ppstargan.parity.networks import float64
from ppstargan.systems import cyclegan
from ppstargan.training.pool import Pool
from ppstargan.training.rates import adams, held_then_falling

TERMS = {  # the kit's names of the terms that the generators' update logs
    "G_A": "adv_a",
    "cycle_A": "cycle_a",
    "idt_A": "identity_a",
    "G_B": "adv_b",
    "cycle_B": "cycle_b",
    "idt_B": "identity_b",
}
FORWARD = 2e-5
MEANS = 1e-4  # of the objective wgangp, whose means cancel
GRADIENTS = 2e-4
COLUMNS = ("D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B", "cycle_B", "idt_B")  # of a run's losses


class Draws:
    """Python's stream of ``seed``, as the authors' pools draw from it; ``rows`` are [number, swapped, place]."""

    def __init__(self, seed: int):
        self.stream, self.rows = random.Random(seed), []

    def random(self) -> float:
        """A number in [0, 1)."""
        self.rows.append([self.stream.uniform(0, 1), 0.0, -1.0])
        return self.rows[-1][0]

    def integers(self, count: int) -> int:
        """A place below ``count``."""
        place = self.stream.randint(0, count - 1)
        self.rows[-1][1:] = [1.0, float(place)]
        return place

    def array(self) -> np.ndarray:
        """``rows`` [n, 3]."""
        return np.array(self.rows).reshape(-1, 3)


def build(kind: str, s: dict) -> paddle.nn.Layer:
    """The network that a kit calls ``kind``: resnet_9blocks, basic or pixel, by the settings ``s``."""
    blocks = re.fullmatch(r"resnet_(\d+)blocks", kind)
    if blocks:
        dropout = s["dropout"] if "dropout" in s else not s.get("no_dropout", True)
        return ResnetGenerator(
            s.get("input_nc", 3), s.get("output_nc", 3), s["ngf"], int(blocks[1]), s["norm"], dropout
        )
    if kind == "pixel":
        return PixelGAN(s.get("input_nc", 3), s["ndf"], s["norm"])
    if kind == "basic":
        return PatchGAN(s.get("input_nc", 3), s["ndf"], s.get("n_layers", 3), s["norm"])
    raise UserError(f"a case has the network {kind!r}; the known ones are resnet_Nblocks, basic and pixel")


def dropouts(net: paddle.nn.Layer) -> list:
    """The layers of ``net`` that drop values, off: what the kit drops comes from names."""
    found = [layer for layer in net.sublayers() if isinstance(layer, paddle.nn.Dropout)]
    for layer in found:
        layer.eval()
    return found


@paddle.no_grad()
def forward(case: Case, system: str = "cyclegan", build: Callable = build):
    """Yields the checks of outputs without dropout, with given values dropped, and by running statistics.

    ``build(kind, settings)`` makes a network of ``system``.
    """
    for row in case.settings["nets"]:
        name, prefix = row["name"], f"{case.prefix}/{row['name']}"
        net = steps.filled(build(row["net"], row), f"{system}/{name}")
        x = steps.tensor(fill.image(prefix, (row["batch"], row["input_nc"], *row["size"])))
        if case.keys(f"eval/{name}"):  # first, as training moves the statistics
            net.eval()
            yield case.array(f"eval/{name}", net(x).numpy(), FORWARD)
            net.train()
        layers = dropouts(net)
        yield case.array(f"out/{name}", net(x).numpy(), FORWARD)
        if case.keys(f"dropout/{name}"):
            for i, layer in enumerate(layers):
                layer.register_forward_post_hook(partial(_drop, f"{prefix}/dropout{i}"))
            yield case.array(f"dropout/{name}", net(x).numpy(), FORWARD)


def _drop(name: str, layer, inputs, output):
    return output * paddle.to_tensor(2.0 * (fill.normal(name, output.shape) > 0), output.dtype)


def batch(case: Case, step: str = "") -> cyclegan.Batch:
    """The images of both sides, exchanged where the direction is BtoA."""
    s = case.settings
    prefix = f"{case.prefix}/{step}" if step else case.prefix
    a, b = (
        steps.tensor(fill.image(f"{prefix}/{side}", (s["batch"], s.get("input_nc", 3), *s["size"]))) for side in "AB"
    )
    return cyclegan.Batch(b, a) if s.get("direction") == "BtoA" else cyclegan.Batch(a, b)


def networks(case: Case) -> dict:
    """The four networks of a case with the kit's weights."""
    s = case.settings
    kinds = {"G_A": s["netG"], "G_B": s["netG"], "D_A": s["netD"], "D_B": s["netD"]}
    nets = {name: steps.filled(build(kind, s), f"cyclegan/{name}") for name, kind in kinds.items()}
    for net in nets.values():
        dropouts(net)
    return nets


def loss_of(case: Case) -> cyclegan.Loss:
    """The objective of a case and the weights of its terms."""
    s = case.settings
    return cyclegan.Loss(s["gan_mode"], s["lambda_A"], s["lambda_B"], s["lambda_identity"])


def row(terms: dict) -> dict:
    """{the kit's name: a term}, of a report {"update/term": number}. What is not computed is 0."""
    found = {name: terms.get(f"generators/{term}", 0.0) for name, term in TERMS.items()}
    for name in ("D_A", "D_B"):
        found[name] = (terms[f"{name}/real"] + terms[f"{name}/fake"]) / 2
    return found


def number(case: Case, key: str, value: float, tolerance: float) -> Check:
    """Compares a number, relative to what is stored; where that is 0, since its weight is, by the difference."""
    if np.all(case.figures[key] == 0):
        return case.largest(key, value, tolerance)
    return steps.number(case, key, value, tolerance)


def losses(case: Case):
    """Yields the checks of images, losses and gradients; nothing steps."""
    tolerance = MEANS if case.settings["gan_mode"] == "wgangp" else steps.LOSSES
    with float64():
        nets, images, loss = networks(case), batch(case), loss_of(case)
        with paddle.no_grad():
            out = {"fake_B": nets["G_A"](images.a), "fake_A": nets["G_B"](images.b)}
            out.update(rec_A=nets["G_B"](out["fake_B"]), rec_B=nets["G_A"](out["fake_A"]))
            out.update(idt_A=nets["G_A"](images.b), idt_B=nets["G_B"](images.a))
        found = steps.gradients(nets, cyclegan.updates(nets, images, loss))
    for key in case.keys("out/"):
        yield case.array(key, out[key[len("out/") :]].numpy(), FORWARD)
    terms = {f"{update}/{term}": value for update, (part, _) in found.items() for term, value in part.items()}
    for key, value in {**row(terms), "G": sum(found["generators"][0].values())}.items():
        yield number(case, key, value, tolerance)
    for _, by_network in found.values():
        for name, arrays in by_network.items():
            yield from steps.gradient_checks(case, f"grad/{name}/", arrays, GRADIENTS)


def factor(steps_taken: int, s: dict) -> float:
    """Of the rate after so many steps of the authors' schedule, which goes on below 0 behind the last epoch."""
    past, length = steps_taken + s.get("epoch_count", 1) - s["n_epochs"], s["n_epochs_decay"] + 1
    return held_then_falling(past, 0, length) if past <= length else 1 - past / length


def train(case: Case):
    """Yields the checks of a run in which every iteration is an epoch of the schedule, and both pools are drawn from
    one stream."""
    s, reports, rates = case.settings, [], []
    with float64():
        nets, loss, draws = networks(case), loss_of(case), Draws(s["pool_seed"])
        optimizers = adams(nets, s["lr"], s["beta1"], 0.999)
        shown = [partial(Pool(s["pool_size"]).exchange, rng=draws) for _ in range(2)]
        update = partial(cyclegan.updates, loss=loss, shown_b=shown[0], shown_a=shown[1])
        for i in range(s["steps"]):
            rates.append(s["lr"] * factor(i + 1, s))
            for optimizer in optimizers.values():
                optimizer.set_lr(rates[-1])
            found = row(steps.iteration(nets, optimizers, update, batch(case, f"step{i}")))
            reports.append([found[name] for name in COLUMNS])
    yield case.largest("lr", rates, 1e-12)
    yield case.largest("pool_draws", draws.array(), 0.0)
    yield steps.trained(case, "losses", reports)
    yield from steps.final_checks(case, nets)


def pool(case: Case):
    """Yields the checks of what pools of numbers give back, hold and draw: equal."""
    for name, row in case.settings["pools"].items():
        held, draws, batch = Pool(row["size"]), Draws(row["seed"]), row["batch"]
        queries = paddle.arange(row["queries"] * batch, dtype="float64").reshape([row["queries"], batch])
        returned = [held.exchange(query, draws).numpy() for query in queries]
        found = {"returned": returned, "held": held.array(), "draws": draws.array()}
        for key in case.keys(f"{name}/"):
            yield case.largest(key, found[key.rpartition("/")[2]], 0.0)


def data(case: Case):
    """Yields the checks of which images come together, in the order of the files, and of their pixels."""
    for row in case.settings["photos"]:
        height, width = row["photo"]
        tolerance = 2 * ONE_LEVEL * (OLD_PILLOW and height > width) + 1e-6
        with tempfile.TemporaryDirectory() as folder:
            for side, count in zip("AB", row["counts"]):
                (Path(folder) / f"train{side}").mkdir()
                for i in range(count):
                    photo = fill.photo(f"{case.prefix}/{row['name']}/{side}{i}", height, width)
                    Image.fromarray(photo).save(Path(folder) / f"train{side}" / f"{i}.png")
            found = [[int(path.stem) for path in paths] for paths in read_sides(folder).train.values()]
            pairs = [[numbers[i % len(numbers)] for numbers in found] for i in range(max(row["counts"]))]
            yield case.largest(f"{row['name']}/pairs", pairs, 0.0)
            for side, i in zip("AB", pairs[row["index"]]):
                image = load_rgb(Path(folder) / f"train{side}" / f"{i}.png")
                image = resized(image, row["preprocess"], row["load_size"], row["crop_size"])
                if "crop" in row["preprocess"]:
                    image = image.crop((0, 0, row["crop_size"], row["crop_size"]))
                yield case.largest(f"{row['name']}/{side}", to_array(image), tolerance)


KINDS = {"forward": forward, "losses": losses, "train": train, "pool": pool, "unaligned": data}
