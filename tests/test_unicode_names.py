"""Domains whose names differ in their Unicode form only are the same everywhere, and names that are no text work."""

import json
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import pytest
from small_model import networks, save
from toy_runs import config

from ppstargan.metrics.store import write_text
from ppstargan.training.logs import Logger
from ppstargan.translate.sampling import Found, reference_domains
from ppstargan.translator import Translator

COMPOSED, APART = (normalize(form, "café") for form in ("NFC", "NFD"))
IN_GBK = "狗狗".encode("gbk").decode("utf-8", "surrogateescape")  # as Python shows a folder of an archive from Windows


@pytest.mark.parametrize("stored", [COMPOSED, APART])
@pytest.mark.parametrize("given", [COMPOSED, APART])
def test_a_model_knows_its_domain_in_either_form(tmp_path, stored, given):
    weights = save(tmp_path / "w.pdparams", networks(), domains=["cat", stored, "lion"])
    model = Translator(weights, ["cat", given, "lion"])
    assert model.domains == ["cat", COMPOSED, "lion"]
    assert model.domain_number(given) == 1
    assert reference_domains(model, [Found(Path("x.png"), ["more", given, "cat"])]) == [COMPOSED]


def test_results_for_a_domain_whose_name_is_no_text(tmp_path):
    write_text(tmp_path / "evaluation.json", json.dumps({IN_GBK: 1, COMPOSED: 2}, ensure_ascii=False))
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == {IN_GBK: 1, COMPOSED: 2}


def test_curves_of_a_domain_whose_name_is_no_text(tmp_path):
    from visualdl import LogReader

    given = config("faces", tmp_path)
    given = replace(given, data=replace(given.data, root=f"data/{IN_GBK}"))  # which goes into the log, too
    log = Logger(tmp_path, given, 0)
    log.scalars({f"fid/cat2{IN_GBK}": 3.0}, 1)
    log.close()
    reader = LogReader(file_path=str(log.path))
    assert [record.value for record in reader.get_data("scalar", r"fid/cat2\udcb9\udcb7\udcb9\udcb7")] == [3.0]
