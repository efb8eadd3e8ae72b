"""The first command of the README on a small setting, and the figures it ends with."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppstargan.data.batches import load_batch
from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import write_dataset
from ppstargan.metrics.toy import measure

ROOT = Path(__file__).parents[1]


def test_quickstart_draws_trains_and_measures(tmp_path):
    small = [
        "model.channel_base=128",
        "model.max_channels=8",
        "train.iterations=2",
        f"output={tmp_path / 'out'}",
        f"data.root={tmp_path / 'toy'}",
    ]
    command = [sys.executable, str(ROOT / "tools" / "quickstart.py"), "-o", *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    last = done.stdout.splitlines()[-5:]
    share = r"\d+\.\d%"
    for line, pattern in zip(
        last,
        (
            rf"domain classifier, .*: {share} of the drawn val faces right",
            rf"translations in their target domain: {share} latent-guided, {share} reference-guided \(of 2400 each\)",
            r"spread among 10 outputs for one input \(mean L1\): \d\.\d{3} latent-guided, \d\.\d{3} reference-guided",
            r"cycle error \(mean L1\): \d\.\d{3}",
            r"look at: (.+\.png)",
        ),
    ):
        assert re.fullmatch(pattern, line), line
    assert Path(last[-1][len("look at: ") :]).is_file()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=240, val_count=6, seed=0)
    return find_domains(root / "train"), find_domains(root / "val")


class Nothing:
    """Networks that leave every image as it is."""

    def __init__(self):
        self.generator = self

    def masks(self, x):
        return None

    def encode_content(self, x):
        return x

    def decode_content(self, content, s, masks):
        return content

    def translate(self, x, s):
        return x

    def style_from_latent(self, z, y):
        return paddle.zeros([y.shape[0], 1])

    style_from_reference = style_from_latent


class Perfect(Nothing):
    """Networks whose style code is an image, and whose output is that image: a face of the target domain."""

    def __init__(self, images):
        super().__init__()
        self.images = [load_batch(paths, 32) for paths in images.values()]

    def decode_content(self, content, s, masks):
        return s

    def translate(self, x, s):
        return s

    def style_from_reference(self, x, y):
        return x

    def style_from_latent(self, z, y):
        chosen = [self.images[int(d)][int(abs(float(v)) * 1000) % 6] for v, d in zip(z[:, 0], y)]
        return paddle.to_tensor(np.stack(chosen))


def test_networks_that_do_nothing_score_nothing(faces):
    report = measure(Nothing(), *faces, size=32, latent_dim=4)
    assert report.accuracy > 0.9
    assert report.latent_share == report.reference_share < 0.1
    assert report.latent_spread == report.reference_spread == report.cycle_error == 0
    assert report.images == 6 * 3 * 2 * 10


def test_perfect_networks_score_everything(faces):
    report = measure(Perfect(faces[1]), *faces, size=32, latent_dim=4)
    assert report.latent_share > 0.9 and report.reference_share > 0.9
    assert report.cycle_error == 0
    pairs = [np.abs(a - b).mean() for images in Perfect(faces[1]).images for a in images for b in images]
    assert report.reference_spread == pytest.approx(np.mean(pairs), rel=0.1)
    assert report.latent_spread == pytest.approx(np.mean(pairs), rel=0.1)
