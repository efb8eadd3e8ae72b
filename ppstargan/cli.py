"""What the tools share: how they read their arguments, and how they end."""

from __future__ import annotations

import argparse
import sys
from typing import Callable, NoReturn

from ppstargan.errors import UserError


class Parser(argparse.ArgumentParser):
    """Answers a wrong call with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see python {sys.argv[0]} --help\n")


def parser(description: str, example: str) -> Parser:
    """A parser whose ``--help`` ends with an example."""
    return Parser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run_tool(main: Callable[[], int | None]) -> NoReturn:
    """Runs a tool's ``main`` and exits with what it returns; a user's mistake becomes one line."""
    try:
        sys.exit(main() or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
