"""How a tool ends."""

import argparse
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ppstargan.cli import check_numbers, parser, run_tool
from ppstargan.errors import UsageError, UserError
from ppstargan.translate import video

TOOLS = Path(__file__).parents[1] / "tools"
LONG_NAME = "error: cannot use /a /b: File name too long; name another, or mend it\n"


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (raising(UserError("no such file")), 1, "error: no such file\n"),
        (raising(UsageError("no such option")), 2, "error: no such option\n"),
        (raising(KeyboardInterrupt()), 130, "interrupted\n"),
        (raising(OSError(36, "File name too long", "/a\n/b")), 1, LONG_NAME),
    ],
)
def test_codes_and_lines(capsys, main, code, said):
    with pytest.raises(SystemExit) as ended:
        run_tool(main)
    assert ended.value.code == code and capsys.readouterr().err == said


@pytest.mark.parametrize(
    "words, hint",
    [
        (["data.root=a"], "data.root=a; keys of the configuration go behind -o, all of them together; see"),
        (["-o", "name=a", "--init", "b", "train.lr=1"], "train.lr=1; keys of the configuration go behind -o, all of"),
        (["my", "photos"], "my photos; a path with spaces needs quotes; see"),
        (["--none"], "--none; see"),
    ],
)
def test_what_words_that_nothing_takes_may_have_meant(words, hint, capsys):
    given = parser("", "")
    given.add_argument("-o", nargs="+")
    given.add_argument("--init")
    with pytest.raises(SystemExit):
        given.parse_args(words)
    assert f"error: unrecognized arguments: {hint}" in capsys.readouterr().err


def test_out_of_memory_says_what_takes_less(capsys):
    with pytest.raises(SystemExit) as ended:
        run_tool(raising(MemoryError("(ResourceExhausted) a long story")))
    said = capsys.readouterr().err
    assert ended.value.code == 1 and said.count("\n") == 1 and "not enough memory; a smaller train.batch_size" in said


def test_a_reader_who_has_had_enough_is_no_trace():
    code = "from ppstargan.cli import run_tool\nrun_tool(lambda: [print(i) for i in range(100000)] and None)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], **streams, text=True, env=environment)
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait(timeout=60) == 1


@pytest.fixture
def handlers():
    """As they were afterwards; and a signal that nobody handles fails the test, not all tests."""

    def unhandled(number, frame):
        raise RuntimeError(f"signal {number}")

    before = {number: signal.signal(number, unhandled) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def killing(*numbers):
    def main():
        for number in numbers:
            os.kill(os.getpid(), number)

    return main


@pytest.mark.parametrize(
    ("numbers", "code", "said"),
    [
        ([signal.SIGINT], 130, "interrupted\n"),
        ([signal.SIGTERM], 143, "stopped by SIGTERM\n"),
        ([signal.SIGHUP], 129, "stopped by SIGHUP\n"),
    ],
)
def test_a_signal_is_one_line(handlers, capsys, numbers, code, said):
    with pytest.raises(SystemExit) as ended:
        run_tool(killing(*numbers))
    os.kill(os.getpid(), numbers[0])  # timeout and a closed terminal send it to the process and to its group
    assert ended.value.code == code and capsys.readouterr().err == said


def test_what_nohup_ignores_stays_ignored(handlers, capsys):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with pytest.raises(SystemExit) as ended:
        run_tool(killing(signal.SIGHUP))
    assert ended.value.code == 0 and capsys.readouterr().err == ""


def test_a_stop_that_paddle_raises_anew(handlers, capsys):
    """As its tracer of dynamic graphs does: an error of the same type, with a text of its own."""

    def main():
        try:
            killing(signal.SIGTERM)()
        except BaseException as error:
            raise type(error)("In transformed code: ...") from None

    with pytest.raises(SystemExit) as ended:
        run_tool(main)
    assert ended.value.code == 143 and capsys.readouterr().err == "stopped by SIGTERM\n"


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.mp4"])
def test_a_video_that_is_stopped_leaves_no_file(name, handlers, capsys, tmp_path):
    if name.endswith(".mp4"):
        pytest.importorskip("av")

    def frames():
        yield from np.zeros((3, 32, 32, 3), np.uint8)
        killing(signal.SIGTERM, signal.SIGTERM)()
        yield from np.zeros((3, 32, 32, 3), np.uint8)

    with pytest.raises(SystemExit) as ended:
        run_tool(lambda: video.writer(name)(frames(), 6, 5, tmp_path / name))
    assert ended.value.code == 143 and capsys.readouterr().err == "stopped by SIGTERM\n"
    assert os.listdir(tmp_path) == []


def test_paddle_leaves_sigterm_alone():
    """Its own handler prints a trace, for a tool that is stopped while it is still importing."""
    code = "import os, ppstargan\nos.kill(os.getpid(), 15)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "", "")


def test_a_name_that_the_terminal_cannot_show_is_no_trace():
    code = "from ppstargan.cli import run_tool\nrun_tool(lambda: print('\\udcb0 \u732b'))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\udcb0 \\u732b\n", "")


