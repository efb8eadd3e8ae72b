"""The training run as its user sees it: folders, lines, interruption, resuming, and mistakes."""

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml

from ppstargan import checkpoint
from ppstargan.amp import GradScaler
from ppstargan.config import load_config
from ppstargan.data.toy import write_dataset
from ppstargan.errors import UserError
from ppstargan.phases import STEPPED, Weights, gradients_for, lambda_ds_at, phase_losses
from ppstargan.runs import find_checkpoint
from ppstargan.stargan_v2 import NETWORKS, Networks
from ppstargan.trainer import Trainer

ROOT = Path(__file__).parents[1]
TINY = [
    "model.channel_base=128",
    "model.max_channels=8",
    "model.hidden_dim=16",
    "model.style_dim=8",
    "train.batch_size=3",
    "train.log_every=1",
    "train.sample_every=4",
    "train.save_every=2",
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=4, val_count=2, seed=0)
    return root


def config(faces, output, *overrides):
    given = [*TINY, f"data.root={faces}", f"output={output}", *overrides]
    return load_config(ROOT / "configs" / "toy.yaml", given)


def tool(*arguments, cwd=ROOT, **keywords):
    command = [sys.executable, str(ROOT / "tools" / arguments[0]), *map(str, arguments[1:])]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, **keywords)


def final_state(run):
    return checkpoint.load(sorted((run / "checkpoints").iterdir())[-1])


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def assert_same_training(ours, theirs):
    """Two checkpoints hold the same state, bit for bit; their folders and logs may differ."""
    ours, theirs = ({k: v for k, v in flat(c) if not k.startswith(("config/", "log_size"))} for c in (ours, theirs))
    assert ours.keys() == theirs.keys() and len(ours) > 300
    for key, value in ours.items():
        np.testing.assert_array_equal(value, theirs[key], err_msg=key)


def logged_steps(run, tag="g_latent/cyc"):
    from visualdl import LogReader

    log = LogReader(file_path=str(next((run / "visualdl").iterdir())))
    kind = "image" if tag.startswith("samples/") else "scalar"
    return [record.id for record in log.get_data(kind, tag)]


