"""Every case of the systems before StarGAN v2: figures that their authors' PyTorch code gave."""

import json
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppstargan.errors import UserError
from ppstargan.parity import checks, report
from ppstargan.parity.kit import read_case

KIT = Path(__file__).parent / "reference" / "ladder"
# Case -> how many figures it compares; a check that silently compared nothing would pass.
EXPECTED = {
    "adain_forward": 21,
    "adain_forward_full": 18,
    "adain_losses": 25,
    "adain_train": 20,
    "adain_data": 15,
    "cgan_forward": 8,
    "cgan_losses": 29,
    "cgan_train": 33,
    "gan_forward": 9,
    "gan_losses": 32,
    "gan_train": 29,
    "gan_minimax": 29,
    "gan_mlp_losses": 24,
    "gan_mlp_train": 30,
    "gan_gp_penalty": 5,
    "gan_gp_losses": 24,
    "gan_gp_train": 30,
    "wgan_forward": 16,
    "wgan_full": 8,
    "wgan_losses": 42,
    "wgan_train": 31,
    "wgan_train_mlp": 19,
    "wgan_diters": 1,
    "wgan_data": 3,
    "pix2pix_forward": 18,
    "pix2pix_losses": 97,
    "pix2pix_train": 60,
    "pix2pix_schedule": 8,
    "pix2pix_data": 16,
    "cyclegan_forward": 6,
    "cyclegan_losses": 75,
    "cyclegan_train": 63,
    "cyclegan_pool": 8,
    "cyclegan_data": 12,
    "ugatit_forward": 144,
    "ugatit_losses": 148,
    "ugatit_train": 212,
    "ugatit_data": 6,
    "norms_layers": 140,
    "stargan_forward": 6,
    "stargan_full": 3,
    "stargan_losses": 86,
    "stargan_train": 56,
    "stargan_multi": 46,
    "stargan_targets": 6,
    "stargan_data": 10,
    "wing_losses": 8,
    "wing_targets": 29,
    "wing_data": 21,
    "wing_metrics": 7,
    "wing_forward": 6,
    "wing_grad": 168,
    "wing_train": 178,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_case(name):
    found = checks.run(read_case(KIT, name))
    assert [check for check in found if not check.passed] == []
    assert len(found) == EXPECTED[name]


def test_no_array_of_a_case_is_left_out():
    """Whatever a kit keeps is compared, but for the runs in float32, which show what rounding does."""
    some = ("gan_gp_train", "wgan_train_mlp", "cgan_forward", "wgan_losses", "ugatit_forward", "norms_layers")
    some += ("pix2pix_losses", "pix2pix_train", "pix2pix_data")
    some += ("adain_forward", "adain_forward_full", "adain_losses", "adain_data")
    some += ("stargan_losses", "stargan_train", "stargan_multi", "stargan_targets", "stargan_data")
    for name in (*some, "cyclegan_losses", "cyclegan_train", "cyclegan_pool"):
        case = read_case(KIT, name)
        compared = {check.quantity for check in checks.run(case)}
        rounding = {key for key in case.keys("") if key.endswith("_float32") or key.startswith("float32/")}
        assert set(case.keys("")) - rounding == compared


def test_no_array_of_a_fans_case_is_left_out():
    given = {"landmarks", "gt", "guess", *(f"{i}/line" for i in range(3))}
    for name in ("wing_losses", "wing_metrics", "wing_targets", "wing_data"):
        case = read_case(KIT, name)
        assert set(case.keys("")) - given <= {check.quantity for check in checks.run(case)}


def test_a_case_is_what_its_settings_say_and_not_its_name(tmp_path):
    """The figures of one case under another's name and prefix: inputs follow the prefix, so they are not met."""
    settings = json.loads((KIT / "manifest.json").read_text())["cases"]["wgan_train_mlp"]
    shutil.copy(KIT / "wgan_train_mlp.npz", tmp_path / "other.npz")
    (tmp_path / "manifest.json").write_text(json.dumps({"cases": {"other": {**settings, "prefix": "hidden"}}}))
    found = {check.quantity: check for check in checks.run(read_case(tmp_path, "other"))}
    assert len(found) == EXPECTED["wgan_train_mlp"]
    assert found["critic_updates"].passed and not found["critic"].passed


def test_an_unknown_system_names_the_known_ones(tmp_path):
    shutil.copy(KIT / "wgan_diters.npz", tmp_path / "a.npz")
    case = {"prefix": "open", "kind": "forward", "system": "pix3pix"}
    (tmp_path / "manifest.json").write_text(json.dumps({"cases": {"a": case, "b": {**case, "system": "cgan"}}}))
    shutil.copy(KIT / "wgan_diters.npz", tmp_path / "b.npz")
    with pytest.raises(UserError, match="unknown system 'pix3pix'; the known ones are stargan_v2, gan, wgan, cgan"):
        checks.run(read_case(tmp_path, "a"))
    case["system"], case["kind"] = "wgan", "penalty"
    (tmp_path / "manifest.json").write_text(json.dumps({"cases": {"a": case}}))
    with pytest.raises(UserError, match="unknown kind 'penalty'; the known ones are forward, losses, train, diters"):
        checks.run(read_case(tmp_path, "a"))


def test_the_report_puts_each_figure_into_its_stage():
    assert report.stage("script_losses", "grad/G/model.0.weight") == "bp_align"
    assert report.stage("layers", "iln/eval/grad/rho") == "bp_align"
    assert report.stage("layers", "iln/eval/out") == report.stage("layers", "batch1d/after1/running_var") == "forward"
    assert report.stage("penalty", "penalty") == "loss" and report.stage("penalty", "grad/D/a") == "bp_align"
    assert report.stage("script_train", "final/G/a") == report.stage("train", "critic") == "train_align"
    assert report.stage("diters", "critic_updates") == report.stage("data", "wide") == "forward"


@pytest.mark.skipif(paddle.__version__.startswith("2."), reason="Paddle 2 keeps constants in float32")
def test_a_run_in_double_precision_agrees_to_its_digits():
    worst = max(check.error for check in checks.run(read_case(KIT, "gan_train")))
    assert worst < 1e-13, "something is computed in float32"
    assert np.isfinite(worst)
