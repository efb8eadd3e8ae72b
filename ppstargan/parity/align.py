"""Case align: the similarity transform of a face's landmarks, and the aligned image."""

from __future__ import annotations

import numpy as np

from ppstargan.face.align import align_face, similarity
from ppstargan.parity import fill
from ppstargan.parity.kit import Case, Check


def align(case: Case):
    """Yields the checks of an align case. The authors' aligner cuts its input down to 8 bits, and so does the case."""
    landmarks, targets = case.figures["landmarks"], case.figures["mean_landmarks"]
    yield case.array("matrix", similarity(landmarks, targets), 1e-5)
    shape = case.figures["aligned.shape"]
    image = fill.image(f"{case.prefix}/x", shape)[0].transpose(1, 2, 0)
    image = np.floor((image * 0.5 + 0.5) * 255) / 127.5 - 1
    aligned = align_face(image, landmarks, targets, int(shape[3])).transpose(2, 0, 1)[None]
    ours, reference = case.sample("aligned", aligned), case.figures["aligned"].astype(np.float64)
    yield Check(case.name, "aligned", float(np.abs(ours - reference).mean()), 2e-3, ours, reference)