def test_a_run_leaves_what_it_says(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4"))
    assert trainer.run() == 0
    said = capsys.readouterr().out
    run = trainer.folder
    assert run.parent == tmp_path and run.name.startswith("toy-")
    assert load_config(run / "config.yaml") == trainer.config
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["0000002.pdparams", "0000004.pdparams"]
    sheets = ["cycle", "latent_psi0.5", "latent_psi0.7", "latent_psi1.0", "reference"]
    assert sorted(p.name for p in (run / "samples").iterdir()) == [f"0000004_{name}.png" for name in sheets]
    number = r"-?\d+\.\d{3}"
    d, g = f"real {number} fake {number} reg {number}", f"adv {number} sty {number} ds {number} cyc {number}"
    for i in range(1, 5):
        losses = rf"d_latent {d} \| d_reference {d} \| g_latent {g} \| g_reference {g} \| lambda_ds {number}"
        rates = r"\d+\.\d images/s, \d+% waiting for data \| ETA 0:\d\d:\d\d"
        assert re.search(rf"^{i}/4 \| {losses} \| {rates}$", said, re.M), said
    assert all(str(path) in said for path in [run, *(run / "samples").iterdir()])

    from visualdl import LogReader

    log = LogReader(file_path=str(next((run / "visualdl").iterdir())))
    tags = log.get_tags()
    scalars = log.get_data("scalar", "g_latent/cyc")
    assert [record.id for record in scalars] == [1, 2, 3, 4]
    assert {"lambda_ds", "lr/generator", "lr/mapping_network", "d_reference/reg"} <= set(tags["scalar"])
    assert {f"samples/{name}" for name in sheets} <= set(tags["image"]) and "config/train" in tags["text"]


def test_a_run_is_the_pieces_that_are_checked_elsewhere_with_the_figures_of_its_configuration(faces, tmp_path):
    """The four updates and the averages by hand, bit for bit: each setting is another one, and reaches its place."""
    from PIL import Image

    from ppstargan.data.batches import Batch, draw_batch
    from ppstargan.data.folders import find_domains
    from ppstargan.phases import adam_optimizers, train_step
    from ppstargan.sheets import sample_sheets, sheet_images
    from ppstargan.stargan_v2 import update_average

    losses = "loss.lambda_reg=2 loss.lambda_sty=3 loss.lambda_ds=4 loss.lambda_cyc=5 loss.ds_iter=4".split()
    adam = "train.lr=2e-3 train.f_lr=5e-4 train.beta1=0.3 train.beta2=0.9 train.weight_decay=0.02".split()
    others = "train.iterations=3 train.accumulate=3 train.seed=5 train.ema_beta=0.2 data.crop_probability=0.8".split()
    trainer = Trainer(config(faces, tmp_path, *losses, *adam, *others))
    trainer.run()

    paddle.seed(5)
    sizes = {"style_dim": 8, "latent_dim": 16, "hidden_dim": 16, "channel_base": 128, "max_channels": 8}
    nets = Networks(3, 32, **sizes)
    average, optimizers = nets.averages(), adam_optimizers(nets, 2e-3, 5e-4, 0.3, 0.9, 0.02)
    drawing = {"batch_size": 3, "img_size": 32, "latent_dim": 16, "crop_probability": 0.8, "seed": 5}
    warming_up = (1 / 10, 2 / 11, 0.2)  # then 3 / 12 is above ema_beta
    for i, (lambda_ds, beta) in enumerate(zip((4.0, 3.0, 2.0), warming_up)):
        batch = Batch(*map(paddle.to_tensor, draw_batch(find_domains(faces / "train"), i, **drawing)))
        train_step(nets, optimizers, batch, Weights(2, 3, lambda_ds, 5), accumulate=3)
        update_average(average, nets, beta)
    found = final_state(trainer.folder)
    by_hand = checkpoint.training_state(nets, average, optimizers)
    for part, values in by_hand.items():
        ours, expected = dict(flat(found[part])), dict(flat(values))
        assert ours.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(ours[key], value, err_msg=f"{part}/{key}")
    assert found["lambda_ds"] == 1

    from visualdl import LogReader

    log = LogReader(file_path=str(next((trainer.folder / "visualdl").iterdir())))
    assert [record.value for record in log.get_data("scalar", "lambda_ds")] == [4, 3, 2]
    for name, sheet in sample_sheets(average, sheet_images(find_domains(faces / "val"), 32), 16, seed=5).items():
        np.testing.assert_array_equal(Image.open(trainer.folder / "samples" / f"0000003_{name}.png"), sheet)


@pytest.mark.parametrize("device, amp", [("cpu", "none"), ("gpu:0", "float16"), ("gpu:0", "bfloat16")])
def test_arithmetic_of_a_gpu_is_as_configured_and_a_cpu_trains_in_float32(
    faces, tmp_path, monkeypatch, capsys, device, amp
):
    asked = "float16" if amp == "none" else amp
    chosen, stepped = [], []
    monkeypatch.setattr(paddle, "get_device", lambda: device)
    monkeypatch.setattr("ppstargan.trainer.choose_gpu_arithmetic", lambda *given: chosen.append(given))
    monkeypatch.setattr("ppstargan.trainer.train_step", lambda *_, **options: stepped.append(options))
    trainer = Trainer(config(faces, tmp_path, f"train.amp={asked}", "train.tf32=false", "train.channels_last=true"))
    trainer.train_iteration([np.zeros(1)] * 7)
    assert chosen == [(False, True)]
    assert stepped == [{"accumulate": 1, "amp": amp, "scaler": trainer.scaler}]
    assert isinstance(trainer.scaler, GradScaler) == (amp == "float16")  # bfloat16 has float32's range
    assert ("train.amp=float16 needs a GPU" in capsys.readouterr().out) == (amp == "none")


def test_a_run_goes_on_without_the_share_of_bad_images_that_its_configuration_allows(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "train" / "cat").iterdir())[0].write_bytes(b"no image")  # one of twelve
    settings = ("train.iterations=6", "train.sample_every=100", "train.save_every=100")
    assert Trainer(config(tmp_path / "data", tmp_path / "a", "data.max_bad_share=0.1", *settings)).run() == 0
    with pytest.raises(UserError, match=r"1 of 12 training images is bad, more than data\.max_bad_share=0\.08 allows"):
        Trainer(config(tmp_path / "data", tmp_path / "b", "data.max_bad_share=0.08", *settings)).run()


