"""Tools where the terminal, the disk, the home folder or the packages are not as one would have them."""

import os
import runpy
import subprocess
import sys

import checkout
import pytest
from toy_runs import ROOT, config, final_state

from ppstargan import cli
from ppstargan.errors import UsageError
from ppstargan.metrics import store
from ppstargan.runtime import usable_home
from ppstargan.systems import stargan_v2
from ppstargan.training.trainer import Trainer

NAMES = "print('\\U0001f981 \\u732b \\u00e8 \\udcc3')"
PRINTING = f"from ppstargan.cli import run_tool\nrun_tool(lambda: {NAMES})"


def python(code, **environment):
    given = {"env": {**os.environ, "PYTHONPATH": str(ROOT), **environment}, "cwd": ROOT, "timeout": 60}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, **given)


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("utf-8:strict", "🦁 猫 è \\udcc3".encode()),
        ("gbk", b"\\U0001f981 \xc3\xa8 \xa8\xa8 \\udcc3"),
        ("cp1252", b"\\U0001f981 \\u732b \xe8 \\udcc3"),
        ("ascii", b"\\U0001f981 \\u732b \\xe8 \\udcc3"),
    ],
)
def test_what_a_terminal_cannot_show_ends_no_tool(encoding, printed):
    done = python(PRINTING, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout.rstrip(), done.stderr) == (0, printed, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_the_log_ends_no_tool(unbuffered):
    code = "import sys\nfrom ppstargan.cli import run_tool\n"
    code += "run_tool(lambda: [print(i, flush=True) for i in range(9)] and print('done', file=sys.stderr))"
    with open("/dev/full", "wb") as full:
        given = {"env": {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}, "timeout": 60}
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, **given)
    lost = "warning: what is printed from here on is lost (No space left on device); the work goes on\n"
    assert (done.returncode, done.stderr) == (0, f"{lost}done\n")


def test_closed_output_ends_no_tool():
    code = f"import sys\nsys.stdout = sys.stderr = None\n{PRINTING}"  # as Python has it after >&- 2>&-
    assert python(code).returncode == 0


def test_a_run_on_names_that_are_no_text(faces, tmp_path):
    root, odd = tmp_path / os.fsdecode(b"\xc3\xa8\xc3"), os.fsdecode(b"\xc4\xe3")
    root.symlink_to(faces)
    trainer = Trainer(config(root, tmp_path / odd, "train.iterations=1", "train.sample_every=100"), stargan_v2)
    assert trainer.run() == 0 and final_state(trainer.folder)["config"]["data"]["root"] == str(root)
    store.write_text(tmp_path / "a.json", f'"{odd}"')
    assert (tmp_path / "a.json").read_text() == '"\\udcc4\\udce3"'


@pytest.mark.parametrize("home", ["/proc", "file"])
def test_a_home_folder_that_takes_nothing(home, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    home = str(tmp_path / home)  # where "/proc" stays what it is
    monkeypatch.setenv("HOME", home)
    code = "import os\nfrom ppstargan.runtime import usable_home\nwith usable_home():\n    import visualdl\n"
    done = python(f"{code}print(os.environ['HOME'])")
    assert (done.returncode, done.stderr, done.stdout.decode().strip()) == (0, b"", home)
    with usable_home():
        inside = os.path.expanduser("~")
        os.makedirs(os.path.join(inside, ".cache", "paddle"))
    assert inside != home and not os.path.exists(inside) and os.environ["HOME"] == home


def test_a_usable_home_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with usable_home():
        assert os.environ["HOME"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_one_line():
    for tool in ("train.py", "sample.py", "prepare.py"):  # without site-packages: the package is the checkout's
        command = [sys.executable, "-S", "-E", str(ROOT / "tools" / tool), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        told = f'has no package numpy: {sys.executable} -m pip install -e "{ROOT}[cpu]", or with [gpu] for [cpu]'
        assert told in done.stderr and done.stderr.startswith("error: ")


def test_every_tool_imports_the_checkout_first():
    tools = [path for path in (ROOT / "tools").glob("*.py") if path.name != "checkout.py"]
    for path in tools:
        text = path.read_text(encoding="utf-8")
        assert 0 < text.index("\nimport checkout") < text.index("ppstargan."), path
    assert len(tools) > 10


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("x", name="cv2"), f'opencv-python: {sys.executable} -m pip install -e "{ROOT}"\n'),
        (ModuleNotFoundError("x", name="yaml.loader"), "has no package pyyaml: "),
        (ModuleNotFoundError("x", name="ppstargan"), "run the tool in a whole clone"),
        (ImportError("libGL.so.1: cannot open shared object file", name="cv2"), "opencv-python-headless"),
    ],
)
def test_what_is_said_of_others(error, told, capsys):
    checkout._one_line(None)(type(error), error, None)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("error: ") and told in said


def test_other_errors_keep_their_trace():
    seen = []
    for error in (ValueError("x"), ModuleNotFoundError("x", name="ppstargan.none"), ImportError("cannot import name")):
        checkout._one_line(lambda *given: seen.append(given[1]))(type(error), error, None)
    assert len(seen) == 3


PLACES = {
    "align": ["inputs", "--out", "--fan", "--mean", "--debug"],
    "benchmark": ["--config", "--json"],
    "check_dataset": ["root"],
    "check_parity": ["--reference", "--report"],
    "convert_torch_weights": ["input", "output", "--fan"],
    "demo": ["--weights", "--fan"],
    "download": ["--out", "--from"],
    "draw_toy": ["--out"],
    "evaluate": ["--config", "--weights", "--inception", "--alexnet", "--lpips", "--to"],
    "export": ["--weights", "--fan", "--out"],
    "prepare": ["input", "output"],
    "quickstart": ["--resume"],
    "sample": ["--weights", "--fan", "--source", "--reference", "--out"],
    "slim": ["weights", "out"],
    "train": ["--config", "--resume", "--init"],
}


@pytest.mark.parametrize("tool", sorted(PLACES))
def test_every_argument_that_names_a_place_knows_the_home_folder(tool, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [f"tools/{tool}.py"])
    seen = {}

    def parse_args(self):
        for action in self._actions:
            name = next((option for option in action.option_strings if option.startswith("--")), action.dest)
            seen[name] = action
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Parser, "parse_args", parse_args)
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "tools" / f"{tool}.py"), run_name="__main__")
    for name in PLACES[tool]:
        assert str(seen[name].type("~/x y")) == f"{tmp_path}/x y", name
    texts = {name for name, action in seen.items() if action.type is None and action.nargs != 0 and not action.choices}
    no_places = "--override --domain --domain-names --domains --case --host --mirror names --net --background system"
    assert texts <= {*no_places.split(), "--size", "--set", "--attributes"}


def test_an_empty_place_is_named():
    with pytest.raises(UsageError, match="as by a variable that is not set"):
        cli.place("")
