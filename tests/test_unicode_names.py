"""Domains whose names differ in their Unicode form only, as from a Mac and from elsewhere, are the same everywhere."""

from pathlib import Path
from unicodedata import normalize

import pytest
from small_model import networks, save

from ppstargan.sampling import Found, reference_domains
from ppstargan.translator import Translator

COMPOSED, APART = (normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("stored", [COMPOSED, APART])
@pytest.mark.parametrize("given", [COMPOSED, APART])
def test_a_model_knows_its_domain_in_either_form(tmp_path, stored, given):
    weights = save(tmp_path / "w.pdparams", networks(), domains=["cat", stored, "lion"])
    model = Translator(weights, ["cat", given, "lion"])
    assert model.domains == ["cat", COMPOSED, "lion"]
    assert model.domain_number(given) == 1
    assert reference_domains(model, [Found(Path("x.png"), ["more", given, "cat"])]) == [COMPOSED]
