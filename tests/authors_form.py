"""State_dicts of the authors' PyTorch code with random values, and how the tests of the converter compare."""

from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import pytest

from ppstargan.convert.names import names
from ppstargan.errors import UserError
from ppstargan.nets.fan import FAN
from ppstargan.nets.stargan_v2 import NETWORKS

SMALL = {"num_domains": 2, "img_size": 32, "style_dim": 3, "latent_dim": 4, "hidden_dim": 6, "w_hpf": 0,
         "channel_base": 64, "max_channels": 5}  # fmt: skip


def conv(key, dim_in, dim_out, size, bias=True):
    return {f"{key}.weight": (dim_out, dim_in, size, size), **({f"{key}.bias": (dim_out,)} if bias else {})}


def linear(key, dim_in, dim_out):
    return {f"{key}.weight": (dim_out, dim_in), f"{key}.bias": (dim_out,)}


def block(key, dim_in, dim_out, style_dim=0, normalize=False):
    """A block's entries in the order in which the authors' constructor registers them."""
    entries = conv(f"{key}.conv1", dim_in, dim_out if style_dim else dim_in, 3)
    entries.update(conv(f"{key}.conv2", dim_out if style_dim else dim_in, dim_out, 3))
    for norm, dim in (("norm1", dim_in), ("norm2", dim_out if style_dim else dim_in)):
        if style_dim:
            entries.update(linear(f"{key}.{norm}.fc", style_dim, 2 * dim))
        elif normalize:
            entries.update({f"{key}.{norm}.weight": (dim,), f"{key}.{norm}.bias": (dim,)})
    return {**entries, **(conv(f"{key}.conv1x1", dim_in, dim_out, 1, bias=False) if dim_in != dim_out else {})}


def authors_shapes(num_domains, img_size, style_dim, latent_dim, hidden_dim, w_hpf, channel_base, max_channels):
    """{network: {key: shape}} of the authors' PyTorch modules, in the order of their state_dict()."""
    levels = img_size.bit_length() - 3
    width = [min(channel_base // img_size * 2**i, max_channels) for i in range(levels + 1)]
    deep = levels - 2 + (w_hpf > 0)
    downs = list(zip(width[:deep], width[1 : deep + 1])) + [(width[deep],) * 2] * 2
    g = conv("from_rgb", 3, width[0], 3)
    for i, (a, b) in enumerate(downs):
        g.update(block(f"encode.{i}", a, b, normalize=True))
    for i, (a, b) in enumerate(reversed(downs)):
        g.update(block(f"decode.{i}", b, a, style_dim))
    g.update({"to_rgb.0.weight": (width[0],), "to_rgb.0.bias": (width[0],), **conv("to_rgb.2", width[0], 3, 1)})
    if w_hpf > 0:
        g["hpf.filter"] = (3, 3)
    f = linear("shared.0", latent_dim, hidden_dim)
    for i in (2, 4, 6):
        f.update(linear(f"shared.{i}", hidden_dim, hidden_dim))
    for domain in range(num_domains):
        for i, dim in ((0, hidden_dim), (2, hidden_dim), (4, hidden_dim), (6, style_dim)):
            f.update(linear(f"unshared.{domain}.{i}", hidden_dim, dim))
    trunk = conv("0", 3, width[0], 3)
    for i in range(levels):
        trunk.update(block(f"{i + 1}", width[i], width[i + 1]))
    trunk.update(conv(f"{levels + 2}", width[-1], width[-1], 4))
    e = {f"shared.{key}": shape for key, shape in trunk.items()}
    for domain in range(num_domains):
        e.update(linear(f"unshared.{domain}", width[-1], style_dim))
    d = {f"main.{key}": shape for key, shape in trunk.items()}
    d.update(conv(f"main.{levels + 4}", width[-1], num_domains, 1))
    return {"generator": g, "mapping_network": f, "style_encoder": e, "discriminator": d}


def authors_states(sizes, parts=NETWORKS, seed=0):
    """State_dicts of the authors' form with random values."""
    rng, shapes = np.random.default_rng(seed), authors_shapes(**sizes)
    states = {}
    for part in parts:
        entries = [(key, rng.standard_normal(shape, "float32")) for key, shape in shapes[part].items()]
        states[part] = OrderedDict(entries)
    if sizes["w_hpf"] > 0:
        kernel = np.float32([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
        states["generator"]["hpf.filter"] = kernel / np.float32(sizes["w_hpf"])
    return states


def ours(state):
    """A state_dict of the authors' under our names and in Paddle's layout, by rules of its own."""
    found, stacks = {}, {}
    for key, value in state.items():
        value = value.T if value.ndim == 2 else value
        branch = re.fullmatch(r"unshared\.(\d+)\.(.*)", key)
        if branch:  # the domains' branches, one behind another
            stacks.setdefault(f"unshared.{branch[2]}", {})[int(branch[1])] = value
        elif key != "hpf.filter":
            found[re.sub(r"(norm[12]|to_rgb\.0)\.weight$", r"\1.scale", key)] = value
    return {**found, **{key: np.stack([stack[i] for i in range(len(stack))]) for key, stack in stacks.items()}}


def fan_state():
    """A FAN's state_dict in PyTorch's form."""
    rng, state, values = np.random.default_rng(1), OrderedDict(), FAN().state_dict()
    for name in names(FAN()):
        state[name.torch] = rng.random(values[name.paddle].shape, "float32")
        if name.torch.endswith("running_var"):
            state[name.torch.replace("running_var", "num_batches_tracked")] = np.array(0)
    return state


def same(a, b):
    assert list(a) == list(b)
    for key in a:
        if isinstance(a[key], dict):
            same(a[key], b[key])
        else:
            assert a[key].dtype == b[key].dtype and np.array_equal(a[key], b[key]), key


def refusal(call, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert str(caught.value).isprintable()
    return str(caught.value)
