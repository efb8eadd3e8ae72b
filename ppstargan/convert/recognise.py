"""What a PyTorch checkpoint is, told by its keys, and the sizes of its networks, told by its shapes."""

from __future__ import annotations

import re

import numpy as np

from ppstargan.convert import adain, cyclegan, gans, pix2pix, stargan, ugatit
from ppstargan.convert.torch_pickle import one_line
from ppstargan.errors import UserError
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS

DESCRIPTIONS = {
    "nets_ema": "moving averages of G, F and E (the authors' *_nets_ema.ckpt)",
    "nets": "the networks of a training run (the authors' *_nets.ckpt)",
    "optims": "optimisers of a training run (the authors' *_optims.ckpt)",
    "fan": "face alignment network (the authors' wing.ckpt)",
    "alexnet": "torchvision's alexnet",
    "inception_v3": "torchvision's inception_v3",
    "inception_tf": "the TensorFlow Inception of Heusel et al. (pytorch-fid's pt_inception-2015-12-05)",
    "lpips": "linear weights of LPIPS",
}
# Of the other systems.
OTHERS = {
    **gans.DESCRIPTIONS,
    **pix2pix.DESCRIPTIONS,
    **cyclegan.DESCRIPTIONS,
    **stargan.DESCRIPTIONS,
    **adain.DESCRIPTIONS,
    "ugatit": ugatit.DESCRIPTION,
}
# A file of one network holds its parameters without a name for the whole; it is told by one of them.
MARKS = {
    "fan": "m0.coordconv.conv.weight",
    "alexnet": "features.0.weight",
    "inception_v3": "Conv2d_1a_3x3.conv.weight",
    "lpips": "lpips_weights.0.main.1.weight",
}
TENSORFLOW_CLASSES = 1008  # by which that Inception, of the same names and otherwise the same shapes, is told
LPIPS_NAMES = (r"^lin(\d+)\.model\.1\.", r"lpips_weights.\1.main.1.")  # the original's, the authors'
WRAPPERS = ("module", "_orig_mod")  # of DataParallel and torch.compile
HIGH_PASS = "hpf.filter"  # the generator's constant; the authors' code of 2020 did not save it
LAPLACIAN = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32)


def some(keys, most: int = 3) -> str:
    """The first few of ``keys`` for a message."""
    keys = [one_line(key, 60) for key in keys]
    return ", ".join(keys[:most]) + (f", … ({len(keys)} in all)" if len(keys) > most else "")


def described(kind: str) -> str:
    """What a file of ``kind`` is, for messages."""
    return DESCRIPTIONS.get(kind) or OTHERS[kind]


def recognise(value, where: str):
    """The kind of the content ``value`` of a PyTorch file, which ``described`` knows, and its parts {network: dict}.

    Keys come without what ``without_prefix`` takes away, those of AlexNet without "features.", and those of LPIPS under
    the authors' names. Raises UserError for anything else; ``where`` it came from is for messages.
    """
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]  # wing.ckpt has other entries beside it
    if not isinstance(value, dict) or not value or not all(isinstance(key, str) for key in value):
        raise _unknown(f"a {type(value).__name__}" if not isinstance(value, dict) else "no names", where)
    if isinstance(value.get("generator"), dict):
        return _recognise_parts(value, where)
    if any(name in value for name in ugatit.NETWORKS):
        return "ugatit", {n: without_prefix(part, f"{where}, {n}") for n, part in _all(value, "ugatit", where).items()}
    state = {re.sub(*LPIPS_NAMES, key): entry for key, entry in without_prefix(value, where).items()}
    for kind, mark in MARKS.items():
        if mark in state:
            if kind == "alexnet":  # ours is torchvision's `features` alone
                state = {re.sub(r"^features\.", "", key): entry for key, entry in state.items()}
            if kind == "inception_v3" and np.shape(state.get("fc.weight"))[:1] == (TENSORFLOW_CLASSES,):
                kind = "inception_tf"
            return kind, {kind: state}
    kind = next(filter(None, (system.kind_of(state) for system in (adain, gans, pix2pix, cyclegan, stargan))), None)
    if kind:
        return kind, {kind: state}
    raise _unknown(f"the keys {some(value)}", where)


def _recognise_parts(value: dict, where: str):
    optims = "param_groups" in value["generator"]
    kind = "optims" if optims else "nets" if "discriminator" in value else "nets_ema"
    parts = _all(value, kind, where, () if optims else ("fan",))
    return kind, dict(parts) if optims else {n: without_prefix(part, f"{where}, {n}") for n, part in parts.items()}


def _all(value: dict, kind: str, where: str, may_be: tuple = ()) -> dict:
    """``value``, which must have a dict for each network of a file of ``kind``, may for those that ``may_be``."""
    needed = {"nets_ema": AVERAGED, "ugatit": ugatit.NETWORKS}.get(kind, NETWORKS)
    missing = [name for name in needed if not isinstance(value.get(name), dict)]
    unknown = [name for name in value if name not in (*needed, *may_be)]
    if missing or unknown:
        wrong = f"lacks {', '.join(missing)}" if missing else f"also has {some(unknown)}"
        raise UserError(f"{where} looks like {described(kind)}, but {wrong}; save it as the authors' code does")
    for name, part in value.items():
        if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
            raise UserError(f"{where}: {name} is no state_dict; save it as the authors' code does")
    return value


