"""Commands in messages can be copied: a path in them is one word for the shell, whatever characters it has."""

import shlex
import sys

import pytest

from ppstargan import checkpoint
from ppstargan.cli import parser
from ppstargan.errors import UserError
from ppstargan.face.weights import load_fan
from ppstargan.training.state import State, restore

ODD = "my 'odd' $HOME; (1) 图"


def words(message: str, start: str) -> list:
    """The words of the command in the message, as a shell reads them; nothing may stand behind the command."""
    assert start in message
    return shlex.split(message[message.index(start) :])


def message_of(call, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_file_to_convert(tmp_path, monkeypatch):
    (tmp_path / f"{ODD}.ckpt").write_bytes(b"PK\x03\x04 a file of PyTorch's")
    monkeypatch.chdir(tmp_path)
    command = words(message_of(checkpoint.load, f"{ODD}.ckpt"), "python tools/convert")
    assert command[2:] == [f"{ODD}.ckpt", f"{ODD}.pdparams"]


def test_a_network_to_convert(tmp_path):
    message = message_of(load_fan, tmp_path / ODD / "wing.pdparams")
    command = words(message, "python tools/convert")
    assert command == ["python", "tools/convert_torch_weights.py", "wing.ckpt", str(tmp_path / ODD / "wing.pdparams")]


def test_weights_to_start_with(tmp_path):
    message = message_of(restore, {}, State({}, {}, {}, {}, {}, [], "stargan_v2"), str(tmp_path / ODD))
    assert words(message, "--init") == ["--init", str(tmp_path / ODD)]


def test_a_tool_to_ask(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{ODD}/prepare.py"])
    with pytest.raises(SystemExit):
        parser("", "").parse_args(["--none"])
    command = words(capsys.readouterr().err, "python ")
    assert command == ["python", f"{ODD}/prepare.py", "--help"]
