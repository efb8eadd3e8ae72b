"""Files that are no weights of ppstargan's: what they hold, and the way from there."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from ppstargan.nets.stargan_v2 import AVERAGED

# How files of torch.save begin: a zip archive since PyTorch 1.6, and before a pickle of its magic number.
_TORCH = (b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
PADDLES_NAMES = "StructuredToParameterName@@"  # an entry that paddle.save adds to the state_dict of one network


def is_torch(start: bytes) -> bool:
    """Whether a file that begins so may be one of ``torch.save``."""
    return start.startswith(_TORCH)


def advice(start: bytes, path: Path) -> str:
    """What to do about a file that begins with the bytes ``start`` and cannot be read; "" where that is not known."""
    if is_torch(start):
        return f"; if it is a PyTorch file, convert it: {_convert(path)}"
    if start and all(byte >= 32 or byte in b"\t\n\r" for byte in start):
        return "; it is a text; name a file of weights, such as output/NAME-DATE-TIME/checkpoints/0100000.pdparams"
    return ""


def _convert(path: Path) -> str:
    converted = path.with_suffix(".pdparams").name
    if converted == path.name:
        converted = f"{path.stem}_converted.pdparams"
    return f"python tools/convert_torch_weights.py {shlex.quote(str(path))} {shlex.quote(converted)}"


def is_paddlegan(content) -> bool:
    """Whether the content of a file of Paddle's may be PaddleGAN's StarGAN v2: our networks, and nothing about them."""
    if not isinstance(content, dict) or "architecture" in content:
        return False
    return all(isinstance(content.get(name), dict) for name in AVERAGED)


def described(content) -> str:
    """What a pickle holds, for a message: "generator (59 arrays), epoch"."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    names = [name for name in content if name != PADDLES_NAMES]
    arrays = sum(isinstance(content[name], np.ndarray) for name in names)
    if arrays > 3:
        return f"{arrays} arrays ({_some(names, content)}), as the state_dict of one network or optimiser"
    return _some(names, content, 8) if names else "nothing"


def _some(names: list, content: dict, most: int = 3) -> str:
    told = ["".join(c if c.isprintable() else "?" for c in str(name)[:60]) for name in names[:most]]
    for i, name in enumerate(names[:most]):
        if isinstance(content[name], dict):
            told[i] += f" ({len(content[name])} entries)"
    return ", ".join(told) + (", …" if len(names) > most else "")


def way(content, path: Path) -> str:
    """What to do with a pickle that holds something else than our weights; "" where that is not known."""
    if is_paddlegan(content):
        return f"; if it is StarGAN v2 of PaddleGAN, convert it: {_convert(path)}"
    return ""
