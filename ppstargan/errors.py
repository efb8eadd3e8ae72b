"""Errors that a user can mend: the tools print them as one line, without a stack trace. And the commands in them."""

import re
import sys
from pathlib import Path

INSTALLED = (Path(__file__).parent / "tools").is_dir()  # from a wheel, which holds tools and configs in the package
ROOT = Path(__file__).absolute().parents[0 if INSTALLED else 1]  # where they are

_TOOL = re.compile(r"(?<![\w/.-])(?:python )?tools/(\w+)\.py")
_EXTRA = re.compile(r'(?:-e )?"\.(\[\w+\])"')


def as_typed(text: str) -> str:
    """``text`` with commands that work here: ``python tools/train.py`` is for whoever is in a checkout.

    It becomes ``ppstargan train`` where the package came from a wheel, or the command ``ppstargan`` runs.
    """
    if INSTALLED or sys.argv[0].startswith("ppstargan "):
        return _EXTRA.sub(r'"ppstargan\1"', _TOOL.sub(r"ppstargan \1", text))
    return text


class UserError(Exception):
    """What was wrong, where, and what to do about it, in one line. A tool prints it and exits 1."""

    exit_code = 1

    def __init__(self, message: str = ""):
        super().__init__(as_typed(message))


class UsageError(UserError):
    """A call or a configuration that cannot be understood. A tool prints it and exits 2."""

    exit_code = 2
