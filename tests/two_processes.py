"""Three iterations in float64, alone or as one of several processes; run by test_distributed.py."""

import sys
from pathlib import Path

import numpy as np
import paddle
from one_step import train_step

import ppstargan  # noqa: F401  (threads, before Paddle)
from ppstargan.costs.benchmark import random_batch
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.parity.networks import float64
from ppstargan.systems.load import load_config
from ppstargan.systems.stargan_v2 import Batch, adam_optimizers
from ppstargan.training import distributed

out = Path(sys.argv[1])
distributed.start()
i, n = distributed.rank(), distributed.count()
config = load_config(Path(__file__).parents[1] / "configs" / "toy.yaml")
paddle.seed(5 + i)  # only what the processes tell each other makes them equal
with float64():
    nets = Networks(3, 32, hidden_dim=8, style_dim=4, channel_base=128, max_channels=8)
    distributed.from_first(p for name in NETWORKS for p in getattr(nets, name).parameters())
    optimizers = adam_optimizers(nets.trained, lr=1e-3, f_lr=1e-3)
    found = {}
    for step in range(3):
        config.train.seed = step
        whole = random_batch(config, 4, 3)
        size = 4 // n
        mine = Batch(*(v[i * size : (i + 1) * size] for v in whole))
        mine = mine._make(v if v.dtype == paddle.int64 else v.astype("float64") for v in mine)
        report = train_step(nets, optimizers, mine)
        found.update({f"{step}/{key}": float(value) for key, value in report.items()})
weights = {f"{name}.{k}": v.numpy() for name in NETWORKS for k, v in getattr(nets, name).state_dict().items()}
np.savez(out / f"{n}_{i}.npz", **found, **weights)
