"""Mapping network F(z, y): a style code from a latent and a domain (section 2.1)."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.blocks import he_initialise
from ppstargan.nets.domains import DomainLinear


class MappingNetwork(nn.Layer):
    """Four layers that all domains share, then four of each domain's own."""

    per_domain = ("unshared.",)  # where parameters belong to the domains, and not to all

    def __init__(self, latent_dim: int = 16, style_dim: int = 64, num_domains: int = 2, hidden_dim: int = 512):
        super().__init__()
        shared, unshared = [nn.Linear(latent_dim, hidden_dim), nn.ReLU()], []
        for _ in range(3):
            shared += [nn.Linear(hidden_dim, hidden_dim), nn.ReLU()]
            unshared += [DomainLinear(num_domains, hidden_dim, hidden_dim), nn.ReLU()]
        self.shared = nn.Sequential(*shared)
        self.unshared = nn.LayerList([*unshared, DomainLinear(num_domains, hidden_dim, style_dim)])
        he_initialise(self)

    def forward(self, z: paddle.Tensor, y) -> paddle.Tensor:
        """z [N, latent_dim], standard normal, and int64 labels y [N], or one domain for all -> [N, style_dim]."""
        h = self.shared(z)
        for layer in self.unshared:
            h = layer(h, y) if isinstance(layer, DomainLinear) else layer(h)
        return h
