"""The four networks, their moving averages and the FAN as one thing."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import paddle

from ppstargan.errors import UserError
from ppstargan.nets.discriminator import Discriminator
from ppstargan.nets.fan import FAN, FAN_SIZES
from ppstargan.nets.generator import Generator
from ppstargan.nets.mapping_network import MappingNetwork
from ppstargan.nets.masks import face_masks
from ppstargan.nets.style_encoder import StyleEncoder

AVERAGED = ("generator", "mapping_network", "style_encoder")
NETWORKS = (*AVERAGED, "discriminator")
MEAN_LATENTS = 10_000  # latents behind a domain's mean style


class Networks:
    """G, F, E and, unless these are moving averages, D; with ``w_hpf`` > 0 also the FAN that masks faces.

    Sizes and widths are the arguments of the networks' constructors, and have the paper's values by default.
    """

    def __init__(
        self,
        num_domains: int,
        img_size: int = 256,
        style_dim: int = 64,
        latent_dim: int = 16,
        hidden_dim: int = 512,
        w_hpf: float = 0,
        channel_base: int = 2**14,
        max_channels: int = 512,
        fan_stacks: int = 1,
        fan_width: int = 64,
        fan_img_size: int = 256,
    ):
        self.architecture = {  # what a file of weights says of itself, so that it can be built again
            "num_domains": num_domains,
            "img_size": img_size,
            "style_dim": style_dim,
            "latent_dim": latent_dim,
            "hidden_dim": hidden_dim,
            "w_hpf": w_hpf,
            "channel_base": channel_base,
            "max_channels": max_channels,
        }
        widths = {"img_size": img_size, "channel_base": channel_base, "max_channels": max_channels}
        self.generator = Generator(style_dim=style_dim, w_hpf=w_hpf, **widths)
        self.mapping_network = MappingNetwork(latent_dim, style_dim, num_domains, hidden_dim)
        self.style_encoder = StyleEncoder(style_dim=style_dim, num_domains=num_domains, **widths)
        self.discriminator = Discriminator(num_domains=num_domains, **widths)
        self.fan, self.frozen = None, {}
        if w_hpf > 0:
            self.see_by(FAN(fan_stacks, width=fan_width, img_size=fan_img_size))

    def see_by(self, fan: FAN) -> None:
        """Masks come from ``fan`` from now on; sizes of its own are kept in the architecture."""
        self.fan = self.frozen["fan"] = fan
        own = {f"fan_{name}": size for name, size in fan.sizes.items() if name != "points"}
        for name in own:
            self.architecture.pop(name, None)
        if fan.sizes != FAN_SIZES:
            self.architecture.update(own)

    @property
    def trained(self) -> dict:
        """{name: network} of those that training changes."""
        return {name: getattr(self, name) for name in NETWORKS}

    def sharing(self, averages: dict) -> Networks:
        """The moving averages {name: network} of G, F and E in their place, without D; the FAN is shared."""
        twin = copy.copy(self)
        twin.discriminator = None
        for name, net in averages.items():
            setattr(twin, name, net)
        return twin

    def masks(self, x: paddle.Tensor):
        """The face masks of images [N, 3, H, W] in [-1, 1], or None where ``w_hpf`` is 0."""
        return None if self.fan is None else face_masks(self.fan, x)

    def translate(self, x: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
        """Images [N, 3, H, W] in [-1, 1] in the styles s [N, style_dim] -> [N, 3, H, W]."""
        return self.generator(x, s, self.masks(x))

    def style_from_latent(
        self, z: paddle.Tensor, y: paddle.Tensor, psi: float = 1.0, mean: paddle.Tensor | None = None
    ) -> paddle.Tensor:
        """Style codes [N, style_dim] of latents z [N, latent_dim] in domains y [N].

        ``psi`` below 1 moves them towards ``mean`` [N, style_dim] (``mean_style`` of the domains): truncation.
        """
        s = self.mapping_network(z, y)
        return s if mean is None else mean + psi * (s - mean)

    def style_from_reference(self, x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """Style codes [N, style_dim] of reference images x [N, 3, H, W] in [-1, 1] of domains y [N]."""
        return self.style_encoder(x, y)

    def mean_style(self, domain: int, latents: paddle.Tensor) -> paddle.Tensor:
        """Mean style code [1, style_dim] of ``latents`` [M, latent_dim], M large, in one domain."""
        return self.mapping_network(latents, domain).mean(axis=0, keepdim=True)


def mean_latents(latent_dim: int) -> paddle.Tensor:
    """Latents [MEAN_LATENTS, latent_dim] for ``Networks.mean_style``: the same ones wherever styles are truncated."""
    latents = np.random.default_rng(0).standard_normal((MEAN_LATENTS, latent_dim))
    return paddle.to_tensor(latents.astype(np.float32))


def build(architecture: dict, where: str) -> Networks:
    """``Networks`` for its names and shapes alone: its parameters take no memory and hold no values."""
    newer = [name for name in architecture if name not in inspect.signature(Networks).parameters]
    if newer and "num_domains" in architecture:
        raise UserError(f"{where} has networks with {', '.join(newer)}: update ppstargan, which lacks it")
    try:
        with paddle.LazyGuard():
            return Networks(**architecture)
    except TypeError:
        raise UserError(f"{where} has the architecture {architecture}, which is no StarGAN v2") from None
