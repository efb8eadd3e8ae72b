"""How a tool ends."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from ppstargan.cli import run_tool
from ppstargan.errors import UsageError, UserError
from ppstargan.translate import video


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
    ],
)
def test_codes_and_lines(capsys, main, code, said):
    with pytest.raises(SystemExit) as ended:
        run_tool(main)
    assert ended.value.code == code and capsys.readouterr().err == said


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
