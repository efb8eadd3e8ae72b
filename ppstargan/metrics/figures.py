"""The figures of two sets of Inception's features, real and generated, by names that say which network they are of."""

from __future__ import annotations

import numpy as np

from ppstargan.metrics import manifold as balls
from ppstargan.metrics.frechet import frechet_distance, statistics
from ppstargan.metrics.kid import LEAST, kid
from ppstargan.metrics.manifold import Manifold, manifold

LEAST_REAL = 2  # images, for the covariance of FID
MANIFOLD = "precision, recall, density and coverage"


def names(judge: str, real: int, generated: int) -> tuple:
    """The names of the ``figures`` of so many images, by the Inception called ``judge``.

    They are FID and, where there are enough, KID with its standard error, and precision, recall, density and coverage.
    """
    found = [f"fid_{judge}"]
    if min(real, generated) >= LEAST:
        found += [f"kid_{judge}", f"kid_{judge}_error"]
    if enough_for_manifold(real, generated):
        found += [f"{figure}_{judge}" for figure in Manifold._fields]
    return tuple(found)


def enough_for_manifold(real: int, generated: int) -> bool:
    """Whether so many images have precision, recall, density and coverage."""
    return real >= balls.LEAST_REAL and generated >= balls.LEAST_FAKE


def figures(wanted: tuple, real: np.ndarray, fake: np.ndarray, gaussian: tuple | None = None) -> dict:
    """Those of the ``names`` that are ``wanted``, of features [N, D] and [M, D]: {name: value}.

    ``gaussian`` is ``statistics(real)``, where that is done already. Raises UserError for features that are not finite.
    """
    values = {"fid": [frechet_distance(*(gaussian or statistics(real)), *statistics(fake))]}
    kinds = {name.split("_")[0] for name in wanted}
    if "kid" in kinds:
        values["kid"] = list(kid(real, fake))
    if "precision" in kinds:
        values.update({figure: [value] for figure, value in manifold(real, fake)._asdict().items()})
    return {name: values[name.split("_")[0]].pop(0) for name in wanted if name.split("_")[0] in values}