def test_a_run_measures_its_moving_averages_and_logs_the_figures(faces, tmp_path, monkeypatch):
    def measure(nets, train_images, val_images, judges, folder, cache, settings):
        assert nets is trainer.average and judges == "judges"
        assert [path.parts[-3:-1] for path in (train_images["cat"][0], val_images["cat"][0])] == [
            ("train", "cat"),
            ("val", "cat"),
        ]
        assert folder == trainer.folder / "evaluation" / f"{trainer.iteration:07d}"
        assert cache == tmp_path / "features"  # which all runs share
        assert (settings.sources, settings.seeds, settings.batch_size, settings.outputs) == (7, (5,), 3, 10)
        return {"fid_x_latent/mean": 10.0 * trainer.iteration}

    monkeypatch.setattr("ppstargan.trainer.load_judges", lambda: "judges")
    monkeypatch.setattr("ppstargan.trainer.evaluate_in_training", measure)
    settings = ("train.iterations=4", "train.eval_every=2", "train.eval_sources=7", "train.seed=5")
    trainer = Trainer(config(faces, tmp_path, *settings))
    assert trainer.run() == 0
    assert logged_steps(trainer.folder, "fid_x_latent/mean") == [2, 4]


def test_two_and_two_iterations_equal_four(faces, tmp_path, capsys):
    whole = Trainer(config(faces, tmp_path / "whole", "train.iterations=4"))
    whole.run()
    half = Trainer(config(faces, tmp_path / "half", "train.iterations=2"))
    half.run()
    rest_config = config(faces, tmp_path / "half", "train.iterations=4")
    rest = Trainer(rest_config)
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
        trainer = Trainer(config(faces, tmp_path / name, "train.iterations=3"))
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
        trainer = Trainer(given)
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    assert logged_steps(trainer.folder) == [1, 2, 3, 4, 5, 6]
    log = trainer.folder / "visualdl" / "vdlrecords.ppstargan.log"
    log.write_bytes(log.read_bytes() + b"\x50\0\0\0\0\0\0\0half a record")
    again = Trainer(given)
    again.resume(find_checkpoint(given, ""))
    assert again.iteration == 4 and again.run() == 0 and again.folder == trainer.folder
    assert logged_steps(again.folder) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert logged_steps(again.folder, "samples/cycle") == [2, 4, 6, 8]


def test_changes_of_the_training_are_named_and_need_an_option(faces, tmp_path, capsys):
    import shutil

    trainer = Trainer(config(faces, tmp_path / "out", "train.iterations=2"))
    trainer.run()
    shutil.copytree(faces, tmp_path / "moved")
    path = find_checkpoint(trainer.config, "")

    def resumed(data, *overrides, **options):
        other = Trainer(config(data, tmp_path / "out", *overrides))
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
        "loss.lambda_cyc was 1.0, now 2.0; train.lr was 0.0003, now 1e-05" in message and "--allow-changes" in message
    )
    assert "iterations" not in message and "\n" not in message
    resumed(faces, "train.lr=1e-5", allow_changes=True)
    assert "changed: train.lr was 0.0003, now 1e-05\n" in capsys.readouterr().out
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
                             "train.keep_every=3"))  # fmt: skip
    trainer.run()
    assert sorted(path.name for path in (trainer.folder / "checkpoints").iterdir()) == [
        f"000000{i}.pdparams" for i in (3, 6, 7)
    ]


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
    trainer = Trainer(config(faces, tmp_path, "train.iterations=8", "train.sample_every=100"))
    assert trainer.run() == 0
    assert [path.name[:7] for path in sorted((trainer.folder / "checkpoints").iterdir())] == ["0000002", "0000008"]
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(" not written ")[0][-16:] for line in warnings] == ["0000004.pdparams", "0000006.pdparams"]
    assert all("No space left" in line and "training goes on" in line for line in warnings)

    monkeypatch.setattr(checkpoint, "save", whole_save)
    ends = Trainer(config(faces, tmp_path / "b", "train.iterations=3", "train.sample_every=100"))
    monkeypatch.setattr("os.fsync", lambda _: full() if ends.iteration == 3 else None)
    capsys.readouterr()
    with pytest.raises(UserError, match=r"0000003\.pdparams not written \(No space left"):
        ends.run()
    assert capsys.readouterr().err == ""
    assert [path.name for path in (ends.folder / "checkpoints").iterdir()] == ["0000002.pdparams"]


