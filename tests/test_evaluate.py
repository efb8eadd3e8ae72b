"""The tool, stopped and started again, and what it reports."""

import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import paddle
import pytest
from small_model import networks, save

from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import write_dataset
from ppstargan.metrics import table
from ppstargan.metrics.judges import Judge, Judges, load_judges
from ppstargan.metrics.protocol import Settings
from ppstargan.systems.load import load_config
from ppstargan.translate.evaluate import evaluate, evaluate_in_training

ROOT = Path(__file__).parents[1]
WEIGHTS = Path("run-1", "checkpoints", "0000007.pdparams")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with drawn faces of two domains, and weights."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_dataset(folder / "toy", size=32, train_count=6, val_count=2, seed=0)
    for part in ("train", "val"):
        shutil.rmtree(folder / "toy" / part / "lion")
    save(folder / WEIGHTS, networks(num_domains=2), domains=["cat", "dog"])
    return folder


def overrides(place):
    return [f"data.root={place / 'toy'}", f"output={place / 'output'}", "data.workers=1"]


@pytest.fixture(scope="module")
def config(place):
    return load_config(ROOT / "configs" / "base.yaml", overrides(place))


@pytest.fixture(scope="module")
def random_judges():
    return load_judges("data/none.pdparams", "data/none.pdparams", "data/none.pdparams", allow_random=True)


