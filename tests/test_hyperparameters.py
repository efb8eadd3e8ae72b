"""VisualDL's page of hyperparameters: what sets a run apart, beside the last of its losses and figures."""

from unittest import mock

import pytest
from toy_runs import config

from ppstargan.systems import stargan_v2
from ppstargan.training.runs import find_checkpoint
from ppstargan.training.trainer import Trainer

LOSSES = {"d_latent/real", "d_reference/reg", "g_latent/ds", "g_reference/cyc"}


def records(folder) -> list:
    from visualdl import LogReader

    log = LogReader(file_path=str(next((folder / "visualdl").iterdir())))
    return log.get_data("hyper_parameters", "hparam") if "hyper_parameters" in log.get_tags() else []


def page(output) -> dict:
    """What the page shows of the one run in ``output``."""
    from visualdl.reader import reader
    from visualdl.server.data_manager import DataManager
    from visualdl.server.lib import get_hparam_list

    with mock.patch.object(reader, "default_data_manager", DataManager()):  # which has all that was read before
        (shown,) = get_hparam_list(reader.LogReader(logdir=str(output)))
    return shown


@pytest.fixture
def trained(faces, tmp_path):
    """Trains to an iteration, from the newest checkpoint where there is one; gives the trainer."""

    def to(iterations, *overrides):
        given = config(faces, tmp_path / "out", f"train.iterations={iterations}", "train.sample_every=99", *overrides)
        trainer = Trainer(given, stargan_v2)
        if (tmp_path / "out").exists():
            trainer.resume(find_checkpoint(given, ""), allow_changes=True)
        assert trainer.run() == 0
        return trainer

    return to


def test_a_run_and_those_that_go_on_from_it_have_one_record(trained, tmp_path):
    trainer = trained(2, "train.lr=3e-4", "train.tf32=true", "train.log_every=1")
    values = page(tmp_path / "out")["hparams"]
    assert values["system"] == "stargan_v2" and values["train.lr"] == 3e-4 and values["train.tf32"] == 1
    assert values["model.img_size"] == 32 and values["train.iterations"] == 2
    assert not {"name", "output", "data.root", "train.log_every", "data.workers"} & values.keys()
    trained(3, "train.lr=1e-4")
    (record,) = records(trainer.folder)
    assert {info.name for info in record.hparam.metricInfos} >= LOSSES
    metrics = page(tmp_path / "out")["metrics"]
    again = trained(4)
    assert len(records(again.folder)) == 1 and again.folder == trainer.folder
    after = page(tmp_path / "out")["metrics"]
    assert after.keys() == metrics.keys() and after != metrics and None not in after.values()
    assert after["g_latent/cyc"] == pytest.approx(again.losses["g_latent/cyc"], rel=1e-6)


def test_figures_are_among_them(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(stargan_v2, "load_judges", lambda: None)
    monkeypatch.setattr(stargan_v2.System, "evaluate", lambda self, *_: {"fid_latent/mean": self.config.train.seed})
    trainer = trained(3, "train.eval_every=2", "train.seed=8", "train.log_every=1")
    (record,) = records(trainer.folder)
    assert record.hparam.metricInfos[-1].name == "fid_latent/mean"
    assert page(tmp_path / "out")["metrics"]["fid_latent/mean"] == 8


def test_a_run_that_ends_before_its_figures_has_its_losses(trained, monkeypatch):
    monkeypatch.setattr(stargan_v2, "load_judges", lambda: None)
    (record,) = records(trained(1, "train.eval_every=9").folder)
    assert {info.name for info in record.hparam.metricInfos} >= LOSSES


def test_a_record_waits_for_the_first_losses_that_are_logged(trained):
    trainer = trained(2, "train.log_every=9", "train.save_every=1")
    path = trainer.folder / "checkpoints" / "0000001.pdparams"
    (trainer.folder / "checkpoints" / "0000002.pdparams").unlink()
    assert path.exists()
    again = trained(2, "train.log_every=9")
    assert len(records(again.folder)) == 1
