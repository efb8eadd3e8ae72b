"""Case metrics: LPIPS of pairs and of a group, Inception's features, and the Fréchet distance."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan.metrics.frechet import frechet_distance, statistics
from ppstargan.metrics.inception import InceptionV3
from ppstargan.metrics.lpips import LPIPS, group_mean
from ppstargan.parity import fill
from ppstargan.parity.kit import Case, fill_weights


@paddle.no_grad()
def metrics(case: Case):
    """Yields the checks of a metrics case. The authors' LPIPS of two batches is the mean over their images."""
    net = LPIPS()
    fill_weights(net, "lpips")
    fill_weights(net.alexnet, "alexnet")  # second: to the line above AlexNet was a part of LPIPS
    count = len(case.figures["lpips/pairs"])
    batches = [paddle.to_tensor(fill.image(f"{case.prefix}/lpips{i}", (2, 3, 256, 256))) for i in range(count)]
    for i, value in enumerate(net.alexnet((batches[0] - net.shift) / net.scale)):
        yield case.array(f"lpips/map{i}", value.numpy(), 2e-5)
    features = [net.features(x) for x in batches]
    pairs = [[float(net.distance(fx, fy).mean()) for fy in features] for fx in features]
    yield case.array("lpips/pairs", pairs, 2e-5)
    yield case.scalar("lpips/group_mean", float(group_mean(net, batches).mean()), 2e-5)

    inception = InceptionV3()
    fill_weights(inception, "inception")
    x = paddle.to_tensor(fill.image(f"{case.prefix}/fid", (2, 3, 299, 299)))
    yield case.array("fid/features", inception(x).numpy(), 1e-4)
    a = fill.normal(f"{case.prefix}/a", (80, 32))
    b = 1.3 * fill.normal(f"{case.prefix}/b", (60, 32)).astype(np.float64) + 0.2
    yield case.scalar("fid/distance", frechet_distance(*statistics(a), *statistics(b)), 2e-5)
