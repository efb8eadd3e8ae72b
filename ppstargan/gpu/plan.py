"""What a check of the machine runs with, and what each part of it finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ppstargan.config import Config
from ppstargan.errors import ROOT
from ppstargan.systems.load import load_config

OK, WRONG, LEFT_OUT = "ok", "not ok", "left out"
KITS = (ROOT / "tests" / "reference" / "parity", ROOT / "tests" / "reference" / "ladder")  # of a git checkout


class Found(NamedTuple):
    """What a part found."""

    verdict: str  # OK, WRONG or LEFT_OUT
    summary: str  # one line
    lines: tuple = ()  # the figures


class Plan(NamedTuple):
    """What the parts run with."""

    gpu: bool
    kits: tuple  # folders of reference figures
    cases: tuple  # names of their cases, or () for all
    paper: tuple  # what differs from configs/afhq.yaml, with -o
    small: tuple  # what differs from configs/toy.yaml, where files are written
    batch: int  # images of a step of both; halved where memory runs out
    repeats: int  # iterations to time
    parity_seconds: float  # after which no further case of a kit begins
    apart: bool = True  # each part in a process of its own


CARD = Plan(
    gpu=True,
    kits=KITS,
    cases=(),
    paper=(),
    small=("model.img_size=128", "model.channel_base=4096", "model.max_channels=256"),
    batch=8,
    repeats=5,
    parity_seconds=60,
)
CPU = Plan(
    gpu=False,
    kits=KITS,
    cases=("forward_small", "losses_small", "metrics", "cgan_forward", "pix2pix_forward", "stargan_losses"),
    paper=("model.img_size=64", "model.channel_base=512", "model.max_channels=32", "model.hidden_dim=64"),
    small=("model.channel_base=128", "model.max_channels=8", "model.hidden_dim=16"),
    batch=2,
    repeats=2,
    parity_seconds=120,
)


def paper_config(plan: Plan, *overrides: str) -> Config:
    """configs/afhq.yaml, the paper's configuration, in the plan's sizes."""
    given = [*plan.paper, f"train.batch_size={plan.batch}", *overrides]
    return load_config(ROOT / "configs" / "afhq.yaml", given, only="stargan_v2")


def small_config(plan: Plan, folder: Path, *overrides: str) -> Config:
    """configs/toy.yaml in the plan's sizes; images are in ``folder``/images, and runs go to ``folder``/output."""
    places = f"data.root={folder / 'images'}", f"output={folder / 'output'}"
    given = [*plan.small, f"train.batch_size={plan.batch}", *places, *overrides]
    return load_config(ROOT / "configs" / "toy.yaml", given, only="stargan_v2")
