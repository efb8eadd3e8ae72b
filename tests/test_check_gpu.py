"""The check of a machine: its report, what makes it exit 1, and that a part that fails takes no other with it."""

import json
import os
import re
import runpy
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ppstargan.costs import loader
from ppstargan.errors import UserError
from ppstargan.gpu import apart, cards, halves, machine, parity, report, resume
from ppstargan.gpu.plan import CARD, CPU, LEFT_OUT, OK, WRONG, Found
from ppstargan.training import state

TOOL = Path(__file__).parents[1] / "tools" / "check_gpu.py"
TINY = CPU._replace(
    cases=("cgan_forward", "gan_losses"),
    paper=("model.img_size=32", "model.channel_base=96", "model.max_channels=8", "model.hidden_dim=8"),
    small=("model.channel_base=96", "model.max_channels=8", "model.hidden_dim=8"),
    repeats=1,
    parity_seconds=1e9,
    apart=False,
)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(loader, "LOADER_SECONDS", 0.05)
    monkeypatch.setattr(loader, "FACE_SIZE", 48)
    monkeypatch.setattr(resume, "ITERATIONS", 2)


def part(name):
    return next(one for one in report.PARTS if one.name == name)


def check(tmp_path, *parts, plan=TINY):
    """The exit code, and the report."""
    out = tmp_path / "new folder" / "report.md"
    return report.check(plan, out, parts), out.read_text(encoding="utf-8")


def test_the_report_on_a_cpu_has_all_parts(quick, tmp_path, monkeypatch, capsys):
    def alone(plan, out, launcher):
        cards.measure(plan, out)
        return {**json.loads(out.read_text()), "processes": 2 if launcher else 1}

    monkeypatch.setattr(cards, "start", alone)
    code, text = check(tmp_path, *report.PARTS)
    assert code == 0
    *parts, _ = re.findall(r"^## (.+)\n\n(.+)\n", text, re.M)
    assert [name for name, _ in parts] == [one.name for one in report.PARTS]
    left_out = {name for name, said in parts if said.startswith("left out: ")}
    assert left_out == {"parity, with TF32", "mixed precision", "cost: bfloat16", "cost: float16"}
    found = dict(parts)
    assert found["parity, without TF32"] == "ok: 40 checks within their tolerances"
    assert re.search(r"^cgan_forward +float32 +8 +\d.\d+e-\d+ +1.00e-05  \w+/[GD]$", text, re.M)
    assert found["resume"].startswith("ok: the same bits in ")
    for name in ("cost: float32", "cost: plain form, float32"):
        assert re.fullmatch(r"ok: \d+\.\d+ s an iteration, \d+\.\d+ images/s, peak \d+\.\d+ GiB .+", found[name])
    assert re.fullmatch(r"ok: \d+\.\d% of an iteration of \d+\.\d+ s waits for data", found["waiting for data"])
    assert found["two cards"].startswith("ok: two processes: losses within 0.0e+00; ")
    # The summary is a line a part, here and on the terminal, which fits on a screen.
    lines = text.split("## Summary\n\n```text\n")[1].split("\n```")[0].splitlines()
    assert len(lines) == len(report.PARTS) < 24
    assert [(line[:27].rstrip(), line[27:35].rstrip()) for line in lines] == [
        (n, said.split(": ")[0]) for n, said in parts
    ]
    assert capsys.readouterr().out.endswith("\n".join(["", *lines, f"wrote {tmp_path / 'new folder' / 'report.md'}\n"]))


def paddles(kind, line):
    """An error as Paddle words it."""
    bar = "-" * 22
    place = "Please see elsewhere.\n1. If yes, do this.\n (at ../paddle/phi/x.cc:87)\n"
    return f"\n\n{bar}\nError Message Summary:\n{bar}\n{kind}: \n\n{line}\n\n{place}  [operator < conv2d > error]"


