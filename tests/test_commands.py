"""The commands of README.md and docs/, as they stand there, in a folder like a checkout with everything small.

The models have 32 px and few channels, by the configs of that folder, and two iterations; what else a command gets for
the sake of time is in MORE. The Chinese pages have the same commands (test_docs.py).
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import command_files
import numpy as np
import pytest
from PIL import Image
from test_docs import CHINESE, PAGES, code_blocks

ROOT = Path(__file__).parents[1]
FEW = "train.iterations=2 train.batch_size=4 train.sample_every=2 train.save_every=1 data.workers=1"
TINY = f"{FEW} model.img_size=32 data.load_size=36 model.g_width=4 model.d_width=4"
STARGAN = "model.img_size=32 model.g_width=4 model.g_blocks=1 model.d_width=4 model.d_layers=3 data.crop_size=36"
ADAIN = "model.img_size=32 model.width=4 data.load_size=36"
# Beginning of a command -> arguments behind it.
MORE = {
    "python tools/evaluate.py -c configs/adain_coco_wikiart.yaml": f"--count 2 -o {ADAIN}",
    "python tools/evaluate.py -c configs/fan_wflw.yaml": "--count 2",
    "python tools/evaluate.py -c configs/stargan_celeba.yaml": "--count 20 --allow-random-features",
    "python tools/evaluate.py": "--seeds 1 --sources 1 --outputs 4 --mode latent --allow-random-features",
    "python tools/check_parity.py --reference tests/reference/ladder": "--case cgan_forward wgan_forward",
    "python tools/check_parity.py": "--case forward_small align",
    "python tools/draw_toy.py": "--train 8 --val 2",
    "python tools/train.py -c configs/celeba_hq.yaml": "-o train.batch_size=1",  # landmarks are found at 256 px
    "python tools/benchmark.py": "--iterations 1 -o model.channel_base=512",
    "python tools/sample.py --weights WEIGHTS.pdparams --source photos/ --domain cat dog --video": "--seconds 0.2",
    **{f"python tools/train.py -c configs/{name}.yaml": f"-o {FEW}" for name in ("cgan_toy", "gan_mnist")},
    "python tools/train.py -c configs/pix2pix_facades.yaml": f"-o {TINY} model.levels=5",
    "python tools/train.py -c configs/cyclegan_horse2zebra.yaml": f"-o {TINY} model.blocks=1",
    **{f"python tools/train.py -c configs/stargan_{name}.yaml": f"-o {FEW} {STARGAN}" for name in ("celeba", "rafd")},
    "python tools/train.py -c configs/adain_coco_wikiart.yaml": f"-o {FEW} {ADAIN}",
    "python tools/train.py -c configs/fan_wflw.yaml": f"-o {FEW} model.img_size=64 model.width=4 model.stacks=1",
    "python tools/train.py -c configs/ugatit_selfie2anime.yaml": (
        f"-o {TINY} model.blocks=1 model.global_layers=5 model.local_layers=4"
    ),
}
# What runs elsewhere, with the reason.
ELSEWHERE = {
    "python3 -m venv": "continuous integration runs the second, and tests/test_quickstart.py what the first does",
    "python tools/demo.py": "serves until it is stopped: tests/test_demo.py",
    "python tools/quickstart.py": "learns for minutes: tests/test_quickstart.py",
}


def commands() -> list:
    """The lines of all bash blocks, each once."""
    blocks = [code for page in PAGES if page not in CHINESE for kind, code in code_blocks(page) if kind == "bash"]
    return list(dict.fromkeys(line.strip() for code in blocks for line in code.splitlines() if line.strip()))


def elsewhere(command: str):
    if command.startswith("python tools/download.py") and not {"--list", "--from"} & set(command.split()):
        return "needs the internet: tests/test_download.py has a server of its own"
    if "--onnx" in command and not (find_spec("paddle2onnx") and find_spec("onnxruntime")):
        return "needs the packages of .[onnx]"
    return next((reason for beginning, reason in ELSEWHERE.items() if command.startswith(beginning)), None)


HERE = [command for command in commands() if not elsewhere(command)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the tools, small configs, and every file that the commands name."""
    root = tmp_path_factory.mktemp("commands") / "ppstargan"
    command_files.write(root)
    return root


@pytest.fixture
def folder(checkout, tmp_path):
    return shutil.copytree(checkout, tmp_path / "ppstargan", symlinks=True)


def run(command, folder):
    more = next((f" {words}" for beginning, words in MORE.items() if command.startswith(beginning)), "")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # with the python of an active environment
    return subprocess.run(
        ["bash", "-c", command + more],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def files(folder) -> dict:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("command", HERE, ids=str)  # of a long one, pytest's own ids say nothing
def test_a_command_of_the_pages_does_its_work(command, folder):
    if "convert_torch_weights.py" in command:  # each makes what it is to make
        (folder / command.split()[-1]).unlink()
    if "--out-dir" in command:
        shutil.rmtree(folder / command.split()[-1], ignore_errors=True)
    if "tools/draw_toy.py" in command:
        shutil.rmtree(folder / "data" / "toy_digits")
    if "tools/prepare.py" in command:
        shutil.rmtree(folder / "data" / "mine")
    for name in ("afhq", "selfie2anime"):
        if f"--from {name}.zip" in command:
            shutil.rmtree(folder / "data" / name)
    if "--from 100000" in command:
        (folder / "data" / "afhq_ema.pdparams").unlink()
    if command.endswith("--resume"):
        assert run(f"{command[: -len('--resume')]} -o train.iterations=1", folder).returncode == 0
        command += " -o train.iterations=2"
    before = files(folder)
    done = run(command, folder)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr and "Traceback" not in done.stderr
    if not any(word in command for word in ("--list", "check_", "benchmark.py -c configs/afhq.yaml")):
        assert files(folder) != before, "nothing was written"


@pytest.mark.slow
def test_the_lines_for_a_notebook(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    for page in ("README.md", "docs/usage.md"):
        for code in [code for kind, code in code_blocks(ROOT / page) if kind == "python"]:
            exec(code, names)  # the page's own
    assert len(names["images"]) == 16 and names["images"][0].size == (16, 16)
    assert names["fakes"].shape == [1, 3, 256, 256]
    image = names["image"]
    assert isinstance(image, Image.Image) and image.size == (32, 32) and np.asarray(image).std() > 1


def test_most_commands_are_run_here():
    assert len(HERE) > 50
    assert len(commands()) - len(HERE) <= 17
