"""The notebook: what is stored in it is a whole run, and it runs anew on a small setting."""

import os
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATH = ROOT / "notebooks" / "aistudio_quickstart.ipynb"

nbformat = pytest.importorskip("nbformat")


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures(cell) -> int:
    return sum(any(kind.startswith("image/") for kind in output.get("data", {})) for output in cell.outputs)


def with_source(notebook, words):
    (cell,) = [cell for cell in code_cells(notebook) if words in cell.source]
    return cell


def check_run(notebook):
    """All cells ran in their order, without an error, and the figures that the text promises are there."""
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    for cell in code_cells(notebook):
        assert all(output.output_type in ("stream", "display_data") for output in cell.outputs), cell.source
    installed = re.search(
        r"^Paddle: (.+)$", printed(with_source(notebook, "def run(command)")).replace("：", ":"), re.M
    )
    assert installed and f"Paddle 没有变： {installed[1].strip()}" in printed(with_source(notebook, "pip install"))
    training = with_source(notebook, "tools/train.py -c configs/toy.yaml -o")
    assert printed(training).count("_reference.png\n") == pictures(training) >= 2
    assert "VisualDL： HTTP 200" in printed(with_source(notebook, '"visualdl", "--logdir"'))
    assert "120 images, 0 of them bad" in printed(with_source(notebook, "tools/prepare.py"))
    assert "转换前后最大相差： 0\n" in printed(with_source(notebook, "convert_torch_weights.py"))
    assert "| mean |" in printed(with_source(notebook, "tools/evaluate.py"))
    assert sum(map(pictures, code_cells(notebook))) >= 6


def test_the_stored_outputs_are_those_of_a_whole_run():
    notebook = nbformat.read(PATH, 4)
    nbformat.validate(notebook)
    check_run(notebook)
    shares = re.search(
        r"(\d+\.\d)% latent-guided, (\d+\.\d)% reference-guided", printed(with_source(notebook, "measure("))
    )
    assert float(shares[1]) > 90 and float(shares[2]) > 90
    assert "wrote output/toy-" in printed(with_source(notebook, "tools/train.py -c configs/toy.yaml -o"))
    text = PATH.read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![\w.\"'/])/(?:home/\w+|root|tmp|work|opt)\b", text)) <= {"/home/aistudio"}


@pytest.mark.slow
def test_it_runs_on_a_small_setting(tmp_path, monkeypatch):
    check_run(run_small(PATH, tmp_path, monkeypatch))


def run_small(path, folder, monkeypatch):
    """The notebook ``path`` with the outputs of a run of its small setting, in a copy of the repository."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name in ("ppstargan", "tools", "configs", "notebooks", "assets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    monkeypatch.setenv("PPSTARGAN_NOTEBOOK", "small")
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    notebook = nbformat.read(folder / "notebooks" / path.name, 4)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    resources = {"metadata": {"path": str(folder / "notebooks")}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    return notebook