def _unknown(what: str, where: str) -> UserError:
    known = "; ".join([*DESCRIPTIONS.values(), gans.ALL])
    return UserError(f"{where} holds {what}, and is none of the files that can be converted: {known}")


def without_prefix(state: dict, where: str = "") -> dict:
    """``state`` without what DataParallel and torch.compile put into its keys around a network, in the same order.

    That is "module." and "_orig_mod.", before every key or, around a part of the network, within; none of the networks
    has a part of these names. Raises UserError where two keys become one.
    """
    found = {}
    for key, value in state.items():
        bare = ".".join(part for part in key.split(".") if part not in WRAPPERS)
        if bare in found:
            raise UserError(f"{where} holds {one_line(bare, 60)} twice, with and without {' or '.join(WRAPPERS)} in it")
        found[bare] = value
    return found


def infer_architecture(parts: dict, where: str, w_hpf: float | None = None):
    """The arguments of ``Networks`` for the state_dicts ``parts`` of G, F and E, and remarks to print.

    A generator says by its depth whether w_hpf > 0, and its value only where it holds the high-pass constant; else
    ``w_hpf`` counts, and without it 1, the paper's value. Raises UserError for shapes that are no StarGAN v2.
    """
    g, f, e = (parts[name] for name in AVERAGED)
    blocks = _count(e, r"shared\.(\d+)\.conv.*")
    encoders = _count(g, r"encode\.(\d+)\..*")
    branches = _count(f, r"unshared\.(\d+)\..*")
    # E and D halve the image down to 4 px. G stops at 16 px and adds two blocks; with w_hpf > 0 it goes to 8 px.
    if blocks < 3 or encoders - blocks not in (0, 1):
        raise UserError(
            f"{where}: {encoders} blocks in the generator's encoder and {blocks} in the style encoder are no "
            "StarGAN v2 of 32 px or more; only the authors' architecture can be converted"
        )
    img_size = 4 << blocks
    first = _shape(g, "from_rgb.weight", 4, f"{where}, generator")[0]
    style_dim, widest = _shape(e, "unshared.0.weight", 2, f"{where}, style_encoder")
    hidden_dim, latent_dim = _shape(f, "shared.0.weight", 2, f"{where}, mapping_network")
    w_hpf, remarks = _high_pass_weight(g, encoders > blocks, where, w_hpf)
    return {
        "num_domains": branches,
        "img_size": img_size,
        "style_dim": style_dim,
        "latent_dim": latent_dim,
        "hidden_dim": hidden_dim,
        "w_hpf": w_hpf,
        "channel_base": first * img_size,
        # Widths double until the cap. Where they never reach it, the paper's does, unless they are wider.
        "max_channels": widest if widest < first << blocks else max(widest, 512),
    }, remarks


def _count(keys: dict, pattern: str) -> int:
    """How many numbers stand in the place of the group. An incomplete block counts: its missing key is named later."""
    return len({match[1] for match in (re.fullmatch(pattern, key) for key in keys) if match})


def _shape(state: dict, key: str, dimensions: int, where: str) -> tuple:
    if key not in state:
        raise UserError(f"{where} lacks {key}; only the authors' architecture can be converted")
    shape = np.shape(state[key])
    if len(shape) != dimensions or 0 in shape:
        raise UserError(f"{where}: {key} has shape {list(shape)}, and {dimensions} dimensions are needed")
    return shape


def _high_pass_weight(generator: dict, deep: bool, where: str, asked: float | None):
    if not deep:
        if asked:
            raise UserError(f"{where}: the generator has the depth of w_hpf 0; leave out --w-hpf {asked:g}")
        return 0, []
    if HIGH_PASS not in generator:
        if asked is not None and not 0 < asked < np.inf:
            raise UserError(f"{where}: the generator has the depth of w_hpf > 0; give --w-hpf a number above 0")
        if asked is None:
            return 1.0, ["w_hpf is not in the file: taken as 1, as in the published CelebA-HQ run; or give --w-hpf"]
        return float(asked), []
    kernel = generator[HIGH_PASS]
    right = isinstance(kernel, np.ndarray) and kernel.dtype.kind == "f" and kernel.shape == (3, 3)
    scale = float(kernel[1, 1]) / 8 if right else 0.0
    if not 0 < scale < np.inf or not np.allclose(kernel, LAPLACIAN * scale, rtol=1e-5, atol=0):
        raise UserError(f"{where}, generator: {HIGH_PASS} is not the authors' 3x3 high-pass filter; it cannot be kept")
    found = float(f"{1 / scale:.6g}")  # stored in float32, so that 8 / 3 does not come back as 3 exactly
    if asked is not None and asked != found:
        raise UserError(f"{where} was made with w_hpf {found:g}; leave out --w-hpf {asked:g}")
    return found, []
