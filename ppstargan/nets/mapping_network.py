"""Mapping network F(z, y): a style code from a latent and a domain (section 2.1)."""

from __future__ import annotations

import paddle
from paddle import nn

from ppstargan.nets.blocks import he_initialise, pick_domain


def _perceptron(dim_in: int, hidden_dim: int) -> list:
    layers = []
    for _ in range(3):
        layers += [nn.Linear(dim_in, hidden_dim), nn.ReLU()]
        dim_in = hidden_dim
    return layers


class MappingNetwork(nn.Layer):
    """Four layers that all domains share, then four of each domain's own."""

    def __init__(self, latent_dim: int = 16, style_dim: int = 64, num_domains: int = 2, hidden_dim: int = 512):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.ReLU(), *_perceptron(hidden_dim, hidden_dim))
        self.unshared = nn.LayerList(
            [
                nn.Sequential(*_perceptron(hidden_dim, hidden_dim), nn.Linear(hidden_dim, style_dim))
                for _ in range(num_domains)
            ]
        )
        he_initialise(self)

    def forward(self, z: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
        """z [N, latent_dim], standard normal, and int64 labels y [N] -> style codes [N, style_dim]."""
        h = self.shared(z)
        return pick_domain(paddle.stack([branch(h) for branch in self.unshared], axis=1), y)
