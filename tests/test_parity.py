"""Every case of the parity kit: figures that the authors' PyTorch code gave."""

import json
import runpy
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ppstargan.errors import UserError
from ppstargan.parity import checks, report, summary
from ppstargan.parity.checks import run
from ppstargan.parity.kit import Check, read_case
from ppstargan.systems.load import names

SIDES = ("torch", "paddle")
ROOT = Path(__file__).parents[1]
KIT = ROOT / "tests" / "reference" / "parity"
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
    found = run(read_case(KIT, name))
    assert [check for check in found if not check.passed] == []
    assert len(found) == EXPECTED[name]


def test_gradients_of_the_discriminator_to_the_kits_own_tolerance():
    """No kink lies within rounding on D's path in this case, so float32 leaves no jump in it."""
    found = [check for check in run(read_case(KIT, "losses_small")) if check.quantity.startswith("d_")]
    assert len(found) == 56 and max(check.error for check in found) < 1e-4


def test_missing_kit_is_named(tmp_path):
    with pytest.raises(UserError, match=r"manifest\.json is missing; give --reference DIR, .*; no wheel has the kits$"):
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


def check(case, error, tolerance=1e-5, quantity="q"):
    return Check(case, quantity, error, tolerance, np.zeros(1), np.zeros(1))


def test_a_system_has_passed_where_all_its_cases_have():
    found = [check("a", 1e-6), check("a", 9e-9, 1e-8, "near"), check("b", 2e-5, 1e-5, "over"), check("c", 0.0, 0.0)]
    found += [check("d", 1e-3), check("d", float("nan"), quantity="nan")]
    rows = summary.by_system(found, {"a": "gan", "b": "gan", "c": "wgan", "d": "fan"})[1:]
    assert [row.split() for row in rows] == [
        ["gan", "1", "1", "3", "2.00e-05", "1.00e-05", "b/over"],
        ["wgan", "1", "0", "1", "0.00e+00", "0.00e+00", "c/q"],
        ["fan", "0", "1", "2", "nan", "1.00e-05", "d/nan"],
    ]
    assert summary.by_case(found, ["a"])[1].split() == ["a", "2", "9.00e-09", "1.00e-08", "near"]
    with pytest.raises(UserError, match="case e has no figures"):
        summary.by_case(found, ["a", "e"])


def test_one_command_ends_with_all_systems(monkeypatch, capsys):
    """Without options, it takes both kits; a case stands for each of theirs here, and no network is computed."""
    monkeypatch.setattr(checks, "run", lambda case, on_gpu: [check(case.name, 0.0)])
    monkeypatch.setattr(sys, "argv", ["check_parity.py"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "check_parity.py"), run_name="__main__")
    printed = capsys.readouterr().out.split("\nsystem ")[1].splitlines()[1:]
    kits = [json.loads((kit / "manifest.json").read_text())["cases"] for kit in (KIT, KIT.parent / "ladder")]
    cases = Counter(settings.get("system", "stargan_v2") for kit in kits for settings in kit.values())
    assert {line.split()[0]: int(line.split()[1]) for line in printed[:-1]} == cases
    assert ended.value.code == 0 and printed[-1] == f"{sum(cases.values())} passed, 0 failed"
    # Every system that there is, by the name of its loss where it goes by that, and the layers.
    assert set(cases) == {*names(), "norms", "wing"} - {"fan"}


def test_two_kits_with_a_case_of_one_name_are_told_apart(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["check_parity.py", "--reference", str(KIT), str(KIT)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "check_parity.py"), run_name="__main__")
    assert ended.value.code == 2 and "give these kits one at a time" in capsys.readouterr().err


def test_a_system_stands_for_its_cases(monkeypatch, capsys):
    monkeypatch.setattr(checks, "run", lambda case, on_gpu: [check(case.name, 0.0)])
    for asked, wanted in (
        (["cyclegan", "gan_train"], ["cyclegan 5 0 5", "gan 1 0 1"]),
        (["wing", "wing_grad"], ["wing 7 0 7"]),
        (["nothing"], None),
    ):
        monkeypatch.setattr(sys, "argv", ["check_parity.py", "--case", *asked])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "check_parity.py"), run_name="__main__")
        said = capsys.readouterr()
        if wanted:
            rows = said.out.split("\nsystem ")[1].splitlines()[1:-1]
            assert [" ".join(row.split()[:4]) for row in rows] == wanted and ended.value.code == 0
        else:
            assert ended.value.code == 2 and "no case 'nothing'" in said.err and "all of stargan_v2, " in said.err
