"""A run that goes on: with the same bits, in its own folder or a new one, and what it refuses."""

import random

import numpy as np
import paddle
import pytest
from authors_form import refusal
from toy_runs import assert_same_training, config, final_state, logged_steps

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets.fan import FAN
from ppstargan.systems import stargan_v2
from ppstargan.training.runs import find_checkpoint
from ppstargan.training.trainer import Trainer


def test_two_and_two_iterations_equal_four(faces, tmp_path, capsys):
    whole = Trainer(config(faces, tmp_path / "whole", "train.iterations=4"), stargan_v2)
    whole.run()
    half = Trainer(config(faces, tmp_path / "half", "train.iterations=2"), stargan_v2)
    half.run()
    rest_config = config(faces, tmp_path / "half", "train.iterations=4")
    rest = Trainer(rest_config, stargan_v2)
    rest.resume(find_checkpoint(rest_config, ""))
    assert rest.iteration == 2 and rest.folder == half.folder
    rest.run()
    assert "iterations: 4" in (half.folder / "config.yaml").read_text()
    assert "iterations: 2" in (half.folder / "config_until_0000002.yaml").read_text()
    said = capsys.readouterr().out
    assert "changed: train.iterations was 2, now 4\n" in said
    assert "is exists" not in said
    assert_same_training(final_state(rest.folder), final_state(whole.folder))
    assert logged_steps(rest.folder) == [1, 2, 3, 4]


def test_random_states_outside_of_the_seed_change_nothing(faces, tmp_path, monkeypatch):
    def disturbed(self, batch):
        random.seed(self.iteration)
        np.random.seed(self.iteration)
        paddle.seed(self.iteration)
        return iteration(self, batch)

    runs = []
    iteration = Trainer.train_iteration
    for name, function in (("quiet", iteration), ("disturbed", disturbed)):
        monkeypatch.setattr(Trainer, "train_iteration", function)
        trainer = Trainer(config(faces, tmp_path / name, "train.iterations=3"), stargan_v2)
        trainer.run()
        runs.append(final_state(trainer.folder))
    assert_same_training(*runs)


def test_a_killed_run_logs_each_step_once(faces, tmp_path, monkeypatch):
    """What came after the last checkpoint is cut off the log, also half a record, and written again."""

    def killed(self):
        if self.iteration == 6:
            raise KeyboardInterrupt
        return save(self)

    save = Trainer.save
    given = config(faces, tmp_path, "train.iterations=8", "train.sample_every=2")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", killed)
        trainer = Trainer(given, stargan_v2)
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    assert logged_steps(trainer.folder) == [1, 2, 3, 4, 5, 6]
    log = trainer.folder / "visualdl" / "vdlrecords.ppstargan.log"
    log.write_bytes(log.read_bytes() + b"\x50\0\0\0\0\0\0\0half a record")
    again = Trainer(given, stargan_v2)
    again.resume(find_checkpoint(given, ""))
    assert again.iteration == 4 and again.run() == 0 and again.folder == trainer.folder
    assert logged_steps(again.folder) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert logged_steps(again.folder, "samples/cycle") == [2, 4, 6, 8]


def test_changes_of_the_training_are_named_and_need_an_option(faces, tmp_path, capsys):
    import shutil

    trainer = Trainer(config(faces, tmp_path / "out", "train.iterations=2"), stargan_v2)
    trainer.run()
    shutil.copytree(faces, tmp_path / "moved")
    path = find_checkpoint(trainer.config, "")

    def resumed(data, *overrides, **options):
        other = Trainer(config(data, tmp_path / "out", *overrides), stargan_v2)
        other.resume(path, **options)
        return other

    capsys.readouterr()
    resumed(tmp_path / "moved", "train.iterations=9", "data.workers=0", "train.save_every=7", "train.accumulate=3")
    said = capsys.readouterr().out
    assert "changed: train.iterations was 2, now 9\n" in said and "changed: train.accumulate was 1, now 3\n" in said
    with pytest.raises(UserError) as caught:
        resumed(faces, "train.lr=1e-5", "loss.lambda_cyc=2", "train.iterations=9")
    message = str(caught.value)
    assert (
        "train.lr was 0.0015, now 1e-05; loss.lambda_cyc was 1.0, now 2.0" in message and "--allow-changes" in message
    )
    assert "iterations" not in message and "\n" not in message
    resumed(faces, "train.lr=1e-5", allow_changes=True)
    assert "changed: train.lr was 0.0015, now 1e-05\n" in capsys.readouterr().out
    first = sorted((tmp_path / "moved" / "train" / "cat").iterdir())[0]
    first.rename(first.with_name(f"other{first.suffix}"))
    with pytest.raises(UserError, match="images of cat were 4, now 4 by other names; give"):
        resumed(tmp_path / "moved")
    sorted((tmp_path / "moved" / "train" / "dog").iterdir())[0].unlink()
    with pytest.raises(
        UserError, match="images of cat were 4, now 4 by other names; images of dog were 4, now 3; give"
    ):
        resumed(tmp_path / "moved")


def test_old_checkpoints_go_but_for_the_last_and_the_ones_kept_for_good(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=7", "train.save_every=1", "train.keep_last=2",
                             "train.keep_every=3"), stargan_v2)  # fmt: skip
    trainer.run()
    assert sorted(path.name for path in (trainer.folder / "checkpoints").iterdir()) == [
        f"000000{i}.pdparams" for i in (3, 6, 7)
    ]


