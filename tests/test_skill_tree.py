"""The notebook that climbs from GAN to StarGAN v2: it has every toy, and it runs anew on a small setting."""

import re

import pytest
from test_docs import anchors
from test_lessons import LESSONS, SYSTEMS
from test_notebook import ROOT, code_cells, nbformat, pictures, printed, run_small

from ppstargan.systems.load import load_config

PATH = ROOT / "notebooks" / "skill_tree.ipynb"


def climbs(notebook) -> list:
    """(cell, system, settings) of each cell that trains."""
    found = [(cell, re.fullmatch(r'climb\("(\w+)", "(.+)"\)', cell.source)) for cell in code_cells(notebook)]
    return [(cell, *match.groups()) for cell, match in found if match]


def test_it_has_every_toy_with_settings_that_its_configuration_knows():
    notebook = nbformat.read(PATH, 4)
    nbformat.validate(notebook)
    assert {system for _, system, _ in climbs(notebook)} == set(SYSTEMS) - {"faces"}
    for _, system, settings in climbs(notebook):
        plain, short = (load_config(SYSTEMS[system], given) for given in ([], settings.split()))
        for key in ("iterations", "lr_iter", "lr_fall"):  # a shorter run, whose rate falls as far
            whole, part = (getattr(config.train, key, 0) for config in (plain, short))
            assert part < whole or whole == 0, f"{system}: train.{key}"


def test_its_links_lead_to_lessons_and_files():
    text = "\n".join(cell.source for cell in nbformat.read(PATH, 4).cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)#\s]+)#?([^)\s]*)\)", text)
    assert all((PATH.parent / target).exists() for target, _ in targets)
    assert {anchor for _, anchor in targets if anchor} <= anchors(LESSONS[1])
    assert len({anchor for _, anchor in targets if anchor}) == 10, "a rung is without its lesson"


def test_the_stored_outputs_are_those_of_a_whole_run():
    notebook = nbformat.read(PATH, 4)
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    for cell, system, settings in climbs(notebook):
        said, iterations = printed(cell), re.search(r"train\.iterations=(\d+)", settings)[1]
        assert pictures(cell) == 1 and f"{iterations} iterations done, in " in said, system
        assert f"$ python tools/quickstart.py {system} -o {settings}\n" in said
    assert not re.search(r"(?<![\w.\"'/])/(?!home/aistudio)(?:home/\w+|root|tmp|work|opt)\b", PATH.read_text("utf-8"))


@pytest.mark.slow
def test_it_runs_on_a_small_setting(tmp_path, monkeypatch):
    notebook = run_small(PATH, tmp_path, monkeypatch)
    for cell, system, _ in climbs(notebook):
        if system in ("gan", "cyclegan", "stargan_v2"):  # the others say that they are left out, for the sake of time
            assert pictures(cell) == 1 and "样图： output/" in printed(cell), system
        else:
            assert "只跑其中三级" in printed(cell)
