"""One training iteration of any system, and its moving averages: the page to read first.

A system (a file in ``systems/``) yields updates: who steps, on which loss. Here every update goes backward, and its
networks' optimisers step; how many pieces a batch is computed in, in which precision and by how many processes is
settled here too, so that no system speaks of it.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import NamedTuple

import paddle

from ppstargan.errors import UsageError
from ppstargan.nets.onednn import for_one_backward
from ppstargan.training.amp import autocast
from ppstargan.training.distributed import mean_gradients, mean_over_processes


class Update(NamedTuple):
    """What a system yields between the forward pass of a loss and the step on it."""

    name: str  # its place in the log, such as "d_latent"
    steps: tuple  # names of the networks whose optimisers step
    loss: paddle.Tensor  # a scalar
    terms: dict  # {"real": scalar, …}, to log


@contextmanager
def only(networks: dict, *names: str):
    """Within it, of ``networks`` {name: network} only those named collect weight gradients.

    Gradients still flow through the others. What was frozen before stays frozen, in it and behind it.
    """
    idle = [p for name, net in networks.items() if name not in names for p in net.parameters() if not p.stop_gradient]
    try:
        for parameter in idle:
            parameter.stop_gradient = True
        yield
    finally:
        for parameter in idle:
            parameter.stop_gradient = False


def iterate(system, batch, iteration: int, *, accumulate: int = 1, precision: str = "none", scaler=None) -> dict:
    """One iteration (from 0) of ``system``: every update in turn. Returns {"d_latent/real": scalar tensor, …}.

    ``batch`` is a named tuple of tensors with the samples as the first axis. With ``accumulate`` k, each update goes
    through it in k equal pieces and steps on the mean of their gradients; where no layer looks across a batch, that is
    the whole batch's step, in less memory. ``precision`` is that of ``autocast``; ``scaler`` belongs to float16. With
    several processes, ``batch`` is this one's share, and gradients and report are means over all.
    """
    pieces = [type(batch)(*piece) for piece in zip(*(paddle.split(field, accumulate) for field in batch))]
    passes, report = [system.updates(piece, iteration) for piece in pieces], {}
    while True:
        for one in passes:  # a piece's forward and backward pass, then the next one's
            with autocast(precision), for_one_backward():
                update = next(one, None)  # the forward pass, up to the next yield
            if update is None:  # all passes yield the same updates; the others run to their end too
                continue
            (update.loss * ((scaler.scale if scaler else 1.0) / accumulate)).backward()
            for term, value in update.terms.items():
                key = f"{update.name}/{term}"
                report[key] = report.get(key, 0.0) + value.detach() / accumulate
        if update is None:
            mean_over_processes(report.values())
            return report
        _step(system, update.steps, scaler)


def _step(system, names, scaler=None) -> None:
    """The networks ``names`` step on the mean of their gradients over the processes; the gradients are cleared.

    With a ``scaler``, gradients are unscaled first, and nothing steps where one overflowed.
    """
    parameters = [p for name in names for p in system.networks[name].parameters() if not p.stop_gradient]
    mean_gradients(parameters)
    in_range = scaler is None or scaler.unscale(parameters)
    for name in names:
        if in_range:
            system.optimizers[name].step()
        system.optimizers[name].clear_grad(set_to_zero=False)


def check_pieces(config, system, processes: int) -> None:
    """Raises UsageError where a batch of the run has no equal pieces for all, or ``system`` forbids pieces."""
    t = config.train
    if system.across_batch and t.accumulate > 1:
        raise UsageError(
            f"train.accumulate={t.accumulate}: layers of {config.system} look across the batch (batch norm), "
            "so that pieces would not be the whole; give train.accumulate=1"
        )
    if t.batch_size % (processes * t.accumulate):
        raise UsageError(
            f"train.batch_size={t.batch_size} counts the images of all processes; it must be a multiple of "
            f"{processes * t.accumulate}, the processes times train.accumulate"
        )


def copies(networks: dict, names) -> dict:
    """Frozen copies {name: network} for the moving averages of the networks ``names``."""
    averages = {name: copy.deepcopy(networks[name]) for name in names}
    for net in averages.values():
        for parameter in net.parameters():
            parameter.stop_gradient = True
    return averages


@paddle.no_grad()
def follow(averages: dict, networks: dict, beta: float) -> None:
    """Exponential moving averages: ``average = beta * average + (1 - beta) * network``, in place.

    Of every network in ``averages``; its buffers, such as a batch norm's statistics, are copied.
    """
    for name, average in averages.items():
        for slow, fast in zip(average.parameters(), networks[name].parameters()):
            slow.subtract_(fast)  # in place: set_value of Paddle 2.6 goes through the host
            slow.scale_(beta)
            slow.add_(fast)
        for slow, fast in zip(average.buffers(), networks[name].buffers()):
            paddle.assign(fast, slow)
