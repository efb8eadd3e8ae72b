"""The encoder of AdaIN's toy: a narrow VGG that learns in a minute or two to tell drawn patterns and faces apart.

That alone would let it forget where things are, so a decoder learns along to give the picture back, and the file holds
both: what AdaIN's training is to do in minutes begins with a decoder that can already draw.
It stands in for the authors' VGG-19, which knows photos. Much as in that, the filters are scaled at the end: until each
layer's mean activation is 1, so that none counts for more than the others. (There, each channel's is. But here some
channels hardly ever answer, and would then do so much too loudly.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.folders import find_images
from ppstargan.data.patterns import KINDS, PALETTES, label_of
from ppstargan.data.transforms import to_unit
from ppstargan.nets.onednn import for_one_backward
from ppstargan.nets.vgg import Decoder, Encoder

SEEN = 32  # px of the squares that it learns by: a pattern repeats itself within them
EPOCHS, BATCH, RATE = 12, 20, 1.5e-3
BACK = 400.0  # weight of giving the picture back: by telling alone, all places of a pattern become alike
_HEADS = len(KINDS) + 1, len(PALETTES) + 1  # with the faces' own


def train_encoder(root: str | Path, path: str | Path, img_size: int, width: int, seed: int = 0) -> list:
    """Trains an encoder on the patterns and faces in ``root`` and writes it to ``path``, unless it is there.

    Returns lines that say so. Raises UserError where it cannot be written.
    """
    if Path(path).exists():
        return [f"encoder: {path} is there already"]
    (images, labels), (held_out, true) = (_read(root, end) for end in ("", "_val"))
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(images)) for _ in range(EPOCHS)])
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    what = f"training the toy's own encoder on {len(images)} drawn pictures, {len(batches)} steps"
    print(f"{what}: a minute or two", flush=True)
    paddle.seed(seed)
    encoder, decoder = _begun(width)
    tell = nn.Sequential(nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(8 * width, sum(_HEADS)))
    parameters = [parameter for net in (encoder, decoder, tell) for parameter in net.parameters()]
    optimizer = paddle.optimizer.Adam(parameters=parameters)
    for step, some in enumerate(batches):
        optimizer.set_lr(RATE * float(np.cos(np.pi / 2 * step / len(batches))))
        x = paddle.to_tensor(_squares(images[some], rng))
        with for_one_backward():
            features = encoder(x)
            kinds, palettes = tell(features).split(_HEADS, axis=1)
            back = F.mse_loss(decoder(features), x)
        of_kind, of_palette = paddle.to_tensor(labels[some]).unbind(axis=1)
        told = F.cross_entropy(kinds, of_kind) + F.cross_entropy(palettes, of_palette)
        (told + BACK * back).backward()
        optimizer.step()
        optimizer.clear_grad()
    right = _right(nn.Sequential(encoder, tell), held_out, true)
    decoder[1].weight.set_value(decoder[1].weight * scale(encoder, images[:: max(1, len(images) // 64)]))
    architecture = {"img_size": img_size, "width": width}
    nets = {"decoder": checkpoint.arrays(decoder), "encoder": checkpoint.arrays(encoder)}
    checkpoint.save({"system": "adain", "architecture": architecture, "domains": None, "nets": nets}, path)
    shares = " and ".join(f"the {name} of {share:.0%}" for name, share in zip(("kind", "palette"), right))
    return [f"encoder: it tells {shares} of the held-out pictures; wrote {path}"]


def _squares(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Squares of SEEN px out of images [N, 3, S, S], all at one place."""
    left, top = rng.integers(max(images.shape[-1] - SEEN, 0) + 1, size=2)
    return np.ascontiguousarray(images[:, :, top : top + SEEN, left : left + SEEN])


@paddle.no_grad()
def _right(net: nn.Layer, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The shares of ``labels`` [N, 2] that ``net`` tells right."""
    parts = [net(paddle.to_tensor(images[i : i + BATCH])).numpy() for i in range(0, len(images), BATCH)]
    kinds, palettes = np.split(np.concatenate(parts), _HEADS[:1], axis=1)
    return (np.stack([kinds.argmax(1), palettes.argmax(1)], 1) == labels).mean(0)


def _begun(width: int) -> tuple:
    """Both networks with first weights by which ten layers without norms learn at once: He's, of centred colours."""
    nets = Encoder(width), Decoder(width)
    for layer in (layer for net in nets for layer in net if isinstance(layer, nn.Conv2D)):
        nn.initializer.KaimingNormal()(layer.weight)
        nn.initializer.Constant(0.0)(layer.bias)
    encoder, decoder = nets
    encoder[0].weight.set_value(4 * paddle.eye(3).reshape([3, 3, 1, 1]))
    encoder[0].bias.set_value(paddle.full([3], -2.0))
    decoder[28].weight.set_value(decoder[28].weight * 0.1)
    decoder[28].bias.set_value(paddle.full([3], 0.5))
    return nets


@paddle.no_grad()
def scale(encoder: Encoder, images: np.ndarray) -> float:
    """Scales the filters of ``encoder`` until the mean activation of each layer on ``images`` [N, 3, S, S] is 1.

    What the next layer sees is divided back, so that it computes the same; returns that factor of the last one.
    """
    x, before = paddle.to_tensor(images), 1.0
    for position, layer in enumerate(encoder):
        if isinstance(layer, nn.Conv2D) and position:
            layer.weight.set_value(layer.weight * before)
            before = float(F.relu(layer(x)).mean()) or 1.0
            layer.weight.set_value(layer.weight / before)
            layer.bias.set_value(layer.bias / before)
        x = layer(x)
    return before


def _read(root, end: str) -> tuple:
    """The pictures float32 [N, 3, S, S] in [0, 1] and their labels int64 [N, 2]."""
    paths = [path for side in ("content", "style") for path in find_images(Path(root) / f"{side}{end}")]
    images = np.stack([to_unit(Image.open(path).convert("RGB")) for path in paths])
    return images, np.array([label_of(path) for path in paths])
