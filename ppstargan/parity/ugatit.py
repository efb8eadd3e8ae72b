"""Cases of the system ugatit."""

from __future__ import annotations

import numpy as np
import paddle
from PIL import Image

from ppstargan.convert.names import in_paddle, names, torch_shape
from ppstargan.data import sides
from ppstargan.nets.ugatit import DISCRIMINATORS, GENERATORS, Discriminator, Generator
from ppstargan.parity import fill, steps
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.kit import Case, Check
from ppstargan.parity.networks import float64, torch_arrays
from ppstargan.systems import ugatit
from ppstargan.training.rates import adams, set_rate

FORWARD = 2e-5
# Paddle 2 keeps the constants of an operation in float32, even between float64 tensors: see steps.py.
OLD_PADDLE = paddle.__version__.startswith("2.")
LOSSES, GRADIENTS, TRAIN = (1e-6, 1e-6, 1e-5) if OLD_PADDLE else (1e-9, 1e-9, 1e-7)
LAYERS = {"G": 7, "L": 5}  # of the global and of the local discriminators
ROUNDS = 5  # of the power iteration, in a kit's vectors


def weights(net: paddle.nn.Layer, name: str) -> dict:
    """{PyTorch's name: array in PyTorch's layout} of the kit's weights for ``net``, its network ``name``."""
    state, found = net.state_dict(), {}
    for row in names(net):
        key, last = row.torch, row.torch.rpartition(".")[2]
        value = fill.weight(f"ugatit/{name}", key, torch_shape(row, state[row.paddle].shape))
        if last == "rho":
            value = np.float32(0.5) + value
        elif last == "gamma":
            value = np.float32(1) + value
        elif last == "weight_orig":
            value = value + np.float32(0.15) * np.float32(np.sqrt(2 / np.prod(value.shape[1:])))
        found[key] = value
    for key in [key for key in found if key.endswith("weight_u")]:
        matrix = found[key.replace("_u", "_orig")].astype(np.float64)
        matrix, u = matrix.reshape(len(matrix), -1), _unit(found[key].astype(np.float64))
        for _ in range(ROUNDS):
            v = _unit(matrix.T @ u)
            u = _unit(matrix @ v)
        found[key], found[key.replace("_u", "_v")] = u.astype(np.float32), v.astype(np.float32)
    return found


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), 1e-12)


def filled(net: paddle.nn.Layer, name: str) -> paddle.nn.Layer:
    """``net`` with the kit's weights for its network ``name``."""
    state = net.state_dict()
    for key, value in in_paddle(names(net), weights(net, name)).items():
        state[key].set_value(value.astype(str(state[key].dtype).split(".")[-1]))
    return net


