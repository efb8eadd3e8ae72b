"""Checkpoint files that PyTorch reads, written without PyTorch.

The zip archive of `torch.save` since PyTorch 1.6. Its pickle is put together by hand, from the few
instructions that it takes: `pickle.Pickler` can only name what it can import, and that would be PyTorch.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np

from ppstargan.errors import UserError
from ppstargan.files import replaced

STORAGE_NAMES = {
    np.dtype("f4"): "FloatStorage",
    np.dtype("f8"): "DoubleStorage",
    np.dtype("f2"): "HalfStorage",
    np.dtype("i8"): "LongStorage",
    np.dtype("i4"): "IntStorage",
    np.dtype("i2"): "ShortStorage",
    np.dtype("i1"): "CharStorage",
    np.dtype("u1"): "ByteStorage",
    np.dtype("?"): "BoolStorage",
}
ARCHIVE = "archive"  # the folder inside the archive; PyTorch takes whatever it finds
ALIGNMENT = 64  # of the records, as PyTorch's own, so that torch.load(mmap=True) can map them
CHUNK = 1 << 26  # bytes handed to the operating system at once
MOST_LEVELS = 100  # of containers within containers; also ends those that contain themselves
ZIP64_FROM = 1 << 31  # bytes; zipfile wants the larger header for records from about here on


class _Unfit(Exception):
    """What cannot be stored, where and why."""


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if len(data) > 255:
        raise _Unfit("a whole number has more than 2039 bits; save it as text")
    return b"\x8a" + bytes([len(data)]) + data


def _sizes(values) -> bytes:
    return b"(" + b"".join(_whole(value) for value in values) + b"t"


def _tensor(array: np.ndarray, key: str) -> bytes:
    strides, step = [], 1
    for size in reversed(array.shape):
        strides.insert(0, step)
        step *= max(size, 1)
    kind = STORAGE_NAMES[array.dtype.newbyteorder("=")]
    return b"".join(
        (
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            _text("storage") + f"ctorch\n{kind}\n".encode() + _text(key) + _text("cpu") + _whole(array.size),
            b"tQ" + _whole(0) + _sizes(array.shape) + _sizes(strides),
            b"\x89ccollections\nOrderedDict\n)RtR",  # requires no gradient, has no hooks
        )
    )


def _pickle(value, place: str, arrays: dict[int, tuple[str, np.ndarray]], level: int = 0) -> bytes:
    """The instructions that make `value`. Its arrays are added to `arrays`, once each, by identity."""
    if level > MOST_LEVELS:
        raise _Unfit(f"{place[:60]}… is nested in itself or deeper than {MOST_LEVELS} containers")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return _whole(int(value))
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("=") in STORAGE_NAMES:
        key, _ = arrays.setdefault(id(value), (str(len(arrays)), value))
        return _tensor(value, key)
    if isinstance(value, (list, tuple)):
        items = [_pickle(item, f"{place}[{i}]", arrays, level + 1) for i, item in enumerate(value)]
        start, end = (b"](", b"e") if isinstance(value, list) else (b"(", b"t")
        return start + b"".join(items) + end
    if isinstance(value, dict):
        items = []
        for key, item in value.items():
            if not isinstance(key, (str, int, float, np.generic)):
                raise _Unfit(f"a key in {place} is a {type(key).__name__}; use text or a number")
            items.append(_pickle(key, place, arrays) + _pickle(item, f"{place}[{key!r}]", arrays, level + 1))
        start = b"ccollections\nOrderedDict\n)R" if isinstance(value, OrderedDict) else b"}"
        return start + b"(" + b"".join(items) + b"u"
    kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
    raise _Unfit(f"{place} is {kind}; store only arrays of numbers, text, numbers, lists, tuples and dicts")


def _write_record(archive: zipfile.ZipFile, name: str, data) -> None:
    """`data`, bytes or a memoryview of bytes, as an uncompressed record whose data begin aligned."""
    size = len(data)
    entry = zipfile.ZipInfo(f"{ARCHIVE}/{name}")
    entry.file_size = size
    large = size >= ZIP64_FROM
    # The local header is 30 bytes and the name, then extra fields: ours of 4 bytes, and 20 when large.
    used = archive.fp.tell() + 30 + len(entry.filename) + 4 + (20 if large else 0)
    padding = -used % ALIGNMENT
    entry.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding  # as PyTorch does
    with archive.open(entry, "w", force_zip64=large) as stream:
        for start in range(0, size, CHUNK):
            stream.write(data[start : start + CHUNK])
    entry.extra = b""  # the list of contents at the end needs no padding


def _write(value, file) -> None:
    arrays: dict[int, tuple[str, np.ndarray]] = {}
    pickle = b"\x80\x02" + _pickle(value, "obj", arrays) + b"."
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _write_record(archive, "data.pkl", pickle)
        _write_record(archive, "byteorder", b"little")
        for key, array in arrays.values():
            # One at a time: a copy, where it takes one, is gone before the next is made.
            flat = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
            _write_record(archive, f"data/{key}", memoryview(flat.view(np.uint8)))
        _write_record(archive, "version", b"3\n")


def save(obj: Any, path: str | os.PathLike) -> None:
    """Writes `obj` to `path` as `torch.save` would, so that `torch.load(path, weights_only=True)` reads it.

    `obj` is a dict, OrderedDict, list or tuple, nested at will, of text, whole and floating-point numbers,
    bools, None and NumPy arrays, which become CPU tensors: float16/32/64, int8/16/32/64, uint8 and bool, of
    any shape. NumPy's scalars become plain numbers; the same array met twice is stored once.
    An older file at `path` is replaced only when the new one is complete. Raises UserError when something
    cannot be stored (which, and where in `obj`) or the file cannot be written.
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder; give the name of a file")
    if not os.path.isdir(folder):
        raise UserError(f"{path} cannot be written: there is no folder {folder}; make it first")
    try:
        with replaced(path, sync=True) as partial, open(partial, "wb") as file:
            _write(obj, file)
    except _Unfit as error:
        raise UserError(f"{path} cannot be written: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
