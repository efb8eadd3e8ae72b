"""Full disks under what a run prints and logs: lines are lost, and neither the training nor its checkpoints."""

import contextlib
import os
import sys

import pytest
from toy_runs import config, logged_steps

from ppstargan.errors import UserError
from ppstargan.systems import stargan_v2
from ppstargan.training.logs import output_to_a_full_disk
from ppstargan.training.trainer import Trainer

SETTINGS = ("train.iterations=6", "train.sample_every=100", "train.save_every=2")


@contextlib.contextmanager
def full_stream():
    file = open("/dev/full", "w")
    yield file
    with contextlib.suppress(OSError):
        file.close()


def half_written(monkeypatch, full):
    """Has VisualDL's file take half of each record while ``full()``, as a disk does that has room for no more."""
    from visualdl.io.bfile import LocalFileSystem

    def write(self, filename, content, mode):
        whole(self, filename, content[: len(content) // 2] if full() else content, mode)
        if full():
            raise OSError(28, "No space left on device")

    whole = LocalFileSystem._write
    monkeypatch.setattr(LocalFileSystem, "_write", write)


def test_what_is_printed(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, *SETTINGS), stargan_v2)
    with full_stream() as full, contextlib.redirect_stdout(full):
        assert trainer.run() == 0
        assert sys.stdout is full
    assert sorted(os.listdir(trainer.folder / "checkpoints"))[-1] == "0000006.pdparams"
    warning = "warning: what the run prints cannot be written (No space left on device); training goes on, and saves\n"
    assert capsys.readouterr().err == warning


def test_everything_at_once(faces, tmp_path, monkeypatch):
    """VisualDL warns from a thread of its own, which must not die of it: nobody would empty its queue."""
    half_written(monkeypatch, lambda: True)
    trainer = Trainer(config(faces, tmp_path, *SETTINGS), stargan_v2)
    with full_stream() as full, contextlib.redirect_stdout(full), contextlib.redirect_stderr(full):
        assert trainer.run() == 0
    assert sorted(os.listdir(trainer.folder / "checkpoints"))[-1] == "0000006.pdparams"
    assert (trainer.folder / "visualdl" / "vdlrecords.ppstargan.log").stat().st_size == 0


def test_a_log_that_lacks_some_steps_can_be_read(faces, tmp_path, monkeypatch, capsys):
    trainer = Trainer(config(faces, tmp_path, *SETTINGS), stargan_v2)
    half_written(monkeypatch, lambda: trainer.iteration in (3, 4))
    assert trainer.run() == 0
    assert logged_steps(trainer.folder) == [1, 2, 5, 6] and logged_steps(trainer.folder, "samples/cycle") == [6]
    assert "Warning: Writing data Error, Due to unresolved Exception [Errno 28]" in capsys.readouterr().out


def test_other_errors_of_a_stream_are_not_kept_back(capsys):
    class Closed:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    with contextlib.redirect_stdout(Closed()), output_to_a_full_disk(), pytest.raises(BrokenPipeError):
        print("line")


def test_a_log_that_cannot_be_begun_names_its_folder(faces, tmp_path, monkeypatch):
    from ppstargan.training import runs

    def new_run_folder(given):
        folder = made(given)
        (folder / "visualdl").symlink_to(tmp_path / "away")
        return folder

    made = runs.new_run_folder
    monkeypatch.setattr(runs, "new_run_folder", new_run_folder)
    trainer = Trainer(config(faces, tmp_path / "out", *SETTINGS), stargan_v2)
    with pytest.raises(UserError, match=rf"visualdl is a link to {tmp_path}/away, which is not there"):
        trainer.run()
    assert not os.listdir(tmp_path / "out")