@pytest.mark.slow
def test_killed_and_started_again_is_as_never_killed(place, config, random_judges):
    command = [sys.executable, str(ROOT / "tools" / "evaluate.py"), "-c", str(ROOT / "configs" / "base.yaml")]
    command += ["-o", *overrides(place), "--weights", str(WEIGHTS), "--outputs", "2", "--allow-random-features"]
    command += ["--mode", "latent", "--batch-size", "2", "--to", "killed"]
    files = [f"--{kind}=data/none.pdparams" for kind in ("inception", "alexnet", "lpips")]
    first = subprocess.Popen([*command, *files], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while first.poll() is None and not list((place / "killed").glob("latent_*.json")):
        time.sleep(0.01)
    first.kill()
    assert first.wait() == -signal.SIGKILL, first.communicate()[1]
    assert not (place / "killed" / "evaluation.md").exists()
    second = subprocess.run([*command, *files], cwd=place, capture_output=True, text=True, timeout=200)
    assert second.returncode == 0 and second.stderr == "", second.stderr
    assert re.search(r"^1 of 2 measurements are in killed already$", second.stdout, re.M)
    markdown = (place / "killed" / "evaluation.md").read_text(encoding="utf-8")
    assert markdown in second.stdout and second.stdout.endswith("evaluation.md\n")

    shutil.rmtree(place / "output")  # the features of the real images
    evaluate(config, place / WEIGHTS, random_judges, Settings(modes=("latent",), outputs=2, batch_size=2))
    straight = place / "output" / "evaluation" / "run-1_0000007"
    found, expected = (
        json.loads((folder / "evaluation.json").read_text(encoding="utf-8")) for folder in (place / "killed", straight)
    )
    assert found["measurements"] == expected["measurements"] and len(found["measurements"]) == 2
    assert markdown == (straight / "evaluation.md").read_text(encoding="utf-8")


class Stub:
    """An Inception of three numbers."""

    tensorflow = True

    def __call__(self, x):
        return x.mean(axis=[2, 3])


@pytest.fixture(scope="module")
def judges(random_judges):
    lpips = random_judges.lpips._replace(name="alexnet", title="LPIPS v0.1")
    return Judges(Judge(Stub(), "tensorflow", "the TensorFlow Inception", "0123456789abcdef"), lpips)


def test_the_report_says_what_was_measured(place, config, judges, capsys):
    settings = Settings(outputs=4, seeds=(777, 778), sources=1)
    text, wrote = evaluate(config, place / WEIGHTS, judges, settings, place / "report")
    assert wrote == f"wrote {place / 'report' / 'evaluation.json'}\nwrote {place / 'report' / 'evaluation.md'}"
    lines = text.splitlines()
    assert lines[0] == "# FID and LPIPS of 0000007.pdparams"
    for part in (
        f"- weights: {place / WEIGHTS}",
        f"- data: {place / 'toy'}, 32 px",
        "- FID and KID: the TensorFlow Inception (SHA-256 of its tensors 0123456789ab); every image bicubic to",
        "- LPIPS: LPIPS v0.1",
        "- generated: 4 images for each source of val: cat 1, dog 1",
        "- real: all images of train: cat 6, dog 6",
        "- seeds: 777, 778 (±: deviation over them)",
        "- warning: 6 real images of a domain: FID is biased upwards with fewer than 2048",
        "- warning: 4 generated images of a pair: FID is biased",
        "- warning: 2 references in val for 4 outputs: they repeat",
    ):
        assert any(line.startswith(part) for line in lines), part
    head = "| source | target | FID (tensorflow) | KID x 1000 (tensorflow; standard error) | LPIPS (alexnet) "
    head += "| precision (tensorflow) | recall (tensorflow) | density (tensorflow) | coverage (tensorflow) |"
    assert sum(line.startswith(head) for line in lines) == 2
    two, three, four = (rf"-?\d+\.\d{{{digits}}}" for digits in (2, 3, 4))
    cells = rf"{two} ± {two} \| {three} ± {three} \({three}\) \| {four} ± {four}" + rf" \| {three} ± {three}" * 4
    for mode in ("Latent", "Reference"):
        start = lines.index(f"## {mode}-guided")
        assert re.fullmatch(rf"\| dog \| cat \| {cells} \| 4 \| 6 \|", lines[start + 4]), lines[start + 4]
        assert lines[start + 6].startswith("| mean |  | ")
    assert "torchvision" not in text and "random" not in text.lower()
    # The authors' figures stay out of a table of ours.
    assert not re.search(r"16\.18|19\.78|13\.73|23\.84", text)
    assert capsys.readouterr().out.startswith("warning: 6 real images")


def test_random_features_are_in_the_title_and_in_every_name(place, config, judges):
    inception = judges.inception._replace(name="random")
    settings = Settings(modes=("latent",), outputs=4)
    text, _ = evaluate(config, place / WEIGHTS, judges._replace(inception=inception), settings, place / "random")
    assert text.startswith("# FID and LPIPS of 0000007.pdparams: FID, KID OF RANDOM FEATURES, WHICH COMPARE WITH")
    assert "| FID (random) | KID x 1000 (random; standard error) | LPIPS (alexnet) | precision (random) |" in text
    both = judges._replace(inception=inception, lpips=judges.lpips._replace(name="random"))
    assert "FID, KID, LPIPS OF RANDOM FEATURES" in table.title("x", both)


def measurement(seed, source, target, fid, mode="latent"):
    figures = {"fid_torchvision": fid, "kid_torchvision": fid / 100, "kid_torchvision_error": 0.5, "lpips_alexnet": 0.4}
    counts = {"sources": 1, "generated": 10, "real": 5}
    return {"mode": mode, "seed": seed, "source": source, "target": target, **counts, **figures}


def test_means_and_deviations():
    """Over the pairs for each seed, then over the seeds: by hand."""
    values = {(1, "a", "b"): 10, (1, "b", "a"): 20, (2, "a", "b"): 12, (2, "b", "a"): 24}
    found = [measurement(*task, value) for task, value in values.items()]
    first, second = table.summary(found)
    assert (first["source"], first["fid_torchvision"]["mean"], second["fid_torchvision"]["mean"]) == ("a", 11, 22)
    assert first["fid_torchvision"]["deviation"] == pytest.approx(2**0.5)
    assert "seed" not in first and first["generated"] == 10
    (mean,) = table.means(found)
    assert mean["fid_torchvision"] == {"mean": 16.5, "deviation": pytest.approx(3 / 2**0.5)}
    assert "kid_torchvision_error" not in mean
    assert table.means(found[:2])[0]["fid_torchvision"] == {"mean": 15, "deviation": None}
    names = table.scalars([*found, measurement(1, "a", "b", 7, "reference")])
    assert names["fid_torchvision_latent/mean"] == 16.5 and names["fid_torchvision_latent/a2b"] == 11
    assert names["fid_torchvision_reference/mean"] == 7 and names["lpips_alexnet_latent/mean"] == pytest.approx(0.4)


def test_scalars_of_a_training_run(place, judges):
    nets = networks(num_domains=2)
    train, val = (find_domains(place / "toy" / part) for part in ("train", "val"))
    paddle.seed(3)
    expected = paddle.rand([1]).item()
    paddle.seed(3)
    settings = Settings(outputs=2, sources=2)
    found = evaluate_in_training(nets, train, val, judges, place / "training", place / "features", settings)
    assert paddle.rand([1]).item() == expected  # a run goes on as if nothing had been measured
    wanted = [
        f"{name}_{mode}/{pair}"
        for name in ("fid_tensorflow", "kid_tensorflow", "lpips_alexnet", "precision_tensorflow", "coverage_tensorflow")
        for mode in ("latent", "reference")
        for pair in ("dog2cat", "cat2dog", "mean")
    ]
    assert set(wanted) <= set(found) and all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--weights", "none.pdparams"], 1, "no weights at"),
        (["--weights", "x", "--outputs", "1"], 2, "--outputs is 1; give 2 or more"),
        (["--weights", "x", "--mode", "both"], 2, "invalid choice: 'both'"),
    ],
)
def test_wrong_calls(place, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(place)
    command = ["evaluate.py", "-c", str(ROOT / "configs" / "base.yaml"), "-o", *overrides(place)]
    monkeypatch.setattr(sys, "argv", [*command, *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "tools" / "evaluate.py"), run_name="__main__")
    assert stopped.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
