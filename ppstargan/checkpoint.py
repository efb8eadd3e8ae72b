"""Files of weights and of training states: nested dicts of NumPy arrays, as one ``.pdparams`` file.

A file holds ``architecture`` (the arguments of ``Networks``), ``domains`` (their names, or None), ``nets`` and
``averages`` (network -> parameter -> array; either may be missing, and so may a network), and of a training run also
``optimizers`` and ``iteration``. It is a pickle with its checksum behind it. ``paddle.load`` reads it too; ``load``
here runs nothing that a file asks for.
"""

from __future__ import annotations

import os
import pickle
import zlib
from pathlib import Path

import numpy as np
import paddle

from ppstargan import file_form, foreign, safe_pickle
from ppstargan.errors import UserError
from ppstargan.files import dead_link, reason, replaced
from ppstargan.finite import first_bad_array
from ppstargan.stargan_v2 import AVERAGED, NETWORKS, Networks

HOW_TO_GET = (
    "python tools/quickstart.py trains a small model and python tools/train.py -c CONFIG yours, both into "
    "output/NAME-DATE-TIME/checkpoints; python tools/download.py afhq_network brings the authors', and "
    "python tools/convert_torch_weights.py INPUT.ckpt OUTPUT.pdparams converts a PyTorch file"
)
_MOMENTS = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc")

_MARK = b"ppstargan crc32 "  # and eight hexadecimal digits: what follows the pickle
_PIECE = 2**20  # bytes


class Damaged(UserError):
    """A file whose content is not what was written, or never was a file of ours."""


class _Checksummed:
    """Hands bytes on to ``file`` and keeps their checksum."""

    def __init__(self, file):
        self.file, self.checksum = file, 0

    def write(self, data) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        return self.file.write(data)


def _trailer(checksum: int) -> bytes:
    return _MARK + b"%08x" % checksum


def save(content: dict, path) -> None:
    """Writes ``content`` to ``path`` whole or not at all. Raises UserError where the disk does not take it."""
    try:
        with replaced(path, sync=True) as partial, open(partial, "wb") as file:
            target = _Checksummed(file)
            pickle.dump(content, target, protocol=5)  # the first that writes an array without a copy of it
            file.write(_trailer(target.checksum))
    except OSError as error:
        path = Path(path).absolute()
        raise UserError(f"{path} not written ({reason(error, path)}); no other file was touched") from None


