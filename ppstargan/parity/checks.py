"""All the checks by the kind of case, and running them on a kit."""

from __future__ import annotations

import dataclasses

from ppstargan.errors import UserError
from ppstargan.parity import (
    adain,
    align,
    cgan,
    cyclegan,
    data,
    face,
    gan,
    metrics,
    networks,
    norms,
    pix2pix,
    stargan,
    ugatit,
    wgan,
    wing,
)
from ppstargan.parity.kit import Case

# System -> kind of case -> a function that yields its checks. A case without a system is one of StarGAN v2.
KINDS = {
    "stargan_v2": {
        "forward": networks.forward,
        "losses": networks.losses,
        "train": networks.train,
        "fan": face.fan,
        "align": align.align,
        "metrics": metrics.metrics,
        "data": data.data,
    },
    "gan": gan.KINDS,
    "wgan": wgan.KINDS,
    "cgan": cgan.KINDS,
    "pix2pix": pix2pix.KINDS,
    "cyclegan": cyclegan.KINDS,
    "stargan": stargan.KINDS,
    "ugatit": ugatit.KINDS,
    "adain": adain.KINDS,
    "norms": norms.KINDS,
    "fan": wing.KINDS,
    "wing": wing.KINDS,  # as a kit may call it, by the loss
}


# cuDNN sums a convolution in another order than a CPU does, by algorithms (Winograd's, FFT) that round more often; what
# runs in float32 may stray this many times as far on a GPU. The float64 cases keep their tolerances.
GPU_FACTORS = {"forward": 5, "fan": 5, "metrics": 5}


def run(case: Case, on_gpu: bool = False) -> list:
    """The checks of one case, as a list of ``Check``; on a GPU with the wider tolerances of ``GPU_FACTORS``."""
    system, kind = case.settings.get("system", "stargan_v2"), case.settings["kind"]
    if system not in KINDS:
        raise UserError(f"case {case.name} is of the unknown system {system!r}; the known ones are {', '.join(KINDS)}")
    kinds = KINDS[system]
    if kind not in kinds:
        raise UserError(f"case {case.name} is of the unknown kind {kind!r}; the known ones are {', '.join(kinds)}")
    factor = GPU_FACTORS.get(kind, 1) if on_gpu else 1
    return [dataclasses.replace(check, tolerance=factor * check.tolerance) for check in kinds[kind](case)]
