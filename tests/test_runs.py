"""A run's checkpoints: which one is the newest, what is set aside, and what is removed."""

from pathlib import Path

import numpy as np
import pytest

from ppstargan import checkpoint
from ppstargan.data.folders import image_lists
from ppstargan.errors import UserError
from ppstargan.systems.load import load_config
from ppstargan.training.runs import checkpoints, find_checkpoint, prune, remove_partial_files

TOY = Path(__file__).parents[1] / "configs" / "toy.yaml"
CONTENT = {"architecture": {}, "nets": {"generator": {"weight": np.arange(1000, dtype="float32")}}}


def run_with(folder, *iterations):
    run = folder / "toy-20260101-000000"
    for i in iterations:
        checkpoint.save(CONTENT, run / "checkpoints" / f"{i:07d}.pdparams")
    return run


def config(folder):
    return load_config(TOY, [f"output={folder}"])


def names(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def cut(path):
    path.write_bytes(path.read_bytes()[:-500])


def flip_a_bit_of_a_weight(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def zeros(path):
    """What some file systems leave after a power cut."""
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [cut, flip_a_bit_of_a_weight, empty, zeros])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_it_is_taken(tmp_path, capsys, damage):
    run = run_with(tmp_path, 2, 4, 6)
    newest = run / "checkpoints" / "0000006.pdparams"
    damage(newest)
    for where in ("", str(run)):
        assert find_checkpoint(config(tmp_path), where) == run / "checkpoints" / "0000004.pdparams"
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and f"{newest} is damaged" in said[0] and "set aside as 0000006.pdparams.damaged" in said[0]
    assert names(run) == ["0000002.pdparams", "0000004.pdparams", "0000006.pdparams.damaged"]


def test_a_named_file_is_not_replaced_by_another(tmp_path):
    run = run_with(tmp_path, 2, 4)
    newest = run / "checkpoints" / "0000004.pdparams"
    cut(newest)
    found = find_checkpoint(config(tmp_path), str(newest))
    assert found == newest
    with pytest.raises(UserError, match="is damaged"):
        checkpoint.load(found)
    assert names(run) == ["0000002.pdparams", "0000004.pdparams"]


def test_where_all_are_damaged_no_other_run_is_taken(tmp_path):
    checkpoint.save(CONTENT, tmp_path / "toy-20250101-000000" / "checkpoints" / "0000009.pdparams")
    run = run_with(tmp_path, 2, 4)
    for path in checkpoints(run):
        cut(path)
    with pytest.raises(UserError, match=f"every checkpoint in {run}/checkpoints is damaged; name another"):
        find_checkpoint(config(tmp_path), "")


def test_a_file_that_cannot_be_read_now_is_not_called_damaged(tmp_path, monkeypatch):
    run = run_with(tmp_path, 2, 4)

    def fail(file):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint, "_checked", fail)
    with pytest.raises(UserError, match=r"0000004\.pdparams cannot be read \(Input/output error\)"):
        find_checkpoint(config(tmp_path), "")
    assert names(run) == ["0000002.pdparams", "0000004.pdparams"]


def test_the_newest_is_the_one_of_the_highest_iteration(tmp_path):
    run = run_with(tmp_path, 9_999_999, 10_000_000)
    assert [path.name for path in checkpoints(run)] == ["9999999.pdparams", "10000000.pdparams"]


def test_pruning_touches_nothing_but_this_runs_old_checkpoints(tmp_path):
    run = run_with(tmp_path, 5, 10, 15, 20, 25)
    others = ("best_0000001.pdparams", "1.pdparams", "00000001.pdparams", "0000001.pdparams.damaged", "0000001.txt")
    for name in others:
        (run / "checkpoints" / name).touch()
    prune(run, keep_last=2, keep_every=10)
    assert names(run) == sorted((*others, *(f"00000{i}.pdparams" for i in (10, 20, 25))))
    prune(run, keep_last=1, keep_every=0)
    assert names(run) == sorted((*others, "0000025.pdparams"))
    prune(run, keep_last=1, keep_every=0)
    assert names(run) == sorted((*others, "0000025.pdparams"))


def test_files_of_a_killed_process_are_removed_and_no_others(tmp_path):
    run = run_with(tmp_path, 2)
    (run / "samples").mkdir()
    for name in ("checkpoints/.0000004.pdparams.123.partial", "samples/.0000004_cycle.png.123.partial"):
        (run / name).touch()
    (run / "checkpoints" / ".mine.partial").touch()
    remove_partial_files(run)
    assert names(run) == [".mine.partial", "0000002.pdparams"] and not list((run / "samples").iterdir())


def test_image_lists_depend_on_names_and_order_alone(tmp_path):
    def lists(root, *names):
        return image_lists(Path(root), {"cat": [Path(root) / "cat" / name for name in names]})

    first = lists(tmp_path / "a", "1.jpg", "2.jpg")
    assert first["cat"][0] == 2 and first == lists(tmp_path / "b", "1.jpg", "2.jpg")
    for names_ in (("1.jpg",), ("2.jpg", "1.jpg"), ("1.jpg", "3.jpg"), ("1.jpg2.jpg",), ("1.jpg\udcb0", "2.jpg")):
        assert lists(tmp_path, *names_) != first


def test_the_newest_run_of_a_name_is_not_one_whose_name_only_begins_so(tmp_path):
    for folder in ("toy-20260101-000000", "toy-20260101-000000-2", "toy-20260101-000000-10", "toy-64-20270101-000000"):
        checkpoint.save(CONTENT, tmp_path / folder / "checkpoints" / "0000001.pdparams")
    assert find_checkpoint(config(tmp_path), "").parents[1].name == "toy-20260101-000000-10"
    other = load_config(TOY, [f"output={tmp_path}", "name=toy-64"])
    assert find_checkpoint(other, "").parents[1].name == "toy-64-20270101-000000"
    odd = load_config(TOY, [f"output={tmp_path}", "name=to[y]"])  # no pattern
    with pytest.raises(UserError, match="no checkpoint to resume"):
        find_checkpoint(odd, "")