def test_a_converted_run_goes_on_in_a_folder_of_its_own(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path / "a", "train.iterations=2"))
    trainer.run()
    content = final_state(trainer.folder)
    checkpoint.save({**content, "domains": None}, tmp_path / "converted.pdparams")
    other = Trainer(config(faces, tmp_path / "b", "train.iterations=3"))
    other.resume(tmp_path / "converted.pdparams")
    assert other.run() == 0 and other.folder.parent == tmp_path / "b"
    assert final_state(other.folder)["iteration"] == 3
    architecture = {**content["architecture"], "num_domains": 2}
    checkpoint.save({**content, "domains": None, "architecture": architecture}, tmp_path / "two.pdparams")
    with pytest.raises(UserError, match=r"trained on 2 domains, and /.* has cat, dog, lion"):
        other.resume(tmp_path / "two.pdparams")


def test_an_earlier_checkpoint_goes_on_in_a_folder_of_its_own(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4"))
    trainer.run()
    before = {path: path.read_bytes() for path in (trainer.folder / "checkpoints").iterdir()}
    branch = Trainer(config(faces, tmp_path, "train.iterations=4", "train.lr=1e-5"))
    branch.resume(trainer.folder / "checkpoints" / "0000002.pdparams", allow_changes=True)
    assert branch.iteration == 2 and branch.run() == 0
    assert branch.folder != trainer.folder
    assert before == {path: path.read_bytes() for path in (trainer.folder / "checkpoints").iterdir()}
    best = tmp_path / "best" / "checkpoints" / "best.pdparams"
    best.parent.mkdir(parents=True)
    best.write_bytes((trainer.folder / "checkpoints" / "0000004.pdparams").read_bytes())
    other = Trainer(trainer.config)
    other.resume(best)
    assert other.folder is None and other.iteration == 4
    # The folder of the checkpoints is as good as the run's.
    found = find_checkpoint(trainer.config, str(branch.folder / "checkpoints"))
    assert found == branch.folder / "checkpoints" / "0000004.pdparams"


def test_an_image_that_goes_bad_costs_no_training(faces, tmp_path, monkeypatch):
    from ppstargan import trainer as module

    def batches(*arguments, **options):
        yield from (batch for _, batch in zip(range(3), training_batches(*arguments, **options)))
        raise UserError("cannot read image x.png")

    training_batches = module.training_batches
    monkeypatch.setattr(module, "training_batches", batches)
    trainer = Trainer(config(faces, tmp_path, "train.save_every=100", "train.iterations=100"))
    with pytest.raises(UserError, match=r"cannot read image x\.png"):
        trainer.run()
    assert final_state(trainer.folder)["iteration"] == 3


def test_a_bad_image_of_the_sheets_shows_at_the_start(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "val" / "cat").iterdir())[0].write_bytes(b"no image")
    trainer = Trainer(config(tmp_path / "data", tmp_path / "out"))
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
        seen[self.iteration + 1] = batch  # counted from 1
        return spoilt(self, batch)

    poisoned(monkeypatch, 5, nan)
    spoilt = Trainer.train_iteration
    monkeypatch.setattr(Trainer, "train_iteration", train_iteration)
    settings = ("train.iterations=9", "train.log_every=100", "data.crop_probability=0")
    trainer = Trainer(config(faces, tmp_path, *settings))
    with pytest.raises(UserError) as caught:
        trainer.run()
    assert trainer.iteration == 5
    file = trainer.folder / "checkpoints" / "0000005_diverged.yaml"
    assert str(caught.value) == (
        f"d_reference/reg is nan at iteration 5: training diverged; losses and images are in {file}; go on with "
        f"--resume {trainer.folder} --allow-changes -o train.lr=0.00015 train.f_lr=4.5e-06"
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
    monkeypatch.setattr("ppstargan.trainer.choose_gpu_arithmetic", lambda *_: None)
    poisoned(monkeypatch, 2, lambda trainer, report: report.update({"g_latent/cyc": paddle.to_tensor(float("inf"))}))
    trainer = Trainer(config(faces, tmp_path, "train.iterations=9", "train.log_every=4", "train.save_every=100"))
    with pytest.raises(UserError, match=r"g_latent/cyc is inf at iteration 2: training diverged; .*; start again with"):
        trainer.run()
    assert trainer.iteration == 4


def test_steps_that_the_scaler_skips_are_no_alarm(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=2", "train.sample_every=100"))
    trainer.scaler = GradScaler(2.0**140)  # no float32 holds a loss of this scale
    before = checkpoint.arrays(trainer.nets.discriminator)
    assert trainer.run() == 0
    assert all(np.array_equal(before[k], v) for k, v in checkpoint.arrays(trainer.nets.discriminator).items())
    assert final_state(trainer.folder)["scaler"] == {"scale": 2.0**132, "good_steps": 0}
    other = Trainer(trainer.config)
    other.scaler = GradScaler()
    other.resume(find_checkpoint(other.config, ""))
    assert other.scaler.state() == trainer.scaler.state()


def test_weights_that_are_not_finite_are_never_saved(faces, tmp_path, monkeypatch):
    def nan(trainer, report):
        bias = trainer.average.generator.from_rgb.bias
        bias.set_value(paddle.full(bias.shape, float("nan")))

    poisoned(monkeypatch, 4, nan)
    trainer = Trainer(config(faces, tmp_path, "train.iterations=9", "train.sample_every=100"))
    with pytest.raises(UserError, match=r"averages/generator/from_rgb\.bias is not finite at iteration 4: tra"):
        trainer.run()
    names = {path.name for path in (trainer.folder / "checkpoints").iterdir()}
    assert names == {"0000002.pdparams", "0000004_diverged.yaml"}


def test_a_high_learning_rate_diverges_by_itself(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=9", "train.lr=1e30", "train.save_every=100"))
    with pytest.raises(UserError, match=r"at iteration \d: training diverged; .*; start again with -o train.lr=5e\+29"):
        trainer.run()
    assert not list((trainer.folder / "checkpoints").glob("*.pdparams"))


def test_a_run_without_an_iteration_leaves_no_folder(faces, tmp_path, monkeypatch, capsys):
    def fail(self, batch):
        raise UserError("cannot")

    monkeypatch.setattr(Trainer, "train_iteration", fail)
    trainer = Trainer(config(faces, tmp_path))
    with pytest.raises(UserError, match="cannot"):
        trainer.run()
    assert not list(tmp_path.iterdir())
    assert f"{trainer.folder} is removed again" in capsys.readouterr().out


def test_a_finished_run_says_so(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=1"))
    trainer.run()
    other = Trainer(config(faces, tmp_path, "train.iterations=1"))
    other.resume(find_checkpoint(other.config, ""))
    assert other.run() == 0
    assert "1 of 1 iterations are done; raise train.iterations" in capsys.readouterr().out


def test_batches_and_noise_are_new_in_each_iteration(faces, tmp_path):
    from ppstargan.data.batches import draw_batch
    from ppstargan.data.folders import find_domains

    settings = {"batch_size": 2, "img_size": 32, "latent_dim": 4, "crop_probability": 0.0, "seed": 0}
    first, second = (draw_batch(find_domains(faces / "train"), i, **settings) for i in range(2))
    assert np.abs(first.z_trg - second.z_trg).min() > 0 and np.abs(first.x_src - second.x_src).max() > 0


def start(faces, output, *arguments):
    overrides = [*TINY, f"data.root={faces}", f"output={output}", "train.iterations=100000", "train.save_every=100000"]
    process = subprocess.Popen(
        [sys.executable, "tools/train.py", "-c", "configs/toy.yaml", "-o", *overrides, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if re.match(r" *\d+/100000 ", line):
            return process, said
    raise AssertionError("".join(said))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_resume_goes_on(faces, tmp_path, number):
    process, said = start(faces, tmp_path)
    process.send_signal(number)
    begun = time.monotonic()
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + number, rest
    assert "Traceback" not in rest and f"stopped by {number.name}" in rest
    assert time.monotonic() - begun < 30
    run = next(tmp_path.iterdir())
    saved = final_state(run)["iteration"]
    logged = [int(found) for found in re.findall(r"^ *(\d+)/100000 ", "".join(said) + rest, re.M)]
    assert saved == logged[-1]

    again, said = start(faces, tmp_path, "--resume")
    again.kill()
    again.wait()
    assert f"after iteration {saved}" in "".join(said)
    assert re.match(rf" *{saved + 1}/100000 ", said[-1]), said[-1]
    assert list(tmp_path.iterdir()) == [run]


@pytest.mark.parametrize("phase", STEPPED)
def test_a_phase_gives_gradients_to_the_networks_that_step_on_it_alone(phase):
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    rng = np.random.RandomState(0)
    images = [paddle.to_tensor(rng.uniform(-1, 1, (2, 3, 32, 32)).astype("float32")) for _ in range(3)]
    y = paddle.to_tensor([0, 1])
    from ppstargan.data.batches import Batch

    batch = Batch(images[0], y, images[1], images[2], 1 - y, paddle.randn([2, 4]), paddle.randn([2, 4]))
    for found, loss, _ in phase_losses(nets, batch, Weights()):
        if found != phase:
            continue
        loss.backward()
        for name in NETWORKS:
            learned = [p.grad is not None for p in getattr(nets, name).parameters()]
            assert all(learned) if name in STEPPED[phase] else not any(learned), name
    assert all(field.stop_gradient for field in batch)  # R1's gradient with respect to the images is a matter of D's
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_gradient_switches_come_back_after_an_error():
    nets = Networks(2, 32, style_dim=8, latent_dim=4, hidden_dim=16, channel_base=64, max_channels=8)
    with pytest.raises(ZeroDivisionError), gradients_for(nets, ("generator",)):
        raise ZeroDivisionError
    assert all(not p.stop_gradient for name in NETWORKS for p in getattr(nets, name).parameters())


def test_lambda_ds_falls_to_zero_and_stays():
    assert [lambda_ds_at(i, 2.0, 4) for i in (0, 1, 3, 4, 5, 100)] == [2.0, 1.5, 0.5, 0.0, 0.0, 0.0]


def test_warm_up_of_the_averages(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.ema_beta=0.98"))
    betas = []
    for trainer.iteration in (0, 10, 10000):
        betas.append(trainer.ema_beta())
    assert betas == [0.1, 0.55, 0.98]


@pytest.mark.parametrize(
    "overrides, message",
    [
        (["data.root=nowhere"], r"dataset folder /.*nowhere/train does not exist; .*draw_toy\.py"),
        (
            ["model.w_hpf=1"],
            r"no weights at /.*wing\.pdparams; .*convert_torch_weights\.py wing\.ckpt .*allow_random_fan",
        ),
    ],
)
def test_a_start_that_fails_says_what_to_do_and_leaves_nothing(faces, tmp_path, overrides, message):
    output = tmp_path / "out"
    done = tool("train.py", "-c", "configs/toy.yaml", "-o", *TINY, f"data.root={faces}", f"output={output}", *overrides)
    assert done.returncode == 1 and not output.exists()
    assert re.fullmatch(f"error: .*{message}.*\n", done.stderr), done.stderr


def test_wrong_calls_exit_2_with_one_line():
    for arguments in (["train.py"], ["train.py", "-c", "configs/none.yaml"], ["draw_toy.py", "--size", "x"]):
        done = tool(*arguments)
        assert done.returncode == 2 and re.fullmatch("error: .+\n", done.stderr), done.stderr


def test_val_must_have_the_domains_of_train(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "val" / "dog")
    with pytest.raises(UserError, match="train has the domains cat, dog, lion, and val has cat, lion"):
        Trainer(config(tmp_path / "data", tmp_path))


def test_a_domain_to_train_on_has_two_images_and_one_to_look_at_has_one(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "val" / "dog").iterdir())[0].unlink()
    Trainer(config(tmp_path / "data", tmp_path))
    for path in sorted((tmp_path / "data" / "train" / "dog").iterdir())[1:]:
        path.unlink()
    with pytest.raises(UserError, match=r"domain dog has 1 image in .*/train/dog, 2 needed"):
        Trainer(config(tmp_path / "data", tmp_path))


def test_nothing_to_resume_is_named(faces, tmp_path):
    with pytest.raises(UserError, match=f"no checkpoint to resume in {tmp_path}/toy-"):
        find_checkpoint(config(faces, tmp_path), "")
    with pytest.raises(UserError, match="nothing to resume at"):
        find_checkpoint(config(faces, tmp_path), str(tmp_path / "none"))


def test_a_random_fan_is_kept_by_the_checkpoint(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "draw_sheets", lambda self: None)  # the slow part with a FAN, and not the point
    trainer = Trainer(config(faces, tmp_path, "model.w_hpf=1", "face.allow_random_fan=true", "train.iterations=1"))
    trainer.run()
    stored = final_state(trainer.folder)["nets"]["fan"]
    np.testing.assert_array_equal(stored["l0.weight"], trainer.nets.fan.l0.weight.numpy())
    other = Trainer(config(faces, tmp_path, "model.w_hpf=1", "face.allow_random_fan=true", "train.seed=5"))
    other.resume(find_checkpoint(other.config, ""), allow_changes=True)
    np.testing.assert_array_equal(other.nets.fan.l0.weight.numpy(), stored["l0.weight"])
