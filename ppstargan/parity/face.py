"""Case fan: heatmaps, masks and landmarks of the face alignment network."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan.nets.fan import FAN
from ppstargan.nets.masks import face_masks, masks_from_heatmaps
from ppstargan.parity import fill
from ppstargan.parity.kit import Case, fill_weights


def bumps(size: int) -> np.ndarray:
    """98 Gaussian bumps as heatmaps [1, 98, size, size], where the kit puts them."""
    centres = np.random.RandomState(size).uniform(0.2, 0.8, (98, 2)) * size
    rows, columns = np.mgrid[:size, :size]
    maps = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (size / 40) ** 2)) for x, y in centres]
    return np.stack(maps)[None].astype(np.float32)


@paddle.no_grad()
def fan(case: Case):
    """Yields the checks of a fan case: the network, the masks at several sizes, and the landmarks."""
    net = FAN()
    fill_weights(net, "fan")
    x = paddle.to_tensor(fill.image(f"{case.prefix}/x", (2, 3, 256, 256)))
    small = paddle.to_tensor(fill.image(f"{case.prefix}/small", (1, 3, 128, 128)))
    yield case.array("heatmaps", net(x * 0.5 + 0.5).numpy(), 2e-5)
    # The hourglass's coordinate layer ends on the column and the radius.
    boundary = net.m0.coordconv.coordinates[:, 1:].expand([2, -1, -1, -1])
    yield case.array("boundary", boundary.numpy(), 2e-5)
    masks = {"": face_masks(net, x), "small/": face_masks(net, small)}
    masks.update({f"preprocess{n}/": masks_from_heatmaps(paddle.to_tensor(bumps(n))) for n in (256, 512)})
    for where, pair in masks.items():
        for i, mask in enumerate(pair):
            yield case.array(f"{where}mask{i}", mask.numpy(), 1e-4)
    yield case.largest("landmarks", net.landmarks(x), 0.0)
