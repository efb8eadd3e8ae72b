"""Converts PyTorch checkpoints into ``.pdparams`` files, and those back. The formats are in ``checkpoint.py``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import paddle

from ppstargan import checkpoint
from ppstargan.convert import (
    adain,
    cyclegan,
    fan_files,
    gans,
    paddlegan,
    pix2pix,
    stargan,
    torch_reader,
    torch_writer,
    ugatit,
)
from ppstargan.convert.names import names
from ppstargan.convert.optimizers import adam_moments
from ppstargan.convert.recognise import HIGH_PASS, LAPLACIAN, described, infer_architecture, recognise
from ppstargan.convert.states import from_torch, to_torch
from ppstargan.errors import UserError
from ppstargan.files import dead_link
from ppstargan.format.finite import first_bad_array
from ppstargan.metrics import inception
from ppstargan.metrics.alexnet import AlexNet
from ppstargan.metrics.lpips import LPIPS
from ppstargan.nets.fan import FAN
from ppstargan.nets.gans import BUILDERS, build_bare
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS, build

HOW_TO_GET = (
    "to get the authors' files of StarGAN v2 and AdaIN, converted: python tools/download.py --list; those of the other "
    "systems are in their authors' repositories"
)
INCEPTION_UNUSED = "|".join(f"{re.escape(beginning)}.*" for beginning in inception.UNUSED)
# Systems whose networks lie in files side by side.
A_FILE_EACH = {"adain": adain, "pix2pix": pix2pix, "cyclegan": cyclegan, "stargan": stargan}
# Entries that a file may have beside the network's own, as regular expressions.
UNUSED = {
    # wing.ckpt was trained as a stack of hourglasses, and the authors load the first.
    "fan": r"(m|top_m_|conv_last|bn_end|l)[1-9]\..*|(bl|al)\d\..*",
    "alexnet": r"classifier\..*",
    "inception_v3": INCEPTION_UNUSED,
    "inception_tf": INCEPTION_UNUSED,
}


def convert(path, w_hpf: float | None = None, all_stacks: bool = False):
    """What a PyTorch file, or PaddleGAN's, holds as the content of a ``.pdparams`` file, and lines that say what it is.

    An ``N_optims.ckpt`` takes the weights from ``N_nets.ckpt`` and ``N_nets_ema.ckpt`` beside it, and makes one
    checkpoint to resume from. ``w_hpf`` is for a generator that has a high-pass filter without its weight in the file.
    Of a face alignment network, the first stack is taken, as StarGAN v2 does, or by ``all_stacks`` what trains on.
    Raises UserError for a missing, damaged or unknown file, for one that does not hold exactly what it should, and for
    weights that are not finite.
    """
    paddles = paddlegan.load(path)
    if paddles is not None:
        parts = paddlegan.state_dicts(paddles, str(path))
        lines = [f"recognised: {paddlegan.DESCRIPTION}"] + [paddlegan.FAN_LEFT_OUT] * ("fan" in paddles)
        content, remarks = _networks_content("nets", parts, str(path), w_hpf)
        return _finite(content, path), lines + describe(content) + remarks
    kind, parts = _read(path, HOW_TO_GET)
    lines = [f"recognised: {described(kind)}"]
    if kind == "optims":
        content, remarks = _training_content(Path(path), parts, w_hpf)
    elif kind in ("nets", "nets_ema"):
        content, remarks = _networks_content(kind, parts, str(path), w_hpf)
    elif kind == "ugatit":
        architecture, remarks = ugatit.architecture_of(parts, str(path))
        content = _system_content(kind, architecture, parts, str(path))
    elif kind == "fan" and fan_files.is_own(parts[kind], all_stacks):
        architecture = fan_files.architecture_of(parts[kind], str(path))
        content, remarks = _system_content(kind, architecture, parts, str(path)), []
    elif kind.split("/")[0] in A_FILE_EACH:
        system, _ = kind.split("/")
        parts, beside = A_FILE_EACH[system].parts_of(path, kind, parts[kind], lambda other: _read(other, HOW_TO_GET))
        architecture, remarks = A_FILE_EACH[system].architecture_of(parts, str(path))
        content, remarks = _system_content(system, architecture, parts, str(path)), beside + remarks
    elif kind in gans.DESCRIPTIONS:
        content, remarks = _gan_content(kind, parts[kind], str(path)), []
    else:
        arrays = from_torch(parts[kind], _feature_network(kind), str(path), UNUSED.get(kind, ""))
        content = {"architecture": {}, "domains": None, "nets": {kind: arrays}}
        remarks = fan_files.remarks(parts[kind]) if kind == "fan" else []
    return _finite(content, path), lines + describe(content) + remarks


def _finite(content: dict, path) -> dict:
    """``content``, which nothing could use if an array of it were not finite: raises UserError."""
    bad = first_bad_array(content, ("nets", "averages", "optimizers"))
    if bad:
        raise UserError(f"{path}: {bad}, and nothing could be done with that; give an earlier checkpoint")
    return content


def _read(path, how_to_get: str):
    if not Path(path).exists():
        raise UserError(f"no file {Path(path).absolute()}; {dead_link(path) or how_to_get}")
    return recognise(torch_reader.load(path), str(path))


def _networks_content(kind: str, parts: dict, where: str, w_hpf: float | None):
    architecture, remarks = infer_architecture(parts, where, w_hpf)
    nets = build(architecture, where)
    found = {}
    for name, state in parts.items():
        if name == "fan" and nets.fan is None:
            raise UserError(f"{where} has a fan, and a generator of the depth of w_hpf 0, which needs none")
        unused = re.escape(HIGH_PASS) if name == "generator" and architecture["w_hpf"] > 0 else UNUSED.get(name, "")
        found[name] = from_torch(state, getattr(nets, name), f"{where}, {name}", unused)
    content = {"architecture": architecture, "domains": None}
    if kind == "nets":
        return {**content, "nets": found}, remarks
    fan = {"nets": {"fan": found.pop("fan")}} if "fan" in found else {}
    return {**content, **fan, "averages": found}, remarks


def _training_content(path: Path, optims: dict, w_hpf: float | None):
    """One checkpoint from N_optims.ckpt at ``path`` and the two files beside it."""
    name = re.fullmatch(r"(.*?)(\d+)_optims(\.\w+)", path.name)
    if not name:
        raise UserError(f"{path}: its name tells no iteration, nor the files beside it; call it 100000_optims.ckpt")
    contents, parts = {}, {}
    for kind in ("nets", "nets_ema"):
        beside = path.with_name(f"{name[1]}{name[2]}_{kind}{name[3]}")
        found, parts[kind] = _read(beside, f"optimisers need the weights of the same iteration beside {path.name}")
        if found != kind:
            raise UserError(f"{beside} holds {described(found)}, not {described(kind)}")
        contents[kind], remarks = _networks_content(kind, parts[kind], str(beside), w_hpf)
    nets, average = contents["nets"], contents["nets_ema"]
    if nets["architecture"] != average["architecture"]:
        raise UserError(f"the two files beside {path} differ: {nets['architecture']} and {average['architecture']}")
    layers, moments = build(nets["architecture"], str(path)), {}
    for net in NETWORKS:
        order = list(parts["nets"][net])  # a state_dict is in the order of parameters(), by which Adam's is numbered
        table = names(getattr(layers, net))
        moments[net] = adam_moments(optims[net], order, table, nets["nets"][net], f"{path}, {net}")
    return {**nets, "averages": average["averages"], "optimizers": moments, "iteration": int(name[2])}, remarks


def _gan_content(kind: str, state: dict, where: str) -> dict:
    system, name = kind.split("/")
    architecture = gans.architecture_of(kind, state, where)
    return _system_content(system, architecture, {name: state}, where)


def _system_content(system: str, architecture: dict, parts: dict, where: str) -> dict:
    """The content of a file of ``system`` with those of its networks that ``parts`` has, {name: its state_dict}."""
    bare = build_bare(system, architecture, where)
    nets = {name: from_torch(state, bare[name], f"{where}, {name}") for name, state in parts.items()}
    return {"system": system, "architecture": architecture, "domains": None, "nets": nets}


def _feature_network(kind: str) -> paddle.nn.Layer:
    with paddle.LazyGuard():
        if kind == "lpips":  # without the AlexNet in it, which is a file of its own
            heads = paddle.nn.Layer()
            heads.lpips_weights = LPIPS().lpips_weights
            return heads
        return {"fan": FAN, "alexnet": AlexNet}.get(kind, inception.InceptionV3)()  # both of these have the same names


def to_authors(path, part: str | None = None, fan=None, net: str | None = None):
    """The ``.pdparams`` file at ``path`` as the state_dicts that the authors' code loads, and lines that describe it.

    ``part`` is "averages", the default where the file has them, or "nets". With w_hpf > 0 their code loads the FAN from
    the same file; ``fan`` is the path of its weights where ``path`` has none. ``net`` is for systems whose authors save
    each network by itself: which one, by default the generator. Raises UserError.
    """
    content = checkpoint.load(path)
    system = content.get("system", "stargan_v2")
    if system == "fan" or fan_files.alone(content):
        return fan_files.to_authors(path, content, part, net)
    if system == "ugatit":
        return _all_to_authors(path, content, part, net)
    if system in BUILDERS:
        return _gan_to_authors(path, content, part, net)
    if not content["architecture"] or system != "stargan_v2":
        raise UserError(f"{path} holds none of stargan_v2, {', '.join(BUILDERS)}, and only these can be turned back")
    if net:
        raise UserError(f"{path} holds StarGAN v2, whose networks go into one file; leave out --net {net}")
    part = part or ("averages" if content.get("averages") else "nets")
    values = content.get(part) or {}
    wanted = AVERAGED if part == "averages" else NETWORKS
    missing = [name for name in wanted if name not in values]
    if missing:
        raise UserError(f"{path} has no {part} of {', '.join(missing)}; give --part the other of averages and nets")
    nets = build(content["architecture"], str(path))
    states = {name: to_torch(values[name], getattr(nets, name), f"{path}, {part}, {name}") for name in wanted}
    if nets.fan is not None:
        states["generator"][HIGH_PASS] = LAPLACIAN / np.float32(content["architecture"]["w_hpf"])
        states["fan"] = to_torch(_fan_values(path, content, fan), nets.fan, f"{fan or path}, fan")
    counts = ", ".join(f"{name} {len(state)} tensors" for name, state in states.items())
    return states, [*describe({"architecture": content["architecture"]}), f"{part}, for PyTorch: {counts}"]


def _gan_to_authors(path, content: dict, part: str | None, net: str | None):
    system = content["system"]
    values = {**(content.get("nets") or {}), **(content.get("averages") or {} if part != "nets" else {})}
    if part == "averages":
        values = content.get("averages") or {}
    nets = build_bare(system, content["architecture"], str(path))
    there = [name for name in nets if name in values]
    net = net or (there[0] if there else next(iter(nets)))
    if net not in there:
        raise UserError(f"{path} has no {net} to turn back; it has {', '.join(there) or 'no networks'}")
    state = to_torch(values[net], nets[net], f"{path}, {net}")
    others = f" (the file also has {', '.join(name for name in there if name != net)}: --net)" if there[1:] else ""
    lines = describe({"architecture": content["architecture"]})
    lines += [adain.ENCODER_BACK] * ((system, net) == ("adain", "encoder"))
    return state, [f"{system}: {net}, for PyTorch: {len(state)} tensors{others}", *lines]


def _all_to_authors(path, content: dict, part: str | None, net: str | None):
    """The state_dicts of all networks of a system whose authors put them into one file, and which has no averages."""
    system, values = content["system"], content.get("nets") or {}
    if part == "averages" or net:
        given = f"--net {net}" if net else "--part averages"
        raise UserError(f"{path} holds {system}, whose networks go into one file as they are; leave out {given}")
    bare = build_bare(system, content["architecture"], str(path))
    missing = [name for name in bare if name not in values]
    if missing:
        raise UserError(f"{path} has no {', '.join(missing)}, and the authors' file has all; give a run's checkpoint")
    states = {name: to_torch(values[name], bare[name], f"{path}, {name}") for name in bare}
    counts = ", ".join(f"{name} {len(state)} tensors" for name, state in states.items())
    return states, [*describe({"architecture": content["architecture"]}), f"{system}, for PyTorch: {counts}"]


def _fan_values(path, content: dict, fan) -> dict:
    source = checkpoint.load(fan) if fan else content
    values = (source.get("nets") or {}).get("fan")
    if not values:
        raise UserError(
            f"{fan or path} holds no face alignment network, which the authors' code loads from the same file when "
            "w_hpf > 0; give the converted wing.ckpt by --fan data/wing.pdparams"
        )
    return values


def convert_file(path, output, w_hpf: float | None = None, all_stacks: bool = False) -> list:
    """``convert`` from ``path`` to the file ``output``; returns its lines."""
    content, lines = convert(path, w_hpf, all_stacks)
    checkpoint.save(content, output)
    return lines


def to_authors_file(path, output, part: str | None = None, fan=None, net: str | None = None) -> list:
    """``to_authors`` from ``path`` to the file ``output``; returns its lines."""
    states, lines = to_authors(path, part, fan, net)
    torch_writer.save(states, output)
    return lines


def describe(content: dict) -> list:
    """Lines on the architecture and the number of tensors in the content of a ``.pdparams`` file."""
    lines = []
    if content["architecture"]:
        lines.append("architecture: " + ", ".join(f"{k} {v}" for k, v in content["architecture"].items()))
    for part in ("nets", "averages", "optimizers"):
        if content.get(part):
            lines.append(f"{part}: " + ", ".join(f"{net} {len(v)} tensors" for net, v in content[part].items()))
    if "iteration" in content:
        lines.append(f"iteration: {content['iteration']}")
    return lines
