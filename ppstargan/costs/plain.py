"""The plain form of training: every product that the authors' code computes, from the same weights.

Convolutions run at the larger size, beside their pool or upsampling; G encodes the source anew for each image; all
networks in a graph collect weight gradients in every update; the second diversity image has a graph that is thrown
away. Losses and gradients are those of ``systems.stargan_v2``; the tests compare the two, and the benchmark times them.
"""

from __future__ import annotations

from unittest import mock

import paddle
from paddle.nn import functional as F

from ppstargan.nets import domains, resample
from ppstargan.nets.blocks import AdainResBlk, ResBlk
from ppstargan.nets.convolution import conv2d
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.systems.stargan_v2 import Batch, Loss, discriminator_loss, objective
from ppstargan.training.amp import full_precision
from ppstargan.training.step import Update

STEPS = {  # update -> the networks that step on it
    "d_latent": ("discriminator",),
    "d_reference": ("discriminator",),
    "g_latent": AVERAGED,
    "g_reference": ("generator",),
}


def pool(x: paddle.Tensor) -> paddle.Tensor:
    """``resample.pool`` by Paddle's own operation on all devices, as ``upsample``."""
    return F.avg_pool2d(x, 2)


def upsample(x: paddle.Tensor) -> paddle.Tensor:
    """``resample.upsample`` by Paddle's own operation on all devices."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def conv_pool(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``resample.conv_pool`` as a 3x3 convolution and then a pool."""
    return pool(_conv3x3(x, weight, bias))


def upsample_conv(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``resample.upsample_conv`` as an upsampling and then a 3x3 convolution."""
    return _conv3x3(upsample(x), weight, bias)


def _conv3x3(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    return conv2d(x, weight, bias, padding=1)


def _shortcut_down(self: ResBlk, x: paddle.Tensor) -> paddle.Tensor:
    x = x if self.conv1x1 is None else self.conv1x1(x)
    return pool(x) if self.downsample else x


def _shortcut_up(self: AdainResBlk, x: paddle.Tensor) -> paddle.Tensor:
    x = upsample(x) if self.upsample else x
    return x if self.conv1x1 is None else self.conv1x1(x)


def domain_linear(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """``domains.linear`` of all domains, of which each sample's own is kept."""
    every = F.linear(x, weight.transpose([1, 0, 2]).reshape([x.shape[1], -1])).reshape([x.shape[0], *bias.shape]) + bias
    return (every * F.one_hot(y, weight.shape[0]).astype(x.dtype).unsqueeze(2)).sum(axis=1)


def generator_loss(nets: Networks, batch: Batch, s_trg, s_trg2, masks, loss: Loss):
    """``stargan_v2.generator_loss`` without sharing."""
    x_fake = nets.generator(batch.x_src, s_trg, masks)
    x_fake2 = nets.generator(batch.x_src, s_trg2, masks)  # with a graph; diversity_loss detaches it
    s_src = nets.style_encoder(batch.x_src, batch.y_src)
    x_back = nets.generator(x_fake, s_src, nets.masks(x_fake.detach()))
    return objective(nets, batch, s_trg, x_fake, x_fake2, x_back, loss)


def updates(nets: Networks, batch: Batch, loss: Loss):
    """``stargan_v2.updates`` in plain form, in full precision whatever is around it.

    Gradients that no optimiser has taken are cleared after each update.
    """
    masks = nets.masks(batch.x_src)
    for name, steps in STEPS.items():
        net, given, given2 = nets.mapping_network, batch.z_trg, batch.z_trg2
        if name.endswith("reference"):
            net, given, given2 = nets.style_encoder, batch.x_ref, batch.x_ref2
        with full_precision(), \
                mock.patch.multiple(resample, conv_pool=conv_pool, upsample_conv=upsample_conv), \
                mock.patch.object(domains, "linear", domain_linear), \
                mock.patch.object(ResBlk, "shortcut", _shortcut_down), \
                mock.patch.object(AdainResBlk, "shortcut", _shortcut_up):  # fmt: skip
            if steps == ("discriminator",):
                with paddle.no_grad():
                    x_fake = nets.generator(batch.x_src, net(given, batch.y_trg), masks)
                total, terms = discriminator_loss(nets, batch, x_fake, loss)
            else:
                codes = net(given, batch.y_trg), net(given2, batch.y_trg)
                total, terms = generator_loss(nets, batch, *codes, masks, loss)
        yield Update(name, steps, total, terms)
        for net in nets.trained.values():
            for parameter in net.parameters():
                parameter.clear_gradient(False)  # None, not zeros