def test_a_part_that_fails_is_a_line_and_the_others_run(tmp_path):
    def fails(plan):
        raise RuntimeError("first\nsecond\nthe last line\n")

    def fails_in_paddle(plan):
        raise OSError(paddles("ExternalError", "CUDNN error(9), CUDNN_STATUS_NOT_SUPPORTED."))

    fine = report.Part("third", lambda plan: Found(OK, "fine", ("a figure",)))
    code, text = check(tmp_path, report.Part("first", fails), report.Part("second", fails_in_paddle), fine)
    assert code == 1
    assert "\nfirst   not ok    RuntimeError: the last line\n" in text
    assert "\nsecond  not ok    ExternalError: CUDNN error(9), CUDNN_STATUS_NOT_SUPPORTED.\n" in text
    assert "\nthird   ok        fine\n" in text and "a figure\n" in text
    assert check(tmp_path, fine)[0] == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(paddles("ResourceExhaustedError", "Out of memory error on GPU 0. Cannot allocate 2.0GB.")),
        OSError(paddles("ExternalError", "CUBLAS error(3), CUBLAS_STATUS_ALLOC_FAILED.")),
        apart.OutOfMemory("its process was killed"),
    ],
)
def test_where_memory_runs_out_less_is_tried_and_said(tmp_path, error):
    tried = []

    def needs(least):
        def function(plan):
            tried.append(plan.batch)
            if plan.batch > least:
                raise error
            return Found(OK, "measured")

        return report.Part("cost", function)

    code, text = check(tmp_path, needs(2), plan=TINY._replace(batch=8))
    assert (code, tried) == (0, [8, 4, 2])
    assert "\ncost  ok        memory ran out at batches of 8, so of 2: measured\n" in text
    code, text = check(tmp_path, needs(0), plan=TINY._replace(batch=2))
    assert code == 0 and "\ncost  left out  not enough memory for a batch of one (" in text


def test_a_process_of_its_own_has_its_environment_and_dies_alone(monkeypatch):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    assert apart.call(os.getenv, "NVIDIA_TF32_OVERRIDE", environment={"NVIDIA_TF32_OVERRIDE": "0"}) == "0"
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ
    with pytest.raises(UserError, match=r"^its process ended with exit code 3$"):
        apart.call(os._exit, 3)
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"^took longer than 0 seconds, and was stopped$"):
        apart.call(time.sleep, 600, seconds=0.1)
    assert time.monotonic() - begun < 300
    killed = apart._ended(-9)
    assert isinstance(killed, apart.OutOfMemory) and "where memory runs out" in str(killed)


@pytest.fixture
def kit(tmp_path):
    """A kit of two cases that may be broken."""
    folder = tmp_path / "kit"
    folder.mkdir()
    manifest = json.loads((CPU.kits[1] / "manifest.json").read_text())
    manifest["cases"] = {name: manifest["cases"][name] for name in ("cgan_forward", "gan_losses")}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name in manifest["cases"]:
        shutil.copy(CPU.kits[1] / f"{name}.npz", folder)
    return folder


def test_a_parity_case_out_of_tolerance_is_wrong(kit, tmp_path):
    one, plan = part("parity, without TF32"), TINY._replace(kits=(kit,))
    assert check(tmp_path, one, plan=plan)[0] == 0
    figures = dict(np.load(kit / "cgan_forward.npz"))
    figures["colour/G"] = figures["colour/G"] * (1 + 1e-4)
    np.savez(kit / "cgan_forward.npz", **figures)
    code, text = check(tmp_path, one, plan=plan)
    assert code == 1 and "\nnot ok: 1 of 40 checks out of tolerance: cgan_forward: colour/G is 1.0" in text
    assert re.search(r"^cgan_forward .+ colour/G FAILED, 1 checks$", text, re.M)
    (kit / "cgan_forward.npz").write_bytes(b"none")  # is one line, and the other case is still compared
    code, text = check(tmp_path, one, plan=plan)
    assert code == 1 and re.search(r"^cgan_forward: .+is no \.npz file.+\n(gan_losses +float64 +32 )", text, re.M)
    late = parity.compare(plan._replace(parity_seconds=-1), False)
    assert late.verdict == OK and late.lines[-1] == "no time left for cgan_forward, gan_losses"
    assert parity.compare(plan._replace(kits=(tmp_path,)), False).verdict == LEFT_OUT  # as in a wheel


