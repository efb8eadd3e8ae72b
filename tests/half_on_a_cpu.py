"""Paddle's rules of mixed precision, which it follows on GPUs alone, on a CPU: float32 plays the part of half precision
and float64 that of float32, so that there are kernels for all.

Under level O1, the inputs of an operation become half precision where it is on the white list, float32 where it is on
the black one, and else float32 where any of them is that; of a batch norm, the first input alone counts.
"""

from contextlib import contextmanager

import paddle
from paddle import _C_ops
from paddle.amp.auto_cast import _update_list

from ppstargan.nets import norms, resample

HALF, FULL = paddle.float32, paddle.float64
RULED = {  # Paddle's function -> the operation's name on its lists, as Paddle's generator of code has it
    "conv2d": "conv2d",
    "depthwise_conv2d": "depthwise_conv2d",
    "conv2d_transpose": "conv2d_transpose",
    "linear": "linear",
    "linear_v2": "linear_v2",
    "matmul": "matmul_v2",
    "add": "elementwise_add",
    "nearest_interp": "nearest_interp_v2",
    "bilinear_interp": "bilinear_interp_v2",
    "instance_norm": "instance_norm",
    "batch_norm": "batch_norm",
    "batch_norm_": "batch_norm",
}
LARGE = [name for name in RULED if "conv" in name or "norm" in name or "nearest" in name]  # what is kept of an image


@contextmanager
def half_on_a_cpu(monkeypatch):
    """Yields a list of (operation, shape of its first input, whether that is half precision as it comes).

    Of those that are LARGE, under ``paddle.amp.auto_cast``.
    """
    now, seen = [None], []

    @contextmanager
    def auto_cast(enable=True, custom_white_list=None, dtype="float16"):
        before, now[0] = now[0], _update_list(custom_white_list, None, "O1", dtype) if enable else None
        try:
            yield
        finally:
            now[0] = before

    def ruled(function, name):
        call = getattr(_C_ops, function)

        def rule(*inputs, **options):
            floats = [x.dtype for x in inputs if isinstance(x, paddle.Tensor) and x.dtype in (HALF, FULL)]
            if now[0] is None or name == "batch_norm":
                full = floats[0] == FULL
            else:
                white, black = now[0]
                full = name in black or (name not in white and FULL in floats)
            if now[0] is not None and function in LARGE:
                seen.append((name, inputs[0].shape, floats[0] == HALF))
            dtype = FULL if full else HALF
            return call(*(x.astype(dtype) if isinstance(x, paddle.Tensor) and x.dtype in (HALF, FULL) else x
                          for x in inputs), **options)  # fmt: skip

        return rule

    for function, name in RULED.items():
        if hasattr(_C_ops, function):
            monkeypatch.setattr(_C_ops, function, ruled(function, name))
    # In Paddle 3.3 it is the operation itself.
    monkeypatch.setattr(paddle, "matmul", lambda x, y, transpose_x=False, transpose_y=False: _C_ops.matmul(
        x, y, transpose_x, transpose_y))  # fmt: skip
    monkeypatch.setattr(paddle.amp, "auto_cast", auto_cast)
    monkeypatch.setattr(norms, "HALF", (HALF,))
    monkeypatch.setattr(resample, "_narrow_on_cpu", lambda width: False)
    yield seen
