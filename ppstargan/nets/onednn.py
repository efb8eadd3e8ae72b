"""oneDNN on a CPU: its library comes with Paddle, whose dynamic graph does not use it.

Paddle's own convolution there writes out every window of the image (im2col) on one thread, and multiplies; oneDNN's
kernels read the image where it lies, on all threads. Its C interface is called by ctypes. For each shape, a convolution
is compiled once, together with the copies between Paddle's layout and the one that it works in.
"""

from __future__ import annotations

import ctypes
import functools
import glob
import math
import os
import sys
import threading
from contextlib import contextmanager

import numpy as np
import paddle

SWITCH = "PPSTARGAN_ONEDNN"  # "off" leaves all convolutions to Paddle
COMPILED = 1024  # operations kept: StarGAN v2 needs some 200 for a training

# Of dnnl_types.h, oneDNN 3.
CPU, IN_ORDER, FLOAT32, ANY_LAYOUT, DIRECT, RELU, TRAINING, USER_SCRATCHPAD = 1, 1, 3, 1, 1, 32, 64, 1
IMPLEMENTATION, SCRATCHPAD_LAYOUT, SCRATCHPAD = 8, 136, 80  # two queries, and an argument of an execution
FROM, TO = 1, 17
ALIGNED = 64  # bytes of a line of the cache
# An image x, a kernel w, and y of conv(x, w): each is given by an operation that takes something of the others' shapes.
OTHERS = {"y": ("x", "w"), "x": ("y", "w"), "w": ("x", "y")}
# What tensors are to a primitive: the query of their layout, and the argument of an execution.
SRC, WEIGHTS, DST = (129, 1), (131, 33), (133, 17)
DIFF_SRC, DIFF_WEIGHTS, DIFF_DST = (130, 129), (132, 161), (134, 145)
BIAS, DIFF_BIAS = 41, 169
ROLES = {  # of x, w and y in what gives y, x or w
    "y": {"x": SRC, "w": WEIGHTS, "y": DST},
    "x": {"x": DIFF_SRC, "w": WEIGHTS, "y": DIFF_DST},
    "w": {"x": SRC, "w": DIFF_WEIGHTS, "y": DIFF_DST},
}
_for_one_backward = False


class Unsupported(Exception):
    """oneDNN has no fast kernel for this, or is not there."""


class _Owned(ctypes.c_void_p):
    """An object of oneDNN, destroyed with this one."""

    destroy = None

    def __del__(self, ends=sys.is_finalizing):  # at the end of Python, what it needs may be gone before it
        if self.destroy is not None and not ends():
            self.destroy(self)


class _Argument(ctypes.Structure):
    _fields_ = [("role", ctypes.c_int), ("memory", ctypes.c_void_p)]


class _Library:
    """oneDNN, with an engine, a stream, and one piece of memory that all operations use in turn, under a lock."""

    def __init__(self):
        found = glob.glob(os.path.join(os.path.dirname(paddle.__file__), "libs", "libdnnl.so.3"))
        if not found:
            raise Unsupported("this Paddle has no libdnnl.so.3")
        self.c = ctypes.CDLL(found[0])
        self.c.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self.c.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        self.point, self.execute = self.c.dnnl_memory_set_data_handle, self.c.dnnl_primitive_execute
        self.point.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.execute.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        self.engine = self.make("engine", "engine_create", CPU, ctypes.c_size_t(0))
        self.stream = self.make("stream", "stream_create", self.engine, IN_ORDER)
        self.attribute = self.make("primitive_attr", "primitive_attr_create")
        self.c.dnnl_primitive_attr_set_scratchpad_mode(self.attribute, USER_SCRATCHPAD)
        self.lock, self.workspace, self.start = threading.Lock(), np.empty(0, np.uint8), 0

    def make(self, kind: str, function: str, *arguments) -> _Owned:
        made = _Owned()
        if getattr(self.c, f"dnnl_{function}")(ctypes.byref(made), *arguments):
            raise Unsupported(function)
        made.destroy = getattr(self.c, f"dnnl_{kind}_destroy")
        return made

    def layout(self, shape, any_layout: bool = False) -> _Owned:
        """Layout of a float32 tensor: Paddle's, or any that a primitive likes."""
        sizes = _sizes(shape)
        if any_layout:
            return self.make("memory_desc", "memory_desc_create_with_tag", len(shape), sizes, FLOAT32, ANY_LAYOUT)
        strides = _sizes([math.prod(shape[i + 1 :]) for i in range(len(shape))])
        return self.make("memory_desc", "memory_desc_create_with_strides", len(shape), sizes, FLOAT32, strides)

    def wanted(self, description: _Owned, query: int) -> ctypes.c_void_p:
        """The layout that a primitive wants, which belongs to its description."""
        return ctypes.c_void_p(self.c.dnnl_primitive_desc_query_md(description, query, 0))