def test_a_converted_run_goes_on_in_a_folder_of_its_own(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path / "a", "train.iterations=2"), stargan_v2)
    trainer.run()
    content = final_state(trainer.folder)
    checkpoint.save({**content, "domains": None}, tmp_path / "converted.pdparams")
    other = Trainer(config(faces, tmp_path / "b", "train.iterations=3"), stargan_v2)
    other.resume(tmp_path / "converted.pdparams")
    assert other.run() == 0 and other.folder.parent == tmp_path / "b"
    assert final_state(other.folder)["iteration"] == 3
    architecture = {**content["architecture"], "num_domains": 2}
    checkpoint.save({**content, "domains": None, "architecture": architecture}, tmp_path / "two.pdparams")
    with pytest.raises(UserError, match=r"trained on 2 domains, and /.* has cat, dog, lion"):
        other.resume(tmp_path / "two.pdparams")


def test_an_earlier_checkpoint_goes_on_in_a_folder_of_its_own(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4"), stargan_v2)
    trainer.run()
    before = {path: path.read_bytes() for path in (trainer.folder / "checkpoints").iterdir()}
    branch = Trainer(config(faces, tmp_path, "train.iterations=4", "train.lr=1e-5"), stargan_v2)
    branch.resume(trainer.folder / "checkpoints" / "0000002.pdparams", allow_changes=True)
    assert branch.iteration == 2 and branch.run() == 0
    assert branch.folder != trainer.folder
    assert before == {path: path.read_bytes() for path in (trainer.folder / "checkpoints").iterdir()}
    best = tmp_path / "best" / "checkpoints" / "best.pdparams"
    best.parent.mkdir(parents=True)
    best.write_bytes((trainer.folder / "checkpoints" / "0000004.pdparams").read_bytes())
    other = Trainer(trainer.config, stargan_v2)
    other.resume(best)
    assert other.folder is None and other.iteration == 4
    # The folder of the checkpoints is as good as the run's.
    found = find_checkpoint(trainer.config, str(branch.folder / "checkpoints"))
    assert found == branch.folder / "checkpoints" / "0000004.pdparams"


def test_nothing_to_resume_is_named(faces, tmp_path):
    with pytest.raises(UserError, match=f"no checkpoint to resume in {tmp_path}/toy-"):
        find_checkpoint(config(faces, tmp_path), "")
    with pytest.raises(UserError, match="nothing to resume at"):
        find_checkpoint(config(faces, tmp_path), str(tmp_path / "none"))


def test_a_finished_run_says_so(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=1"), stargan_v2)
    trainer.run()
    other = Trainer(config(faces, tmp_path, "train.iterations=1"), stargan_v2)
    other.resume(find_checkpoint(other.config, ""))
    assert other.run() == 0
    assert "1 of 1 iterations are done; raise train.iterations" in capsys.readouterr().out


def test_a_random_fan_is_kept_by_the_checkpoint(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "draw_sheets", lambda self: None)  # the slow part with a FAN, and not the point
    trainer = Trainer(
        config(faces, tmp_path, "model.w_hpf=1", "face.allow_random_fan=true", "train.iterations=1"),
        stargan_v2,
    )
    trainer.run()
    stored = final_state(trainer.folder)["nets"]["fan"]
    np.testing.assert_array_equal(stored["l0.weight"], trainer.system.nets.fan.l0.weight.numpy())
    other = Trainer(config(faces, tmp_path, "model.w_hpf=1", "face.allow_random_fan=true", "train.seed=5"), stargan_v2)
    other.resume(find_checkpoint(other.config, ""), allow_changes=True)
    np.testing.assert_array_equal(other.system.nets.fan.l0.weight.numpy(), stored["l0.weight"])


def test_a_run_keeps_its_fan_whatever_becomes_of_the_file(faces, tmp_path, monkeypatch):
    """The FAN is in the checkpoint, of whatever sizes; the file is read by new runs alone."""
    monkeypatch.setattr(Trainer, "draw_sheets", lambda self: None)
    nets = {"fan": checkpoint.arrays(FAN(width=4, img_size=64, trainable=True))}
    sizes = {"stacks": 1, "points": 98, "width": 4, "img_size": 64, "decoding": "peaks"}
    file = tmp_path / "fan.pdparams"
    checkpoint.save({"system": "fan", "architecture": sizes, "domains": None, "nets": nets}, file)

    def trainer(*overrides):
        return Trainer(config(faces, tmp_path, "model.w_hpf=1", f"face.fan={file}", *overrides), stargan_v2)

    def same(one):
        assert one.system.nets.architecture["fan_width"] == 4
        for key, value in checkpoint.arrays(one.system.nets.fan).items():
            np.testing.assert_array_equal(value, nets["fan"][key], key)

    first = trainer("train.iterations=1")
    first.run()
    same(first)
    last = first.folder / "checkpoints" / "0000001.pdparams"
    for damaged in (True, False):
        file.write_bytes(b"none") if damaged else file.unlink()
        again = trainer("train.iterations=2")
        again.resume(last)
        again.system.prepare(again.loaded)
        same(again)
        other = trainer()
        assert any(line.startswith("fan: ") and "from the file" in line for line in other.initialise(last))
        other.system.prepare(other.loaded)
        same(other)
        said = refusal(trainer().run)
        assert str(file) in said and ("is damaged" if damaged else "download.py wing") in said


def test_weights_of_another_kind_are_no_run(faces, tmp_path):
    checkpoint.save({"architecture": {}, "domains": None, "nets": {"alexnet": {}}}, tmp_path / "alexnet.pdparams")
    with pytest.raises(UserError, match=r"alexnet\.pdparams holds no stargan_v2 to go on from"):
        Trainer(config(faces, tmp_path), stargan_v2).resume(tmp_path / "alexnet.pdparams")
