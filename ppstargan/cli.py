"""What the tools share: how they read their arguments, and how they end."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import io
import math
import os
import re
import shlex
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Callable, NoReturn

from ppstargan.config import find
from ppstargan.errors import UsageError, UserError, as_typed
from ppstargan.files import check_dead_link, expanded
from ppstargan.training.distributed import leave
from ppstargan.translator import FAN_PATH, Translator

FIT_HELP = (
    "what becomes of a photograph that is not square: its middle square, since a squashed face has a shape that no "
    "model was trained on, or all of it, squashed [%(default)s]"
)
BACKGROUND_HELP = "put behind transparent places: white, #RRGGBB [the colours that the file hides there]"


class Parser(argparse.ArgumentParser):
    """Answers a wrong call with one line instead of the whole usage."""

    def format_help(self) -> str:
        """The help, with commands that work here."""
        return as_typed(super().format_help())

    def error(self, message: str) -> NoReturn:
        """Ends the process with ``message`` in one line, and exit code 2."""
        started = sys.argv[0] if sys.argv[0].startswith("ppstargan ") else f"python {shlex.quote(sys.argv[0])}"
        self.exit(2, f"error: {message}{self._hint(message)}; see {started} --help\n")

    def _hint(self, message: str) -> str:
        """What was most likely meant by words that nothing takes."""
        first = message.partition("unrecognized arguments: ")[2].split(" ")[0]
        if re.fullmatch(r"\w+(\.\w+)*=.*", first) and "-o" in self._option_string_actions:
            return "; keys of the configuration go behind -o, all of them together"
        return "; a path with spaces needs quotes" if first and not first.startswith("-") else ""


def parser(description: str, example: str) -> Parser:
    """A parser whose ``--help`` ends with an example."""
    return Parser(
        prog=Path(sys.argv[0]).name,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def place(text: str) -> Path:
    """An argument that names a file or a folder, whose ~ is the home folder.

    Raises UsageError where it is empty, and UserError where a link in it leads nowhere: what is written would land in
    the place of a disk that is not mounted, or be told of as of a file in the way.
    """
    if not text:
        raise UsageError("a file or folder is given as '', as by a variable that is not set; give its name")
    path = Path(expanded(text))
    check_dead_link(path)
    return path


def configuration(text: str) -> Path:
    """A configuration that an argument names. Says which it is, where that is not just the file of that name."""
    given = place(text)
    path = find(given)
    if path != given:
        print(f"configuration: {path}", flush=True)
    return path


def add_override(arguments: Parser) -> None:
    """Adds ``-o a.b=c …``."""
    what = "values in place of the configuration's; of a key's, the last holds"
    arguments.add_argument("-o", "--override", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=what)


def add_config(arguments: Parser) -> None:
    """Adds ``-c CONFIG`` and ``-o a.b=c …``."""
    what = "configuration, such as configs/afhq.yaml; one that comes along goes by its name alone, such as afhq"
    arguments.add_argument("-c", "--config", type=configuration, required=True, help=what)
    add_override(arguments)


def add_system(arguments: Parser, names, usual: str) -> None:
    """Adds SYSTEM, one of ``names``; whoever mistypes one is told the nearest."""
    arguments.add_argument("system", nargs="?", default=usual, metavar="SYSTEM", type=one_of(names, "system"),
                           help=f"{', '.join(names)} [{usual}]")  # fmt: skip


def one_of(names, what: str) -> Callable[[str], str]:
    """The ``type`` of an argument that is one of ``names``, each a ``what``."""

    def named(text: str) -> str:
        if text not in names:
            nearest = difflib.get_close_matches(text.lower(), names, 1, 0.0)[0]
            known = ", ".join(names)
            raise argparse.ArgumentTypeError(f"no {what} {text!r}; the nearest is {nearest}, and there are {known}")
        return text

    return named


def add_resume(arguments: Parser):
    """Adds ``--resume [PATH]``: None where it is not given, "" for the newest run; and further ones beside it.

    These are ``--resume-or-start`` and ``--allow-changes``. Returns the group of ways to start, of which a call takes
    one.
    """
    start = arguments.add_mutually_exclusive_group()
    what = "go on from the newest run of this name where it has a checkpoint, else start: for jobs that start again"
    arguments.add_argument("--resume-or-start", action="store_true", help=what)
    what = "go on from a checkpoint, a run's folder, or the newest run of this name"
    start.add_argument("--resume", nargs="?", const="", type=expanded, metavar="PATH", help=what)
    what = "resume also where the configuration or the images change the training"
    arguments.add_argument("--allow-changes", action="store_true", help=what)
    return start


def add_model(arguments: Parser, required: bool = True) -> None:
    """Adds ``--weights PATH``, ``--domain-names NAME …`` and ``--fan PATH``, which ``load_model`` reads."""
    add = arguments.add_argument
    what = "a run's checkpoint, or converted weights (needed)"
    add("--weights", type=place, required=required, metavar="PATH", help=what)
    add("--domain-names", nargs="+", metavar="NAME", help="names for all domains, where the weights have none")
    add("--fan", type=place, metavar="PATH", help=f"converted wing.ckpt, for w_hpf > 0 [{FAN_PATH}]")


def load_model(given: argparse.Namespace, batch_size: int = 8, **options) -> Translator:
    """The model that the arguments of ``add_model`` name, after a line on it. Raises UserError as ``Translator``."""
    model = Translator(given.weights, given.domain_names, given.fan or FAN_PATH, batch_size, **options)
    print(f"weights: {model.weights}: {model.img_size} px, domains {', '.join(model.domains)}", flush=True)
    return model


class _Output(io.FileIO):
    """A file that takes a tool's lines. On a full disk they are lost, since the work may have room elsewhere."""

    told = False

    def write(self, data) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            if not _Output.told:
                _Output.told = True
                line = f"warning: what is printed from here on is lost ({error.strerror}); the work goes on\n"
                with contextlib.suppress(OSError):  # which may be on the same disk
                    os.write(2, line.encode())
            return len(data)


