"""The training run as its user sees it: its configuration, folder and lines, and wrong calls."""

import re

import numpy as np
import paddle
import pytest
from one_step import averages_of, state_of, train_step
from toy_runs import TINY, config, final_state, flat, logged_steps, tool

from ppstargan.errors import UserError
from ppstargan.nets.stargan_v2 import Networks
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import load_config
from ppstargan.systems.stargan_v2 import Batch
from ppstargan.training.amp import GradScaler
from ppstargan.training.logs import progress_line
from ppstargan.training.trainer import Trainer


def test_a_run_leaves_what_it_says(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=4"), stargan_v2)
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
    from drawing import draw_batch
    from PIL import Image

    from ppstargan.data.dataset import find_domains
    from ppstargan.systems.stargan_v2 import Batch, Loss, adam_optimizers
    from ppstargan.training.state import content
    from ppstargan.training.step import follow
    from ppstargan.translate.sheets import sample_sheets, sheet_images

    losses = "loss.lambda_reg=2 loss.lambda_sty=3 loss.lambda_ds=4 loss.lambda_cyc=5 loss.ds_iter=4".split()
    adam = "train.lr=2e-3 train.f_lr=5e-4 train.beta1=0.3 train.beta2=0.9 train.weight_decay=0.02".split()
    others = "train.iterations=3 train.accumulate=3 train.seed=5 train.ema_beta=0.2 data.crop_probability=0.8".split()
    trainer = Trainer(config(faces, tmp_path, *losses, *adam, *others), stargan_v2)
    trainer.run()

    paddle.seed(5)
    sizes = {"style_dim": 8, "latent_dim": 16, "hidden_dim": 16, "channel_base": 128, "max_channels": 8}
    nets = Networks(3, 32, **sizes)
    averages, optimizers = averages_of(nets), adam_optimizers(nets.trained, 2e-3, 5e-4, 0.3, 0.9, 0.02)
    drawing = {"batch_size": 3, "img_size": 32, "latent_dim": 16, "crop_probability": 0.8, "seed": 5}
    warming_up = (1 / 10, 2 / 11, 0.2)  # then 3 / 12 is above ema_beta
    for i, (lambda_ds, beta) in enumerate(zip((4.0, 3.0, 2.0), warming_up)):
        batch = Batch(*map(paddle.to_tensor, draw_batch(find_domains(faces / "train"), i, **drawing)))
        train_step(nets, optimizers, batch, Loss(2, 3, lambda_ds, 5, 4), accumulate=3)
        follow(averages, nets.trained, beta)
    found = final_state(trainer.folder)
    by_hand = content(state_of(nets, averages, optimizers))
    for part in ("nets", "averages", "optimizers"):
        values = by_hand[part]
        ours, expected = dict(flat(found[part])), dict(flat(values))
        assert ours.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(ours[key], value, err_msg=f"{part}/{key}")
    assert found["lambda_ds"] == 1

    from visualdl import LogReader

    log = LogReader(file_path=str(next((trainer.folder / "visualdl").iterdir())))
    assert [record.value for record in log.get_data("scalar", "lambda_ds")] == [4, 3, 2]
    for name, sheet in sample_sheets(
        nets.sharing(averages), sheet_images(find_domains(faces / "val"), 32), 16, seed=5
    ).items():
        np.testing.assert_array_equal(Image.open(trainer.folder / "samples" / f"0000003_{name}.png"), sheet)


@pytest.mark.parametrize("device, amp", [("cpu", "none"), ("gpu:0", "float16"), ("gpu:0", "bfloat16")])
def test_arithmetic_of_a_gpu_is_as_configured_and_a_cpu_trains_in_float32(
    faces, tmp_path, monkeypatch, capsys, device, amp
):
    asked = "float16" if amp == "none" else amp
    chosen, stepped = [], []
    monkeypatch.setattr(paddle, "get_device", lambda: device)
    monkeypatch.setattr("ppstargan.training.trainer.choose_gpu_arithmetic", lambda *given: chosen.append(given))
    monkeypatch.setattr("ppstargan.training.trainer.iterate", lambda *_, **options: stepped.append(options))
    trainer = Trainer(
        config(faces, tmp_path, f"train.amp={asked}", "train.tf32=false", "train.channels_last=true"),
        stargan_v2,
    )
    trainer.train_iteration(Batch(*[np.zeros(1)] * 7))
    assert chosen == [(False, True)]
    assert stepped == [{"accumulate": 1, "precision": amp, "scaler": trainer.scaler}]
    assert isinstance(trainer.scaler, GradScaler) == (amp == "float16")  # bfloat16 has float32's range
    assert ("train.amp=float16 needs a GPU" in capsys.readouterr().out) == (amp == "none")


def test_a_run_goes_on_without_the_share_of_bad_images_that_its_configuration_allows(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "train" / "cat").iterdir())[0].write_bytes(b"no image")  # one of twelve
    settings = ("train.iterations=6", "train.sample_every=100", "train.save_every=100")
    assert (
        Trainer(config(tmp_path / "data", tmp_path / "a", "data.max_bad_share=0.1", *settings), stargan_v2).run() == 0
    )
    with pytest.raises(UserError, match=r"1 of 12 training images is bad, more than data\.max_bad_share=0\.08 allows"):
        Trainer(config(tmp_path / "data", tmp_path / "b", "data.max_bad_share=0.08", *settings), stargan_v2).run()


