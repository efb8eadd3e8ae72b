"""The networks that images are judged by, with their weights: Inception for FID and KID, AlexNet for LPIPS."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.transforms import for_inception
from ppstargan.errors import UserError
from ppstargan.metrics.inception import InceptionV3
from ppstargan.metrics.lpips import LPIPS

INCEPTION, ALEXNET, LPIPS_HEADS = "data/inception_v3.pdparams", "data/alexnet.pdparams", "data/lpips.pdparams"
DOWNLOADS = {  # what tools/download.py calls the networks
    "inception_v3": "inception",
    "inception_tf": "inception_tf",
    "alexnet": "alexnet",
    "lpips": "lpips",
}
RANDOM = "random"  # the name of a network without weights of its own
PIXELS = 299  # of Inception's input


class Judge(NamedTuple):
    """A frozen network, and what tells its figures from those of another."""

    net: paddle.nn.Layer
    name: str  # torchvision, tensorflow, alexnet or random: a part of the names of its figures
    title: str  # for people
    digest: str  # of the weights


class Judges(NamedTuple):
    """The judge of FID and KID (an ``InceptionV3``), and that of LPIPS (an ``LPIPS``)."""

    inception: Judge
    lpips: Judge


def load_judges(
    inception: str = INCEPTION, alexnet: str = ALEXNET, lpips: str = LPIPS_HEADS, allow_random: bool = False
) -> Judges:
    """The judges from converted files; the file at ``inception`` says which of the two networks it holds.

    With ``allow_random`` a network whose file is missing gets random weights and the name "random". Raises UserError
    for a missing file, naming the command that gets it, and for one that holds something else.
    """
    small = _load_lpips(alexnet, lpips, allow_random)  # first, since what is missing then shows at once
    return Judges(load_inception(inception, allow_random), small)


def load_inception(path: str = INCEPTION, allow_random: bool = False) -> Judge:
    """The judge of FID alone, as ``load_judges``."""
    kinds = {
        "inception_v3": ("torchvision", "torchvision's Inception v3, by which the paper's authors measure"),
        "inception_tf": ("tensorflow", "the TensorFlow Inception of Heusel et al., by which most papers measure"),
    }
    values = _values(path, tuple(kinds), allow_random)
    if values is None:
        net = _with_random_weights(InceptionV3())
        return Judge(net, RANDOM, f"Inception v3 with RANDOM weights (no {path})", digest_of(net))
    kind, arrays = values
    net = InceptionV3(tensorflow=kind == "inception_tf")
    checkpoint.fill(net, arrays, f"{path}, {kind}")
    name, title = kinds[kind]
    return Judge(net, name, f"{title}, from {path}", digest_of(net))


def _load_lpips(alexnet: str, heads: str, allow_random: bool) -> Judge:
    net = LPIPS()
    features = _values(alexnet, ("alexnet",), allow_random)
    weights = _values(heads, ("lpips",), allow_random)
    if features is None or weights is None:
        missing = " and ".join(str(path) for path, found in ((alexnet, features), (heads, weights)) if found is None)
        _with_random_weights(net)
        return Judge(net, RANDOM, f"LPIPS on AlexNet with RANDOM weights (no {missing})", digest_of(net))
    checkpoint.fill(net.alexnet, features[1], f"{alexnet}, alexnet")
    holder = paddle.nn.Layer()
    holder.lpips_weights = net.lpips_weights
    checkpoint.fill(holder, weights[1], f"{heads}, lpips")
    return Judge(net, "alexnet", f"LPIPS v0.1 on AlexNet, from {alexnet} and {heads}", digest_of(net))


def _values(path: str, kinds: tuple, allow_random: bool):
    """(kind, arrays) of the first of ``kinds`` in the file, or None where it is missing and may be."""
    if allow_random and not Path(path).exists():
        return None
    named = next((kind for kind in kinds if kind in Path(path).name), kinds[0])
    get = f"python tools/download.py {DOWNLOADS[named]}"
    every = "python tools/download.py inception alexnet lpips brings all that measuring needs"
    without = "without: --allow-random-features of tools/evaluate.py, or train.eval_every=0 of tools/train.py"
    content = checkpoint.load(path, f"{get} ({every}); or try it out {without}")
    nets = content.get("nets") or {}
    for kind in kinds:
        if kind in nets:
            return kind, nets[kind]
    held = ", ".join([*nets, *(content.get("averages") or {})]) or "nothing"
    raise UserError(f"{path} holds {held}, and {' or '.join(kinds)} is needed here; to get it: {get}")


def _with_random_weights(net: paddle.nn.Layer) -> paddle.nn.Layer:
    """``net`` with the same random weights every time, in the scale that keeps that of the features (He et al.)."""
    rng = np.random.default_rng(0)
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1:
            values = rng.normal(0, np.sqrt(2 / np.prod(parameter.shape[1:])), parameter.shape)
            parameter.set_value((abs(values) if "lpips_weights" in name else values).astype("float32"))
    return net


def digest_of(net: paddle.nn.Layer) -> str:
    """SHA-256 of a network's parameters and buffers with their names."""
    sha = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        sha.update(f"{name} {value.shape} ".encode())
        sha.update(value.numpy().tobytes())
    return sha.hexdigest()


def preprocessing(judge: Judge, img_size: int) -> str:
    """What ``prepare`` does, in words; a part of what cached features depend on."""
    if judge.net.tensorflow:
        return f"bicubic to {PIXELS} px with antialiasing, in floating point (clean-fid's)"
    return f"bilinear with antialiasing to {img_size} px, then to {PIXELS} px, both in 8 bits (the authors')"


def prepare(judge: Judge, image: Image.Image, img_size: int) -> np.ndarray:
    """The input of Inception for an 8-bit RGB image: float32 [3, 299, 299], normalised as its weights want it.

    ``img_size`` is the size in px of the images that are judged, to which the authors' protocol brings all first.
    """
    if judge.net.tensorflow:
        size = (PIXELS, PIXELS)
        channels = [image.getchannel(c) for c in range(3)]
        floats = [Image.fromarray(np.asarray(c, np.float32)).resize(size, Image.Resampling.BICUBIC) for c in channels]
        return (np.stack(floats).clip(0, 255) - 128) / 128
    return for_inception(image, img_size)
