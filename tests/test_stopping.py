"""What stops a run from outside: signals, and output that nobody takes any more. What was trained is kept."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppstargan.data.toy import write_dataset
from ppstargan.runtime import stop_signals

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=4, val_count=2, seed=0)
    return root


def start(faces, output, **streams):
    small = ["model.channel_base=128", "model.max_channels=8", "train.batch_size=2", "train.log_every=1", "name=run"]
    endless = ["train.iterations=1000000", "train.sample_every=1000000", "train.save_every=1000000"]
    command = [sys.executable, str(ROOT / "tools" / "train.py"), "-c", str(ROOT / "configs" / "toy.yaml"), "-o"]
    command += [*small, *endless, f"output={output}", f"data.root={faces}"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def read_until_training(process):
    for line in process.stdout:
        if re.match(r" *\d+/1000000 ", line):
            return
    raise AssertionError(process.stderr.read())


def saved(output):
    return sorted(path.name for path in output.glob("run-*/checkpoints/*"))


def test_a_launcher_may_send_sigterm_several_times():
    with stop_signals() as received:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
    assert received == [signal.SIGTERM] * 3


def test_a_second_ctrl_c_stops_at_once():
    with stop_signals() as received:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # the first
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert received == [signal.SIGTERM, signal.SIGINT]


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_output_that_nobody_reads_does_not_keep_a_signal_from_saving(faces, tmp_path, number):
    process = start(faces, tmp_path)
    read_until_training(process)
    time.sleep(3)  # its lines fill the pipe or Python's buffer meanwhile, and nobody takes them
    process.send_signal(number)
    time.sleep(1)
    said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert said[1] == f"\n{number.name}: finishing this iteration, then saving\n"
    assert len(saved(tmp_path)) == 1


def test_a_closed_pipe_costs_nothing_that_was_trained(faces, tmp_path):
    process = start(faces, tmp_path)
    read_until_training(process)
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=60) == 1
    assert error.count("\n") == 1 and error.startswith("error: what the run prints and logs cannot be written (Broken")
    (name,) = saved(tmp_path)
    assert int(name.split(".")[0]) > 0 and f"--resume {next(tmp_path.iterdir())}" in error
