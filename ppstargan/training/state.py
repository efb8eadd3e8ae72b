"""A system's networks, averages and optimisers <-> the content of a checkpoint (``checkpoint.py``)."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle

from ppstargan import checkpoint
from ppstargan.checkpoint import arrays, compare, fill
from ppstargan.errors import UserError
from ppstargan.format.finite import first_bad_array


class State(NamedTuple):
    """All that training changes, and what it needs beside that."""

    networks: dict  # {name: network}, each with an optimiser of the same name
    frozen: dict  # {name: network} that never train, such as the FAN
    averages: dict  # {name: network}, the moving averages of some of the networks
    optimizers: dict
    architecture: dict  # what built the networks
    names: list  # of the domains or classes
    system: str  # whose networks they are


def content(state: State, **more) -> dict:
    """What a checkpoint of a training run holds; ``more`` is stored beside it, such as the iteration."""
    return {
        "system": state.system,
        "architecture": state.architecture,
        "domains": state.names,
        **more,
        "nets": {name: arrays(net) for name, net in {**state.networks, **state.frozen}.items()},
        "averages": {name: arrays(net) for name, net in state.averages.items()},
        "optimizers": {name: accumulators(net, state.optimizers[name]) for name, net in state.networks.items()},
    }


def fit_frozen(system, stored: dict, where) -> None:
    """Lets a system whose frozen networks come in several sizes take those of a file's content. Raises UserError."""
    fit = getattr(system, "fit_frozen", None)
    if fit:
        fit(stored, where)


def restore(stored: dict, state: State, where: str) -> None:
    """Puts a checkpoint's networks, averages and optimisers back in place. Raises UserError where one does not fit."""
    needed = {"nets": state.networks, "averages": state.averages, "optimizers": state.networks}
    lacking = [part for part in needed if stored.get(part) is None] + ["iteration"] * ("iteration" not in stored)
    if not lacking and (type(stored["iteration"]) is not int or stored["iteration"] < 0):
        raise UserError(f"{where}: iteration is {stored['iteration']!r}, and must be a whole number")
    lacking = lacking or [f"{part} of {name}" for part in needed for name in needed[part] if name not in stored[part]]
    init = f"--init {shlex.quote(where)}"
    if lacking:
        raise UserError(f"{where} holds no {lacking[0]}, so no run can go on from it; start one with {init}")
    bad = first_bad_array(stored, ("optimizers", "memory"))
    if bad:
        raise UserError(f"{where}: {bad}, so no run can go on from it; take an earlier checkpoint, or {init}")
    places = [(state.networks, stored["nets"], ""), (state.averages, stored["averages"], "average of ")]
    for nets, values, what in places:
        for name, net in nets.items():
            compare(net, values[name], f"{where}, {what}{name}", advice=_settings(state, stored))
    for name, net in state.networks.items():
        _compare_accumulators(net, stored["optimizers"][name], f"{where}, optimizer of {name}")
    for name, net in state.frozen.items():
        if name in stored["nets"]:
            fill(net, stored["nets"][name], f"{where}, {name}")
    for nets, values, what in places:
        for name, net in nets.items():
            fill(net, values[name], f"{where}, {what}{name}")
    for name, net in state.networks.items():
        set_accumulators(net, state.optimizers[name], stored["optimizers"][name])


def _compare_accumulators(net: paddle.nn.Layer, stored: dict, where: str) -> None:
    """Raises UserError where an optimiser's stored state has other names than the network, or shapes of none of both.

    What an optimiser keeps of a parameter has its shape, or is one number, as Adam's powers of beta; it keeps the same
    of all.
    """
    shapes = {name: tuple(parameter.shape) for name, parameter in net.named_parameters()}
    kinds = {kind for entries in stored.values() for kind in entries}
    for name, entries in stored.items():
        for kind in kinds - entries.keys():
            raise UserError(f"{where}: {name} has no {kind} in the file, and it is needed; start with --init")
        for kind, value in entries.items():
            if np.shape(value) not in (shapes.get(name), (1,)):
                has = f"{kind} of shape {np.shape(value)} in the file, and {shapes.get(name)} is needed"
                raise UserError(f"{where}: {name} has {has}; start with --init")


