"""Every case of the parity kit: figures that the authors' PyTorch code gave."""

import shutil
from pathlib import Path

import pytest

from ppstargan.errors import UserError
from ppstargan.parity.checks import run
from ppstargan.parity.kit import read_case

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
