"""StarGAN's networks in its authors' files: bare state_dicts, 200000-G.ckpt and 200000-D.ckpt.

The names of the attributes are in neither, and the size of the images is in the discriminator's alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import numpy as np

from ppstargan.convert.shapes import beside, convolution_shape, rank
from ppstargan.errors import UserError

DESCRIPTIONS = {
    "stargan/G": "a generator of StarGAN (the authors' *-G.ckpt)",
    "stargan/D": "a discriminator of StarGAN (the authors' *-D.ckpt)",
}
NETWORKS = {"G": "generator", "D": "discriminator"}
USUAL = {"img_size": 128, "g_width": 64, "g_blocks": 6, "d_width": 64, "d_layers": 6}  # what the other file would tell
BLOCK, LAYER = r"main\.\d+\.main\.0\.weight", r"main\.\d+\.weight"
PUBLISHED = "Black_Hair Blond_Hair Brown_Hair Male Young"


def kind_of(state: dict) -> str | None:
    """Which of ``DESCRIPTIONS`` the state_dict ``state`` is, by its keys and shapes; None for none of them."""
    if rank(state, "main.0.weight") != 4:
        return None
    if rank(state, "conv1.weight") == rank(state, "conv2.weight") == 4:
        return "stargan/D"
    return "stargan/G" if rank(state, "main.1.weight") == 1 and np.shape(state["main.0.weight"])[2:] == (7, 7) else None


def parts_of(path, kind: str, state: dict, read: Callable) -> tuple:
    """{network: its state_dict} of the file at ``path`` and of the other of its iteration beside it, and remarks.

    ``read(path)`` gives another file's kind and parts.
    """
    path, letter = Path(path), kind[-1]
    parts, remarks = {NETWORKS[letter]: state}, []
    other = beside(path, r"(.*-)([GD])(\.\w+)", letter, DESCRIPTIONS[kind])
    if other:
        found, theirs = read(other)
        if found == kind or found not in DESCRIPTIONS:
            raise UserError(f"{other}, beside {path.name}, is not StarGAN's; move it away, or rename it")
        parts[NETWORKS[found[-1]]] = theirs[found]
        remarks.append(f"with {other.name}, which is beside it")
    return {name: parts[name] for name in NETWORKS.values() if name in parts}, remarks


def architecture_of(parts: dict, where: str) -> tuple:
    """The architecture of the state_dicts ``parts``, and remarks. Raises UserError where they do not go together.

    What the networks that are there do not tell is taken as the authors have it.
    """
    told, labels = dict(USUAL), {}
    if "generator" in parts:
        state = parts["generator"]
        width, inputs = convolution_shape(state, "main.0.weight", f"{where}, generator")[:2]
        labels["generator"] = inputs - 3
        told.update(g_width=width, g_blocks=sum(bool(re.fullmatch(BLOCK, key)) for key in state))
    if "discriminator" in parts:
        state = parts["discriminator"]
        width = convolution_shape(state, "main.0.weight", f"{where}, discriminator")[0]
        count, _, left, _ = convolution_shape(state, "conv2.weight", f"{where}, discriminator")
        layers = sum(bool(re.fullmatch(LAYER, key)) for key in state)
        labels["discriminator"] = count
        told.update(img_size=left << layers, d_width=width, d_layers=layers)
    if len(set(labels.values())) > 1:
        counts = ", ".join(f"the {name} {count}" for name, count in labels.items())
        raise UserError(f"{where}: {counts} labels; networks of one run are alike: convert them one by one")
    count = next(iter(labels.values()))
    if count < 1:
        raise UserError(f"{where}: the generator takes no label behind the colours; give one of StarGAN")
    remarks = [f"the file does not name its {count} labels: --domain-names does, for the authors' CelebA {PUBLISHED}"]
    if "discriminator" not in parts:
        noted = f"and {told['img_size']} px are noted"
        remarks.append(f"the generator takes images of any size; the file does not tell theirs, {noted}")
    return {**told, "exclusive": False, "num_domains": count}, remarks
