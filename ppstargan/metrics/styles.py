"""How good an AdaIN is: its two losses on held-out pictures, which are what the paper compares methods by.

Each alone says little. The content picture as it is has a style loss, and the style picture a content loss: what a
stylized one has is told as a share of these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle

from ppstargan.losses import feature_loss
from ppstargan.nets.adain import statistics, transfer


class Report(NamedTuple):
    """Means over all pairs of a content and a style, without weights."""

    content: float  # of the stylized pictures: distance of their relu4_1 to t, what the decoder was given
    style: float  # distance of their means and deviations to the style's, the sum of four layers
    content_of_style: float  # content loss of the style pictures
    style_of_content: float  # style loss of the content pictures
    contents: int
    styles: int

    @property
    def content_share(self) -> float:
        """The content loss where that of the style picture is 1."""
        return self.content / self.content_of_style

    @property
    def style_share(self) -> float:
        """The style loss where that of the content picture is 1."""
        return self.style / self.style_of_content

    def lines(self) -> list:
        """The report for people."""
        pairs = f"{self.contents} held-out contents in {self.styles} held-out styles"
        return [
            f"style loss: {self.style:.4g} ({pairs}); the contents as they are have {self.style_of_content:.4g}",
            f"that is {self.style_share:.3f} of it",
            f"content loss: {self.content:.4g}; the styles as they are have {self.content_of_style:.4g}",
            f"that is {self.content_share:.3f} of it",
        ]


@paddle.no_grad()
def measure(encoder, decoder, contents: np.ndarray, styles: np.ndarray, batch_size: int = 8) -> Report:
    """The losses of every content [N, 3, S, S] in every style [M, 3, S, S], float32 in [0, 1].

    The ``batch_size`` is how many pictures a network sees at a time.
    """
    known = [_seen(encoder, contents[i : i + batch_size]) for i in range(0, len(contents), batch_size)]
    sums = np.zeros(4)
    for style in styles:
        target = encoder.features(paddle.to_tensor(style[None]))
        wanted = [statistics(features) for features in target]
        for features, own in known:
            t = transfer(features, wanted[-1])
            made = encoder.features(decoder(t))
            losses = (
                feature_loss(made[-1], t),
                style_loss([statistics(each) for each in made], wanted),
                feature_loss(target[-1].expand(t.shape), t),
                style_loss(own, wanted),
            )
            sums += len(t) * np.array([float(loss) for loss in losses])
    return Report(*(sums / (len(contents) * len(styles))).tolist(), len(contents), len(styles))


def style_loss(own: list, wanted: list) -> paddle.Tensor:
    """The sum over layers of the squared distances of means and of deviations; ``wanted`` may be of one picture."""
    return sum(feature_loss(mine, theirs.expand(mine.shape)) for a, b in zip(own, wanted) for mine, theirs in zip(a, b))


def _seen(encoder, pictures: np.ndarray) -> tuple:
    """relu4_1 of pictures, and the statistics of all four layers."""
    found = encoder.features(paddle.to_tensor(pictures))
    return found[-1], [statistics(features) for features in found]
