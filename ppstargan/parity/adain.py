"""Cases of the system adain."""

from __future__ import annotations

from functools import partial
from typing import Sequence

import numpy as np
import paddle
from PIL import Image

from ppstargan.data import styles
from ppstargan.data.transforms import middle_square, shorter_side, to_unit
from ppstargan.nets.adain import adain as with_statistics
from ppstargan.nets.adain import mixed, statistics, transfer
from ppstargan.nets.gans import build
from ppstargan.parity import fill, steps
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.kit import Case, Check, fill_weights
from ppstargan.parity.networks import float64
from ppstargan.systems import adain
from ppstargan.training.rates import adams, set_rate
from ppstargan.translate.colours import coral

FORWARD, DOUBLE = 2e-5, 1e-9  # what runs in float32, and what in float64


def networks(case: Case) -> dict:
    """Both networks with the kit's weights."""
    nets = build("adain", {"width": 64 // case.settings["narrow"]})
    for name, kind in (("encoder", "adain/vgg"), ("decoder", "adain/decoder")):
        fill_weights(nets[name], kind)
    return nets


def picture(name: str, count: int, size: Sequence[int]) -> paddle.Tensor:
    """Pictures [count, 3, *size] in [0, 1]."""
    return steps.tensor((fill.image(name, (count, 3, *size)) + 1) / 2)


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of features, statistics, the transfer, and outputs: by alpha, mixed, and of coral."""
    s, nets = case.settings, networks(case)
    content, style = (picture(f"{case.prefix}/{side}", s["batch"], s[f"{side}_size"]) for side in styles.SIDES)
    found, seen = {}, {side: nets["encoder"].features(x) for side, x in (("content", content), ("style", style))}
    for side, features in seen.items():
        found.update({f"{side}/relu{i}_1": value for i, value in enumerate(features, 1)})
    wanted = [statistics(features) for features in seen["style"]]
    for i, each in enumerate(wanted, 1):
        found[f"style/mean{i}"], found[f"style/std{i}"] = each
    found["adain"] = with_statistics(seen["content"][-1], wanted[-1])
    for key in case.keys("output/alpha"):
        alpha = float(key[len("output/alpha") :])
        found[key] = nets["decoder"](transfer(seen["content"][-1], wanted[-1], alpha))
    if s["mix"]:
        one = nets["encoder"](picture(f"{case.prefix}/mix_content", 1, s["content_size"]))
        several = nets["encoder"](picture(f"{case.prefix}/mix_style", len(s["mix"]), s["content_size"]))
        style = mixed([statistics(each) for each in several.split(len(s["mix"]))], s["mix"])
        found["output/mix"] = nets["decoder"](transfer(one, style, s["alphas"][-1]))
    if s["coral"]:
        source, target = (picture(f"{case.prefix}/coral_{name}", 1, s[f"{size}_size"]).numpy()[0]
                          for name, size in (("source", "style"), ("target", "content")))  # fmt: skip
        found["coral"] = coral(source, 0.5 * target + 0.25 * target[::-1])
    for key in [key for key in case.keys("") if not key.startswith("float32/")]:
        yield case.array(key, np.asarray(found[key]), FORWARD)


def inputs(case: Case, step: str = "") -> adain.Batch:
    """Contents and styles, of all or of one step."""
    s, prefix = case.settings, f"{case.prefix}/{step}" if step else case.prefix
    sizes = {"content": s["size"], "style": s.get("style_size", s["size"])}
    return adain.Batch(*(picture(f"{prefix}/{side}", s["batch"], sizes[side]) for side in styles.SIDES))


def weighted(case: Case) -> adain.Loss:
    """The weights of the terms."""
    return adain.Loss(*(float(case.settings[f"{side}_weight"]) for side in styles.SIDES))


def losses(case: Case):
    """Yields the checks of all terms without their weights, of the total with them, and of its gradients."""
    alpha, loss = case.settings["alpha"], weighted(case)
    with float64():
        nets = networks(case)
        encoder, batch = nets.pop("encoder"), inputs(case)
        found = {name: float(value) for name, value in adain.terms(encoder, nets["decoder"], batch, alpha).items()}
        (terms, arrays), = steps.gradients(nets, adain.updates(encoder, nets, batch, loss, alpha)).values()  # fmt: skip
    found["style"] = sum(found[f"style{i}"] for i in range(1, 5))
    found["total"] = sum(terms.values())
    for key in case.keys("loss/"):
        yield steps.number(case, key, found[key[len("loss/") :]], DOUBLE)
    start = "grad/decoder/"
    for key in case.keys(start):
        yield case.array(key, arrays["decoder"][key[len(start) :]], DOUBLE)


def train(case: Case):
    """Yields the checks of a run: both weighted losses of every step, and the decoder after the last."""
    s, reports = case.settings, []
    with float64():
        nets = networks(case)
        encoder = nets.pop("encoder")
        optimizers = adams(nets, s["lr"], 0.9, 0.999)
        step = partial(adain.updates, encoder, loss=weighted(case))
        for i in range(s["steps"]):
            set_rate(optimizers, adain.rate(i, s["lr"], s["lr_decay"]))
            report = steps.iteration(nets, optimizers, step, inputs(case, f"step{i}"))
            reports.append([report[f"decoder/{side}"] for side in styles.SIDES])
    for side, ours, reference in zip(styles.SIDES, np.transpose(reports), case.figures["losses"].T):
        error = np.abs(ours / reference - 1).max()
        yield Check(case.name, f"losses/{side}", float(error), DOUBLE, ours, reference)
    values, start = steps.torch_arrays(nets["decoder"], nets["decoder"].state_dict()), "final/decoder/"
    for key in case.keys(start):
        yield case.array(key, values[key[len(start) :]], DOUBLE)


def data(case: Case):
    """Yields the checks of pictures made ready to use and to train on: the same pixels.

    Pillow before 13, which these figures are of, resizes tall images horizontally first: later ones are a level apart.
    """
    s = case.settings
    top, left = s["corner"]
    for height, width in s["photos"]:
        name = f"{height}x{width}"
        image = Image.fromarray(fill.photo(f"{case.prefix}/{name}", height, width))
        tolerance = ONE_LEVEL * (height > width and not OLD_PILLOW) + 1e-6
        for size in s["sizes"]:
            yield case.largest(f"test/{name}/{size}", to_unit(shorter_side(image, size)), tolerance)
            yield case.largest(f"test_crop/{name}/{size}", to_unit(middle_square(image, size)), tolerance)
        yield case.largest(f"train/{name}", styles.cut(image, 512, 256, left, top), tolerance)


KINDS = {"forward": forward, "losses": losses, "train": train, "data": data}
