"""How far a face's points are from the true ones: NME, failure rate, and the area under the curve of errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle

from ppstargan.data.landmark_lists import EYE_CORNERS, HARD, PUPILS
from ppstargan.nets.fan import centres, peaks

THRESHOLD = 0.10  # of NME, above which a face has failed, and to which the curve goes
NORMS = ("eye_corners", "pupils", "box")


def sizes_of(points: np.ndarray, norm: str = "eye_corners") -> np.ndarray:
    """What distances are divided by, [N] for faces [N, P, 2].

    The distance of the outer corners of the eyes or of the pupils (WFLW's 98 points), or the root of the area of the
    box around the points, which any points have.
    """
    if norm == "box":
        return np.sqrt(np.prod(points.max(axis=1) - points.min(axis=1), axis=1))
    a, b = EYE_CORNERS if norm == "eye_corners" else PUPILS
    return np.linalg.norm(points[:, a] - points[:, b], axis=1)


def errors(predicted: np.ndarray, points: np.ndarray, norm: str = "eye_corners") -> np.ndarray:
    """NME of each face, [N]: the mean distance of its points [N, P, 2] from the true ones, over the face's size."""
    return np.linalg.norm(predicted - points, axis=2).mean(axis=1) / sizes_of(points, norm)


def failure_rate(nme: np.ndarray, threshold: float = THRESHOLD) -> float:
    """The share of faces whose NME is above the threshold."""
    return float(np.mean(nme > threshold))


def area(nme: np.ndarray, threshold: float = THRESHOLD) -> float:
    """The area under the share of faces with NME <= t for t from 0 to the threshold, over the threshold: exact."""
    return float(np.mean(np.maximum(0, 1 - nme / threshold)))


def sampled_area(nme: np.ndarray, threshold: float = THRESHOLD, nodes: int = 1001) -> float:
    """``area`` by Simpson's rule, as the authors compute it."""
    t = np.linspace(0, threshold, nodes)
    share = (nme[:, None] <= t).mean(axis=0)
    weights = np.ones(nodes)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return float((weights * share).sum() / (3 * (nodes - 1)))


def figures(nme: np.ndarray) -> dict:
    """{"nme", "fr", "auc"}: NME and failure rate as shares."""
    return {"nme": float(nme.mean()), "fr": failure_rate(nme), "auc": area(nme)}


def by_subset(nme: np.ndarray, attributes: np.ndarray) -> dict:
    """{"all": figures, "pose": …} of all faces, and of those with each attribute, [N, 6]; none where no face has it."""
    attributes = np.asarray(attributes, bool)
    parts = {name: attributes[:, i] for i, name in enumerate(HARD) if attributes[:, i].any()}
    return {"all": figures(nme), **{name: figures(nme[part]) for name, part in parts.items()}}


def curve_picture(nme: np.ndarray, threshold: float = THRESHOLD, size: int = 400) -> np.ndarray:
    """The share of faces with an NME of at most t, for t from 0 to the threshold: uint8 [H, W, 3] with its axes."""
    import cv2  # here: it takes a moment

    margin = 50
    picture = np.full((size + 2 * margin, size + 2 * margin, 3), 255, np.uint8)

    def place(t: float, share: float) -> tuple:
        return margin + round(size * t / threshold), margin + round(size * (1 - share))

    for i in range(6):
        t, share = threshold * i / 5, i / 5
        cv2.line(picture, place(t, 0), place(t, 1), (220, 220, 220))
        cv2.line(picture, place(0, share), place(threshold, share), (220, 220, 220))
        left, bottom = place(t, 0)
        cv2.putText(picture, f"{t:.2f}", (left - 16, bottom + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0))
        cv2.putText(picture, f"{share:.1f}", (12, place(0, share)[1] + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0))
    steps = np.linspace(0, threshold, size + 1)
    points = [place(t, float(np.mean(nme <= t))) for t in steps]
    cv2.polylines(picture, [np.array(points, np.int32)], False, (200, 40, 40), 2)
    told = f"share of faces by NME; area {area(nme, threshold):.4f}"
    cv2.putText(picture, told, (margin, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0))
    return picture


@paddle.no_grad()
def found(net, x: np.ndarray, decoding: str = "peaks") -> tuple:
    """(points [N, P, 2] as (x, y) in pixels of x, heatmaps [N, P + 1, S/4, S/4]) of faces x [N, 3, S, S] in [0, 1].

    By running statistics; ``decoding`` is that of ``model.decoding``.
    """
    training = net.training
    net.eval()
    maps = net(paddle.to_tensor(np.asarray(x, np.float32)))
    if training:
        net.train()
    places = peaks(maps[:, :-1].numpy()) if decoding == "peaks" else centres(maps[:, :-1]).numpy()
    return places * (x.shape[3] / maps.shape[3]), maps.numpy()


class Report(NamedTuple):
    """NME of held-out faces by the outer corners of the eyes, [N]."""

    nme: np.ndarray

    def lines(self) -> list:
        """The report for people."""
        told = figures(self.nme)
        return [
            f"error of the points of {len(self.nme)} held-out faces, where the outer eye corners are 1 apart (NME): "
            f"{told['nme']:.4f}; failures (above {THRESHOLD}): {told['fr']:.1%}; AUC {told['auc']:.3f}"
        ]
