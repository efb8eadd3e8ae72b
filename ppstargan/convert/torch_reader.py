"""PyTorch checkpoint files read without PyTorch, into NumPy arrays. Nothing in the file is executed.

Both formats of `torch.save`: the stream of pickles and raw storages used before PyTorch 1.6, and the zip
archive since. Storages are read straight into NumPy's memory, so a file needs about its own size. They are
not mapped (np.memmap): a mapped array breaks, or kills the process, when the file is changed or removed
later, and training replaces its checkpoints while they are in use.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import zipfile
from typing import Any, NamedTuple

import numpy as np

from ppstargan.convert import torch_pickle
from ppstargan.convert.torch_pickle import Function, Refused, damaged, element_count, is_size, one_line
from ppstargan.errors import UserError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
CHUNK = 1 << 20  # bytes read at once, so that what passes through a stream's buffer stays small


class Kind(NamedTuple):
    """An element type: as the file stores it, and as it is in memory. They differ for bfloat16 only."""

    stored: np.dtype
    memory: np.dtype


class Storage(NamedTuple):
    """A PyTorch storage; `array` is one-dimensional, and filled only after the pickle has been read."""

    kind: Kind
    array: np.ndarray


def _kind(stored: str, memory: str | None = None) -> Kind:
    return Kind(np.dtype(stored), np.dtype(memory or stored))


KINDS = {
    "FloatStorage": _kind("f4"),
    "DoubleStorage": _kind("f8"),
    "HalfStorage": _kind("f2"),
    "BFloat16Storage": _kind("u2", "f4"),  # NumPy has no bfloat16
    "LongStorage": _kind("i8"),
    "IntStorage": _kind("i4"),
    "ShortStorage": _kind("i2"),
    "CharStorage": _kind("i1"),
    "ByteStorage": _kind("u1"),
    "BoolStorage": _kind("?"),
    "ComplexFloatStorage": _kind("c8"),
    "ComplexDoubleStorage": _kind("c16"),
}


def _tensor(storage, offset, shape, strides, most_bytes: int) -> np.ndarray:
    """The view of `storage` that begins at element `offset`, with `strides` in elements."""
    numbers = (offset, *strides) if type(strides) is tuple else (None,)
    if type(storage) is not Storage or not all(is_size(number) for number in numbers):
        raise damaged("a tensor's place in its storage makes no sense")
    count, dtype = element_count(shape), storage.array.dtype
    if len(strides) != len(shape):
        raise damaged("a tensor has not as many strides as dimensions")
    if count == 0:
        return np.empty(shape, dtype)
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if last >= storage.array.size:
        raise damaged(f"a tensor needs element {last} of a storage of {storage.array.size}")
    # A stride of 0 repeats elements, so that a few bytes can claim to be a terabyte.
    if count * storage.kind.stored.itemsize > most_bytes:
        raise Refused(f"has a tensor of {count} elements, more than the file can hold; it is not read here")
    # The stride of a dimension of size 1 is never used, and may be anything.
    steps = [stride * dtype.itemsize if size > 1 else dtype.itemsize for size, stride in zip(shape, strides)]
    # ndarray compares the shape and strides with the buffer once more.
    return np.ndarray(shape, dtype, storage.array, offset * dtype.itemsize, steps)


def _names(file_bytes: int) -> dict[str, Any]:
    """All names that a checkpoint may use, and what they stand for."""

    def rebuild_v2(storage, offset, shape, strides, requires_grad, hooks, metadata=None):
        if metadata:
            raise Refused("has a tensor with its conjugate or negative bit set, which is not read here")
        return _tensor(storage, offset, shape, strides, file_bytes)

    def rebuild(storage, offset, shape, strides):
        return _tensor(storage, offset, shape, strides, file_bytes)

    def parameter(data, requires_grad=True, hooks=None, state=None):
        return data

    def size(items):
        if type(items) not in (list, tuple):
            raise damaged("a size is not a list of numbers")
        return tuple(items)

    names = {
        **torch_pickle.NAMES,
        "torch Size": Function(size),
        "torch._utils _rebuild_tensor": Function(rebuild),
        "torch._utils _rebuild_tensor_v2": Function(rebuild_v2),
        "torch._utils _rebuild_parameter": Function(parameter),
        "torch._utils _rebuild_parameter_with_state": Function(parameter),
        "torch.nn.parameter Parameter": Function(parameter),  # before PyTorch 0.4
    }
    for module in ("torch", "torch.cuda"):
        names.update({f"{module} {name}": kind for name, kind in KINDS.items()})
    return names


def _read_object(stream, file_bytes: int) -> tuple[Any, dict[str, Storage]]:
    """The object of the pickle at `stream`, and by key its storages, whose arrays still have to be filled."""
    storages: dict[str, Storage] = {}
    needed = 0

    def persistent(identity) -> Storage:
        nonlocal needed
        word, kind, key, _, count, *views = identity  # the device between them does not matter
        right = type(word) is type(key) is str and type(kind) is Kind and is_size(count)
        if not right or word != "storage":
            raise damaged("a storage is not described as torch.save does")
        if key not in storages:
            needed += count * kind.stored.itemsize
            if needed > file_bytes:
                raise damaged(f"its tensors need {needed} bytes or more, and it has {file_bytes}")
            storages[key] = Storage(kind, np.empty(count, kind.memory))
        storage = storages[key]
        if storage.kind != kind or storage.array.size != count:
            raise damaged(f"storage {one_line(key)} is described in two ways")
        if views and views[0] is not None:  # before PyTorch 0.4: a storage that is a part of another
            _, offset, size = views[0]
            return Storage(kind, _tensor(storage, offset, (size,), (1,), file_bytes))
        return storage

    value = torch_pickle.load(stream, _names(file_bytes), persistent, 1000 + 4 * file_bytes)
    torch_pickle.check_plain(value)
    return value, storages


def _read_into(stream, array: np.ndarray) -> None:
    view, done = memoryview(array.view(np.uint8)), 0
    while done < len(view):
        got = stream.readinto(view[done : done + CHUNK])
        if not got:
            raise damaged("it ends inside a tensor")
        done += got


def _fill(stream, storage: Storage, big_endian: bool) -> None:
    array, swap = storage.array, big_endian != (sys.byteorder == "big")
    if storage.kind.stored != storage.kind.memory:  # bfloat16 is the upper half of a float32
        for start in range(0, array.size, CHUNK):
            wide = array[start : start + CHUNK].view(np.uint32)
            part = np.empty(wide.size, np.uint16)
            _read_into(stream, part)
            wide[:] = part.byteswap() if swap else part
            wide <<= 16
        return
    _read_into(stream, array)
    if swap:
        array.byteswap(inplace=True)
    if array.dtype == bool:  # a byte that is neither 0 nor 1 is no valid bool
        np.minimum(array.view(np.uint8), 1, out=array.view(np.uint8))


def _simple_pickle(file) -> Any:
    """The numbers, texts, lists and dicts of a pickle that has no names."""
    return torch_pickle.load(file, {}, lambda identity: None, most_work=0)


def _read_legacy(file, file_bytes: int) -> Any:
    if _simple_pickle(file) != LEGACY_PROTOCOL or type(_simple_pickle(file)) is not dict:
        raise Refused(f"is of another protocol than {LEGACY_PROTOCOL}; save it again with a newer PyTorch")
    value, storages = _read_object(file, file_bytes)
    keys = _simple_pickle(file)
    if type(keys) is not list or {type(key) for key in keys} - {str} or sorted(keys) != sorted(storages):
        raise damaged("the storages that it lists are not those that its tensors use")
    for key in keys:
        count = np.empty(1, np.int64)
        _read_into(file, count)
        if sys.byteorder == "big":
            count.byteswap(inplace=True)
        if count[0] != storages[key].array.size:
            raise damaged(f"storage {one_line(key)} has {count[0]} elements, not {storages[key].array.size}")
        _fill(file, storages[key], big_endian=False)  # this format is little-endian on every machine
    return value


def _read_zip(file, file_bytes: int) -> Any:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        found = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            what = "is a zip archive, but not one written by torch.save: it has no data.pkl"
            raise Refused(f"{what}; if there are such files in it, unpack them")
        prefix = found[0][: -len("data.pkl")]
        if f"{prefix}constants.pkl" in entries:
            raise Refused("is a TorchScript program, not a checkpoint; save its state_dict() with torch.save")

        def record(name: str, expected: int | None = None):
            if prefix + name not in entries:
                raise damaged(f"it has no record {one_line(name)}")
            info = entries[prefix + name]
            if info.compress_type != zipfile.ZIP_STORED or not 0 <= info.file_size <= file_bytes:
                raise Refused("has compressed records, which torch.save does not write; save it again")
            if expected is not None and info.file_size != expected:
                raise damaged(f"record {one_line(name)} has {info.file_size} bytes, not {expected}")
            return archive.open(info)

        order = "little"
        if f"{prefix}byteorder" in entries:  # since PyTorch 2.1
            with record("byteorder") as stream:
                order = stream.read(100).decode("ascii").strip()
        if order not in ("little", "big"):
            raise damaged(f"its byte order is {one_line(repr(order))}")
        with record("data.pkl") as stream:
            value, storages = _read_object(io.BytesIO(stream.read()), file_bytes)
        for key, storage in storages.items():
            with record(f"data/{key}", storage.array.size * storage.kind.stored.itemsize) as stream:
                _fill(stream, storage, big_endian=order == "big")
        return value


def _read(file, file_bytes: int) -> Any:
    start = file.read(512)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _read_zip(file, file_bytes)
    if start[257:262] == b"ustar":
        raise Refused("is a tar archive, as the first PyTorch wrote; save it again with PyTorch 0.4 or newer")
    if not start:
        raise Refused("is empty; copy or download it again")
    if start[0] == 0x80:
        try:
            magic = _simple_pickle(file)
        except Exception:  # some other pickle, or no pickle at all
            magic = None
        if magic == LEGACY_MAGIC:
            return _read_legacy(file, file_bytes)
    if start.lstrip()[:1] == b"<":
        raise Refused("is a web page, which a server sends in place of a file that it does not give; download it again")
    raise Refused("was not written by torch.save; give a PyTorch checkpoint (.ckpt, .pt or .pth)")


def load(path: str | os.PathLike) -> Any:
    """The object that `torch.save` wrote to `path`, with NumPy arrays in place of tensors and Parameters.

    Arrays keep the shape, strides and dtype of the tensors, and share memory where those shared a storage;
    bfloat16 becomes float32. Dicts, lists, tuples, sets, text and numbers come as they were.
    Raises UserError, with the file's name, when it is missing, damaged, no checkpoint, or asks for anything
    that a checkpoint has no need of.
    """
    try:
        # Asked before opening: to open a pipe would wait for its other end.
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
            raise UserError(f"{path} is {kind}; give the checkpoint file itself")
        file = open(path, "rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"there is no file {os.path.abspath(path)}; check the path") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be opened: {one_line(error)}") from error
    with file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size)
        except Refused as error:
            raise UserError(f"{path} {error}") from error
        except MemoryError as error:
            raise UserError(f"{path} needs more memory than there is; close other programs") from error
        except Exception as error:  # whatever a damaged file leads to: it is the file's fault
            reason = f"{type(error).__name__}: {one_line(error)}"
            if "CRC" in reason:
                reason += "; or it was saved with torch.serialization.set_crc32_options(False)"
            raise UserError(f"{path} {damaged(reason)}") from error