def load(path, how_to_get: str = HOW_TO_GET) -> dict:
    """What ``save`` wrote; nothing in a file is run.

    Raises Damaged, a UserError, for a damaged or foreign file and for weights that are not finite, and UserError for a
    file that cannot be read.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(1000)
            content = _checked(file)
    except FileNotFoundError:
        lost = dead_link(path)
        raise UserError(f"no weights at {path.absolute()}; {lost or 'to get them: ' + how_to_get}") from None
    except IsADirectoryError:
        inside = max(path.rglob("*.pdparams"), key=os.path.getmtime, default=None)
        such = f", such as {inside.absolute()}" if inside else " in it"
        raise UserError(f"{path.absolute()} is a folder; name a file{such}") from None
    except OSError as error:
        raise UserError(f"{path.absolute()} cannot be read ({reason(error, path)})") from None
    except MemoryError:
        raise UserError(f"{path.absolute()} needs more memory than there is") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        why = " ".join(str(error).split())
        raise Damaged(
            f"{path.absolute()} is damaged or no weights of ppstargan's ({why}){foreign.advice(start, path)}"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("architecture"), dict):
        raise Damaged(
            f"{path.absolute()} holds {foreign.described(content)}: no weights of ppstargan's"
            f"{foreign.way(content, path) or '; ' + how_to_get}"
        )
    newer = file_form.newer_names(content)
    if newer:
        raise UserError(f"{path.absolute()} has networks with {', '.join(newer)}: update ppstargan, which lacks it")
    fault = file_form.fault(content)
    if fault:
        raise Damaged(f"{path.absolute()} {fault}")
    return content


def _checked(file):
    """The content of an open file, after its checksum. Files of earlier versions have none."""
    length = len(_trailer(0))
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - length))
    trailer = file.read()
    if not trailer.startswith(_MARK):
        trailer = b""
    else:
        file.seek(0)
        checksum, left = 0, size - length
        while left:
            piece = file.read(min(_PIECE, left))
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
        if trailer != _trailer(checksum):
            raise pickle.UnpicklingError("its checksum does not match")
    content = safe_pickle.load(file)
    if file.read() != trailer:
        raise pickle.UnpicklingError("its end is missing or changed")
    return content


def arrays(net: paddle.nn.Layer) -> dict:
    """The parameters and buffers of ``net`` as {name: array}."""
    return {name: value.numpy() for name, value in net.state_dict().items()}


def compare(net: paddle.nn.Layer, values: dict, where: str, may_differ: tuple = (), advice: str = "") -> list:
    """The names of ``net``'s parameters and buffers that ``values`` cannot fill.

    Only names that begin with one of ``may_differ`` may be missing, left over or of another shape; anything else
    raises UserError with both shapes and the ``advice``.
    """
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    found = {name: np.shape(value) for name, value in values.items()}
    different = [name for name in {**shapes, **found} if shapes.get(name) != found.get(name)]
    for name in different:
        if not name.startswith(may_differ or ("\0",)):
            theirs, ours = (f"shape {of[name]}" if name in of else "no place" for of in (found, shapes))
            raise UserError(f"{where}: {name} has {theirs} in the file, and {ours} in the network{advice}")
    return [name for name in different if name in shapes]


def fill(net: paddle.nn.Layer, values: dict, where: str, may_differ: tuple = ()) -> list:
    """Gives ``net`` the arrays of the same names, after ``compare``, and returns the names that it leaves."""
    kept = compare(net, values, where, may_differ)
    for name, value in net.state_dict().items():
        if name not in kept:
            value.set_value(np.asarray(values[name], str(value.dtype).split(".")[-1]))
    return kept


def training_state(nets: Networks, average: Networks, optimizers: dict, **more) -> dict:
    """The content of a training run's checkpoint; ``more`` is stored beside it, such as the iteration."""
    return {
        **more,
        "nets": {name: arrays(getattr(nets, name)) for name in (*NETWORKS, "fan") if getattr(nets, name) is not None},
        "averages": {name: arrays(getattr(average, name)) for name in AVERAGED},
        "optimizers": {name: _moments(getattr(nets, name), optimizers[name]) for name in NETWORKS},
    }


def restore(content: dict, nets: Networks, average: Networks, optimizers: dict, where: str) -> None:
    """Puts a checkpoint's networks, averages and optimisers back in place. Raises UserError where one does not fit."""
    needed = {"nets": NETWORKS, "averages": AVERAGED, "optimizers": NETWORKS}
    lacking = [part for part in needed if content.get(part) is None] + ["iteration"] * ("iteration" not in content)
    if not lacking and (type(content["iteration"]) is not int or content["iteration"] < 0):
        raise UserError(f"{where}: iteration is {content['iteration']!r}, and must be a whole number")
    lacking = lacking or [f"{part} of {name}" for part in needed for name in needed[part] if name not in content[part]]
    if lacking:
        raise UserError(f"{where} holds no {lacking[0]}, so no run can go on from it; start one with --init {where}")
    bad = first_bad_array(content, ("optimizers",))
    if bad:
        raise UserError(f"{where}: {bad}, so no run can go on from it; take an earlier checkpoint, or --init {where}")
    if nets.fan is not None and "fan" in content["nets"]:
        fill(nets.fan, content["nets"]["fan"], f"{where}, fan")
    for name in NETWORKS:
        compare(getattr(nets, name), content["nets"][name], f"{where}, {name}", advice=_settings(nets, content))
        _compare_moments(getattr(nets, name), content["optimizers"][name], f"{where}, optimizer of {name}")
    for name in NETWORKS:
        fill(getattr(nets, name), content["nets"][name], f"{where}, {name}")
        _set_moments(getattr(nets, name), optimizers[name], content["optimizers"][name])
    for name in AVERAGED:
        fill(getattr(average, name), content["averages"][name], f"{where}, average of {name}")


