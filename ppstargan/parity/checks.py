"""All the checks by the kind of case, and running them on a kit."""

from __future__ import annotations

from ppstargan.parity import align, data, face, metrics, networks
from ppstargan.parity.kit import Case

# Kind of case -> a function that yields its checks.
KINDS = {
    "forward": networks.forward,
    "losses": networks.losses,
    "train": networks.train,
    "fan": face.fan,
    "align": align.align,
    "metrics": metrics.metrics,
    "data": data.data,
}


def run(case: Case) -> list:
    """The checks of one case, as a list of ``Check``."""
    return list(KINDS[case.settings["kind"]](case))
