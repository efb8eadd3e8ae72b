"""What the tools share: how they read their arguments, and how they end."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import shlex
import signal
import sys
import threading
import time
import warnings
from typing import Callable, NoReturn

from ppstargan.errors import UsageError, UserError
from ppstargan.translator import FAN_PATH, Translator

FIT_HELP = (
    "what becomes of a photograph that is not square: its middle square, since a squashed face has a shape that no "
    "model was trained on, or all of it, squashed [%(default)s]"
)
BACKGROUND_HELP = "put behind transparent places: white, #RRGGBB [the colours that the file hides there]"


class Parser(argparse.ArgumentParser):
    """Answers a wrong call with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see python {shlex.quote(sys.argv[0])} --help\n")


def parser(description: str, example: str) -> Parser:
    """A parser whose ``--help`` ends with an example."""
    return Parser(
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_override(arguments: Parser) -> None:
    """Adds ``-o a.b=c …``."""
    what = "values in place of the configuration's"
    arguments.add_argument("-o", "--override", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=what)


def add_config(arguments: Parser) -> None:
    """Adds ``-c CONFIG`` and ``-o a.b=c …``."""
    arguments.add_argument("-c", "--config", required=True, help="configuration, such as configs/afhq.yaml")
    add_override(arguments)


def add_system(arguments: Parser, names, usual: str) -> None:
    """Adds SYSTEM, one of ``names``; whoever mistypes one is told the nearest."""
    arguments.add_argument("system", nargs="?", default=usual, metavar="SYSTEM", type=one_of(names, "system"),
                           help=f"{', '.join(names)} [{usual}]")  # fmt: skip


def one_of(names, what: str) -> Callable[[str], str]:
    """The ``type`` of an argument that is one of ``names``, each a ``what``."""

    def named(text: str) -> str:
        if text not in names:
            nearest = difflib.get_close_matches(text, names, 1, 0.0)[0]
            known = ", ".join(names)
            raise argparse.ArgumentTypeError(f"no {what} {text!r}; the nearest is {nearest}, and there are {known}")
        return text

    return named


def add_resume(arguments: Parser):
    """Adds ``--resume [PATH]``: None where it is not given, "" for the newest run; and ``--allow-changes``.

    Returns the group of ways to start, of which a call takes one.
    """
    start = arguments.add_mutually_exclusive_group()
    what = "go on from a checkpoint, a run's folder, or the newest run of this name"
    start.add_argument("--resume", nargs="?", const="", metavar="PATH", help=what)
    what = "resume also where the configuration or the images change the training"
    arguments.add_argument("--allow-changes", action="store_true", help=what)
    return start


def add_model(arguments: Parser, required: bool = True) -> None:
    """Adds ``--weights PATH``, ``--domain-names NAME …`` and ``--fan PATH``, which ``load_model`` reads."""
    add = arguments.add_argument
    add("--weights", required=required, metavar="PATH", help="a run's checkpoint, or converted weights (needed)")
    add("--domain-names", nargs="+", metavar="NAME", help="names for all domains, where the weights have none")
    add("--fan", default=FAN_PATH, metavar="PATH", help="converted wing.ckpt, for w_hpf > 0 [%(default)s]")


def load_model(given: argparse.Namespace, batch_size: int = 8, **options) -> Translator:
    """The model that the arguments of ``add_model`` name, after a line on it. Raises UserError as ``Translator``."""
    model = Translator(given.weights, given.domain_names, given.fan, batch_size, **options)
    print(f"weights: {model.weights}: {model.img_size} px, domains {', '.join(model.domains)}", flush=True)
    return model


def run_tool(main: Callable[[], int | None]) -> NoReturn:
    """Runs a tool's ``main`` and exits with what it returns; a user's mistake becomes one line, as does a signal."""
    _stop_at_signals()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged EXIF data, say, beside pixels that are whole
    if hasattr(sys.stdout, "reconfigure"):  # names of files may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main() or 0
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except MemoryError:  # Paddle's allocator raises it too
        advice = "a smaller train.batch_size, train.accumulate=2, --batch-size or a smaller model.img_size takes less"
        print(f"error: not enough memory; {advice}", file=sys.stderr)
        code = 1
    except BrokenPipeError:  # who reads the output, such as head, has had enough
        code = 1
    except OSError as error:  # a name that is too long, a folder that may not be read, a disk that went away
        if error.filename is None:
            raise
        reason = f"cannot use {os.path.abspath(os.fsdecode(error.filename))}: {error.strerror or error}"
        print(f"error: {' '.join(reason.split())}; name another, or mend it", file=sys.stderr)
        code = 1
    except KeyboardInterrupt as stop:
        code = stopped_code(stop)
        said = "interrupted" if code == 128 + signal.SIGINT else f"stopped by {signal.Signals(code - 128).name}"
        print(said, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # or Python says so once more at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


GRACE = 2.0  # seconds in which further signals are the same stop: timeout and a closed terminal send several


_received: list[
    int
] = []  # the signal that Stopped stands for, which Paddle's tracer raises anew with a text of its own


class Stopped(KeyboardInterrupt):
    """A signal that ends a tool as Ctrl-C does: with what is half done cleaned up."""


def stopped_code(stop: KeyboardInterrupt) -> int:
    """The exit code for what ended a tool: 128 + the signal."""
    return 128 + (_received[-1] if isinstance(stop, Stopped) else signal.SIGINT)


def _stop_at_signals() -> None:
    """From now on Ctrl-C, SIGTERM and a closed terminal raise Stopped, but for those that were ignored, as by nohup.

    Paddle would print a trace at SIGTERM. The handlers stay: a second signal may come when the tool is at its end.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    last = []

    def stop(number, frame):
        now = time.monotonic()
        if not last or now - last[0] > GRACE:
            last[:] = [now]
            _received[:] = [number]
            raise Stopped

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def check_numbers(given: argparse.Namespace, **limits) -> None:
    """Raises UsageError where an option is no finite number within its limits: ``name=(least,)``, or (least, most).

    Options that are not given, None, pass. Python reads nan and inf as numbers, and a comparison alone lets them pass.
    """
    for name, (least, *most) in limits.items():
        value = getattr(given, name)
        if value is None:
            continue
        finite = isinstance(value, int) or math.isfinite(value)
        if not finite or value < least or (most and value > most[0]):
            wanted = f"a number from {least:g} to {most[0]:g}" if most else f"{least:g} or more"
            shown = value if isinstance(value, int) else f"{value:g}"
            raise UsageError(f"--{name.replace('_', '-')} is {shown}; give {wanted}")
