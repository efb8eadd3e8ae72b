"""StarGAN v2's networks as a system without a run: for tests of steps, and of what a checkpoint keeps."""

from types import SimpleNamespace

from ppstargan.nets.stargan_v2 import AVERAGED
from ppstargan.systems.stargan_v2 import Loss, adam_optimizers, updates
from ppstargan.training.state import State
from ppstargan.training.step import copies, iterate

LOSS = Loss(lambda_reg=1.0, lambda_sty=1.0, lambda_ds=1.0, lambda_cyc=1.0, ds_iter=1)
STEPS = {  # update -> the networks that step on it
    "d_latent": ("discriminator",),
    "d_reference": ("discriminator",),
    "g_latent": ("generator", "mapping_network", "style_encoder"),
    "g_reference": ("generator",),
}


def averages_of(nets) -> dict:
    return copies(nets.trained, AVERAGED)


def train_step(nets, optimizers, batch, loss=LOSS, **options):
    system = SimpleNamespace(networks=nets.trained, optimizers=optimizers, updates=lambda b, i: updates(nets, b, loss))
    return iterate(system, batch, 0, **options)


def state_of(nets, averages, optimizers=None, names=None) -> State:
    if not isinstance(averages, dict):
        averages = {name: getattr(averages, name) for name in AVERAGED}
    frozen = {} if nets.fan is None else {"fan": nets.fan}
    optimizers = optimizers or adam_optimizers(nets.trained)
    return State(nets.trained, frozen, averages, optimizers, nets.architecture, names or ["cat", "dog"], "stargan_v2")
