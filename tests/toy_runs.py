"""Small runs on a few drawn faces, and what the tests read of them."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from ppstargan import checkpoint
from ppstargan.systems.load import load_config

ROOT = Path(__file__).parents[1]
TINY = [
    "model.channel_base=128",
    "model.max_channels=8",
    "model.hidden_dim=16",
    "model.style_dim=8",
    "train.batch_size=3",
    "train.log_every=1",
    "train.sample_every=4",
    "train.save_every=2",
]


def config(faces, output, *overrides):
    given = [*TINY, f"data.root={faces}", f"output={output}", *overrides]
    return load_config(ROOT / "configs" / "toy.yaml", given)


def tool(*arguments, cwd=ROOT, **keywords):
    command = [sys.executable, str(ROOT / "tools" / arguments[0]), *map(str, arguments[1:])]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, **keywords)


def final_state(run):
    return checkpoint.load(sorted((run / "checkpoints").iterdir())[-1])


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def assert_same_training(ours, theirs):
    """Two checkpoints hold the same state, bit for bit; their folders and logs may differ."""
    ours, theirs = ({k: v for k, v in flat(c) if not k.startswith(("config/", "log_size"))} for c in (ours, theirs))
    assert ours.keys() == theirs.keys() and len(ours) > 300
    for key, value in ours.items():
        np.testing.assert_array_equal(value, theirs[key], err_msg=key)


def logged_steps(run, tag="g_latent/cyc"):
    from visualdl import LogReader

    log = LogReader(file_path=str(next((run / "visualdl").iterdir())))
    kind = "image" if tag.startswith("samples/") else "scalar"
    return [record.id for record in log.get_data(kind, tag)]
