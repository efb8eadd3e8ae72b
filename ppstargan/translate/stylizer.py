"""A trained or converted AdaIN for use: pictures of any size in, the same in other styles out.

A large picture goes through the networks in tiles that overlap, since a layer of theirs may take a kilobyte a pixel;
what they make is the same but for rounding. Only relu4_1, 32 bytes a pixel, is kept of all of it: its statistics are
those of the whole picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.bad_files import BadImage
from ppstargan.data.reading import MOST_PIXELS
from ppstargan.data.transforms import load_rgb, shorter_side, to_unit
from ppstargan.errors import UserError
from ppstargan.nets.adain import Statistics, normalised, statistics
from ppstargan.nets.gans import build_bare
from ppstargan.nets.vgg import SHRINKS, SMALLEST
from ppstargan.pictures import to_uint8
from ppstargan.translate.colours import coral

TILE = 256  # px a side
HALO = 32  # px around a tile that the layers see, too: their outputs depend on 30 px to each side
CHANNELS = 64  # whose statistics are computed at a time


class Stylizer:
    """Both networks of a file of weights. A picture is an RGB array uint8 [H, W, 3] of SMALLEST px a side or more."""

    def __init__(self, content: dict, weights, size: int = 0, background: tuple | None = None):
        """``content`` is that of the file ``weights``; ``size`` and ``background`` are what ``read`` goes by.

        Raises UserError for a file that lacks one of the networks, or whose networks do not fit its architecture.
        """
        values = {**(content.get("nets") or {}), **(content.get("averages") or {})}
        lacking = [name for name in ("decoder", "encoder") if name not in values]
        if lacking:
            way = (
                "put the authors' vgg_normalised.pth and decoder.pth into one folder, and convert the latter: "
                "python tools/convert_torch_weights.py decoder.pth adain.pdparams takes both"
            )
            raise UserError(f"{weights} holds {', '.join(values) or 'nothing'}, and no {' nor '.join(lacking)}; {way}")
        nets = build_bare("adain", content["architecture"], str(weights))
        for name, net in nets.items():
            checkpoint.fill(net, values[name], f"{weights}, {name}")
            net.eval()
        self.encoder, self.decoder = nets["encoder"], nets["decoder"]
        self.size, self.background = size, background

    def read(self, path: str | Path) -> np.ndarray:
        """The picture at ``path``, its shorter side resized to ``size`` px, or as it is where that is 0.

        Raises BadImage for one that cannot be read, is too small, or becomes too large.
        """
        image = load_rgb(path, self.background)
        least, width, height = min(image.size), *image.size
        if not self.size and least < SMALLEST:
            need = f"{SMALLEST} px a side are needed: give --size"
            raise BadImage(path, f"it has {width} x {height} px, and {need}")
        if self.size and width * height * (self.size / least) ** 2 > MOST_PIXELS:
            raise BadImage(path, f"it has {width} x {height} px, too many with a shorter side of {self.size}")
        return np.asarray(shorter_side(image, self.size) if self.size else image)

    def style_of(self, picture: np.ndarray, colours: np.ndarray | None = None) -> Statistics:
        """All that is taken of a style picture; in the colours of the picture ``colours`` where that is given."""
        pixels = to_unit(Image.fromarray(picture))
        if colours is not None:  # as many pixels of both: the authors' sums make more contrast of more pixels
            size = picture.shape[1::-1]
            of_content = to_unit(Image.fromarray(colours).resize(size, Image.Resampling.NEAREST))
            pixels = coral(pixels, of_content).astype(np.float32)
        return _statistics(self._encoded(pixels))

    def stylize(self, picture: np.ndarray, style: Statistics, alpha: float = 1.0) -> np.ndarray:
        """``picture`` in ``style``, of the same size."""
        return self.stylize_all(picture, [style], alpha)[0]

    @paddle.no_grad()
    def stylize_all(self, picture: np.ndarray, styles: list, alpha: float = 1.0) -> list:
        """``picture`` in each of ``styles``; the encoder looks at it once."""
        features = self._encoded(to_unit(Image.fromarray(picture)))
        own = _statistics(features)
        return [self._decoded(features, own, style, alpha, picture.shape[:2]) for style in styles]

    @paddle.no_grad()
    def _encoded(self, pixels: np.ndarray) -> np.ndarray:
        """relu4_1 [C, h, w] of a picture float32 [3, H, W]."""
        found = None
        for box, seen, inner in tiles(*pixels.shape[1:]):
            part = self.encoder(paddle.to_tensor(pixels[(slice(None), *seen)][None])).numpy()[0]
            if found is None:
                found = np.empty((len(part), *(-(-side // SHRINKS) for side in pixels.shape[1:])), np.float32)
            found[(slice(None), *_smaller(box))] = part[(slice(None), *_smaller(inner))]
        return found

    def _decoded(self, features: np.ndarray, own: Statistics, style: Statistics, alpha: float, size) -> np.ndarray:
        """uint8 [*size, 3] of relu4_1 with its ``own`` statistics; the rows and columns beyond ``size`` are cut off."""
        made = np.empty((*(SHRINKS * side for side in features.shape[1:]), 3), np.uint8)
        for box, seen, inner in tiles(*made.shape[:2]):
            x = paddle.to_tensor(features[(slice(None), *_smaller(seen))][None])
            t = normalised(x, own, style)
            part = self.decoder(t if alpha == 1 else alpha * t + (1 - alpha) * x)
            made[box] = to_uint8(2 * part.numpy() - 1)[0][inner]
        return made[: size[0], : size[1]]


def tiles(height: int, width: int):
    """Yields, for each tile, (its slices of the whole, those with the halo, and where the tile is within these)."""
    for rows in _spans(height):
        for columns in _spans(width):
            yield tuple(zip(rows, columns))


def _spans(side: int):
    """``tiles`` of one side."""
    for start in range(0, side, TILE):
        end, first = min(start + TILE, side), max(start - HALO, 0)
        yield slice(start, end), slice(first, min(end + HALO, side)), slice(start - first, end - first)


def _smaller(box: tuple) -> tuple:
    """A box of the picture as one of relu4_1."""
    return tuple(slice(one.start // SHRINKS, -(-one.stop // SHRINKS)) for one in box)


@paddle.no_grad()
def _statistics(features: np.ndarray) -> Statistics:
    """Those of relu4_1 [C, h, w], as [1, C, 1, 1]."""
    parts = [statistics(paddle.to_tensor(features[i : i + CHANNELS][None])) for i in range(0, len(features), CHANNELS)]
    return Statistics(*(paddle.concat(part, axis=1) for part in zip(*parts)))
