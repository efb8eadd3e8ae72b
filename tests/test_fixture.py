"""A run that commit 13ea6ff wrote goes on as it went on there: the file format and the training hold for ever.

``reference/run_13ea6ff`` holds its images, its configuration and checkpoint after ten iterations, the state ten
iterations later (``after.npz``), and what its first hundred batches were. Images have the networks' size and are not
cropped, so that no release of Pillow comes in between. Instance norms and convolutions are Paddle's own, as there: our
faster forms of them round otherwise, and test_norms.py and test_convolution.py compare these with the formulas.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import paddle
import pytest
from drawing import batch_files, draw_batch
from paddle.nn import functional as F
from toy_runs import flat

from ppstargan import checkpoint
from ppstargan.data.dataset import find_domains
from ppstargan.nets import norms, onednn
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import load_config
from ppstargan.training.trainer import Trainer

RUN = Path(__file__).parent / "reference" / "run_13ea6ff"
WRITTEN_ON = "3.3.1 GenuineIntel amx_tile"  # Paddle, and what decides over its kernels: bits are equal there alone


def here() -> str:
    words = set(Path("/proc/cpuinfo").read_text().split()) if os.path.exists("/proc/cpuinfo") else set()
    return " ".join([paddle.__version__, *({"GenuineIntel", "amx_tile"} & words)])


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    with mock.patch.object(norms, "_instance_norm_on_a_cpu", F.instance_norm), \
            mock.patch.object(onednn, "library", lambda: None):  # fmt: skip
        return gone_on(tmp_path_factory)


def gone_on(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("fixture")
    run = folder / "fixture-20261125-120000"
    shutil.copytree(RUN / "images", folder / "images")
    (run / "checkpoints").mkdir(parents=True)
    shutil.copy(RUN / "0000010.pdparams", run / "checkpoints")
    shutil.copy(RUN / "config.yaml", run)
    given = [f"data.root={folder / 'images'}", f"output={folder}", "train.iterations=20"]
    trainer = Trainer(load_config(run / "config.yaml", given), stargan_v2)
    trainer.resume(run / "checkpoints" / "0000010.pdparams")
    assert trainer.run() == 0
    assert trainer.folder == run
    return checkpoint.load(run / "checkpoints" / "0000020.pdparams")


def test_it_goes_on_as_it_went_on(resumed):
    parts = {part: resumed[part] for part in ("nets", "averages", "optimizers")}
    state = dict(flat(parts))
    with np.load(RUN / "after.npz") as after:
        assert state.keys() == set(after.files)
        for key, value in state.items():
            expected = after[key]
            if sorted(here().split()) == sorted(WRITTEN_ON.split()):
                np.testing.assert_array_equal(value, expected, err_msg=key)
            elif not key.startswith("optimizers/") and not key.endswith("bias"):
                # Other kernels round otherwise; a bias before an instance norm has no gradient but rounding.
                distance = np.linalg.norm(np.float64(value) - expected) / np.linalg.norm(expected)
                assert distance < 1e-5, (key, distance)
    assert (resumed["iteration"], resumed["lambda_ds"]) == (20, 0.5)
    assert resumed["domains"] == ["cat", "dog", "lion"]


def test_it_goes_on_near_to_it_by_our_own_kernels(tmp_path_factory):
    """Our instance norm and oneDNN's convolutions round otherwise, and in ten iterations an L1 loss's sign may turn."""
    found = gone_on(tmp_path_factory)
    state = dict(flat({part: found[part] for part in ("nets", "averages")}))
    with np.load(RUN / "after.npz") as after:
        for key, value in state.items():
            if not key.endswith("bias"):
                distance = np.linalg.norm(np.float64(value) - after[key]) / np.linalg.norm(after[key])
                assert distance < 1e-4, (key, distance)


def test_its_first_hundred_batches():
    domains = find_domains(RUN / "images" / "train")
    settings = {"batch_size": 4, "img_size": 32, "latent_dim": 4, "crop_probability": 0.5, "seed": 777}
    for i, expected in enumerate(json.loads((RUN / "batches.json").read_text())):
        batch = draw_batch(domains, i, **settings)
        drawn = hashlib.sha256(b"".join(a.tobytes() for a in (batch.y_src, batch.y_trg, batch.z_trg, batch.z_trg2)))
        files = [path.relative_to(RUN / "images") for row in batch_files(domains, i, **settings) for path in row]
        drawn.update("\n".join(map(str, files)).encode())
        images = (batch.x_src, batch.x_ref, batch.x_ref2)
        pixels = hashlib.sha256(b"".join(a.tobytes() for a in images))
        assert drawn.hexdigest()[:16] == expected["drawn"]
        assert pixels.hexdigest()[:16] == expected["pixels"] or np.allclose(
            [a.mean() for a in images],
            expected["mean"],
            atol=2e-3,  # another release of Pillow
        )
