"""The command ``ppstargan``, or ``python -m ppstargan``: each tool of ``tools/`` by its name."""

from __future__ import annotations

import ast
import difflib
import importlib
import re
import sys
from typing import NoReturn

from ppstargan.errors import ROOT

TOOLS = ROOT / "tools"
_SENTENCE = re.compile(r".*?(?=[.:](\s|$))", re.S)


def overview() -> str:
    """What ``ppstargan --help`` says: every tool, with the first words of what it says of itself."""
    lines = ["usage: ppstargan TOOL …", "", "ppstargan TOOL --help shows all that a tool can do:", ""]
    for name in names():
        said = ast.get_docstring(ast.parse((TOOLS / f"{name}.py").read_text(encoding="utf-8")))
        lines.append(f"  {name:22} {' '.join(_SENTENCE.match(said)[0].split())}")
    return "\n".join(lines)


def names() -> list:
    """The tools that there are."""
    return sorted(path.stem for path in TOOLS.glob("*.py") if path.stem != "checkout")


def main() -> NoReturn:
    """Runs the tool that the first argument names, with the others; a hyphen in a name is an underscore."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        sys.exit()
    name = name.replace("-", "_")
    if name not in names():
        nearest = difflib.get_close_matches(name.lower(), names(), 1, 0.0)[0]
        print(f"error: no tool {sys.argv[1]!r}; the nearest is {nearest}; see ppstargan --help", file=sys.stderr)
        sys.exit(2)
    sys.argv = [f"ppstargan {name}", *arguments]
    sys.path.insert(0, str(TOOLS))  # as Python does for a file that it runs
    tool = importlib.import_module(name)

    from ppstargan.cli import run_tool  # only now: the tool has one line tell of a package that is missing

    run_tool(tool.main)


if __name__ == "__main__":
    main()
