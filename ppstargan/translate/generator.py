"""The generator of a trained or converted system that makes a picture of another, for a program of one's own."""

from __future__ import annotations

import os
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.arguments import told
from ppstargan.errors import UserError
from ppstargan.nets.gans import build_bare
from ppstargan.systems.load import system_named
from ppstargan.translate.from_pictures import directions

SYSTEMS = ("cyclegan", "pix2pix", "ugatit")


def generator(weights, direction: str | None = None):
    """The network of the file ``weights`` that goes ``direction``, a ``paddle.nn.Layer`` in eval mode.

    Images float32 [N, C, H, W] in [-1, 1], RGB or of the channels that it was trained on -> such images of the other
    side; of U-GAT-IT (images, logits [N, 2], heatmap). ``direction`` is "AtoB" or "BtoA" [the first that the file has].
    pix2pix as its authors test it, with dropout and by each batch's own statistics, is that layer after ``.train()``.
    Raises UserError for a file that is missing, damaged or of another system, and for a direction that it has not.
    """
    if not isinstance(weights, (str, os.PathLike)):
        raise UserError(f"weights is {told(weights)}; give the path of a file")
    content = checkpoint.load(weights)
    checkpoint.need_system(content, SYSTEMS, weights)
    system, where = content["system"], str(Path(weights).absolute())
    ways = system_named(system).ways(content)
    possible = directions(content, where, ways)
    if direction is not None and direction not in possible:
        raise UserError(f"direction {told(direction)}: {where} goes {' and '.join(possible)}")
    name = ways[direction or possible[0]].network
    net = build_bare(system, content["architecture"], where)[name]
    checkpoint.fill(net, {**(content.get("nets") or {}), **(content.get("averages") or {})}[name], f"{where}, {name}")
    net.eval()
    return net