def test_a_run_measures_its_moving_averages_and_logs_the_figures(faces, tmp_path, monkeypatch):
    def measure(nets, train_images, val_images, judges, folder, cache, settings):
        assert nets.generator is trainer.averages["generator"] and judges == "judges"
        assert [path.parts[-3:-1] for path in (train_images["cat"][0], val_images["cat"][0])] == [
            ("train", "cat"),
            ("val", "cat"),
        ]
        assert folder == trainer.folder / "evaluation" / f"{trainer.iteration:07d}"
        assert cache == tmp_path / "features"  # which all runs share
        assert (settings.sources, settings.seeds, settings.batch_size, settings.outputs) == (7, (5,), 3, 10)
        return {"fid_x_latent/mean": 10.0 * trainer.iteration}

    monkeypatch.setattr("ppstargan.systems.stargan_v2.load_judges", lambda: "judges")
    monkeypatch.setattr("ppstargan.systems.stargan_v2.evaluate_in_training", measure)
    settings = ("train.iterations=4", "train.eval_every=2", "train.eval_sources=7", "train.seed=5")
    trainer = Trainer(config(faces, tmp_path, *settings), stargan_v2)
    assert trainer.run() == 0
    assert logged_steps(trainer.folder, "fid_x_latent/mean") == [2, 4]


def test_a_run_without_an_iteration_leaves_no_folder(faces, tmp_path, monkeypatch, capsys):
    def fail(self, batch):
        raise UserError("cannot")

    monkeypatch.setattr(Trainer, "train_iteration", fail)
    trainer = Trainer(config(faces, tmp_path), stargan_v2)
    with pytest.raises(UserError, match="cannot"):
        trainer.run()
    assert not list(tmp_path.iterdir())
    assert f"{trainer.folder} is removed again" in capsys.readouterr().out


def test_batches_and_noise_are_new_in_each_iteration(faces, tmp_path):
    from drawing import draw_batch

    from ppstargan.data.dataset import find_domains

    settings = {"batch_size": 2, "img_size": 32, "latent_dim": 4, "crop_probability": 0.0, "seed": 0}
    first, second = (draw_batch(find_domains(faces / "train"), i, **settings) for i in range(2))
    assert np.abs(first.z_trg - second.z_trg).min() > 0 and np.abs(first.x_src - second.x_src).max() > 0


def test_warm_up_of_the_averages(faces, tmp_path):
    trainer = Trainer(config(faces, tmp_path, "train.ema_beta=0.98"), stargan_v2)
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
        Trainer(config(tmp_path / "data", tmp_path), stargan_v2)


def test_a_domain_to_train_on_has_two_images_and_one_to_look_at_has_one(faces, tmp_path):
    import shutil

    shutil.copytree(faces, tmp_path / "data")
    sorted((tmp_path / "data" / "val" / "dog").iterdir())[0].unlink()
    Trainer(config(tmp_path / "data", tmp_path), stargan_v2)
    for path in sorted((tmp_path / "data" / "train" / "dog").iterdir())[1:]:
        path.unlink()
    with pytest.raises(UserError, match=r"domain dog has 1 image in .*/train/dog, 2 needed"):
        Trainer(config(tmp_path / "data", tmp_path), stargan_v2)


def test_the_first_iteration_has_a_line_and_is_no_point_of_the_curves(faces, tmp_path, capsys):
    trainer = Trainer(config(faces, tmp_path, "train.iterations=5", "train.log_every=4"), stargan_v2)
    trainer.run()
    lines = re.findall(r"^(\d)/5 \| d_latent real .* ETA ", capsys.readouterr().out, re.M)
    assert lines == ["1", "4", "5"]
    assert logged_steps(trainer.folder) == [4, 5]


def test_a_random_fan_is_said(faces, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Trainer, "_train", lambda self: 0)
    overrides = ["model.w_hpf=1", "face.allow_random_fan=true", "face.fan=none.pdparams"]
    Trainer(config(faces, tmp_path, *overrides), stargan_v2).run()
    assert "no none.pdparams: the face alignment network has RANDOM weights" in capsys.readouterr().out


def test_terms_have_any_number_of_parts_in_their_names():
    losses = {"adv": 1.0, "d/real": 2.0, "d/fake/hard": 3.0}
    line = progress_line(3, 10, losses, {}, (1.0, 2.0, 0.5))
    assert line == " 3/10 | adv 1.000 | d real 2.000 fake/hard 3.000 | 2.0 images/s, 50% waiting for data | ETA 0:00:07"
