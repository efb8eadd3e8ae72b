"""pix2pix's networks in its authors' files: bare state_dicts, EPOCH_net_G.pth of a U-Net and EPOCH_net_D.pth.

The published ones are generators alone, latest_net_G.pth. All sizes are in the shapes; the direction is not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

from ppstargan.convert.cyclegan import without_statistics
from ppstargan.convert.shapes import (
    beside,
    convolution_shape,
    discriminator,
    image_channels,
    is_discriminator,
    norm_behind,
    rank,
)
from ppstargan.errors import UserError

DESCRIPTIONS = {
    "pix2pix/G": "a generator of pix2pix (the authors' *_net_G.pth)",
    "pix2pix/D": "a discriminator of pix2pix (the authors' *_net_D.pth)",
}
NETWORKS = {"G": "generator", "D": "discriminator"}
PAIRED = {2: (1, 1), 4: (3, 1), 6: (3, 3)}  # channels that a discriminator sees -> of what is given, and of the rest
# What a file of the other network alone does not tell: the authors' values.
USUAL = {"levels": 8, "g_width": 64, "d_network": "basic", "d_width": 64, "d_layers": 3}
FIRST, LAST = "model.model.0.weight", "model.model.3.weight"  # of a U-Net, which nests its levels between the two


def kind_of(state: dict) -> str | None:
    """Which of ``DESCRIPTIONS`` the state_dict ``state`` is, by its keys and shapes; None for none of them."""
    if rank(state, FIRST) == rank(state, LAST) == 4:
        return "pix2pix/G"
    return "pix2pix/D" if is_discriminator(state, PAIRED) else None


def parts_of(path, kind: str, state: dict, read: Callable) -> tuple:
    """{network: its state_dict} of the file at ``path`` and of the other of its epoch beside it, and remarks.

    ``read(path)`` gives another file's kind and parts. One of another system is left alone.
    """
    path, letter = Path(path), kind[-1]
    parts, remarks = {NETWORKS[letter]: without_statistics(state)}, []
    side = re.fullmatch(r".*_net_(G_[AB])\.\w+", path.name)
    if side and letter == "G":  # the authors' code can train CycleGAN on U-Nets
        remarks.append(f"called {side[1]}, as CycleGAN's, and a U-Net: taken as pix2pix's, without what lies beside it")
    other = beside(path, r"(.*_net_)([GD])(\.\w+)", letter, DESCRIPTIONS[kind])
    if other:
        found, theirs = read(other)
        if found in DESCRIPTIONS and found != kind:
            parts[NETWORKS[found[-1]]] = without_statistics(theirs[found])
            remarks.append(f"with {other.name}, which is beside it")
        else:
            remarks.append(f"without {other.name} beside it, which is not pix2pix's")
    return {name: parts[name] for name in NETWORKS.values() if name in parts}, remarks


def architecture_of(parts: dict, where: str) -> tuple:
    """The architecture of the state_dicts ``parts``, and remarks. Raises UserError where they do not go together.

    What the networks that are there do not tell is taken as the authors have it.
    """
    told, remarks = {}, []
    if "generator" in parts:
        told = _generator(parts["generator"], f"{where}, generator")
    if "discriminator" in parts:
        judge, channels = discriminator(parts["discriminator"], f"{where}, discriminator")
        if "generator" in parts:
            both = told["in_channels"] + told["out_channels"]
            if channels != both or judge["norm"] != told["norm"]:
                what = f"the generator has {both} channels and norm {told['norm']}"
                theirs = f"the discriminator {channels} and {judge['norm']}"
                raise UserError(f"{where}: {what}, {theirs}; networks of one run are alike: convert them one by one")
        else:
            told = dict(zip(("in_channels", "out_channels"), PAIRED[channels]))
        told = {**told, **judge}
    found = {**USUAL, **told}
    remarks = ["no file tells the direction: AtoB is noted"]
    if "generator" in parts:
        remarks.append("nor whether values are dropped: they are, as the authors do")
    order = ("in_channels", "out_channels", "levels", "g_width", "d_network", "d_width", "d_layers", "norm")
    sizes = {"img_size": 2 ** found["levels"], "direction": "AtoB"}
    return {**sizes, **{key: found[key] for key in order}, "dropout": True}, remarks


def _generator(state: dict, where: str) -> dict:
    levels = [key for key in state if re.fullmatch(r"model\.model\.1\.model(\.3\.model)*\.1\.weight", key)]
    first, last = (convolution_shape(state, key, where) for key in (FIRST, LAST))
    if not levels:
        raise UserError(f"{where} has no level below the first of a U-Net; only the authors' can be converted")
    outer = "model.model.1.model."  # the second level, which is followed by a norm on its way up
    innermost = len(levels) == 1
    norm = norm_behind(state, f"{outer}1", f"{outer}{4 if innermost else 6}")
    return {
        "in_channels": image_channels(first[1], where),
        "out_channels": image_channels(last[1], where),
        "levels": len(levels) + 1,
        "g_width": first[0],
        "norm": norm,
    }
