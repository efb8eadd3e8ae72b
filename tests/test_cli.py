"""How a tool ends."""

import os
import subprocess
import sys

import pytest

from ppstargan.cli import run_tool
from ppstargan.errors import UsageError, UserError


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
