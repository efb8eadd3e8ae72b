"""What the checks of every system share: losses and gradients of its updates, and iterations in double precision."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import paddle

from ppstargan.parity import fill
from ppstargan.parity.kit import Case, Check, fill_weights
from ppstargan.parity.networks import torch_arrays
from ppstargan.training.step import iterate

# A kit of a system before StarGAN v2 asks for these; a bias in front of a batch norm has no gradient but rounding.
LOSSES, GRADIENTS, GRADIENT_FLOOR = 1e-5, 1e-4, 1e-6
# Paddle 2 keeps the constants of an operation (a slope, an epsilon) in float32, even between float64 tensors, and
# Adam and RMSprop make a whole step of a gradient that rounding alone gives its sign.
TRAIN = 1e-3 if paddle.__version__.startswith("2.") else 1e-8


def filled(net: paddle.nn.Layer, name: str) -> paddle.nn.Layer:
    """``net`` with the kit's weights for the network ``name``."""
    fill_weights(net, name)
    return net


def tensor(array: np.ndarray) -> paddle.Tensor:
    """``array`` in the default precision, or as whole numbers where it has those."""
    return paddle.to_tensor(array if array.dtype == np.int64 else array.astype(paddle.get_default_dtype()))


def uniform(name: str, shape) -> np.ndarray:
    """The kit's numbers in [0, 1) for ``name``, float64."""
    return np.abs(fill.normal(name, shape).astype(np.float64)) % 1


def iteration(networks: dict, optimizers: dict, updates, batch) -> dict:
    """One iteration of ``updates(networks, batch)``, by the trainer's own code. Returns {"update/term": number}."""
    system = SimpleNamespace(networks=networks, optimizers=optimizers)
    system.updates = lambda piece, _: updates(networks, piece)
    return {key: float(value) for key, value in iterate(system, batch, 0).items()}


def gradients(networks: dict, updates) -> dict:
    """{update's name: (its terms, {network: its gradients under PyTorch's names})}; nothing steps."""
    found = {}
    for update in updates:
        update.loss.backward()
        arrays = {}
        for name in update.steps:
            net = networks[name]
            arrays[name] = torch_arrays(net, {k: p.grad for k, p in net.named_parameters() if p.grad is not None})
            net.clear_gradients()
        found[update.name] = ({key: float(value) for key, value in update.terms.items()}, arrays)
    return found


def gradient_checks(case: Case, prefix: str, arrays: dict, tolerance: float = GRADIENTS):
    """Yields a check for each gradient that ``case`` has under ``prefix``."""
    for key in case.keys(prefix):
        yield case.array(key, arrays[key[len(prefix) :]], tolerance, floor=GRADIENT_FLOOR)


def number(case: Case, key: str, value, tolerance: float = LOSSES) -> Check:
    """Compares a number, or a short row of them, with what is stored under ``key``, each relative to itself."""
    reference, ours = np.ravel(case.figures[key]).astype(np.float64), np.ravel(np.asarray(value, np.float64))
    if ours.shape != reference.shape:
        return Check(case.name, key, float("inf"), tolerance, ours, reference)
    error = np.max(np.abs(ours - reference) / np.abs(reference))
    return Check(case.name, key, float(error), tolerance, ours, reference)


def trained(case: Case, key: str, value) -> Check:
    """Compares a run's losses with those under ``key``: the difference, relative to the largest of them.

    NaN stands for the losses of what does not step in an iteration, on both sides.
    """
    reference, ours = case.figures[key].reshape(-1).astype(np.float64), case.sample(key, value)
    none = np.isnan(reference) & np.isnan(ours)
    error = np.where(none, 0.0, np.abs(ours - reference)).max() / np.nanmax(np.abs(reference))
    return Check(case.name, key, float(error), TRAIN, ours, reference)


def final_checks(case: Case, nets: dict):
    """Yields a check for each weight that ``case`` keeps of the trained ``nets``, {the kit's name: network}."""
    for name, net in nets.items():
        values = torch_arrays(net, net.state_dict())
        prefix = f"final/{name}/"
        for key in case.keys(prefix):
            yield case.array(key, values[key[len(prefix) :]], TRAIN)
