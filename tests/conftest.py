"""What many tests share."""

import os
import runpy
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each of the test runner's processes, before Paddle is imported

from ppstargan.data.toy import write_dataset

TOOLS = Path(__file__).parents[1] / "tools"
sys.path.append(str(TOOLS))  # the tools, run in this process, find their checkout.py


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=4, val_count=2, seed=0)
    return root


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A few of the images that each toy configuration trains on."""
    import every_system

    return every_system.draw_all(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run_sample(monkeypatch, capsys, tmp_path):
    """Runs tools/sample.py in ``tmp_path`` with a file of weights; returns its exit code and what it printed."""

    def run(weights, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["tools/sample.py", "--weights", str(weights), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOLS / "sample.py"), run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    return run
