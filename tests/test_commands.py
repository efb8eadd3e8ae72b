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

import noise_model
import numpy as np
import pytest
import small_model
import yaml
from PIL import Image
from test_docs import CHINESE, PAGES, code_blocks

from ppstargan import checkpoint
from ppstargan.convert.weights import to_authors_file
from ppstargan.data.digits import write_digits
from ppstargan.data.toy import write_dataset
from ppstargan.nets.fan import FAN

ROOT = Path(__file__).parents[1]
SMALL = {
    "model": {**small_model.SIZES, "w_hpf": 0},
    "data": {"workers": 1},
    "loss": {"ds_iter": 4},
    "train": {"iterations": 2, "batch_size": 2, "log_every": 1, "sample_every": 2, "save_every": 1},
}
WILD = ["cat", "dog", "wild"]
FEW = "train.iterations=2 train.batch_size=4 train.sample_every=2 train.save_every=1 data.workers=1"
# Beginning of a command -> arguments behind it.
MORE = {
    "python tools/evaluate.py": "--seeds 1 --sources 1 --outputs 4 --mode latent --allow-random-features",
    "python tools/check_parity.py --reference tests/reference/ladder": "--case cgan_forward wgan_forward",
    "python tools/check_parity.py": "--case forward_small align",
    "python tools/benchmark.py": "--iterations 1 -o model.channel_base=512",
    "python tools/sample.py --weights WEIGHTS.pdparams --source photos/ --domain cat dog --video": "--seconds 0.2",
    **{f"python tools/train.py -c configs/{name}.yaml": f"-o {FEW}" for name in ("cgan_toy", "gan_mnist")},
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


def dataset(root, domains):
    write_dataset(root, size=40, train_count=4, val_count=6, seed=0)
    for part in ("train", "val"):
        for drawn, name in zip(small_model.DOMAINS, domains):
            (root / part / drawn).rename(root / part / name)
        for left in set(small_model.DOMAINS[len(domains) :]):
            shutil.rmtree(root / part / left)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the tools, small configs, and every file that the commands name."""
    root = tmp_path_factory.mktemp("commands") / "ppstargan"
    for folder in ("tools", "configs", "docs"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "tests").symlink_to(ROOT / "tests")
    base = yaml.safe_load((root / "configs" / "base.yaml").read_text())
    for section, values in SMALL.items():
        base[section].update({key: value for key, value in values.items() if key in base[section]})
    (root / "configs" / "base.yaml").write_text(yaml.safe_dump(base))

    dataset(root / "data" / "afhq", WILD)
    dataset(root / "data" / "celeba_hq", ["female", "male"])
    dataset(root / "data" / "mine", WILD)
    for name in ("PHOTOS", "photos", "ref", "dog"):
        shutil.copytree(root / "data" / "afhq" / "val", root / name)
    shutil.copy(next((root / "photos" / "cat").iterdir()), root / "cat.jpg")
    shutil.copy(next((root / "photos" / "dog").iterdir()), root / "dog.jpg")
    shutil.copy(root / "dog.jpg", root / "dog" / "1.jpg")
    shutil.make_archive(str(root / "afhq"), "zip", root / "data", "afhq")

    nets, faces = small_model.networks(), small_model.networks(num_domains=2, w_hpf=1)
    fan = {"fan": checkpoint.arrays(FAN())}
    averages = {"averages": small_model.values(nets)}
    small_model.save(root / "WEIGHTS.pdparams", nets, WILD, **averages)
    small_model.save(root / "output/afhq-DATE-TIME/checkpoints/0100000.pdparams", nets, WILD, **averages)
    small_model.save(root / "data" / "afhq_ema.pdparams", nets, None, **averages)
    of_faces = {"averages": small_model.values(faces), "nets": fan}
    small_model.save(root / "data" / "celeba_hq_ema.pdparams", faces, None, **of_faces)
    checkpoints = root / "output/celeba_hq-DATE-TIME/checkpoints"
    small_model.save(checkpoints / "0100000.pdparams", faces, ["female", "male"], **of_faces)
    checkpoint.save({"architecture": {}, "domains": None, "nets": fan}, root / "data" / "wing.pdparams")
    landmarks = np.load(ROOT / "tests" / "reference" / "parity" / "align.npz")["mean_landmarks"]
    np.savez(root / "data" / "celeba_lm_mean.npz", mean=landmarks)
    to_authors_file(root / "data" / "afhq_ema.pdparams", root / "100000_nets_ema.ckpt")

    for name in ("toy_digits", "mnist"):
        write_digits(root / "data" / name, size=28, train_count=4, test_count=1)
    noise_model.save(root / "output/cgan_toy-DATE-TIME/checkpoints/0005000.pdparams", "cgan", ["1", "2", "3"])
    noise_model.save(root / "data" / "wgan.pdparams", "wgan")
    to_authors_file(root / "data" / "wgan.pdparams", root / "netG_epoch_24.pth")
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
@pytest.mark.parametrize("command", HERE)
def test_a_command_of_the_pages_does_its_work(command, folder):
    if "convert_torch_weights.py" in command:  # each makes what it is to make
        (folder / command.split()[-1]).unlink()
    if "tools/draw_toy.py" in command:
        shutil.rmtree(folder / "data" / "toy_digits")
    if "tools/prepare.py" in command:
        shutil.rmtree(folder / "data" / "mine")
    if "--from afhq.zip" in command:
        shutil.rmtree(folder / "data" / "afhq")
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
        (code,) = [code for kind, code in code_blocks(ROOT / page) if kind == "python"]
        exec(code, names)  # the page's own
    assert len(names["images"]) == 16 and names["images"][0].size == (16, 16)
    image = names["image"]
    assert isinstance(image, Image.Image) and image.size == (32, 32) and np.asarray(image).std() > 1


def test_most_commands_are_run_here():
    assert len(HERE) > 25
    assert len(commands()) - len(HERE) <= 12
