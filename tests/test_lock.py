"""Two trainings in one run's folder: the second gets one line, and the first loses nothing."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy_runs import ROOT, config, final_state, logged_steps

from ppstargan.errors import UserError
from ppstargan.systems import stargan_v2
from ppstargan.training import lock
from ppstargan.training.runs import checkpoints, find_checkpoint
from ppstargan.training.trainer import Trainer

HOLD = """
import sys
from ppstargan.training import lock
with lock.alone(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(run):
    """Another process that holds the folder until its input ends."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], **streams, text=True, cwd=ROOT)
    assert process.stdout.readline() == "held\n"
    return process


def refused(call, *arguments) -> str:
    with pytest.raises(lock.Busy) as caught:
        call(*arguments)
    return str(caught.value)


def enter(run):
    with lock.alone(run):
        pass


def test_another_process_is_named_and_a_killed_one_leaves_no_lock(tmp_path):
    process = holder(tmp_path)
    for call in (enter, lock.check_free):
        message = refused(call, tmp_path)
        told = (
            rf"process {process.pid} on {re.escape(os.uname().nodename)}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d, "
            rf"trains in {tmp_path} already; wait until it ends or stop it there \(Ctrl-C, or kill {process.pid}\), "
            "then resume"
        )
        assert re.fullmatch(told, message), message
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock.check_free(tmp_path)
    enter(tmp_path)
    assert os.listdir(tmp_path) == [".lock"]


def test_a_process_is_no_exception_to_itself(tmp_path):
    with lock.alone(tmp_path):
        for call in (enter, lock.check_free):
            assert refused(call, tmp_path).startswith(f"this very process ({os.getpid()} on ")
        (tmp_path / ".lock").read_bytes()  # reading it unlocks nothing
        assert refused(enter, tmp_path)
    enter(tmp_path)


def test_to_look_for_a_lock_keeps_nobody_out_and_writes_nothing(tmp_path, monkeypatch):
    lock.check_free(tmp_path)
    assert not os.listdir(tmp_path)
    enter(tmp_path)
    import fcntl

    with open(tmp_path / ".lock", "rb") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looker, fcntl.LOCK_UN))
        enter(tmp_path)
        lock.check_free(tmp_path)


def test_a_disk_without_locks_costs_a_warning(tmp_path, monkeypatch, capsys):
    def none(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", none)
    enter(tmp_path)
    warning = capsys.readouterr().err
    assert warning.startswith("warning: this disk knows no locks (Function not implemented), so nothing keeps")
    lock.check_free(tmp_path)
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_read_alone_is_named(tmp_path):
    (tmp_path / ".lock").mkdir()  # as good as one without permission, for root too
    with pytest.raises(UserError, match=f"cannot write {tmp_path}/.lock: Is a directory; a run goes on in its own"):
        enter(tmp_path)


def test_a_training_keeps_a_second_one_from_its_folder(faces, tmp_path, monkeypatch):
    """While the first saves, the second is refused at each step, and removes nothing of what the first writes."""
    given = config(faces, tmp_path, "train.iterations=2", "train.sample_every=100")
    first = Trainer(given, stargan_v2)
    first.run()
    run, newest = first.folder, checkpoints(first.folder)[-1]
    more = config(faces, tmp_path, "train.iterations=4", "train.sample_every=100")
    second, first = Trainer(more, stargan_v2), Trainer(more, stargan_v2)
    for trainer in (first, second):
        trainer.resume(newest)
        assert trainer.folder == run
    refusals = []

    def save(self):
        partial = run / "checkpoints" / ".0000004.pdparams.1.2.partial"
        partial.touch()
        log = (run / "visualdl" / "vdlrecords.ppstargan.log").stat().st_size
        for where in ("", str(run), str(newest)):
            refusals.append(refused(find_checkpoint, more, where))
        refusals.append(refused(second.run))
        assert partial.exists() and (run / "visualdl" / "vdlrecords.ppstargan.log").stat().st_size == log
        partial.unlink()
        return whole_save(self)

    whole_save = Trainer.save
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", save)
        assert first.run() == 0
    assert len(refusals) == 4 and all("this very process" in line for line in refusals)
    assert logged_steps(run) == [1, 2, 3, 4] and final_state(run)["iteration"] == 4
    # It was loaded before the first went on, and would write older checkpoints over newer ones.
    with pytest.raises(UserError, match=r"0000004\.pdparams is newer than what was resumed, iteration 2; resume again"):
        second.run()
    assert second.iteration == 2 and list(tmp_path.iterdir()) == [run]


def test_tools_are_refused_while_another_process_trains(faces, tmp_path):
    given = config(faces, tmp_path, "train.iterations=2", "train.sample_every=100")
    trainer = Trainer(given, stargan_v2)
    trainer.run()
    process = holder(trainer.folder)
    before = {path: path.read_bytes() for path in trainer.folder.rglob("*") if path.is_file()}
    command = [sys.executable, "tools/train.py", "-c", f"{trainer.folder}/config.yaml", "--resume"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    process.communicate("")
    assert done.returncode == 1 and done.stderr.startswith(f"error: process {process.pid} on ")
    assert done.stderr.count("\n") == 1
    assert before == {path: path.read_bytes() for path in trainer.folder.rglob("*") if path.is_file()}
    find_checkpoint(given, "")


def test_a_branch_from_a_run_that_trains_is_allowed(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4", "train.sample_every=100"), stargan_v2)
    trainer.run()
    older = str(trainer.folder / "checkpoints" / "0000002.pdparams")
    with lock.alone(trainer.folder):
        assert find_checkpoint(trainer.config, older) == Path(older)
        branch = Trainer(trainer.config, stargan_v2)
        branch.resume(Path(older))
        assert branch.run() == 0 and branch.folder != trainer.folder
