"""RMSprop as in PyTorch, by which WGAN's figures were made: epsilon stands outside the root, and decay is 0.99."""

from __future__ import annotations

import paddle

ACCUMULATOR = "mean_square"


class RMSProp(paddle.optimizer.Optimizer):
    """v = decay v + (1 - decay) g^2, from v = 0; parameter -= learning_rate * g / (sqrt(v) + epsilon).

    ``paddle.optimizer.RMSProp`` has epsilon inside the root, which is another step wherever gradients are small: those
    of a critic with clipped weights are 1e-6. ``weight_decay`` times the parameter is added to g. The mean squares
    are saved and restored as Paddle's own are.
    """

    def __init__(
        self, learning_rate: float, parameters, decay: float = 0.99, epsilon: float = 1e-8, weight_decay=None
    ):
        super().__init__(learning_rate, parameters=parameters, weight_decay=weight_decay)
        self.decay, self.epsilon = decay, epsilon

    def _create_accumulators(self, block, parameters) -> None:
        for parameter in parameters:
            self._add_accumulator(ACCUMULATOR, parameter)  # or finds it

    @paddle.no_grad()
    def _append_optimize_op(self, block, parameter_and_gradient) -> None:
        parameter, gradient = parameter_and_gradient
        mean_square = self._get_accumulator(ACCUMULATOR, parameter)
        mean_square.scale_(self.decay)
        mean_square.add_(gradient.square() * (1 - self.decay))
        parameter.subtract_(gradient * self.get_lr() / (mean_square.sqrt() + self.epsilon))
