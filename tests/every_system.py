"""Every system by its toy configuration, made tiny: a new file in systems/ with a NAME_toy.yaml is in all these tests.

As a script, a few iterations of each as one of several processes: python tests/every_system.py DATA OUT
"""

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import paddle

import ppstargan  # noqa: F401  (threads, before Paddle)
from ppstargan.config import CONFIGS, known_keys
from ppstargan.data.batches import batches
from ppstargan.parity.networks import float64
from ppstargan.runtime import seed_everything
from ppstargan.systems.load import load_config, system_named
from ppstargan.training import distributed
from ppstargan.training.step import Update, iterate

ROOT = Path(__file__).parents[1]
TOYS = ["toy", *sorted(path.stem for path in CONFIGS.glob("*_toy.yaml"))]
EVERY = [*TOYS, "gan_mnist"]  # whose order of steps no toy has
TINY = {  # of those keys that a system has
    "train.batch_size": 4,
    "train.log_every": 1,
    "train.sample_every": 100000,
    "train.save_every": 100000,
    "data.workers": 0,
    "model.width": 4,
    "model.g_width": 4,
    "model.d_width": 4,
    "model.channel_base": 128,
    "model.max_channels": 8,
    "model.hidden_dim": 16,
    "model.style_dim": 8,
}
TINIER = {  # configuration -> what suits it alone
    "adain_toy": ["model.img_size=16", "data.load_size=18", "model.width=12"],  # the encoder's, which was drawn along
    "cgan_toy": ["model.img_size=16"],
    "cyclegan_toy": [
        "model.img_size=16", "model.blocks=1", "model.norm=instance", "data.load_size=18", "train.pool_size=5"
    ],
    "fan_toy": ["model.img_size=64"],  # whose last maps have one pixel: a half needs two faces
    "gan_toy": ["model.img_size=16", "train.discriminator_steps=2"],
    "gan_mnist": ["model.img_size=16"],
    "pix2pix_toy": ["model.img_size=64", "model.levels=6", "data.load_size=72"],  # the least with dropout
    "stargan_toy": ["model.img_size=16", "data.crop_size=24", "train.n_critic=2"],
    "ugatit_toy": ["model.img_size=16", "data.load_size=18", "model.blocks=1", "model.global_layers=4"],
    "wgan_toy": ["model.img_size=16"],
    "wgan_gp_toy": ["model.img_size=16", "train.critic_steps=2"],
}
ITERATIONS = 6  # in which every update of each comes at least once


def draw_all(folder: Path) -> Path:
    """Draws a few of the images that each toy configuration trains on, as tools/draw_toy.py does."""
    spec = importlib.util.spec_from_file_location("draw_toy", ROOT / "tools" / "draw_toy.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name in TOYS:
        data = folder / Path(load_config(CONFIGS / f"{name}.yaml").data.root).name
        if not data.exists():
            system = "stargan_v2" if name == "toy" else name[: -len("_toy")]
            with mock.patch.object(sys, "argv", ["", system, *f"--out {data} --train 4 --val 2".split()]):
                tool.main()
    (folder / "mnist").symlink_to(folder / "toy_digits")
    return folder


def overrides(name: str, data: Path, *more) -> list:
    """What makes the configuration ``name`` tiny, on the images in ``data``."""
    config = load_config(CONFIGS / f"{name}.yaml")
    known = known_keys(system_named(config.system).Config)
    tiny = [f"{key}={value}" for key, value in TINY.items() if key in known]
    root = data / Path(config.data.root).name
    tiny += [f"encoder.weights={root / 'encoder.pdparams'}"] * ("encoder.weights" in known)
    return [*tiny, f"data.root={root}", *TINIER.get(name, []), *more]


def configured(name: str, data: Path, *more):
    return load_config(CONFIGS / f"{name}.yaml", overrides(name, data, *more))


def made(config, seed=0):
    """The system of ``config``, and its first batches as tensors."""
    kind = system_named(config.system)
    images = kind.read(config)
    seed_everything(seed)
    system = kind.System(config, images)
    drawn = batches(
        lambda rng, load: kind.draw(images.train, config, rng, load),
        start=0, batch_size=config.train.batch_size, seed=0, count=images.count, workers=0,
    )  # fmt: skip
    return system, [tensors(batch) for batch, _ in zip(drawn, range(ITERATIONS))]


def tensors(batch):
    floats = paddle.get_default_dtype()
    return batch._make(
        paddle.to_tensor(field.astype(floats) if field.dtype == np.float32 else field)
        for field in map(np.asarray, batch)
    )


@contextmanager
def plain(name: str, data: Path, seed=0):
    """A system in double precision that steps by plain gradients, and without dropout; and its batches.

    What rounding does to a gradient stays as small as that: Adam and RMSprop make a step of the usual size of a
    gradient that is 0 but for rounding, such as that of a bias before a norm.
    """
    with float64():
        system, drawn = made(configured(name, data), seed)
        for key, net in system.networks.items():
            system.optimizers[key] = paddle.optimizer.SGD(0.01, net.parameters())
            for layer in net.sublayers():
                if "Dropout" in type(layer).__name__:
                    layer.p = 0.0
        yield system, drawn


def state(system) -> dict:
    """{"generator/main.0.weight": array, …}: parameters and buffers."""
    return {
        f"{name}/{key}": value.numpy()
        for name, net in system.networks.items()
        for key, value in net.state_dict().items()
    }


def buffers(system) -> set:
    """The names in ``state`` that are buffers."""
    return {f"{name}/{key}" for name, net in system.networks.items() for key, _ in net.named_buffers()}


def trained(system, drawn, share=(0, 1), accumulate=1) -> dict:
    """{name: array} of the weights after ITERATIONS iterations, and of every iteration's terms."""
    found = {}
    for i, batch in enumerate(drawn):
        part, parts = share
        mine = batch._make(field.split(parts)[part] for field in batch)
        report = iterate(system, mine, i, accumulate=accumulate)
        found.update({f"{i}: {term}": value.numpy() for term, value in report.items()})
    return {**found, **state(system)}


class Halves:
    """A system of two networks; in the second process, its update reaches one of them alone."""

    def __init__(self):
        self.networks = {name: paddle.nn.Linear(2, 1, bias_attr=False) for name in ("a", "b")}
        for net in self.networks.values():
            net.weight.set_value(np.zeros((2, 1), np.float32))
        self.optimizers = {name: paddle.optimizer.SGD(1.0, net.parameters()) for name, net in self.networks.items()}

    def updates(self, batch, iteration):
        parts = [net(batch.x).sum() for net in self.networks.values()]
        yield Update("both", ("a", "b"), sum(parts[: 2 - distributed.rank()]), {"a": parts[0]})


class Pair(NamedTuple):
    x: paddle.Tensor


def main(data: Path, out: Path) -> None:
    distributed.start()
    rank, count = distributed.rank(), distributed.count()
    for name in EVERY:
        with plain(name, data, seed=rank) as (system, drawn):  # only what processes tell each other makes them equal
            # The frozen ones, which each process of a run reads from one file, too.
            nets = (*system.networks.values(), *system.frozen.values())
            distributed.from_first(tensor for net in nets for tensor in net.state_dict().values())
            np.savez(out / f"{name}_{rank}.npz", **trained(system, drawn, (rank, count)))
    halves = Halves()
    iterate(halves, Pair(paddle.to_tensor([[1.0, 2.0 + rank]])), 0)
    np.savez(out / f"halves_{rank}.npz", **state(halves))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
