"""Every case of the parity kit: figures that the authors' PyTorch code gave."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ppstargan.errors import UserError
from ppstargan.parity import report
from ppstargan.parity.checks import run
from ppstargan.parity.kit import read_case

SIDES = ("torch", "paddle")
KIT = Path(__file__).parent / "reference" / "parity"
# Case -> how many figures it compares; a check that silently compared nothing would pass.
EXPECTED = {
    "forward_small": 33,
    "forward_full": 4,
    "forward_full_hpf": 6,
    "losses_small": 274,
    "losses_hpf": 336,
    "train_small": 258,
    "fan": 11,
    "align": 2,
    "data": 20,
    "metrics": 9,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_case(name):
    checks = run(read_case(KIT, name))
    assert [check for check in checks if not check.passed] == []
    assert len(checks) == EXPECTED[name]


def test_gradients_of_the_discriminator_to_the_kits_own_tolerance():
    """No kink lies within rounding on D's path in this case, so float32 leaves no jump in it."""
    checks = [check for check in run(read_case(KIT, "losses_small")) if check.quantity.startswith("d_")]
    assert len(checks) == 56 and max(check.error for check in checks) < 1e-4


def test_missing_kit_is_named(tmp_path):
    with pytest.raises(UserError, match=r"manifest\.json is missing"):
        read_case(tmp_path, "fan")


def test_unknown_case_names_the_known_ones():
    with pytest.raises(UserError, match="forward_small"):
        read_case(KIT, "forward_smal")


def test_a_kits_missing_or_damaged_file_is_named(tmp_path):
    shutil.copy(KIT / "manifest.json", tmp_path)
    with pytest.raises(UserError, match=rf"whose file {tmp_path}/fan\.npz is missing"):
        read_case(tmp_path, "fan")
    (tmp_path / "fan.npz").write_bytes((KIT / "fan.npz").read_bytes()[:1000])
    with pytest.raises(UserError, match=rf"{tmp_path}/fan\.npz is no \.npz file, or a damaged one"):
        read_case(tmp_path, "fan")


def test_the_report_of_a_kit_has_the_guides_files(tmp_path, capsys):
    pytest.importorskip("reprod_log")
    report.prepare(tmp_path / "report")
    found = [check for name in ("forward_small", "losses_small") for check in run(read_case(KIT, name))]
    kinds = {"forward_small": "forward", "losses_small": "losses"}
    written = report.write(found, kinds, tmp_path / "report")
    assert sorted(path.name for path in written) == sorted(
        f"{stage}_{end}" for stage in ("forward", "loss", "bp_align") for end in ("paddle.npy", "torch.npy", "diff.log")
    )
    theirs, ours = (np.load(tmp_path / "report" / f"loss_{side}.npy", allow_pickle=True).item() for side in SIDES)
    assert len(ours) == len(theirs) == 18  # each phase's total, and its three or four parts
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=2e-5)
    assert "diff check passed" in (tmp_path / "report" / "forward_diff.log").read_text()
    assert capsys.readouterr().out == ""


def test_a_report_has_a_folder_before_the_work(tmp_path):
    pytest.importorskip("reprod_log")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=rf"no folder {tmp_path}/file can be made \(File exists\)"):
        report.prepare(tmp_path / "file")
