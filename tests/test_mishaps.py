"""What goes wrong in a run: a full disk, bad images, numbers that are not finite. What was trained is kept."""

import numpy as np
import paddle
import pytest
import yaml
from toy_runs import config, final_state

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.systems import stargan_v2
from ppstargan.training.amp import GradScaler
from ppstargan.training.runs import find_checkpoint
from ppstargan.training.trainer import Trainer


def full(*_):
    raise OSError(28, "No space left on device")


def test_a_full_disk_costs_a_line_and_the_next_save_tries_again(faces, tmp_path, monkeypatch, capsys):
    def save(content, path):
        with monkeypatch.context() as patch:
            if content["iteration"] in (4, 6):
                patch.setattr("os.fsync", full)
            whole_save(content, path)

    whole_save = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", save)
    trainer = Trainer(config(faces, tmp_path, "train.iterations=8", "train.sample_every=100"), stargan_v2)
    assert trainer.run() == 0
    assert [path.name[:7] for path in sorted((trainer.folder / "checkpoints").iterdir())] == ["0000002", "0000008"]
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(" not written ")[0][-16:] for line in warnings] == ["0000004.pdparams", "0000006.pdparams"]
    assert all("No space left" in line and "training goes on" in line for line in warnings)

    monkeypatch.setattr(checkpoint, "save", whole_save)
    ends = Trainer(config(faces, tmp_path / "b", "train.iterations=3", "train.sample_every=100"), stargan_v2)
    monkeypatch.setattr("os.fsync", lambda _: full() if ends.iteration == 3 else None)
    capsys.readouterr()
    with pytest.raises(UserError, match=r"0000003\.pdparams not written \(No space left"):
        ends.run()
    assert capsys.readouterr().err == ""
    assert [path.name for path in (ends.folder / "checkpoints").iterdir()] == ["0000002.pdparams"]


def test_an_image_that_goes_bad_costs_no_training(faces, tmp_path, monkeypatch):
    from ppstargan.training import trainer as module

    def three(*arguments, **options):
        yield from (batch for _, batch in zip(range(3), batches(*arguments, **options)))
        raise UserError("cannot read image x.png")

    batches = module.batches
    monkeypatch.setattr(module, "batches", three)
    trainer = Trainer(config(faces, tmp_path, "train.save_every=100", "train.iterations=100"), stargan_v2)
    with pytest.raises(UserError, match=r"cannot read image x\.png"):
        trainer.run()
    assert final_state(trainer.folder)["iteration"] == 3


def test_a_bad_image_of_the_sheets_shows_at_the_start(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "val" / "cat").iterdir())[0].write_bytes(b"no image")
    trainer = Trainer(config(tmp_path / "data", tmp_path / "out"), stargan_v2)
    with pytest.raises(UserError, match="cannot read image"):
        trainer.run()
    assert not (tmp_path / "out").exists()


def poisoned(monkeypatch, iteration, spoil):
    """Has ``spoil(trainer, report)`` act in an iteration."""

    def train_iteration(self, batch):
        report = whole(self, batch)
        if self.iteration == iteration:
            spoil(self, report)
        return report

    whole = Trainer.train_iteration
    monkeypatch.setattr(Trainer, "train_iteration", train_iteration)


