"""The pickles inside PyTorch checkpoints, read by an interpreter of our own that executes nothing.

Not a subclass of `pickle.Unpickler`: overriding its `find_class` leaves a hostile or damaged pickle the
instructions that need no name. Nine bytes make it fill gigabytes with empty memo slots, a deeply nested
tuple as a key overflows the C stack, and BUILD sets any attribute of any object. This one knows only the
instructions that `torch.save` writes, and bounds what they can do.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from typing import Any, Callable, NamedTuple

import numpy as np

MOST_INSTRUCTIONS = 5_000_000  # a checkpoint has about twenty for each tensor
MOST_LEVELS = 100  # of containers within containers: those who walk the result use recursion


class Refused(Exception):
    """What is wrong with a file; the text continues a sentence that begins with the file's name."""


class Function(NamedTuple):
    """What a name in a pickle stands for when the pickle may call it."""

    call: Callable[..., Any]


class Pending:
    """An object that pickle makes in two steps, as it does NumPy's arrays; `finish` takes the second."""

    def __init__(self, finish: Callable[[Any], Any]):
        self.finish, self.memo_key = finish, None


def damaged(reason: str) -> Refused:
    """The error for a file that contradicts itself or ends early."""
    return Refused(f"is damaged or incomplete ({reason}); copy or download it again")


