"""Files that appear whole or not at all."""

import os
import threading

import pytest

from ppstargan.errors import UserError
from ppstargan.files import replaced, whole_file
from ppstargan.training.runs import remove_partial_files


@pytest.mark.parametrize("write", [replaced, whole_file])
def test_a_file_appears_at_the_end_in_a_folder_made_for_it(write, tmp_path):
    path = tmp_path / "new" / "a.txt"
    for content in ("first", "second"):
        with write(path) as partial:
            partial.write_text(content)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == content and os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError(), KeyboardInterrupt()])
def test_an_error_leaves_the_earlier_file(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("first")
    for write in (replaced, whole_file):
        with pytest.raises(UserError if write is whole_file and isinstance(error, OSError) else type(error)) as raised:
            with write(path) as partial:
                partial.write_text("half")
                raise error
        assert path.read_text() == "first" and os.listdir(tmp_path) == ["a.txt"]
        if raised.type is UserError:
            assert str(raised.value) == f"cannot write {path}: No space left on device; choose another place"


def test_the_disk_has_the_content_before_the_name(tmp_path, monkeypatch):
    path, done = tmp_path / "a.txt", []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("folder" if path.exists() else "file") or sync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("name") or replace(*paths))
    with replaced(path, sync=True) as partial:
        partial.write_text("x")
    assert done == ["file", "name", "folder"]
    with replaced(path) as partial:
        partial.write_text("y")
    assert done[3:] == ["name"]


def test_threads_and_processes_write_to_names_of_their_own(tmp_path, monkeypatch):
    """Also where only the end of long names differs; in UTF-8 these have 244 bytes, of the 255 that there may be."""
    long = ["图" * 80 + end for end in ("1.jpg", "2.jpg")]

    def partials():
        found = []
        for name in long:
            with replaced(tmp_path / name) as partial:
                partial.touch()
                found.append(partial)
        return found

    def in_a_thread():
        others.extend(partials())

    others: list = []
    mine, thread = partials(), threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    monkeypatch.setattr(os, "getpid", lambda: 2**22)
    assert len(others) == 2 and not {*mine} & {*others} and not {*mine} & {*partials()}
    assert sorted(os.listdir(tmp_path)) == long


@pytest.mark.parametrize("place", ["checkpoints/0000004.pdparams", "samples/0000004_cycle.png"])
def test_what_a_killed_run_leaves_is_removed(place, tmp_path):
    with replaced(tmp_path / place) as partial:
        partial.touch()
        remove_partial_files(tmp_path)
        assert not partial.exists()
        partial.touch()
