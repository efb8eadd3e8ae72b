"""All the checks by the kind of case, and running them on a kit."""

from __future__ import annotations

import dataclasses

from ppstargan.errors import UserError
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


# cuDNN sums a convolution in another order than a CPU does, by algorithms (Winograd's, FFT) that round more often; what
# runs in float32 may stray this many times as far on a GPU. The float64 cases keep their tolerances.
GPU_FACTORS = {"forward": 5, "fan": 5, "metrics": 5}


def run(case: Case, on_gpu: bool = False) -> list:
    """The checks of one case, as a list of ``Check``; on a GPU with the wider tolerances of ``GPU_FACTORS``."""
    kind = case.settings["kind"]
    if kind not in KINDS:
        raise UserError(f"case {case.name} is of the unknown kind {kind!r}; the known ones are {', '.join(KINDS)}")
    factor = GPU_FACTORS.get(kind, 1) if on_gpu else 1
    return [dataclasses.replace(check, tolerance=factor * check.tolerance) for check in KINDS[kind](case)]
