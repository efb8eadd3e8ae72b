"""The generator and the discriminator (WGAN: critic) that a configuration's ``model`` or a file of weights names."""

from __future__ import annotations

import paddle

from ppstargan.errors import UserError
from ppstargan.nets import mlp, stargan, ugatit
from ppstargan.nets.dcgan import DCGAN_D, DCGAN_G
from ppstargan.nets.fan import FAN
from ppstargan.nets.patchgan import PatchGAN, PixelGAN
from ppstargan.nets.resnet import ResnetGenerator
from ppstargan.nets.unet import UNet
from ppstargan.nets.vgg import Decoder, Encoder

NETWORKS = ("dcgan", "mlp", "pytorch_gan")


def generator(network, img_size, channels, latent_dim, g_width, extra_layers, g_batch_norm, **_):
    """z [N, latent_dim] -> images [N, channels, img_size, img_size].

    ``network`` is "dcgan", WGAN's "mlp", or "pytorch_gan", that collection's MLP, which has neither width nor options.
    """
    if network == "dcgan":
        return DCGAN_G(img_size, latent_dim, channels, g_width, extra_layers, g_batch_norm)
    if network == "mlp":
        return mlp.MLP_G(img_size, latent_dim, channels, g_width)
    return mlp.Generator(img_size, channels, latent_dim)


def discriminator(network, img_size, channels, d_width, extra_layers, d_batch_norm, **_):
    """Images [N, channels, img_size, img_size] -> a number for each [N]."""
    if network == "dcgan":
        return DCGAN_D(img_size, channels, d_width, extra_layers, d_batch_norm)
    if network == "mlp":
        return mlp.MLP_D(img_size, channels, d_width)
    return mlp.Discriminator(img_size, channels)


def conditional_generator(img_size, channels, latent_dim, num_domains, **_):
    """z [N, latent_dim] and classes [N] -> images [N, channels, img_size, img_size]."""
    return mlp.Generator(img_size, channels, latent_dim, num_domains)


def conditional_discriminator(img_size, channels, num_domains, **_):
    """Images [N, channels, img_size, img_size] and classes [N] -> a number for each [N]."""
    return mlp.ConditionalDiscriminator(img_size, channels, num_domains)


def ugatit_generator(img_size, g_width, blocks, light, **_):
    """Images [N, 3, img_size, img_size] -> (those of the other domain, logits [N, 2], heatmap); light: of any size."""
    return ugatit.Generator(img_size, g_width, blocks, light)


def ugatit_global(d_width, global_layers, **_):
    """Images [N, 3, H, W] -> (a score for each large patch, scores [N, 2], heatmap)."""
    return ugatit.Discriminator(d_width, global_layers)


def ugatit_local(d_width, local_layers, **_):
    """``ugatit_global`` for smaller patches."""
    return ugatit.Discriminator(d_width, local_layers)


def cyclegan_to_b(channels_a, channels_b, g_width, blocks, norm, dropout, **_):
    """Images of A [N, channels_a, H, W] -> of B [N, channels_b, H, W]."""
    return ResnetGenerator(channels_a, channels_b, g_width, blocks, norm, dropout)


def cyclegan_to_a(channels_a, channels_b, **sizes):
    """The other way."""
    return cyclegan_to_b(channels_b, channels_a, **sizes)


def cyclegan_judge_b(channels_b, d_network, d_width, d_layers, norm, **_):
    """Images of B [N, channels_b, H, W] -> logits [N, 1, h, w] of patches or pixels."""
    return (
        PixelGAN(channels_b, d_width, norm) if d_network == "pixel" else PatchGAN(channels_b, d_width, d_layers, norm)
    )


def cyclegan_judge_a(channels_a, channels_b, **sizes):
    """The same of A."""
    return cyclegan_judge_b(channels_a, **sizes)


def pix2pix_generator(in_channels, out_channels, g_width, levels, norm, dropout, **_):
    """Images [N, in_channels, H, W] -> [N, out_channels, H, W]."""
    return UNet(in_channels, out_channels, g_width, levels, norm, dropout)


def pix2pix_discriminator(in_channels, out_channels, **sizes):
    """Both images of a pair in one, [N, in_channels + out_channels, H, W] -> logits of patches or pixels."""
    return cyclegan_judge_b(in_channels + out_channels, **sizes)


def adain_decoder(width, **_):
    """Features as relu4_1 [N, 8 width, h, w] -> pictures [N, 3, 8 h, 8 w]."""
    return Decoder(width)


def adain_encoder(width, **_):
    """Pictures [N, 3, H, W] in [0, 1] -> relu4_1 [N, 8 width, H / 8, W / 8]; it never trains."""
    net = Encoder(width)
    for parameter in net.parameters():
        parameter.stop_gradient = True
    return net


def stargan_generator(num_domains, g_width, g_blocks, **_):
    """Images [N, 3, H, W] and labels [N, num_domains] -> images with these attributes, or of these classes."""
    return stargan.Generator(num_domains, g_width, g_blocks)


def stargan_discriminator(img_size, num_domains, d_width, d_layers, **_):
    """Images [N, 3, img_size, img_size] -> (how real each patch is, logits of the label [N, num_domains])."""
    return stargan.Discriminator(img_size, num_domains, d_width, d_layers)


def face_alignment(img_size, points, stacks, width, **_):
    """Faces [N, 3, img_size, img_size] in [0, 1] -> heatmaps [N, points + 1, img_size / 4, img_size / 4]."""
    return FAN(stacks, points, width, img_size, trainable=True)


# System -> its networks -> what builds each from an architecture, the arguments that a file of weights keeps.
BUILDERS = {
    "adain": {"decoder": adain_decoder, "encoder": adain_encoder},
    "gan": {"generator": generator, "discriminator": discriminator},
    "wgan": {"generator": generator, "critic": discriminator},
    "cgan": {"generator": conditional_generator, "discriminator": conditional_discriminator},
    "cyclegan": {"G_A": cyclegan_to_b, "G_B": cyclegan_to_a, "D_A": cyclegan_judge_b, "D_B": cyclegan_judge_a},
    "pix2pix": {"generator": pix2pix_generator, "discriminator": pix2pix_discriminator},
    "stargan": {"generator": stargan_generator, "discriminator": stargan_discriminator},
    "fan": {"fan": face_alignment},
    "ugatit": {
        "genA2B": ugatit_generator,
        "genB2A": ugatit_generator,
        "disGA": ugatit_global,
        "disGB": ugatit_global,
        "disLA": ugatit_local,
        "disLB": ugatit_local,
    },
}


def build(system: str, architecture: dict) -> dict:
    """The networks {name: network} of ``system`` in this order. Raises TypeError for an incomplete architecture."""
    return {name: builder(**architecture) for name, builder in BUILDERS[system].items()}


def build_bare(system: str, architecture: dict, where: str) -> dict:
    """``build`` for names and shapes alone: the parameters take no memory and hold no values.

    Raises UserError for an architecture that is none of ``system``; ``where`` it came from is for the message.
    """
    try:
        with paddle.LazyGuard():
            return build(system, architecture)
    except (TypeError, ValueError):
        raise UserError(f"{where} has the architecture {architecture}, which is no {system}") from None
