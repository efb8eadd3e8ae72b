"""Files of weights and of training states: nested dicts of NumPy arrays, as one ``.pdparams`` file.

A file holds ``system`` (absent = stargan_v2), ``architecture`` (what builds the networks), ``domains`` (their names,
or None), ``nets`` and ``averages`` (network -> parameter -> array; either may be missing, and so may a network), and of
a training run also ``optimizers`` and ``iteration``. It is a pickle with its checksum behind it. ``paddle.load`` reads
it too; ``load`` here runs nothing that a file asks for.
"""

from __future__ import annotations

import os
import pickle
import shlex
import zlib
from pathlib import Path
from unicodedata import normalize

import numpy as np
import paddle

from ppstargan.download.wanted import way_to_get
from ppstargan.errors import UserError
from ppstargan.files import dead_link, reason, replaced
from ppstargan.format import foreign, form, safe_pickle

HOW_TO_GET = (
    "python tools/quickstart.py trains a small model and python tools/train.py -c CONFIG yours, both into "
    "output/NAME-DATE-TIME/checkpoints; python tools/download.py afhq_network celeba_hq_network brings the authors', "
    "and python tools/convert_torch_weights.py INPUT.ckpt OUTPUT.pdparams converts a PyTorch file; "
    "assets/showcase.pdparams comes along, for drawn faces"
)

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
        way = dead_link(path) or _way_to_get(path, how_to_get)
        raise UserError(f"no weights at {path.absolute()}; {way}") from None
    except IsADirectoryError:
        inside = max(path.rglob("*.pdparams"), key=os.path.getmtime, default=None)
        such = f", such as {inside.absolute()}" if inside else " in it"
        raise UserError(f"{path.absolute()} is a folder; name a file{such}") from None
    except OSError as error:
        raise UserError(f"{path.absolute()} cannot be read ({reason(error, path)})") from None
    except MemoryError:
        raise UserError(f"{path.absolute()} needs more memory than there is") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        why = "it is no pickle" if isinstance(error, UnicodeError) else " ".join(str(error).split())
        raise Damaged(
            f"{path.absolute()} is damaged or no weights of ppstargan's ({why}){foreign.advice(start, path)}"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("architecture"), dict):
        raise Damaged(
            f"{path.absolute()} holds {foreign.described(content)}: no weights of ppstargan's"
            f"{foreign.way(content, path) or '; ' + how_to_get}"
        )
    fault = form.fault(content)
    if fault:
        raise Damaged(f"{path.absolute()} {fault}")
    if content.get("domains"):
        content["domains"] = [normalize("NFC", name) for name in content["domains"]]  # as folders.py names them
    return content


def _way_to_get(path: Path, how_to_get: str) -> str:
    """What to do where no file is at ``path``. The usual way is for what has a name of its own, or others beside it."""
    if how_to_get != HOW_TO_GET:
        return f"to get them: {how_to_get}"
    published = way_to_get(path)
    if published:
        return f"to get them: {published}, or takes a file that you have by --from FILE"
    beside = sorted(other.name for other in path.absolute().parent.glob("*.pdparams"))[-3:]
    there = f"that folder has {', '.join(beside)}; to get others" if beside else "to get them"
    return f"{there}: {how_to_get}"


def system_of(content: dict) -> str:
    """The name of the system whose networks a file holds. Files from before there were several are StarGAN v2's."""
    return content.get("system", "stargan_v2")


def need_system(content: dict, systems: tuple, path) -> None:
    """Raises UserError unless the ``content`` of the file at ``path`` is of one of ``systems``."""
    found = system_of(content)
    if found not in systems:
        other = f"for {found} there is python tools/sample.py --weights {shlex.quote(str(path))}"
        raise UserError(f"{Path(path).absolute()} is of {found}, and this needs {' or '.join(systems)}; {other}")


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


def slim(content: dict, where: str) -> dict:
    """What pictures are made by, of a file's ``content``: floats in float16, no optimisers, and nothing of the run.

    These are the moving averages, or the networks where there are none, and what never trains, such as the FAN. Raises
    UserError where a value is beyond float16's 65504; ``where`` the content is from is for the message.
    """
    nets, averages, stepped = (content.get(part) or {} for part in ("nets", "averages", "optimizers"))
    if averages:
        nets = {name: values for name, values in nets.items() if name not in stepped and name not in averages}
    kept = {"averages": {name: _halved(values, f"{where}, {name}") for name, values in averages.items()},
            "nets": {name: _halved(values, f"{where}, {name}") for name, values in nets.items()}}  # fmt: skip
    told = {key: content[key] for key in ("system", "architecture", "domains") if key in content}
    return {**told, **{part: networks for part, networks in kept.items() if networks}}


def _halved(values: dict, where: str) -> dict:
    """Arrays {name: array} with floats as float16."""
    largest = np.finfo(np.float16).max
    for name, value in values.items():
        if value.dtype.kind == "f" and np.abs(value).max(initial=0) > largest:
            raise UserError(f"{where}: {name} has values beyond {largest:g}, which float16 cannot hold; keep the file")
    return {name: value.astype(np.float16) if value.dtype.kind == "f" else value for name, value in values.items()}
