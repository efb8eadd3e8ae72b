"""Reads pickles of dicts, lists, numbers, strings and arrays, from whomever they come: nothing that one asks for runs.

Python's and NumPy's own, and those of ``paddle.save``, in which a tensor is a pair of its name and its array.

NumPy's own way of unpickling believes what a file says of types and sizes: an object type over plain bytes is a
pointer of the file's choice, and a shape is memory. Here stand-ins take down what the file says, and arrays of plain
numbers are made from the bytes that are there.
"""

from __future__ import annotations

import pickle
import pickletools
import re
from typing import BinaryIO

import numpy as np

_MOST_ENTRIES = 1_000_000  # a checkpoint of a training run has about two thousand


class _DType:
    """In place of numpy.dtype: its text and byte order, and nothing else of what a file says."""

    def __init__(self, text, *_):
        if not re.fullmatch(r"b1|[iu][1248]|f[248]", text):
            raise pickle.UnpicklingError(f"it holds an array of type {text!r}, which weights have no need of")
        self.text, self.order = text, "<"

    def __setstate__(self, state):
        self.order = state[1]

    def plain(self) -> np.dtype:
        return np.dtype(self.text).newbyteorder(self.order)


class _Array:
    """In place of numpy.ndarray, until ``_plain`` puts the array itself where this is."""

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        self.value = _from_buffer(data, dtype, shape, "F" if fortran else "C")


def _from_buffer(data, dtype: _DType, shape: tuple, order: str, axes: tuple | None = None) -> np.ndarray:
    # NumPy 2.4 writes arrays of any other order as contiguous ones whose axes come in another order.
    array = np.frombuffer(data, dtype.plain()).reshape(shape, order="C" if axes else order)
    return array.transpose(axes) if axes else array


def _reconstruct(*_) -> _Array:
    return _Array()


class _OrderedDict(dict):
    """In place of collections.OrderedDict, without the attributes that one may be given."""

    def __setstate__(self, state):
        pass


def _named_tensor(pair):
    """In place of tuple, which paddle.save calls for a tensor alone."""
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
        raise pickle.UnpicklingError("it makes a tuple of something that is no tensor of Paddle's")
    return pair[1]


# All that such a pickle asks for, under NumPy 1's names and NumPy 2's, and under those of pickle's protocol 2.
_ALLOWED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("collections", "OrderedDict"): _OrderedDict,
    ("builtins", "tuple"): _named_tensor,
    ("__builtin__", "tuple"): _named_tensor,
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle._Unpickler):  # Python's own form of it, in which the making of tuples can be watched
    def __init__(self, file, size: int):
        super().__init__(file)
        self.left = size

    def encode(self, text: str, codec: str) -> bytes:
        """In place of _codecs.encode: protocol 2 has no bytes, and writes a text of as many characters."""
        self.left -= len(text)  # the same text may be encoded again and again
        if codec != "latin1" or self.left < 0:
            raise pickle.UnpicklingError("it encodes what are no bytes of an array")
        return text.encode(codec)

    def find_class(self, module: str, name: str):
        if (module, name) == ("_codecs", "encode"):
            return self.encode
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights have no need of")
        return _ALLOWED[module, name]


def _watched(make):
    """The step ``make`` of the unpickler that puts a tuple on the stack, refusing one that is too deep.

    A tuple's hash goes as deep as the tuple, and deep enough it takes the process down.
    """

    def step(self):
        make(self)
        made = self.stack[-1]
        if any(isinstance(inner, tuple) for item in made if isinstance(item, tuple) for inner in item):
            raise pickle.UnpicklingError("it holds tuples in tuples in tuples, which weights have no need of")

    return step


_steps = pickle._Unpickler.dispatch
_tuples = (opcode[0] for opcode in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3))
_Unpickler.dispatch = {**_steps, **{opcode: _watched(_steps[opcode]) for opcode in _tuples}}


def load(file: BinaryIO):
    """The content of the pickle at the start of ``file``, which is left behind its end.

    Raises nearly any exception where the pickle is damaged, and UnpicklingError where it asks for more than arrays.
    """
    file.seek(0)
    for opcode, argument, position in pickletools.genops(file):
        # A place in the unpickler's memory: it makes room for as many as the largest number says, used or not.
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > position:
            raise pickle.UnpicklingError("it asks for more memory than it has content")
    end = file.tell()
    file.seek(0)
    content = _plain(_Unpickler(file, end).load(), [_MOST_ENTRIES])
    file.seek(end)
    return content


def _plain(value, left: list):
    """``value`` with arrays in place of their stand-ins, and dicts of its own, ``left[0]`` entries of them at most."""
    if isinstance(value, _Array):
        return value.value
    if not isinstance(value, dict):
        return value
    left[0] -= len(value)
    if left[0] < 0:  # a few dicts, each of which holds the one before twice, are without end
        raise pickle.UnpicklingError("it holds more entries than weights have")
    return {key: _plain(entry, left) for key, entry in value.items()}