def test_losses_that_are_not_finite_stop_the_run_and_are_described(faces, tmp_path, monkeypatch):
    from ppstargan.data.batches import load_batch

    def nan(trainer, report):
        report.update({"d_reference/reg": paddle.to_tensor(np.nan), "g_latent/sty": paddle.to_tensor(np.inf)})

    seen = {}

    def train_iteration(self, batch):
        seen[self.iteration + 1] = batch._make(tensor.numpy() for tensor in batch)  # counted from 1
        return spoilt(self, batch)

    poisoned(monkeypatch, 5, nan)
    spoilt = Trainer.train_iteration
    monkeypatch.setattr(Trainer, "train_iteration", train_iteration)
    settings = ("train.iterations=9", "train.log_every=100", "data.crop_probability=0")
    trainer = Trainer(config(faces, tmp_path, *settings), stargan_v2)
    with pytest.raises(UserError) as caught:
        trainer.run()
    assert trainer.iteration == 5
    file = trainer.folder / "checkpoints" / "0000005_diverged.yaml"
    run = trainer.folder
    assert str(caught.value) == (
        f"d_reference/reg is nan at iteration 5: training diverged; losses and images are in {file}; "
        f"go on: python tools/train.py -c {run}/config.yaml --resume {run} --allow-changes "
        "-o train.lr=0.00075 train.f_lr=0.00015"
    )
    described = yaml.safe_load(file.read_text())
    assert described["iteration"] == 5 and described["first_not_finite"] == "d_reference/reg"
    assert described["last_good_checkpoint"] == str(trainer.folder / "checkpoints" / "0000004.pdparams")
    assert np.isnan(described["losses"]["d_reference/reg"]) and np.isinf(described["losses"]["g_latent/sty"])
    assert np.isfinite(described["losses"]["d_latent/real"]) and len(described["losses"]) == 14
    for name in ("x_src", "x_ref", "x_ref2"):
        images = load_batch([sample[name] for sample in described["batch"]], 32)
        for image, trained in zip(images, getattr(seen[5], name)):  # as they are, or mirrored
            assert min(np.abs(image - trained).max(), np.abs(image[:, :, ::-1] - trained).max()) < 1e-6
    names = {path.name for path in (trainer.folder / "checkpoints").iterdir()}
    assert names == {"0000002.pdparams", "0000004.pdparams", file.name}
    assert find_checkpoint(trainer.config, "").name == "0000004.pdparams"


def test_on_a_gpu_the_first_bad_iteration_is_named_when_the_losses_are_looked_at(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    monkeypatch.setattr("ppstargan.training.trainer.choose_gpu_arithmetic", lambda *_: None)
    monkeypatch.setattr("ppstargan.training.feeding.copier", lambda: None)
    poisoned(monkeypatch, 3, lambda trainer, report: report.update({"g_latent/cyc": paddle.to_tensor(float("inf"))}))
    trainer = Trainer(
        config(faces, tmp_path, "train.iterations=9", "train.log_every=4", "train.save_every=100"),
        stargan_v2,
    )
    with pytest.raises(UserError, match=r"g_latent/cyc is inf at iteration 3: training diverged; .*; start again with"):
        trainer.run()
    assert trainer.iteration == 4


def test_steps_that_the_scaler_skips_are_no_alarm(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=2", "train.sample_every=100"), stargan_v2)
    trainer.scaler = GradScaler(2.0**140)  # no float32 holds a loss of this scale
    net = trainer.system.networks["discriminator"]
    before = checkpoint.arrays(net)
    assert trainer.run() == 0
    assert all(np.array_equal(before[k], v) for k, v in checkpoint.arrays(net).items())
    assert final_state(trainer.folder)["scaler"] == {"scale": 2.0**132, "good_steps": 0}
    other = Trainer(trainer.config, stargan_v2)
    other.scaler = GradScaler()
    other.resume(find_checkpoint(other.config, ""))
    assert other.scaler.state() == trainer.scaler.state()


def test_weights_that_are_not_finite_are_never_saved(faces, tmp_path, monkeypatch):
    def nan(trainer, report):
        bias = trainer.averages["generator"].from_rgb.bias
        bias.set_value(paddle.full(bias.shape, float("nan")))

    poisoned(monkeypatch, 4, nan)
    trainer = Trainer(config(faces, tmp_path, "train.iterations=9", "train.sample_every=100"), stargan_v2)
    with pytest.raises(UserError, match=r"averages/generator/from_rgb\.bias is not finite at iteration 4: tra"):
        trainer.run()
    names = {path.name for path in (trainer.folder / "checkpoints").iterdir()}
    assert names == {"0000002.pdparams", "0000004_diverged.yaml"}


def test_a_high_learning_rate_diverges_by_itself(faces, tmp_path):
    trainer = Trainer(
        config(faces, tmp_path, "train.iterations=9", "train.lr=1e30", "train.save_every=100"), stargan_v2
    )
    with pytest.raises(UserError, match=r"at iteration \d: training diverged; .*; start again with -o train.lr=5e\+29"):
        trainer.run()
    assert not list((trainer.folder / "checkpoints").glob("*.pdparams"))