def _moments(net: paddle.nn.Layer, optimizer: paddle.optimizer.Adam) -> dict:
    """Adam's state as {parameter: {"moment1": array, …}}: the parameter's own name, not Paddle's running number."""
    state = optimizer.state_dict()
    found = {}
    for name, parameter in net.named_parameters():
        entries = {m: state.get(f"{parameter.name}_{m}_0") for m in _MOMENTS}
        if entries["moment1"] is not None:  # a parameter that never had a gradient has no state
            found[name] = {m: value.numpy() for m, value in entries.items()}
    return found


def _compare_moments(net: paddle.nn.Layer, moments: dict, where: str) -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in net.named_parameters()}
    for name, entries in moments.items():
        wanted = {m: shapes.get(name) if m.startswith("moment") else (1,) for m in _MOMENTS}
        found = {m: np.shape(value) for m, value in entries.items()}
        if found != wanted:
            raise UserError(f"{where}: {name} has {found} in the file, and {wanted} are needed; start with --init")


def _set_moments(net: paddle.nn.Layer, optimizer: paddle.optimizer.Adam, moments: dict) -> None:
    parameters = dict(net.named_parameters())
    optimizer.set_state_dict(
        {
            f"{parameters[name].name}_{m}_0": paddle.to_tensor(value)
            for name, entries in moments.items()
            for m, value in entries.items()
        }
    )


def initialise(nets: Networks, average: Networks, path, domains: list) -> list:
    """Starts ``nets`` and ``average`` from the weights in ``path``; returns lines that say what came from where.

    A file of moving averages alone (the published ones) gives G, F and E both roles, and D starts fresh. With other
    domains the shared layers are kept and the branches of the domains start fresh. Other sizes or widths raise
    UserError with both shapes, before anything is set.
    """
    content = load(path)
    fast, slow = content.get("nets", {}), content.get("averages", {})
    theirs, count = content.get("domains"), content["architecture"].get("num_domains")
    lines, branches = [], {}
    if count != len(domains) or list(theirs or domains) != domains:
        named = f"{count} domains" + (f" ({', '.join(theirs)})" if theirs else "")
        lines.append(f"the file has {named}, this run {len(domains)} ({', '.join(domains)}): branches start fresh")
        last = f"main.{len(nets.discriminator.main) - 1}."
        branches = {"mapping_network": ("unshared.",), "style_encoder": ("unshared.",), "discriminator": (last,)}

    sources = ((nets, {**slow, **fast}), (average, {**fast, **slow}))
    plan = []  # (network, its values, the prefixes of what starts fresh), all compared before the first is set
    for target, source in sources:
        for name, values in source.items():
            net = getattr(target, name, None)
            if net is None:  # no FAN without a high-pass filter, and no average of D
                continue
            fresh = branches.get(name, ())
            values = {k: v for k, v in values.items() if not k.startswith(fresh or ("\0",))}
            left = compare(net, values, f"{path}, {name}", fresh, _settings(nets, content))
            plan.append((net, values, fresh))
            if target is nets:
                total = len(net.state_dict())
                lines.append(f"{name}: {total - len(left)} of {total} from the file")
    if not plan:
        raise UserError(f"{path} holds none of {', '.join(NETWORKS)}; convert the authors' *_nets_ema.ckpt")
    lines += [f"{name}: not in the file, starts fresh" for name in NETWORKS if name not in sources[0][1]]
    for net, values, fresh in plan:
        fill(net, values, str(path), fresh)
    return lines


def _settings(nets: Networks, content: dict) -> str:
    """How to configure a run for the networks of a file, where these are others than ``nets``."""
    theirs = content["architecture"]
    different = [
        f"model.{k}={theirs[k]}"
        for k, ours in nets.architecture.items()
        if k != "num_domains" and theirs.get(k, ours) != ours
    ]
    return f"; for this file's networks: -o {' '.join(different)}" if different else ""