NUMBERS = [  # a tool with what it needs, and calls of it with the words of its answer
    (
        ["align.py", "in", "--out", "out"],
        {
            "--min-height nan": "--min-height is nan; give 0 or more",
            "--min-height inf": "--min-height is inf; give 0 or more",
            "--min-height=-0.5": "--min-height is -0.5; give 0 or more",
            "--size 4": "--size is 4; give a number from 8 to 8192",
            "--size 40000": "--size is 40000; give a number from 8 to 8192",
        },
    ),
    (
        ["sample.py", "--weights", "w", "--source", "s", "--domain", "d"],
        {
            "--psi nan": "--psi is nan; give a number from 0 to 1",
            "--columns 0": "--columns is 0; give 1 or more",
            "--rows=-1": "--rows is -1; give 1 or more",
            "--seed=-1": "--seed is -1; give 0 or more",
            "--video --fps 100000": "--fps is 100000; give a number from 1 to 100",
            "--video --seconds inf": "--seconds is inf; give more than 0",
        },
    ),
    (
        ["convert_torch_weights.py", "a.ckpt", "b.pdparams"],
        {f"--w-hpf={text}": f"--w-hpf is {text}; give 0 or more" for text in ("nan", "inf", "-1")},
    ),
    (
        ["evaluate.py", "-c", "c", "--weights", "w"],
        {"--seeds 0": "--seeds is 0; give 1 or more", "--outputs 1": "--outputs is 1; give 2 or more"},
    ),
    (
        ["export.py", "--weights", "w", "--out", "o"],
        {"--batch-size 0": "--batch-size is 0; give 1 or more", "--repeats=-1": "--repeats is -1; give 0 or more"},
    ),
    (["benchmark.py", "-c", "c"], {"--domains 0": "--domains is 0; give 1 or more"}),
    (["prepare.py", "in", "out"], {f"--val {text}": f"--val {text} is neither a share" for text in ("nan", "inf")}),
]


@pytest.mark.parametrize(("tool", "calls"), NUMBERS, ids=[tool[0] for tool, _ in NUMBERS])
def test_numbers_that_make_no_sense(tool, calls, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for call, words in calls.items():
        monkeypatch.setattr(sys, "argv", [*tool, *call.split()])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOLS / tool[0]), run_name="__main__")
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.startswith(f"error: {words}") and said.count("\n") == 1, said


def test_numbers_of_all_kinds():
    given = argparse.Namespace(a=None, b=3, c=0.5, d=10**400)
    check_numbers(given, a=(1,), b=(3, 3), c=(0.5, 0.5), d=(1,))
    for name, limits in (("b", (4,)), ("b", (1, 2)), ("c", (0, 0.4)), ("d", (1, 2))):
        with pytest.raises(UsageError, match=f"--{name} is "):
            check_numbers(given, **{name: limits})