@functools.lru_cache(maxsize=None)
def library() -> _Library | None:
    """oneDNN, or None where it is switched off or not there, and on Paddle 2, whose PyLayer takes no lists."""
    if os.environ.get(SWITCH) == "off" or paddle.__version__.startswith("2."):
        return None
    try:
        return _Library()
    except (Unsupported, OSError, AttributeError):  # no such file, or functions of another version
        return None


class Operation:
    """Primitives that run one behind the other. A call takes tensors and gives a list of new ones of ``shapes``.

    All are float32, on the CPU and, in the order of ``ends``, in Paddle's layout.
    """

    def __init__(self, lib: _Library, *shapes):
        self.lib, self.shapes = lib, [list(shape) for shape in shapes]
        self.ends, self.inner, self.steps, self.bytes, self.placed_at = [], [], [], 0, None

    def _memory(self, layout, inner: list | None = None) -> _Owned:
        memory = self.lib.make("memory", "memory_create", layout, self.lib.engine, None)
        if inner is not None:  # it has a place in the workspace
            inner.append((memory, self.bytes))
            self.bytes += -(-self.lib.c.dnnl_memory_desc_get_size(layout) // ALIGNED) * ALIGNED
        return memory

    def _copy(self, source, target) -> None:
        (layout, memory), (target_layout, target_memory) = source, target
        lib = self.lib
        description = lib.make("primitive_desc", "reorder_primitive_desc_create", layout, lib.engine, target_layout,
                               lib.engine, lib.attribute)  # fmt: skip
        self._step(description, [(FROM, memory), (TO, target_memory)])

    def _step(self, description, arguments: list) -> None:
        layout = self.lib.wanted(description, SCRATCHPAD_LAYOUT)
        if self.lib.c.dnnl_memory_desc_get_size(layout):
            arguments = [*arguments, (SCRATCHPAD, self._memory(layout, self.inner))]
        primitive = self.lib.make("primitive", "primitive_create", description)
        array = (_Argument * len(arguments))(*(_Argument(role, memory) for role, memory in arguments))
        self.steps.append((primitive, len(arguments), array))

    def __call__(self, *given: paddle.Tensor) -> list:
        given = [tensor if tensor.is_contiguous() else tensor.contiguous() for tensor in given]
        # Of thousands in an iteration, paddle.empty takes twice as long.
        made = [paddle._C_ops.empty(shape, paddle.float32, paddle.CPUPlace()) for shape in self.shapes]
        lib = self.lib
        with lib.lock:
            self._place()
            for memory, tensor in zip(self.ends, (*given, *made)):
                lib.point(memory, tensor.data_ptr())
            for primitive, count, arguments in self.steps:
                done = lib.execute(primitive, lib.stream, count, arguments)
                if done:
                    raise RuntimeError(f"oneDNN ended with status {done}; {SWITCH}=off leaves convolutions to Paddle")
        return made

    def _place(self) -> None:
        """Has the inner memories lie in the workspace, which becomes larger where it has to."""
        lib = self.lib
        if lib.workspace.size < self.bytes + ALIGNED:
            lib.workspace = np.empty(self.bytes + ALIGNED, np.uint8)
            lib.start = -(-lib.workspace.ctypes.data // ALIGNED) * ALIGNED
        if self.placed_at != lib.start:
            self.placed_at = lib.start
            for memory, offset in self.inner:
                lib.point(memory, lib.start + offset)


class Convolution(Operation):
    """What gives ``made`` ("x", "w" or "y") for fixed shapes: called with the ``OTHERS``.

    With ``bias``, y has a number added for each channel, which the call takes as the third; and beside w, which is then
    a gradient, comes that of the bias.
    """

    def __init__(self, lib: _Library, made: str, shapes: dict, strides: tuple, padding: tuple, bias: bool):
        super().__init__(lib, shapes[made], *([shapes["w"][:1]] if bias and made == "w" else []))
        numbers = lib.layout(shapes["w"][:1]) if bias else None
        geometry = [_sizes(strides), _sizes([0, 0]), _sizes(padding), _sizes(padding)]  # no dilation; both ends
        description = self._description(made, shapes, geometry, numbers)
        arguments, after = [], []
        for each in (*OTHERS[made], made):
            query, role = ROLES[made][each]
            ours, theirs = lib.layout(shapes[each]), lib.wanted(description, query)
            memory = self._memory(ours)
            self.ends.append(memory)
            if not lib.c.dnnl_memory_desc_equal(ours, theirs):
                end, memory = (ours, memory), self._memory(theirs, self.inner)
                if each == made:
                    after = [(theirs, memory), end]
                else:
                    self._copy(end, (theirs, memory))
            arguments.append((role, memory))
        if bias:
            arguments.append((DIFF_BIAS if made == "w" else BIAS, self._memory(numbers)))
            self.ends.insert(3 if made == "w" else 2, arguments[-1][1])
        self._step(description, arguments)
        if after:
            self._copy(*after)

    def _description(self, made, shapes, geometry, bias):
        lib = self.lib
        x, w, y = (lib.layout(shapes[each], any_layout=True) for each in "xwy")
        description = forward = lib.make("primitive_desc", "convolution_forward_primitive_desc_create", lib.engine,
                                         TRAINING, DIRECT, x, w, bias, y, *geometry, lib.attribute)  # fmt: skip
        if made == "x":
            description = lib.make("primitive_desc", "convolution_backward_data_primitive_desc_create", lib.engine,
                                   DIRECT, x, w, y, *geometry, forward, lib.attribute)  # fmt: skip
        elif made == "w":
            description = lib.make("primitive_desc", "convolution_backward_weights_primitive_desc_create", lib.engine,
                                   DIRECT, x, w, bias, y, *geometry, forward, lib.attribute)  # fmt: skip
        kernel = ctypes.c_char_p()
        lib.c.dnnl_primitive_desc_query(description, IMPLEMENTATION, 0, ctypes.byref(kernel))
        if kernel.value.startswith((b"ref", b"gemm")):  # no kernel of its own for this processor or this shape
            raise Unsupported(kernel.value)
        return description


class LeakyReLU(Operation):
    """y = leaky_relu(x), of one ``shape``; or, as ``gradient``, that of x from y and the gradient of y."""

    def __init__(self, lib: _Library, shape: tuple, slope: float, gradient: bool):
        super().__init__(lib, shape)
        layout, factors = lib.layout(shape), (ctypes.c_float(slope), ctypes.c_float(0))
        description = lib.make("primitive_desc", "eltwise_forward_primitive_desc_create", lib.engine, TRAINING, RELU,
                               layout, layout, *factors, lib.attribute)  # fmt: skip
        roles = [SRC, DST]
        if gradient:
            description = lib.make("primitive_desc", "eltwise_backward_primitive_desc_create", lib.engine, RELU,
                                   layout, layout, layout, *factors, description, lib.attribute)  # fmt: skip
            roles = [SRC, DIFF_DST, DIFF_SRC]  # y for x: it has x's sign, and no more is looked at
        self.ends = [self._memory(layout) for _ in roles]
        self._step(description, [(argument, memory) for (_, argument), memory in zip(roles, self.ends)])


@functools.lru_cache(maxsize=COMPILED)
def convolution(made: str, x: tuple, w: tuple, y: tuple, strides: tuple, padding: tuple, bias: bool = False):
    """The ``Convolution`` for an image, a kernel and an output of these shapes, or None where it would not be fast."""
    lib = library()
    if lib is None:
        return None
    try:
        return Convolution(lib, made, {"x": x, "w": w, "y": y}, strides, padding, bias)
    except Unsupported:
        return None


@functools.lru_cache(maxsize=COMPILED)
def leaky_relu(shape: tuple, slope: float, gradient: bool) -> LeakyReLU:
    """The ``LeakyReLU``, where there is a ``library``."""
    return LeakyReLU(library(), shape, slope, gradient)


@contextmanager
def for_one_backward():
    """Within it, forward passes for which gradients will be asked are by oneDNN too, as all others are anyway.

    Through such a graph ``backward()`` goes ONCE: Paddle (2.6.2 to 3.3.1) lets go of what a PyLayer holds at the first
    pass, and a second one, with ``retain_graph``, ends the process. ``paddle.grad`` may go through it before.
    """
    global _for_one_backward
    before, _for_one_backward = _for_one_backward, True
    try:
        yield
    finally:
        _for_one_backward = before


def takes(*tensors: paddle.Tensor) -> bool:
    """Whether oneDNN is there and takes these: float32, on a CPU, not while Paddle traces, and as allowed above."""
    if not paddle.in_dynamic_mode() or library() is None:
        return False
    if not _for_one_backward and paddle.is_grad_enabled() and not all(each.stop_gradient for each in tensors):
        return False
    return all(each.dtype == paddle.float32 and each.place.is_cpu_place() for each in tensors)


def _sizes(values):
    return (ctypes.c_int64 * 12)(*values)
