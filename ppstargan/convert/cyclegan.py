"""CycleGAN's networks in its authors' files: a bare state_dict each, EPOCH_net_G_A.pth and the same of G_B, D_A, D_B.

The published ones hold one generator, latest_net_G.pth. All sizes are in the shapes, but that of the images.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

from ppstargan.convert.shapes import (
    CHANNELS,
    convolution_shape,
    discriminator,
    image_channels,
    is_discriminator,
    norm_behind,
    rank,
)
from ppstargan.errors import UserError

DESCRIPTIONS = {
    "cyclegan/G": "a generator of CycleGAN (the authors' *_net_G_A.pth, or a published latest_net_G.pth)",
    "cyclegan/D": "a discriminator of CycleGAN (the authors' *_net_D_A.pth)",
}
NETWORKS = ("G_A", "G_B", "D_A", "D_B")
SIZES = {6: 128}  # px of the authors' images by the number of blocks
USUAL_SIZE = 256
# Of instance norms, which never looked at them, in files from before PyTorch 0.4.
STATISTICS = r".*\.(running_mean|running_var|num_batches_tracked)"
# What a file of the other networks alone does not tell: the authors' values.
USUAL = {"blocks": 9, "g_width": 64, "dropout": False, "d_network": "basic", "d_width": 64, "d_layers": 3}


def kind_of(state: dict) -> str | None:
    """Which of ``DESCRIPTIONS`` the state_dict ``state`` is, by its keys and shapes; None for none of them."""
    if rank(state, "model.1.weight") == 4 and any(re.fullmatch(r"model\.\d+\.conv_block\.1\.weight", k) for k in state):
        return "cyclegan/G"
    return "cyclegan/D" if is_discriminator(state, CHANNELS) else None


def parts_of(path, kind: str, state: dict, read: Callable) -> tuple:
    """{network: its state_dict} of the file at ``path`` and of those of the same epoch beside it, and remarks.

    ``read(path)`` gives another file's kind and parts. A name that tells no network is taken for the first of its kind.
    """
    path, letter = Path(path), kind[-1]
    named = re.fullmatch(r"(.*_net_)([GD]_[AB])(\.\w+)", path.name)
    if not named:
        name = f"{letter}_A"
        way = "A to B" if letter == "G" else "B"
        return {name: without_statistics(state)}, [
            f"its name does not tell which network it is: taken as {name}, of {way}"
        ]
    if named[2][0] != letter:
        raise UserError(f"{path} is called {named[2]}, and holds {DESCRIPTIONS[kind]}; give it the name that it had")
    parts, remarks = {named[2]: state}, []
    for name in NETWORKS:
        other = path.with_name(f"{named[1]}{name}{named[3]}")
        if name != named[2] and other.exists():
            found, theirs = read(other)
            if found != f"cyclegan/{name[0]}":
                raise UserError(f"{other}, beside {path.name}, is none of its networks; move it away, or rename it")
            parts[name] = theirs[found]
            remarks.append(f"with {other.name}, which is beside it")
    return {name: without_statistics(parts[name]) for name in NETWORKS if name in parts}, remarks


def architecture_of(parts: dict, where: str) -> tuple:
    """The architecture of the state_dicts ``parts``, and remarks. Raises UserError where they do not go together.

    What the networks that are there do not tell is taken as the authors have it.
    """
    found: dict = {}
    for name, state in parts.items():
        told = (_generator if name[0] == "G" else _discriminator)(state, name, f"{where}, {name}")
        for key, value in told.items():
            if found.setdefault(key, value) != value:
                what = f"{name} has {key} {value}, and the others {found[key]}"
                raise UserError(f"{where}: {what}; networks of one run are alike: convert them one by one")
    side = next(key for key in ("channels_b", "channels_a") if key in found)
    found = {**USUAL, "channels_a": found[side], "channels_b": found[side], **found}
    size = SIZES.get(found["blocks"], USUAL_SIZE)
    order = ("channels_a", "channels_b", "blocks", "g_width", "d_network", "d_width", "d_layers", "norm", "dropout")
    remarks = [f"the networks take images of any size; no file tells theirs, and {size} px are noted"]
    return {"img_size": size, **{key: found[key] for key in order}}, remarks


def without_statistics(state: dict) -> dict:
    """``state`` without the running statistics of norms that have no weights."""
    return {
        key: value
        for key, value in state.items()
        if not re.fullmatch(STATISTICS, key) or f"{key.rpartition('.')[0]}.weight" in state
    }


def _generator(state: dict, name: str, where: str) -> dict:
    blocks = [key for key in state if re.fullmatch(r"model\.\d+\.conv_block\.1\.weight", key)]
    last = f"model.{17 + len(blocks)}.weight"
    first, final = convolution_shape(state, "model.1.weight", where), convolution_shape(state, last, where)
    inward, outward = ("channels_a", "channels_b") if name == "G_A" else ("channels_b", "channels_a")
    return {
        inward: image_channels(first[1], where),
        outward: image_channels(final[0], where),
        "blocks": len(blocks),
        "g_width": first[0],
        "dropout": rank(state, f"{blocks[0][: -len('1.weight')]}6.weight") == 4,
        "norm": norm_behind(state, "model.1", "model.2"),
    }


def _discriminator(state: dict, name: str, where: str) -> dict:
    told, channels = discriminator(state, where)
    return {"channels_b" if name == "D_A" else "channels_a": image_channels(channels, where), **told}
