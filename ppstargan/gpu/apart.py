"""A function in a process of its own: with its own environment and memory, and able to fail without taking others."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
from unittest import mock

from ppstargan.errors import UserError

SECONDS = 600  # that a part may take: far more than any needs


class OutOfMemory(UserError):
    """There was not enough memory, on the card or in the machine."""


def last_line(error: BaseException) -> str:
    """The line of what an error says that counts, behind its kind: the last one, and of Paddle's long ones, which end
    in advice and places in its sources, the one under "Error Message Summary"."""
    _, paddles, summary = str(error).rpartition("Error Message Summary:")
    lines = [line.strip() for line in (summary if paddles else str(error)).splitlines() if line.strip(" -\t")]
    if paddles and lines:
        text = " ".join(lines[: 2 if lines[0].endswith("Error:") else 1])
    else:
        text = lines[-1] if lines else ""
    return text if paddles or isinstance(error, UserError) else f"{type(error).__name__}: {text}".rstrip(": ")


def lacks_memory(error: BaseException) -> bool:
    """Whether an error is for want of memory: Paddle's allocator raises MemoryError, and CUDA's libraries only say."""
    said = str(error).lower()
    return isinstance(error, (MemoryError, OutOfMemory)) or any(
        words in said for words in ("out of memory", "alloc_failed", "cudaerrormemoryallocation")
    )


def call(function, *arguments, environment: dict | None = None, seconds: float = SECONDS):
    """``function(*arguments)``, in a new process with ``environment`` on top of this one's; what it prints is lost.

    Raises OutOfMemory where it lacked memory, and UserError with the last line of whatever else it raised, or where it
    was killed or took longer than ``seconds``.
    """
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(its, function, arguments))
    with mock.patch.dict(os.environ, environment or {}):
        process.start()
    its.close()
    try:
        if not ours.poll(seconds):
            raise UserError(f"took longer than {seconds:.0f} seconds, and was stopped")
        error, value = ours.recv()
    except EOFError:  # it ended without a word
        process.join()
        raise _ended(process.exitcode) from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if error is not None:
        raise error(value)
    return value


def _answer(pipe, function, arguments) -> None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            answer = None, function(*arguments)
    except Exception as error:  # whatever it is, others go on
        answer = OutOfMemory if lacks_memory(error) else UserError, last_line(error)
    pipe.send(answer)


def _ended(code: int) -> UserError:
    if code == -signal.SIGKILL:  # by the system, for want of memory, as a rule
        return OutOfMemory("its process was killed, as happens where memory runs out")
    why = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return UserError(f"its process {why}")
