"""Training a small network to tell classes apart, in seconds: the judges of what was learned from drawn data."""

from __future__ import annotations

from typing import Callable, Iterable

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppstargan.nets.onednn import for_one_backward


def fit(net: nn.Layer, batches: Iterable, rates: Iterable, loss: Callable = F.cross_entropy) -> nn.Layer:
    """Trains ``net`` on ``batches`` of (float32 images, int64 classes), each at one of the learning ``rates``.

    ``loss`` takes what the net says and the classes, or what else stands in their place. Hands the net back ready for
    use.
    """
    optimizer = paddle.optimizer.Adam(parameters=net.parameters())
    for rate, (x, y) in zip(rates, batches):
        optimizer.set_lr(float(rate))
        with for_one_backward():
            lost = loss(net(paddle.to_tensor(x)), paddle.to_tensor(y))
        lost.backward()
        optimizer.step()
        optimizer.clear_grad()
    net.eval()
    return net


@paddle.no_grad()
def probabilities(
    net: nn.Layer, images: np.ndarray, batch_size: int = 250, of: Callable = F.softmax
) -> np.ndarray:
    """What ``net`` gives each class: float32 images [N, C, S, S] -> [N, classes]; of its logits by ``of``."""
    parts = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return np.concatenate([of(net(paddle.to_tensor(np.ascontiguousarray(part)))).numpy() for part in parts])
