"""Where a run goes on: names that are relative or links, runs without a checkpoint, and disks that are not there."""

import os

import pytest
from test_runs import CONTENT, config, run_with
from toy_runs import config as tiny

from ppstargan import checkpoint
from ppstargan.cli import place
from ppstargan.data.dataset import find_domains
from ppstargan.data.prepare import prepare
from ppstargan.errors import UserError
from ppstargan.files import whole_file
from ppstargan.systems import stargan_v2
from ppstargan.training.runs import find_checkpoint, new_run_folder, own_folder
from ppstargan.training.trainer import Trainer


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_newest_checkpoint_by_any_name_goes_on_in_its_run(tmp_path, monkeypatch):
    run = run_with(tmp_path, 2, 4)
    inside = run / "checkpoints"
    (inside / "latest.pdparams").symlink_to("0000004.pdparams")
    (tmp_path / "best.pdparams").symlink_to(inside / "latest.pdparams")
    (tmp_path / "run").symlink_to(run)
    (tmp_path / "copy.pdparams").write_bytes((inside / "0000004.pdparams").read_bytes())
    for folder, name in (
        (inside, "0000004.pdparams"),
        (inside, "latest.pdparams"),
        (run, "checkpoints/0000004.pdparams"),
        (tmp_path, "best.pdparams"),
        (tmp_path, "run/checkpoints/0000004.pdparams"),
        (tmp_path, f"{run.name}/checkpoints/../checkpoints/0000004.pdparams"),
    ):
        monkeypatch.chdir(folder)
        assert own_folder(name).samefile(run) and own_folder(name).is_absolute(), name
    monkeypatch.chdir(inside)
    for name in ("0000002.pdparams", "../../copy.pdparams", "none.pdparams"):
        assert own_folder(name) is None
    os.replace("0000002.pdparams", "0000006.pdparams")  # a link to the newest no more
    assert own_folder("latest.pdparams") is None


def test_checkpoints_that_lie_on_another_disk_are_those_of_the_run(tmp_path):
    run = run_with(tmp_path, 2)
    (run / "checkpoints").rename(tmp_path / "disk")
    (run / "checkpoints").symlink_to(tmp_path / "disk")
    (tmp_path / "best.pdparams").symlink_to(run / "checkpoints" / "0000002.pdparams")
    assert own_folder(run / "checkpoints" / "0000002.pdparams") == own_folder(tmp_path / "best.pdparams") == run


def test_the_trainer_goes_on_there(faces, tmp_path, monkeypatch):
    trainer = Trainer(tiny(faces, tmp_path, "train.iterations=1", "train.sample_every=100"), stargan_v2)
    trainer.run()
    monkeypatch.chdir(trainer.folder / "checkpoints")
    other = Trainer(trainer.config, stargan_v2)
    other.resume(find_checkpoint(trainer.config, "0000001.pdparams"))
    assert other.folder == trainer.folder


@pytest.mark.parametrize("inside", [".", "checkpoints", "samples"])
def test_the_folder_of_a_run_may_be_the_one_that_one_is_in(tmp_path, monkeypatch, inside):
    run = run_with(tmp_path, 2)
    (run / "samples").mkdir()
    monkeypatch.chdir(run / inside)
    where = ".." if inside == "samples" else "."
    assert find_checkpoint(config(tmp_path), where) == run / "checkpoints" / "0000002.pdparams"


def test_an_older_run_is_not_taken_in_silence(tmp_path):
    run = run_with(tmp_path, 2)
    (tmp_path / "toy-20260102-000000").mkdir()
    assert refusal(find_checkpoint, config(tmp_path), "") == (
        f"the newest run, {tmp_path}/toy-20260102-000000, ended before its first checkpoint, so nothing of it can go "
        f"on; start it again without --resume, or go on with the newest that has one: --resume {run}"
    )
    assert find_checkpoint(config(tmp_path), str(run)).parents[1] == run
    checkpoint.save(CONTENT, tmp_path / "toy-20260102-000000" / "checkpoints" / "0000001.pdparams")
    (tmp_path / "toy-20260103-000000").touch()  # no run
    assert find_checkpoint(config(tmp_path), "").name == "0000001.pdparams"


def test_a_run_that_was_moved_or_lost_its_checkpoints(tmp_path):
    run = run_with(tmp_path, 2).rename(tmp_path / "a name of its own")
    assert find_checkpoint(config(tmp_path), str(run)) == run / "checkpoints" / "0000002.pdparams"
    (run / "checkpoints").rename(tmp_path / "away")
    nothing = f"no checkpoint to resume in {run}/checkpoints; start a run without --resume"
    assert refusal(find_checkpoint, config(tmp_path), str(run)) == nothing


def test_a_disk_that_is_not_mounted_is_named_wherever_it_is_asked_for(tmp_path):
    (tmp_path / "output").symlink_to(tmp_path / "disk" / "runs")
    lost = f"{tmp_path}/output is a link to {tmp_path}/disk/runs, which is not there; is its disk mounted?"
    for output in (tmp_path / "output", tmp_path / "output" / "mine"):
        given = config(output)
        assert f"can be made ({lost}); name another by -o output=FOLDER" in refusal(new_run_folder, given)
        assert refusal(find_checkpoint, given, "") == f"nothing to resume: {lost}"
        assert lost in refusal(find_checkpoint, given, str(output))
        assert lost in refusal(checkpoint.save, CONTENT, output / "a.pdparams")
        assert lost in refusal(checkpoint.load, output / "a.pdparams")
        assert lost in refusal(lambda path: whole_file(path).__enter__(), output / "a.txt")
    assert os.listdir(tmp_path) == ["output"]


def test_no_tool_writes_in_the_place_of_a_disk_that_is_not_mounted(faces, tmp_path):
    (tmp_path / "mine").symlink_to(tmp_path / "disk")
    lost = f"{tmp_path}/mine is a link to {tmp_path}/disk, which is not there; is its disk mounted?"
    assert refusal(place, str(tmp_path / "mine")) == lost
    assert refusal(place, str(tmp_path / "mine" / "a.png")) == f"no {tmp_path}/mine/a.png: {lost}"
    assert refusal(prepare, faces / "train", tmp_path / "mine", size=32, val=1, seed=0) == lost
    assert refusal(find_domains, tmp_path / "mine" / "train") == f"no {tmp_path}/mine/train: {lost}"
    assert os.listdir(tmp_path) == ["mine"]


def test_a_link_to_a_checkpoint_that_is_gone_says_so(tmp_path):
    run = run_with(tmp_path, 4)
    (tmp_path / "latest.pdparams").symlink_to(run / "checkpoints" / "0000002.pdparams")
    lost = f"{tmp_path}/latest.pdparams is a link to {run}/checkpoints/0000002.pdparams, which is not there"
    assert lost in refusal(checkpoint.load, tmp_path / "latest.pdparams")
    assert lost in refusal(find_checkpoint, config(tmp_path), str(tmp_path / "latest.pdparams"))


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "output").touch()
    for output in (tmp_path / "output", tmp_path / "output" / "mine"):
        message = refusal(new_run_folder, config(output))
        assert f"can be made (Not a directory: {output}); name another" in message and "many runs" not in message
