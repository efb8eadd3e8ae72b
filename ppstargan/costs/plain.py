"""The plain form of training: every product that the authors' code computes, from the same weights.

Convolutions run at the larger size, beside their pool or upsampling; G encodes the source anew for each image; all
networks in a graph collect weight gradients in every phase; the second diversity image has a graph that is thrown
away. Losses and gradients are those of ``phases``; the tests compare the two, and the benchmark times them.
"""

from __future__ import annotations

from unittest import mock

import paddle
from paddle.nn import functional as F

from ppstargan import losses
from ppstargan.data.batches import Batch
from ppstargan.nets import domains, resample
from ppstargan.nets.blocks import AdainResBlk, ResBlk
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.systems import stargan_v2 as phases


def pool(x: paddle.Tensor) -> paddle.Tensor:
    """``resample.pool`` by Paddle's own operation on all devices, as ``upsample``."""
    return F.avg_pool2d(x, 2)


def upsample(x: paddle.Tensor) -> paddle.Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def conv_pool(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``resample.conv_pool`` as a 3x3 convolution and then a pool."""
    return pool(_conv3x3(x, weight, bias))


def upsample_conv(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``resample.upsample_conv`` as an upsampling and then a 3x3 convolution."""
    return _conv3x3(upsample(x), weight, bias)


def _conv3x3(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    # The bias is added as in resample: Paddle's slow sum of it should not count against the plain form.
    return F.conv2d(x, weight, padding=1) + bias.reshape([-1, 1, 1])


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


def generator_loss(nets: Networks, batch: Batch, s_trg, s_trg2, masks, weights: phases.Weights):
    """``phases.generator_loss`` without sharing."""
    x_fake = nets.generator(batch.x_src, s_trg, masks)
    x_fake2 = nets.generator(batch.x_src, s_trg2, masks)  # with a graph; diversity_loss detaches it
    s_src = nets.style_encoder(batch.x_src, batch.y_src)
    x_back = nets.generator(x_fake, s_src, nets.masks(x_fake.detach()))
    parts = {
        "adv": losses.adversarial_loss(nets.discriminator(x_fake, batch.y_trg), 1),
        "sty": losses.style_reconstruction_loss(nets.style_encoder(x_fake, batch.y_trg), s_trg),
        "ds": losses.diversity_loss(x_fake, x_fake2),
        "cyc": losses.cycle_loss(x_back, batch.x_src),
    }
    signed = (1.0, weights.lambda_sty, -weights.lambda_ds, weights.lambda_cyc)
    return sum(weight * part for weight, part in zip(signed, parts.values())), parts


def phase_losses(nets: Networks, batch: Batch, weights: phases.Weights, amp: str = "none"):
    """``phases.phase_losses`` in plain form, in full precision whatever ``amp`` says.

    Gradients that no optimiser has taken are cleared after each phase.
    """
    masks = nets.masks(batch.x_src)
    for phase in phases.STEPPED:
        net, given, given2 = nets.mapping_network, batch.z_trg, batch.z_trg2
        if phase.endswith("reference"):
            net, given, given2 = nets.style_encoder, batch.x_ref, batch.x_ref2
        with mock.patch.multiple(resample, conv_pool=conv_pool, upsample_conv=upsample_conv), \
                mock.patch.object(domains, "linear", domain_linear), \
                mock.patch.object(ResBlk, "shortcut", _shortcut_down), \
                mock.patch.object(AdainResBlk, "shortcut", _shortcut_up):  # fmt: skip
            if phase.startswith("d_"):
                with paddle.no_grad():
                    x_fake = nets.generator(batch.x_src, net(given, batch.y_trg), masks)
                found = phases.discriminator_loss(nets, batch, x_fake, weights)
            else:
                codes = net(given, batch.y_trg), net(given2, batch.y_trg)
                found = generator_loss(nets, batch, *codes, masks, weights)
        yield (phase, *found)
        for name in NETWORKS:
            for parameter in getattr(nets, name).parameters():
                parameter.clear_gradient(False)  # None, not zeros
