"""Mixed precision: which products run in half precision, and the scaling that keeps float16's gradients in range."""

from __future__ import annotations

import paddle

GROWTH_EVERY = 1000  # steps in range, after which the scale is tried at twice its size
# In half precision beside Paddle's own. Nearest upsampling copies, which is exact in half precision too; Paddle has it
# in float32, and what is added to a decoder's largest activations then makes these float32 again.
ALSO_HALF = ("conv2d_transpose", "nearest_interp_v2")


def autocast(precision: str):
    """Within it, convolutions and matrix products run in ``precision``: "float16", "bfloat16", or "none" for float32.

    Weights stay float32. What lies between two products stays in half precision where none of its inputs is float32.
    Paddle casts on GPUs alone; on a CPU this does nothing.
    """
    dtype = "float16" if precision == "none" else precision
    return paddle.amp.auto_cast(precision != "none", custom_white_list=set(ALSO_HALF), dtype=dtype)


def full_precision():
    """Within it, all runs in float32 whatever is around it: second derivatives, and small sums. Never yield inside."""
    return autocast("none")


class GradScaler:
    """Scales losses up before the backward pass, so that small gradients survive float16, and gradients down again.

    A step whose gradients overflow is skipped, and the scale halved. In place of Paddle's, which looks for overflow in
    the last of several optimisers alone, and (3.3.1) raises at the first one with NumPy 2.4.
    """

    def __init__(self, scale: float = 2.0**15):
        self.scale, self.good_steps = scale, 0

    def state(self) -> dict:
        """What a checkpoint keeps of it."""
        return {"scale": self.scale, "good_steps": self.good_steps}

    def restore(self, state: dict) -> None:
        """Takes back what ``state`` gave."""
        self.scale, self.good_steps = float(state["scale"]), int(state["good_steps"])

    @paddle.no_grad()
    def unscale(self, parameters) -> bool:
        """Divides the gradients of ``parameters`` by the scale. False where one overflowed: no step is to be made.

        To know that, Python waits for the device: once a step, which bfloat16 does not.
        """
        gradients = [p.grad for p in parameters if p.grad is not None]
        # Paddle's own operation for it, which is one pass over all of them.
        scale, found = paddle.full([1], self.scale, "float32"), paddle.zeros([1], "bool")
        if bool(paddle._C_ops.check_finite_and_unscale_(gradients, scale, found)[1]):
            self.scale, self.good_steps = self.scale / 2, 0
            return False
        self.good_steps += 1
        if self.good_steps == GROWTH_EVERY:
            self.scale, self.good_steps = self.scale * 2, 0
        return True
