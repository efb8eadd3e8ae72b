"""What stops a run from outside: signals, and output that nobody takes any more. What was trained is kept."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from toy_runs import ROOT, TINY, final_state

from ppstargan.runtime import stop_signals

F_SETPIPE_SZ = 1031  # of Linux; Python 3.9 has no name for it
ENDLESS = ["train.iterations=100000", "train.sample_every=100000", "train.save_every=100000", "name=run"]


def start(faces, output, *arguments):
    command = [sys.executable, "tools/train.py", "-c", "configs/toy.yaml", "-o", *TINY, *ENDLESS]
    command += [f"output={output}", f"data.root={faces}", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **streams, text=True, cwd=ROOT, env=environment, preexec_fn=as_usual)


def as_usual():
    """A child of nohup, or of a job in the background, would ignore these."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def read_until_training(process) -> list:
    """The lines until the first with losses."""
    said = []
    for line in process.stdout:
        said.append(line)
        if re.match(r" *\d+/100000 ", line):
            return said
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
    fcntl.fcntl(process.stdout, F_SETPIPE_SZ, 4096)
    read_until_training(process)
    time.sleep(3)  # its lines fill the pipe meanwhile, and nobody takes them: the signal finds it in the midst of one
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_resume_goes_on(faces, tmp_path, number):
    process = start(faces, tmp_path)
    said = read_until_training(process)
    process.send_signal(number)
    rest, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number, rest + error
    assert "Traceback" not in error and f"stopped by {number.name}" in rest
    run = next(tmp_path.iterdir())
    iteration = final_state(run)["iteration"]
    logged = [int(found) for found in re.findall(r"^ *(\d+)/100000 ", "".join(said) + rest, re.M)]
    assert iteration == logged[-1]

    again = start(faces, tmp_path, "--resume")
    said = read_until_training(again)
    again.kill()
    again.wait()
    assert f"after iteration {iteration}" in "".join(said)
    assert re.match(rf" *{iteration + 1}/100000 ", said[-1]), said[-1]
    assert list(tmp_path.iterdir()) == [run]
