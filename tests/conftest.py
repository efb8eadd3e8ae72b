"""What many tests share."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each of the test runner's processes, before Paddle is imported

from ppstargan.data.toy import write_dataset

sys.path.append(str(Path(__file__).parents[1] / "tools"))  # the tools, run in this process, find their checkout.py


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=4, val_count=2, seed=0)
    return root
