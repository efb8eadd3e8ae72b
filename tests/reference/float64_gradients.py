"""Writes gradients_float64.npz: the gradients of the four phases in double precision, by PyTorch's autograd.

The parity kit's gradients are float32's, which rounding alone moves by up to 1e-2 at the kinks of the networks. These
are not. The networks stand here a second time, in PyTorch and in their plain form (no fused convolution, nothing
shared between phases), with weights and inputs that both sides make from names. To write the file again:

    pip install torch && python tests/reference/float64_gradients.py
"""

import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("fill", HERE.parents[1] / "ppstargan" / "parity" / "fill.py")
fill = importlib.util.module_from_spec(spec)  # by path: the package around it needs Paddle
spec.loader.exec_module(fill)

CASES = {
    "plain": {"size": 64, "domains": 3, "w_hpf": 0, "base": 1024, "cap": 64, "batch": 3},
    "high_pass": {"size": 64, "domains": 2, "w_hpf": 1, "base": 1024, "cap": 32, "batch": 2},
}
STYLE, HIDDEN, LAMBDA_DS, KEPT = 64, 512, 2.0, 64


class Reference:
    """The networks of one case as functions of tensors; their weights are made when they are first used."""

    def __init__(self, size, domains, w_hpf, base, cap, batch):
        self.size, self.domains, self.w_hpf, self.cap = size, domains, w_hpf, cap
        self.first = base // size
        self.weights = {}

    def weight(self, net, key, shape):
        name = f"{net}/{key}"
        if name not in self.weights:
            self.weights[name] = torch.tensor(fill.weight(net, key, shape)).double().requires_grad_()
        return self.weights[name]

    def conv(self, x, net, key, width, kernel=3, padding=1, bias=True):
        weight = self.weight(net, f"{key}.weight", (width, x.shape[1], kernel, kernel))
        return F.conv2d(x, weight, self.weight(net, f"{key}.bias", (width,)) if bias else None, padding=padding)

    def linear(self, x, net, key, width):
        weight = self.weight(net, f"{key}.weight", (width, x.shape[1]))
        return F.linear(x, weight, self.weight(net, f"{key}.bias", (width,)))

    def norm(self, x, net, key):
        scale, shift = (self.weight(net, f"{key}.{name}", (x.shape[1],)) for name in ("weight", "bias"))
        return F.instance_norm(x, weight=scale, bias=shift)

    def adain(self, x, s, net, key):
        scale, shift = self.linear(s, net, f"{key}.fc", 2 * x.shape[1])[:, :, None, None].chunk(2, 1)
        return (1 + scale) * F.instance_norm(x) + shift

    def down(self, x, net, key, width, norm, pool=True):
        """A residual block of the encoder, E and D."""
        narrow, shortcut = x.shape[1], x
        if narrow != width:
            shortcut = self.conv(shortcut, net, f"{key}.conv1x1", width, 1, 0, bias=False)
        x = self.norm(x, net, f"{key}.norm1") if norm else x
        x = self.conv(F.leaky_relu(x, 0.2), net, f"{key}.conv1", narrow)
        if pool:
            x, shortcut = F.avg_pool2d(x, 2), F.avg_pool2d(shortcut, 2)
        x = self.norm(x, net, f"{key}.norm2") if norm else x
        return (shortcut + self.conv(F.leaky_relu(x, 0.2), net, f"{key}.conv2", width)) / math.sqrt(2)

    def up(self, x, s, key, width, upsample):
        """A residual block of the decoder."""
        net, shortcut = "generator", x
        x = F.leaky_relu(self.adain(x, s, net, f"{key}.norm1"), 0.2)
        if upsample:
            x, shortcut = (F.interpolate(t, scale_factor=2, mode="nearest") for t in (x, shortcut))
        x = self.conv(x, net, f"{key}.conv1", width)
        x = self.conv(F.leaky_relu(self.adain(x, s, net, f"{key}.norm2"), 0.2), net, f"{key}.conv2", width)
        if self.w_hpf > 0:
            return x
        if shortcut.shape[1] != width:
            shortcut = self.conv(shortcut, net, f"{key}.conv1x1", width, 1, 0, bias=False)
        return (shortcut + x) / math.sqrt(2)

    def generator(self, x, s, masks):
        net = "generator"
        levels = int(math.log2(self.size)) - 4 + (self.w_hpf > 0)
        widths = [min(self.first * 2**i, self.cap) for i in range(levels + 1)]
        x, cache = self.conv(x, net, "from_rgb", widths[0]), {}
        for i in range(levels + 2):
            cache[x.shape[2]] = x if self.w_hpf > 0 and x.shape[2] in (32, 64, 128) else None
            x = self.down(x, net, f"encode.{i}", widths[min(i + 1, levels)], norm=True, pool=i < levels)
        for i in range(levels + 2):
            x = self.up(x, s, f"decode.{i}", widths[min(levels, levels + 1 - i)], upsample=i >= 2)
            skip = cache.get(x.shape[2])
            if skip is not None and i >= 2:
                mask = F.interpolate(masks[0 if x.shape[2] == 32 else 1], size=x.shape[2], mode="bilinear")
                kernel = torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]).double() / self.w_hpf
                kernel = kernel.expand(x.shape[1], 1, 3, 3)
                x = x + F.conv2d(mask * skip, kernel, padding=1, groups=x.shape[1])
        return self.conv(F.leaky_relu(self.norm(x, net, "to_rgb.0"), 0.2), net, "to_rgb.2", 3, 1, 0)

    def trunk(self, x, net, name):
        x = self.conv(x, net, f"{name}.0", self.first)
        blocks = int(math.log2(self.size)) - 2
        for i in range(1, blocks + 1):
            x = self.down(x, net, f"{name}.{i}", min(2 * x.shape[1], self.cap), norm=False)
        x = self.conv(F.leaky_relu(x, 0.2), net, f"{name}.{blocks + 2}", x.shape[1], 4, 0)
        return F.leaky_relu(x, 0.2), blocks + 4

    def style_encoder(self, x, y):
        h = self.trunk(x, "style_encoder", "shared")[0].flatten(1)
        codes = [self.linear(h, "style_encoder", f"unshared.{d}", STYLE) for d in range(self.domains)]
        return torch.stack(codes, 1)[torch.arange(len(y)), y]

    def discriminator(self, x, y):
        h, last = self.trunk(x, "discriminator", "main")
        return self.conv(h, "discriminator", f"main.{last}", self.domains, 1, 0).flatten(1)[torch.arange(len(y)), y]

    def mapping_network(self, z, y):
        net, codes = "mapping_network", []
        for i in (0, 2, 4, 6):
            z = F.relu(self.linear(z, net, f"shared.{i}", HIDDEN))
        for d in range(self.domains):
            h = z
            for i in (0, 2, 4):
                h = F.relu(self.linear(h, net, f"unshared.{d}.{i}", HIDDEN))
            codes.append(self.linear(h, net, f"unshared.{d}.6", STYLE))
        return torch.stack(codes, 1)[torch.arange(len(y)), y]