def build(settings: dict, name: str) -> paddle.nn.Layer:
    """The network that a kit calls ``name``, with its weights."""
    if name in DISCRIMINATORS:
        return filled(Discriminator(settings["ch"], LAYERS[name[3]]), name)
    return filled(Generator(settings["img_size"], settings["ch"], settings["n_res"], settings["light"]), name)


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of outputs, of the generators' layers, and of the discriminators' vectors."""
    for row in case.settings["nets"]:
        settings, tag = {**case.settings, **row}, row["tag"]
        judge, size = row["net"] in DISCRIMINATORS, settings["img_size"]
        net = build(settings, row["net"] if judge else GENERATORS[0])  # every generator of these cases has its weights
        x = steps.tensor(fill.image(f"{case.prefix}/{tag}/x", (settings["batch"], 3, size, size)))
        if not judge:
            seen = watched(net, [key[len(f"{tag}/block/") :] for key in case.keys(f"{tag}/block/")])
            yield from output_checks(case, tag, net(x))
            for key, value in seen.items():
                yield case.array(f"{tag}/block/{key}", value.numpy(), FORWARD)
            continue
        for mode in ("eval", "train"):
            getattr(net, mode)()
            yield from output_checks(case, f"{tag}/{mode}", net(x))
            start = f"{tag}/{mode}/buffer/"
            for key in case.keys(start):
                yield case.array(key, net.state_dict()[key[len(start) :]].numpy(), FORWARD)


def output_checks(case: Case, tag: str, outputs: tuple):
    """Yields the checks of what a network returns."""
    for key, value in zip(("out", "cam_logit", "heatmap"), outputs):
        yield case.array(f"{tag}/{key}", value.numpy(), FORWARD)


def watched(net: paddle.nn.Layer, paths: list) -> dict:
    """{path: the output of this layer of ``net``}, filled by the next forward pass."""
    layers, seen = dict(net.named_sublayers()), {}
    for path in paths:

        def keep(layer, inputs, output, path=path):
            seen[path] = output

        layers[path].register_forward_post_hook(keep)
    return seen


def run_of(case: Case) -> tuple:
    """The six networks, and the weights of the terms."""
    s = case.settings
    networks = {name: build(s, name) for name in (*GENERATORS, *DISCRIMINATORS)}
    return networks, ugatit.Loss(*(float(s[f"{term}_weight"]) for term in ("adv", "cycle", "identity", "cam")))


def with_totals(updates):
    """``updates`` whose terms have the loss itself, too."""
    for update in updates:
        yield update._replace(terms={**update.terms, "total": update.loss})


def inputs(case: Case, step: int) -> ugatit.Batch:
    """Both images of a step."""
    n, size = case.settings["batch"], case.settings["img_size"]
    names = (f"{case.prefix}/step{step}/real_{side}" for side in "AB")
    return ugatit.Batch(*(steps.tensor(fill.image(name, (n, 3, size, size))) for name in names))


def term(name: str) -> tuple:
    """Our update and term of what a kit calls ``name``, such as D_ad_GA, recon_A or G_total."""
    start, _, rest = name.partition("_")
    update = {"D": "discriminators", "G": "generators"}.get(start)
    return (update, rest) if update else ("generators", name)


def losses(case: Case):
    """Yields the checks of all terms and of all gradients, before any step."""
    with float64():
        networks, loss = run_of(case)
        found = steps.gradients(networks, with_totals(ugatit.updates(networks, inputs(case, 0), loss)))
    for key in case.keys("loss/"):
        update, part = term(key[len("loss/") :])
        yield steps.number(case, key, found[update][0][part], LOSSES)
    for _, gradients in found.values():
        for name, arrays in gradients.items():
            start = f"grad/{name}/"
            for key in case.keys(start):
                yield case.array(key, arrays[key[len(start) :]], GRADIENTS)


def train(case: Case):
    """Yields the checks of a whole run: every loss of every step, and all weights and vectors after the last."""
    s, reports = case.settings, []
    with float64():
        networks, loss = run_of(case)
        optimizers = adams(networks, s["lr"], 0.5, 0.999, s["weight_decay"])
        for i in range(s["iteration"]):
            set_rate(optimizers, ugatit.rate(i, s["lr"], s["iteration"]))
            batch = inputs(case, i)
            report = steps.iteration(
                networks, optimizers, lambda nets, batch: with_totals(ugatit.updates(nets, batch, loss)), batch
            )
            reports.append([report["/".join(term(column))] for column in s["columns"]])
    for column, ours, reference in zip(s["columns"], np.transpose(reports), case.figures["losses"].T):
        error = np.abs(ours - reference).max() / np.abs(reference).max()
        yield Check(case.name, f"losses/{column}", float(error), TRAIN, ours, reference)
    for name, net in networks.items():
        values, start = torch_arrays(net, net.state_dict()), f"final/{name}/"
        for key in case.keys(start):
            yield case.array(key, values[key[len(start) :]], TRAIN)


def data(case: Case):
    """Yields the checks of prepared images: the same pixels.

    Pillow before 13, which these figures are of, resizes tall images horizontally first: later ones are a level apart.
    """
    s, size = case.settings, case.settings["img_size"]
    for (height, width), flip, (top, left) in zip(s["photos"], s["flips"], s["corners"]):
        image = Image.fromarray(fill.photo(f"{case.prefix}/{height}x{width}", height, width))
        tolerance = 2 * ONE_LEVEL * (height > width and not OLD_PILLOW) + 1e-6
        bilinear = {"resample": sides.BILINEAR, "flip_first": True}
        cut = sides.cut(image, size + 30, size, left, top, flip, **bilinear)
        yield case.largest(f"train/{height}x{width}", cut, tolerance)
        whole = sides.prepared(image, size, resample=sides.BILINEAR)
        yield case.largest(f"test/{height}x{width}", whole, tolerance)


KINDS = {"forward": forward, "losses": losses, "train": train, "data": data}