def accumulators(net: paddle.nn.Layer, optimizer) -> dict:
    """An optimiser's state as {parameter: {"moment1": array, …}}: the parameter's own name, not Paddle's number.

    Whatever an optimiser keeps is in it; a parameter that never had a gradient has no state.
    """
    state, found = optimizer.state_dict(), {}
    for name, parameter in net.named_parameters():
        start = f"{parameter.name}_"
        entries = {key[len(start) : -len("_0")]: value.numpy() for key, value in state.items() if key.startswith(start)}
        if entries:
            found[name] = entries
    return found


def set_accumulators(net: paddle.nn.Layer, optimizer, stored: dict) -> None:
    """The way back of ``accumulators``."""
    parameters = dict(net.named_parameters())
    optimizer.set_state_dict(
        {
            f"{parameters[name].name}_{kind}_0": paddle.to_tensor(value)
            for name, entries in stored.items()
            for kind, value in entries.items()
        }
    )


def check_same(stored: dict, state: State, root: str, where: str) -> None:
    """Raises UserError where a checkpoint is of another system, or of other domains than the images in ``root``."""
    if not stored["architecture"]:
        raise UserError(f"{where} holds no {state.system} to go on from; give a run's checkpoint")
    its_system = checkpoint.system_of(stored)
    if its_system != state.system:
        raise UserError(f"{where} is of a run of {its_system}, and this is {state.system}; give its configuration")
    theirs = other_names(stored, state.names)
    if theirs:
        raise UserError(f"{where} was trained on {theirs}, and {Path(root).absolute()} has {', '.join(state.names)}")


def other_names(stored: dict, names: list) -> str:
    """How the domains of a file are called where they are not ``names``, else ""."""
    theirs, count = stored.get("domains"), stored["architecture"].get("num_domains", len(names))
    if count == len(names) and list(theirs or names) == names:
        return ""
    return f"{count} domains" + (f" ({', '.join(theirs)})" if theirs else "")


def initialise(state: State, path, stored: dict | None = None) -> list:
    """Starts networks and averages from the weights in ``path``; returns lines that say what came from where.

    ``stored`` is what ``path`` holds, if it has been read.

    A file of moving averages alone (the published ones) gives the averaged networks both roles, and the others start
    fresh. With other domains the shared layers are kept, and what a network calls ``per_domain`` starts fresh. Other
    sizes or widths raise UserError with both shapes, and so do other systems, before anything is set; but GAN and WGAN
    have the same networks.
    """
    stored = checkpoint.load(path) if stored is None else stored
    fast, slow, lines = stored.get("nets", {}), stored.get("averages", {}), []
    its_system = checkpoint.system_of(stored)
    if stored["architecture"] and its_system != state.system:
        if stored["architecture"].keys() != state.architecture.keys():
            other = f"and this trains {state.system}, whose networks are others"
            raise UserError(f"{path} is of {its_system}, {other}; give weights of {state.system}, or another -c")
        lines.append(f"the file is of {its_system}, this run of {state.system}")
    theirs = other_names(stored, state.names)
    if theirs:
        ours = f"{len(state.names)} ({', '.join(state.names)})"
        lines.append(f"the file has {theirs}, this run {ours}: branches start fresh")

    roles = (({**state.networks, **state.frozen}, {**slow, **fast}), (state.averages, {**fast, **slow}))
    plan = []  # (network, its values, the prefixes of what starts fresh), all compared before the first is set
    for nets, source in roles:
        for name, net in nets.items():
            if name not in source:
                continue
            fresh = getattr(net, "per_domain", ()) if theirs else ()
            values = {k: v for k, v in source[name].items() if not k.startswith(fresh or ("\0",))}
            left = compare(net, values, f"{path}, {name}", fresh, _settings(state, stored))
            plan.append((net, values, fresh))
            if nets is roles[0][0]:
                total = len(net.state_dict())
                lines.append(f"{name}: {total - len(left)} of {total} from the file")
    if not plan:
        raise UserError(
            f"{path} holds none of {', '.join(state.networks)}; give a checkpoint of this system, or a converted file"
        )
    lines += [f"{name}: not in the file, starts fresh" for name in state.networks if name not in roles[0][1]]
    for net, values, fresh in plan:
        fill(net, values, str(path), fresh)
    return lines


def _settings(state: State, stored: dict) -> str:
    """How to configure a run for the networks of a file, where these are others than ours."""
    theirs = stored["architecture"]
    different = [
        f"model.{k}={theirs[k]}"
        for k, ours in state.architecture.items()
        if k not in ("num_domains", "exclusive") and theirs.get(k, ours) != ours
    ]
    return f"; for this file's networks: -o {' '.join(different)}" if different else ""