def one_line(text: object, most: int = 200) -> str:
    """`text`, which may come from a hostile file, without line breaks and other control characters."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:most])


def _ordered_dict(pairs=()) -> OrderedDict:
    return OrderedDict((_key(key), value) for key, value in pairs)


def _set(items=()) -> set:
    return {_key(item) for item in items}


def _encode(text="", codec="latin1") -> bytes:
    # Protocol 2 has no bytes: it stores them as text, one character for each byte, and b"" as bytes().
    if type(text) is not str or type(codec) is not str or codec != "latin1":
        raise Refused("asks for a codec that no checkpoint needs; nothing was run")
    return text.encode("latin-1")


_NUMPY_TYPES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}


def _numpy_dtype(code, align=False, copy=True) -> Pending:
    # Only plain numbers: NumPy's own __setstate__ trusts what it is told of fields, sizes and objects.
    if type(code) is not str or code not in _NUMPY_TYPES:
        raise Refused("holds NumPy data that are not plain numbers, which are not read here")

    def finish(state):
        _, order, *fields = state[:5]
        if type(order) is not str or order not in ("<", ">", "|", "=") or fields != [None] * 3:
            raise damaged("a NumPy type makes no sense")
        return np.dtype(code).newbyteorder(order)

    return Pending(finish)


def _numpy_values(dtype, data, count: int) -> np.ndarray:
    if not isinstance(dtype, np.dtype) or type(data) is not bytes or len(data) != count * dtype.itemsize:
        raise damaged("NumPy data has the wrong size")
    if dtype.kind == "b":
        return np.frombuffer(data, np.uint8) != 0  # a byte that is neither 0 nor 1 is no valid bool
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))


def _numpy_array(kind, shape, code) -> Pending:
    if kind is not NDARRAY:
        raise damaged("a NumPy array is of no known kind")

    def finish(state):
        _, shape, dtype, by_columns, data = state
        values = _numpy_values(dtype, data, element_count(shape))
        return values.reshape(shape, order="F" if by_columns else "C")

    return Pending(finish)


def is_size(number) -> bool:
    """Whether ``number`` can be a dimension or a count of elements."""
    return type(number) is int and 0 <= number < 2**62


def element_count(shape) -> int:
    """The number of elements of an array of `shape`; raises Refused unless it is a tuple of sizes."""
    count = 1
    if type(shape) is not tuple or len(shape) > 32 or not all(is_size(size) for size in shape):
        raise damaged("the shape of an array makes no sense")
    for size in shape:
        count *= size
    return count


NDARRAY = "numpy.ndarray"  # stands for the class, which the pickle must not get hold of
NAMES: dict[str, Any] = {
    "collections OrderedDict": Function(_ordered_dict),
    "_codecs encode": Function(_encode),
    "numpy dtype": Function(_numpy_dtype),
    "numpy ndarray": NDARRAY,
}
for _module in ("__builtin__", "builtins"):
    NAMES[f"{_module} set"], NAMES[f"{_module} bytes"] = Function(_set), Function(_encode)
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    NAMES[f"{_module} scalar"] = Function(lambda dtype, data: _numpy_values(dtype, data, 1)[0])
    NAMES[f"{_module} _reconstruct"] = Function(_numpy_array)


def _key(key):
    # Hashing nested tuples recurses without limit, and huge integers can be made to collide.
    for part in key if type(key) is tuple else (key,):
        whole = type(part) is int and -(2**63) <= part < 2**63
        if not whole and type(part) not in (str, bytes, float, bool, type(None)):
            raise damaged(f"a key is a {type(part).__name__}")
    return key


class _Lines:
    """A file as pickletools reads it, in bounded pieces: a damaged one may be one line or claim exabytes."""

    def __init__(self, stream):
        self._read, self._readline = stream.read, stream.readline

    def read(self, size: int) -> bytes:
        if size > 1 << 30:
            raise damaged("a part of its pickle claims to be larger than a gigabyte")
        return self._read(size)

    def readline(self) -> bytes:
        line = self._readline(1000)
        if b"\\" in line:  # no name has one, and pickletools would warn of odd escapes
            raise damaged("a name in its pickle has a backslash")
        return line


_PUSH_ARGUMENT = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_PUSH_ARGUMENT |= {"BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_PUSH_CONSTANT = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PUSH_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": set}
_TUPLE_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _name(full: str, names: dict[str, Any]):
    if full not in names:
        name = one_line(full).replace(" ", ".")
        raise Refused(
            f"asks for {name}, which a checkpoint has no need of; nothing was run. "
            "If you trust the file, load it with PyTorch and save only its state_dict() of tensors again"
        )
    return names[full]


def _reduce(function, arguments):
    if type(function) is not Function or type(arguments) is not tuple:
        raise damaged("it calls what is not a function")
    return function.call(*arguments)


def _build(target, state, memo: dict):
    if type(target) is OrderedDict:
        return target  # the attributes of a state_dict (`_metadata`) are of no use, and could be anything
    if type(target) is np.ndarray and type(state) is tuple and len(state) == 3:
        return target  # a Parameter of PyTorch before 0.4: requires_grad, volatile, hooks
    if type(target) is not Pending:
        raise damaged(f"it sets the state of a {type(target).__name__}")
    result = target.finish(state)
    if memo.get(target.memo_key) is target:
        memo[target.memo_key] = result
    return result


def _insert(target, items: list, op: str) -> None:
    if op.startswith("APPEND") and type(target) is list:
        target.extend(items)
    elif op == "ADDITEMS" and type(target) is set:
        target.update(_key(item) for item in items)
    elif op.startswith("SETITEM") and type(target) in (dict, OrderedDict) and len(items) % 2 == 0:
        for key, value in zip(items[::2], items[1::2]):
            target[_key(key)] = value
    else:
        raise damaged(f"{op} on a {type(target).__name__}")


def _taken(stack: list, count: int) -> list:
    """The last `count` of the stack, removed from it."""
    if len(stack) < count:
        raise damaged("its pickle uses more than it made")
    items = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return items


def _work(arguments) -> int:
    """What a call may copy. A file may name one long text many times, but a checkpoint has no reason to."""
    parts = arguments if type(arguments) is tuple else ()
    return sum(len(part) for part in parts if type(part) in (str, bytes, list, tuple))


def load(stream, names: dict[str, Any], persistent: Callable[[Any], Any], most_work: int) -> Any:
    """The object of the pickle that begins at the current place of `stream`, which is left just after it.

    `names` maps "module name" to a Function or to a value that the pickle may pass on; `persistent` makes
    the object for a persistent id; `most_work` bounds the elements that all calls together may copy.
    Raises Refused; a damaged pickle may raise any other Exception.
    """
    stack, outer, memo, work = [], [], {}, 0  # `outer` holds the stacks below the marks
    for count, (opcode, argument, _) in enumerate(pickletools.genops(_Lines(stream))):
        op = opcode.name
        if count > MOST_INSTRUCTIONS:
            raise Refused(f"has a pickle of more than {MOST_INSTRUCTIONS} instructions; it is not read here")
        if op in _PUSH_ARGUMENT:
            stack.append(argument)
        elif op in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            key = len(memo) if op == "MEMOIZE" else argument
            memo[key] = stack[-1]
            if type(stack[-1]) is Pending:
                stack[-1].memo_key = key
        elif op in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif op in _PUSH_CONSTANT:
            stack.append(_PUSH_CONSTANT[op])
        elif op in _PUSH_EMPTY:
            stack.append(_PUSH_EMPTY[op]())
        elif op == "MARK":
            outer.append(stack)
            stack = []
        elif op == "TUPLE":
            items, stack = stack, outer.pop()
            stack.append(tuple(items))
        elif op in _TUPLE_SIZES:
            stack.append(tuple(_taken(stack, _TUPLE_SIZES[op])))
        elif op in ("APPEND", "SETITEM"):
            items = _taken(stack, 1 if op == "APPEND" else 2)
            _insert(stack[-1], items, op)
        elif op in ("APPENDS", "SETITEMS", "ADDITEMS"):
            items, stack = stack, outer.pop()
            _insert(stack[-1], items, op)
        elif op == "GLOBAL":
            stack.append(_name(argument, names))
        elif op == "STACK_GLOBAL":
            stack.append(_name(" ".join(_taken(stack, 2)), names))
        elif op in ("REDUCE", "BUILD"):
            target, argument = _taken(stack, 2)
            work += _work(argument)
            if work > most_work:
                raise Refused("repeats its data far more often than a checkpoint does; it is not read here")
            stack.append(_reduce(target, argument) if op == "REDUCE" else _build(target, argument, memo))
        elif op == "BINPERSID":
            stack.append(persistent(stack.pop()))
        elif op not in ("PROTO", "FRAME", "STOP"):
            raise Refused(f"has the pickle instruction {op}, which no checkpoint needs; nothing was run")
    if outer or len(stack) != 1:
        raise damaged("its pickle ends in the middle")
    return stack[0]


_CONTAINERS = (dict, OrderedDict, list, tuple, set)
_PLAIN = (str, bytes, int, float, bool, type(None), np.ndarray)


def check_plain(value) -> None:
    """Raises Refused unless `value` is nothing but containers, numbers, text and arrays, not too deep."""
    heights = {}  # of finished containers, by id; None while inside one, which tells cycles

    def height(part, level: int) -> int:
        if type(part) not in _CONTAINERS:
            if type(part) not in _PLAIN and not isinstance(part, (np.generic, np.dtype)):
                raise damaged(f"a {type(part).__name__} stands where a value should")
            return 0
        known = heights.get(id(part), 0)
        if known is None or level > MOST_LEVELS:
            raise damaged(f"containers nested in themselves or deeper than {MOST_LEVELS}")
        if not known:
            heights[id(part)] = None
            inside = part.values() if isinstance(part, dict) else part
            known = heights[id(part)] = 1 + max((height(each, level + 1) for each in inside), default=0)
        return known

    if height(value, 1) > MOST_LEVELS:
        raise damaged(f"containers nested deeper than {MOST_LEVELS}")
