"""A training of several processes of which one ends: the others keep what was trained, and the next launch goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from every_system import TINY
from toy_runs import ROOT, assert_same_training, config, final_state

from ppstargan.systems import stargan_v2
from ppstargan.training import distributed, trainer
from ppstargan.training.peers import Gone
from ppstargan.training.runs import left
from ppstargan.training.trainer import Trainer


@pytest.fixture
def digits(tmp_path):
    """Arguments of a tiny training on drawn digits."""
    drawing = [sys.executable, "tools/draw_toy.py", "gan", "--out", str(tmp_path / "digits")]
    subprocess.run([*drawing, "--train", "4", "--val", "2"], check=True, capture_output=True, cwd=ROOT)
    keys = [f"{key}={value}" for key, value in TINY.items() if key in ("data.workers", "train.batch_size")]
    keys += [f"data.root={tmp_path / 'digits'}", f"output={tmp_path / 'output'}", "model.img_size=16"]
    return ["-c", str(ROOT / "configs" / "gan_toy.yaml"), "--resume-or-start", "-o", *keys]


def launched(folder: Path, *command) -> subprocess.Popen:
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*launcher, *command], cwd=folder.parent, env=environment, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip


def worker(folder: Path, number: int) -> int:
    """The process number ``number`` of a launch that logs to ``folder``."""
    wanted = {f"PADDLE_LOG_DIR={folder}".encode(), f"PADDLE_TRAINER_ID={number}".encode()}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted <= set(path.read_bytes().split(b"\0")):
                return int(path.parent.name)
        except OSError:  # it has ended, or is another user's
            pass
    raise AssertionError(f"no process {number}")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="tells the processes apart by Linux's /proc")
def test_a_killed_process_ends_the_others_in_a_line_and_the_same_command_goes_on(digits, tmp_path):
    train = [str(ROOT / "tools" / "train.py"), *digits, "train.save_every=20", "train.log_every=20"]
    log = tmp_path / "log"
    first = launched(log, *train, "train.iterations=1000000")
    until = time.monotonic() + 300
    while not (there := list(tmp_path.glob("output/*/checkpoints/*.pdparams"))) and time.monotonic() < until:
        time.sleep(0.2)
    assert there and first.poll() is None, (log / "workerlog.0").read_text()
    os.kill(worker(log, 1), signal.SIGKILL)
    assert first.wait(120) != 0
    printed = (log / "workerlog.0").read_text()
    (run,) = (tmp_path / "output").iterdir()
    newest = sorted((run / "checkpoints").iterdir())[-1]
    host = os.uname().nodename
    assert [line for line in printed.splitlines() if line.startswith("error: ")] == [
        f"error: process 1 on {host} was killed or has crashed; its own output may say more; the newest checkpoint is "
        f"{newest}: go on by the same command with --resume {run}"
    ]
    assert "Traceback" not in printed and printed.splitlines()[-1].startswith("error: ")

    end = int(newest.stem) + 2
    again = launched(tmp_path / "again", *train, f"train.iterations={end}")
    assert again.wait(300) == 0
    said = f"resuming {newest} after iteration {int(newest.stem)}\n"
    assert said in (tmp_path / "again" / "workerlog.0").read_text()
    assert list((tmp_path / "output").iterdir()) == [run]
    assert sorted((run / "checkpoints").iterdir())[-1].name == f"{end:07d}.pdparams"


@pytest.mark.parametrize("amid", [False, True])
def test_what_was_trained_is_saved_unless_a_step_was_begun(faces, tmp_path, monkeypatch, amid):
    """Amid an iteration one network may have stepped and another not."""
    whole = Trainer(config(faces, tmp_path / "whole", "train.iterations=3"), stargan_v2)
    assert whole.run() == 0
    stopped = Trainer(config(faces, tmp_path / "stopped", "train.iterations=5", "train.save_every=2"), stargan_v2)

    def gone(*given, **more):
        if stopped.iteration == 3:
            raise Gone("process 1 on there was killed")
        return old(*given, **more)

    module, name = (trainer, "follow") if amid else (distributed, "exchange")
    old = getattr(module, name)
    monkeypatch.setattr(module, name, gone)
    with pytest.raises(Gone) as found:
        stopped.run()
    newest = stopped.folder / "checkpoints" / f"000000{2 if amid else 3}.pdparams"
    assert sorted((stopped.folder / "checkpoints").iterdir())[-1] == newest
    assert str(found.value) == (
        f"process 1 on there was killed; the newest checkpoint is {newest}: go on by the same command with --resume "
        f"{stopped.folder}"
    )
    if not amid:
        assert_same_training(final_state(whole.folder), final_state(stopped.folder))


def test_what_is_left_is_told_also_where_there_is_nothing(tmp_path):
    assert left(tmp_path) == f"{tmp_path} has no checkpoint yet: start again"
    assert "of the host of process 0: go on by the same command with --resume" in left(tmp_path / "elsewhere")