def test_a_run_that_goes_on_with_other_bits_is_wrong(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(state, "set_accumulators", lambda net, optimizer, stored: None)  # Adam begins anew
    code, text = check(tmp_path, part("resume"))
    assert code == 1 and re.search(r"not ok: not the same bits: \d+ of \d+ arrays differ, most \w+/", text)


def test_the_smallest_difference_of_two_checkpoints_is_seen():
    ours = {"nets": {"g": {"w": np.ones(3, np.float32), "b": np.zeros(2, np.float32)}}, "scaler": {"scale": 2.0}}
    theirs = {"nets": {"g": {"w": np.ones(3, np.float32), "b": np.zeros(2, np.float32)}}, "scaler": {"scale": 2.0}}
    assert resume.differences(ours, theirs) == ({}, 3)
    theirs["nets"]["g"]["w"][1] = np.nextafter(np.float32(1), np.float32(2))
    assert list(resume.differences(ours, theirs)[0]) == ["nets/g/w"]
    del theirs["nets"]["g"]["w"], theirs["scaler"]
    assert list(resume.differences(ours, theirs)[0]) == ["nets/g/w", "scaler/scale"]


@pytest.mark.filterwarnings("ignore:amp_guard can only be enabled on")
def test_losses_of_half_precision_are_judged():
    full = halves.losses(TINY, "none")
    assert len(full) == halves.ITERATIONS and len(full[0]) == 14
    same = halves.losses(TINY, "float16")  # a CPU has none: the same weights give the same losses
    assert same[-1].pop("scale") == 2.0**15
    said = halves.judged({"none": full, "float16": same})
    assert said.verdict == WRONG and "float16 gave float32's losses to the last bit" in said.summary
    near = [{name: value * 1.001 for name, value in terms.items()} for terms in full]
    assert halves.judged({"none": full, "float16": near}).verdict == OK
    near[2] = {**near[2], "d_latent/reg": float("nan")}
    said = halves.judged({"none": full, "float16": near})
    assert said.verdict == WRONG and said.summary == "float16: iteration 3/d_latent/reg is not finite"


def test_two_cards_that_differ_are_wrong():
    one = {"processes": 1, "losses": {"d/real": 0.7, "g/adv": 1.0}, "seconds": 2.0}
    two = {"processes": 2, "losses": {"d/real": 0.7, "g/adv": 1.0005}, "seconds": 1.0}
    said = cards.judged(one, two, "cards")
    assert said.verdict == OK and "2.00 times as fast" in said.summary
    for other in ({"losses": {"d/real": 0.7, "g/adv": 1.01}}, {"losses": {"d/real": 0.7, "g/adv": float("nan")}}):
        assert cards.judged(one, {**two, **other}, "cards").verdict == WRONG
    assert cards.judged(one, {**two, "processes": 1}, "cards").verdict == WRONG


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one():
    said = cards.compare(TINY._replace(batch=4))
    assert said.verdict == OK and said.summary.startswith("two processes: losses within "), said


def test_the_tool_chooses_the_plan(monkeypatch, tmp_path, kit):
    seen = []

    def run(*words):
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name="__main__")
        return ended.value.code

    monkeypatch.setattr(report, "check", lambda plan, out: seen.append((plan, out)) or 1)
    assert run("--out", tmp_path / "x.md") == 1 and seen == [(CPU, tmp_path / "x.md")]
    assert run("--reference", kit) == 1
    plan, out = seen[-1]
    assert (plan.kits, plan.cases, out) == ((kit,), (), Path("output/check_gpu.md"))
    monkeypatch.setattr(machine, "has_card", lambda: True)
    assert run() == 1 and seen[-1][0] == CARD
    assert run("--device", "cpu") == 1 and seen[-1][0] == CPU
    monkeypatch.setattr(machine, "has_card", lambda: False)
    assert (run("--device", "gpu"), run("--out", tmp_path), run("--reference", tmp_path)) == (2, 2, 1)
    assert len(seen) == 4