def phase_losses(net, b):
    """{phase: (loss, the networks that step on it)} for the inputs ``b``."""

    def cross_entropy(logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def of_d(s):
        real = b["x_src"].clone().requires_grad_()
        logits = net.discriminator(real, b["y_src"])
        slope = torch.autograd.grad(logits.sum(), real, create_graph=True)[0]
        fake = net.discriminator(net.generator(b["x_src"], s, b["masks"]).detach(), b["y_trg"])
        return cross_entropy(logits, 1.0) + cross_entropy(fake, 0.0) + 0.5 * slope.square().sum((1, 2, 3)).mean()

    def of_g(s, s2):
        fake = net.generator(b["x_src"], s, b["masks"])
        fake2 = net.generator(b["x_src"], s2, b["masks"]).detach()
        back = net.generator(fake, net.style_encoder(b["x_src"], b["y_src"]), b["masks"])
        sty = (net.style_encoder(fake, b["y_trg"]) - s).abs().mean()
        adv = cross_entropy(net.discriminator(fake, b["y_trg"]), 1.0)
        return adv + sty - LAMBDA_DS * (fake - fake2).abs().mean() + (back - b["x_src"]).abs().mean()

    z, z2 = (net.mapping_network(b[k], b["y_trg"]) for k in ("z_trg", "z_trg2"))
    r, r2 = (net.style_encoder(b[k], b["y_trg"]) for k in ("x_ref", "x_ref2"))
    return {
        "d_latent": (of_d(z), ("discriminator",)),
        "d_reference": (of_d(r), ("discriminator",)),
        "g_latent": (of_g(z, z2), ("generator", "mapping_network", "style_encoder")),
        "g_reference": (of_g(r, r2), ("generator",)),
    }


def inputs(name, size, domains, batch, **_):
    """The batch of a case; the masks are drawn instead of the FAN's, since only gradients matter here."""
    b = {k: fill.image(f"{name}/{k}", (batch, 3, size, size)) for k in ("x_src", "x_ref", "x_ref2")}
    b.update({k: fill.normal(f"{name}/{k}", (batch, 16)) for k in ("z_trg", "z_trg2")})
    b["masks"] = np.stack([(fill.image(f"{name}/mask{i}", (batch, 3, 256, 256))[:, :1] + 1) / 2 for i in range(2)])
    index = np.arange(batch)
    return {**b, "y_src": index % domains, "y_trg": (2 * index + 1) % domains}


def main():
    stored = {}
    for name, case in CASES.items():
        net = Reference(**case)
        batch = {
            k: torch.tensor(v) if k[0] == "y" else torch.tensor(v).double() for k, v in inputs(name, **case).items()
        }
        for phase, (loss, stepped) in phase_losses(net, batch).items():
            stored[f"{name}/{phase}/total"] = loss.item()
            keys = [key for key in net.weights if key.split("/")[0] in stepped]
            found = torch.autograd.grad(loss, [net.weights[key] for key in keys], retain_graph=True, allow_unused=True)
            for key, gradient in zip(keys, found):
                if gradient is not None:
                    flat = gradient.numpy().ravel()
                    stored[f"{name}/{phase}/{key}"] = flat[:: max(1, flat.size // KEPT)]
                    stored[f"{name}/{phase}/{key}.l2"] = np.linalg.norm(flat)
    np.savez_compressed(HERE / "gradients_float64.npz", **stored)
    print(f"{len(stored)} arrays, {(HERE / 'gradients_float64.npz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