def _lasting(stream):
    r"""``stream`` such that no line ends a tool: as \u732b what its encoding does not have, and never a full disk."""
    if stream is None:  # closed by the caller
        return open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")
    if type(stream) is not io.TextIOWrapper:  # a notebook's, or a test's
        return stream
    stream.reconfigure(errors="backslashreplace")
    if stream.isatty():
        return stream
    raw = _Output(stream.fileno(), "w", closefd=False)
    buffer = raw if stream.write_through else io.BufferedWriter(raw)
    how = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, **how)


def run_tool(main: Callable[[], int | None]) -> NoReturn:
    """Runs a tool's ``main`` and exits with what it returns; a user's mistake becomes one line, as does a signal."""
    _stop_at_signals()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged EXIF data, say, beside pixels that are whole
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)
    try:
        code = main() or 0
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        leave(str(error))
        code = error.exit_code
    except MemoryError:  # Paddle's allocator raises it too
        advice = "a smaller train.batch_size, train.accumulate=2, --batch-size or a smaller model.img_size takes less"
        print(f"error: not enough memory; {advice}", file=sys.stderr)
        leave("not enough memory")
        code = 1
    except BrokenPipeError:  # who reads the output, such as head, has had enough
        code = 1
    except OSError as error:  # a name that is too long, a folder that may not be read, a disk that went away
        if not isinstance(error.filename, (str, bytes)):
            raise
        reason = f"cannot use {os.path.abspath(os.fsdecode(error.filename))}: {error.strerror or error}"
        print(f"error: {' '.join(reason.split())}; name another, or mend it", file=sys.stderr)
        code = 1
    except KeyboardInterrupt as stop:
        code = stopped_code(stop)
        said = "interrupted" if code == 128 + signal.SIGINT else f"stopped by {signal.Signals(code - 128).name}"
        with contextlib.suppress(OSError):  # a closed terminal
            print(said, file=sys.stderr, flush=True)
    try:
        sys.stdout.flush()
    except OSError:  # or Python says so once more at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


GRACE = 2.0  # seconds in which further signals are the same stop: timeout and a closed terminal send several
# The signal that Stopped stands for: no part of Stopped, which Paddle's tracer raises anew with a text of its own.
_received: list[int] = []


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
            shown, least, *most = (f"{n}" if isinstance(n, int) else f"{n:g}" for n in (value, least, *most))
            wanted = f"a number from {least} to {most[0]}" if most else f"{least} or more"
            raise UsageError(f"--{name.replace('_', '-')} is {shown}; give {wanted}")
