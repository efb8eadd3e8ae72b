"""The command ``ppstargan``: the tools by their names, in a checkout and from a wheel, and configurations by theirs."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from ppstargan import __main__ as console
from ppstargan import errors
from ppstargan.config import CONFIGS, find
from ppstargan.errors import UsageError, UserError, as_typed
from ppstargan.systems.load import load_config

ROOT = Path(__file__).parents[1]
FEW = ["train.iterations=1", "train.batch_size=4", "train.sample_every=9", "data.workers=1"]


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs ``ppstargan`` in this process; gives the exit code, and what is printed on the two streams."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["/usr/bin/ppstargan", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", [*sys.path])
        with pytest.raises(SystemExit) as ended:
            console.main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.mark.parametrize("call", [[], ["--help"], ["-h"]])
def test_the_overview_names_every_tool_in_a_line(command, call):
    code, out, _ = command(*call)
    told = dict(re.findall(r"^  (\w+) +([A-Z].+)$", out, re.M))
    assert code == 0 and told.keys() == {path.stem for path in (ROOT / "tools").glob("*.py")} - {"checkout"}
    assert told["train"] == "Trains the system that a configuration names"
    assert told["convert_torch_weights"] == "Converts PyTorch checkpoints to .pdparams"


def test_an_unknown_tool_is_told_the_nearest(command):
    line = "error: no tool 'trian'; the nearest is train; see ppstargan --help\n"
    assert command("trian", "-c", "toy") == (2, "", line)
    assert "the nearest is sample;" in command("SAMPLE")[2]
    assert command("checkout")[0] == 2


def test_every_tool_has_the_same_help_under_its_new_name(command, monkeypatch, capsys):
    for name in console.names():
        monkeypatch.setattr(sys, "argv", [f"tools/{name}.py", "--help"])
        with pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / "tools" / f"{name}.py"), run_name="__main__")
        script = capsys.readouterr().out.replace(f"usage: {name}.py", f"usage: ppstargan {name}")
        assert f"python tools/{name}.py" in script
        script = re.sub(r"python tools/(\w+)\.py", r"ppstargan \1", script).replace('-e ".[', '"ppstargan[')
        for spelling in {name, name.replace("_", "-")}:
            code, out, _ = command(spelling, "--help")
            assert code == 0 and out.split() == script.split()  # a line ends elsewhere


def test_it_draws_and_trains_and_names_itself(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("draw-toy", "gan", "--train", 4, "--val", 1)[1].startswith("data/toy_digits: 4 + 1 of each digit")
    code, out, _ = command("train", "-c", "gan_toy", "-o", *FEW)
    (weights,) = tmp_path.glob("output/gan_toy-*/checkpoints/0000001.pdparams")
    assert code == 0 and out.startswith(f"configuration: {CONFIGS / 'gan_toy.yaml'}\n") and f"{weights.name}\n" in out
    code, out, _ = command("sample", "--weights", weights, "--count", 1, "--out", "one.png")
    assert code == 0 and (tmp_path / "one.png").is_file()
    code, _, said = command("sample", "--weights", "none")
    assert code == 1 and "to get them: ppstargan quickstart trains" in said and "python" not in said
    assert command("train", "-x")[2].endswith("; see ppstargan train --help\n")


def test_a_file_that_is_here_comes_before_the_one_that_comes_along(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    for name in ("toy", "toy.yaml", "configs/toy", "configs/toy.yaml", Path("./toy")):
        assert find(name) == CONFIGS / "toy.yaml"
    (tmp_path / "toy").mkdir()  # of images, say
    assert find("toy") == CONFIGS / "toy.yaml"
    for name in ("mine", "other/toy.yaml", tmp_path / "toy.yaml", "toy.yml"):
        assert find(name) == Path(name)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "toy.yaml").touch()
    assert find("configs/toy.yaml") == find("configs/toy") == Path("configs/toy.yaml")
    assert find("toy") == CONFIGS / "toy.yaml"
    (tmp_path / "toy.yaml").write_text("system: none\n")
    assert find("toy") == find("toy.yaml") == Path("toy.yaml")
    assert command("train", "-c", "toy.yaml")[1] == ""
    assert command("train", "-c", "toy")[1] == "configuration: toy.yaml\n"


def test_a_file_of_ones_own_starts_from_one_that_comes_along(tmp_path):
    (tmp_path / "mine.yaml").write_text("_base_: gan_toy\nname: mine\n")
    config = load_config(tmp_path / "mine.yaml")
    assert (config.system, config.name) == ("gan", "mine")
    (tmp_path / "gan_toy.yaml").write_text("_base_: configs/wgan_toy.yaml\n")
    assert load_config(tmp_path / "mine.yaml").system == "wgan"


TEXTS = {
    "python tools/train.py -c a": "ppstargan train -c a",
    "of tools/evaluate.py, or": "of ppstargan evaluate, or",
    'pip install -e ".[cpu]", or ".[gpu]"': 'pip install "ppstargan[cpu]", or "ppstargan[gpu]"',
    "/home/a/tools/train.py and my-tools/train.py": "/home/a/tools/train.py and my-tools/train.py",
}


@pytest.mark.parametrize(
    ("installed", "started"), [(True, "x.py"), (False, "ppstargan train"), (False, "tools/train.py")]
)
def test_commands_in_messages_are_those_that_work_here(monkeypatch, installed, started):
    monkeypatch.setattr(errors, "INSTALLED", installed)
    monkeypatch.setattr(sys, "argv", [started])
    for text, typed in TEXTS.items():
        wanted = text if started == "tools/train.py" else typed
        assert as_typed(text) == str(UserError(text)) == str(UsageError(text)) == wanted


def test_a_wheel_holds_tools_and_configurations_once(tmp_path, monkeypatch):
    """Built as setuptools does for a wheel, and run from there."""
    core = pytest.importorskip("setuptools._distutils.core")
    monkeypatch.chdir(ROOT)
    build = core.run_setup("setup.py", stop_after="init").get_command_obj("build_py")
    build.build_lib = str(tmp_path / "lib")
    build.ensure_finalized()
    build.run()
    inside = tmp_path / "lib" / "ppstargan"
    for folder, pattern in (("tools", "*.py"), ("configs", "*.yaml")):
        assert {path.name for path in (inside / folder).iterdir()} == {p.name for p in (ROOT / folder).glob(pattern)}
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    runpy.run_path(str(inside / "tools" / "checkout.py"))
    assert str(inside) not in sys.path  # where "import config" would find the package's
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "lib")}
    call = [sys.executable, "-m", "ppstargan", "train", "-c", "gan_toy", "-o", "data.root=none"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60)
    assert done.returncode == 1 and done.stdout.startswith(f"configuration: {inside}/configs/gan_toy.yaml\n")
    assert done.stderr.startswith(f"error: dataset folder {tmp_path}/none/train does not exist; ")
    assert "by ppstargan draw_toy and give" in done.stderr and done.stderr.count("\n") == 1
