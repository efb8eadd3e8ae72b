"""Which command brings what is missing, told by the name that configurations and documents give it."""

from __future__ import annotations

from pathlib import Path

from ppstargan.download.table import ASSETS

DRAWN = {  # folder in data -> the arguments of tools/draw_toy.py that draw it
    "toy": "",
    "toy_digits": " gan",
    "toy_outlines": " pix2pix",
    "toy_ponies": " cyclegan",
    "toy_cats_lions": " ugatit",
    "toy_patterns": " adain",
    "toy_attributes": " stargan",
    "toy_landmarks": " fan",
    "toy_people": " faces",
    "showcase": " --out data/showcase --size 80 --train 1500",
    "showcase_people": " faces --out data/showcase_people --size 80 --train 1500",
}


def way_to_get(path) -> str:
    """The command that brings what belongs at ``path``, with what it does; "" where the name is none that is known."""
    target = Path(path).name
    for name, asset in ASSETS.items():
        if asset.target == target:
            does = "says how to get" if asset.by_hand else "brings"
            return f"python tools/download.py {name} {does} {asset.what}, to data/{target}"
    if target in DRAWN:
        return f"python tools/draw_toy.py{DRAWN[target]} draws it, to data/{target}"
    return ""
