"""Calling tools/evaluate.py with a stand-in for Inception, and what its figures should be."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan.metrics import judges as judges_module
from ppstargan.metrics.figures import figures
from ppstargan.metrics.judges import Judge, prepare

ROOT = Path(__file__).parents[1]
FIGURES = ["fid_tiny", "kid_tiny", "kid_tiny_error", "precision_tiny", "recall_tiny", "density_tiny", "coverage_tiny"]


class TinyInception:
    """Colours and edges in place of Inception: cheap, and it counts its images."""

    tensorflow, images = False, 0

    def __call__(self, x):
        self.images += len(x)
        edges = (x[:, :, 1:] - x[:, :, :-1]).abs().mean(axis=[2, 3])
        return paddle.concat([x.mean(axis=[2, 3]), edges, x[:, 0, 20:22, 30]], axis=1)


def tiny(monkeypatch) -> Judge:
    """The judge that the tool is given from now on."""
    judge = Judge(TinyInception(), "tiny", "stand-in", "b")
    monkeypatch.setattr(judges_module, "load_inception", lambda *given: judge)
    return judge


def pictures(folder, count, seed, size=(20, 24)):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize(size).save(folder / f"{i}.png")


def evaluate(place, folder, monkeypatch, capsys, config, weights, data, *arguments):
    """Runs the tool in ``folder`` with weights and data in ``place``.

    Returns the exit code, what it printed, on stderr too, and the rows of its report, {(what, seed): row}.
    """
    monkeypatch.chdir(folder)
    command = ["evaluate.py", "-c", str(ROOT / "configs" / f"{config}.yaml"), "--weights",
               str(place / f"{weights}.pdparams"), "-o", f"data.root={place / data}", "data.workers=2", "--to",
               "report", *map(str, arguments)]  # fmt: skip
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "evaluate.py"), run_name="__main__")
    said, rows = capsys.readouterr(), {}
    if not ended.value.code:
        found = json.loads((folder / "report" / "evaluation.json").read_text(encoding="utf-8"))
        rows = {(row["what"], row["seed"]): row for row in found["measurements"]}
    return ended.value.code, said.out, said.err, rows


def features(judge, images, size=16):
    return judge.net(paddle.to_tensor(np.stack([prepare(judge, image, size) for image in images]))).numpy()


def same(row, real, made):
    expected = figures(tuple(name for name in FIGURES if name in row), real, made)
    return row["generated"] == len(made) and row["real"] == len(real) and expected == pytest.approx(
        {name: row[name] for name in expected}, rel=1e-4, abs=1e-6)  # fmt: skip
