"""What a run tells: lines on the terminal, and VisualDL's scalars, pictures and texts."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import os
import struct
import sys
import time
from pathlib import Path

import numpy as np

from ppstargan.config import Config, known_keys
from ppstargan.data.bad_files import shown
from ppstargan.files import make_folder
from ppstargan.runtime import time_left, usable_home

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it, or the file


class Logger:
    """Writes to ``FOLDER/visualdl``, and goes on in the same file when a run is resumed.

    ``size`` is what ``written`` gave for the checkpoint that the run goes on from: what a killed run wrote after it is
    cut off, since the resumed one writes the same again. A full disk costs what is logged meanwhile.
    """

    def __init__(self, folder: Path, config: Config, iteration: int, size: int | None = None):
        with usable_home():
            from visualdl import LogWriter  # slow to import, and needed by a training run alone
            from visualdl.proto.record_pb2 import Record

        self.path = folder / "visualdl" / "vdlrecords.ppstargan.log"
        if size is not None and self.path.exists() and self.path.stat().st_size > size:
            os.truncate(self.path, size)
        make_folder(self.path.parent)
        self.whole = self.path.stat().st_size if self.path.exists() else 0  # bytes, of whole records alone
        self.compared = self.whole > 0 and _holds_hyperparameters(self.path, Record.FromString)
        # A second file in the folder would hide the first from VisualDL.
        with contextlib.redirect_stdout(io.StringIO()):  # it remarks on a file that is there already
            self.writer = LogWriter(logdir=str(self.path.parent), file_name=self.path.name)
        self._end_in_a_whole_record()
        for section, values in dataclasses.asdict(config).items():  # a text a section: VisualDL folds its lines
            entries = values.items() if isinstance(values, dict) else [(section, values)]
            self.writer.add_text(f"config/{section}", shown(", ".join(f"{k}: {v}" for k, v in entries)), iteration)
            self._end_in_a_whole_record()

    def scalars(self, values: dict, iteration: int) -> None:
        """Logs {name: number} at ``iteration``."""
        for name, value in values.items():
            self.writer.add_scalar(shown(name), value, iteration)
            self._end_in_a_whole_record()

    def hyperparameters(self, config: Config, metrics: list) -> None:
        """Logs the keys on which a run's steps depend, for VisualDL to set beside the last of each of ``metrics``.

        These are names of scalars that are logged. Once in a file, also by a resumed run: VisualDL reads the first.
        """
        if self.compared:
            return
        self.compared, given, values = True, dataclasses.asdict(config), {}
        for name, (kind, rule) in known_keys(type(config)).items():
            section, _, key = name.rpartition(".")
            if not rule["harmless"] or name == "train.iterations":
                value = (given[section] if section else given)[key]
                values[name] = shown(value) if kind is str else int(value) if kind is bool else value
        with contextlib.suppress(UnicodeEncodeError):  # of the file's name, by which VisualDL calls the record
            self.writer.add_hparams(values, [shown(name) for name in metrics])
        self._end_in_a_whole_record()

    def picture(self, name: str, image: np.ndarray, iteration: int) -> None:
        """Logs the uint8 [H, W, 3] ``image`` at ``iteration``."""
        self.writer.add_image(name, image, iteration)
        self._end_in_a_whole_record()

    def _end_in_a_whole_record(self) -> None:
        """Waits until the record is written, and removes what a full disk took of it: no reader gets beyond that."""
        with contextlib.suppress(OSError):  # VisualDL has warned: a log is not the training
            self.writer.flush()
            self.whole = _whole_records(self.path, self.whole)
            if self.path.stat().st_size > self.whole:
                os.truncate(self.path, self.whole)

    def written(self) -> int | None:
        """Bytes in the file, after all that was logged is in it; None where there is none any more."""
        self._end_in_a_whole_record()
        with contextlib.suppress(OSError), open(self.path, "rb") as file:
            os.fsync(file.fileno())
        return self.path.stat().st_size if self.path.exists() else None

    def close(self) -> None:
        """Writes what is left, and closes the file."""
        self.writer.close()


def _holds_hyperparameters(path: Path, parsed) -> bool:
    """Whether a file of VisualDL's holds a record of hyperparameters, as ``parsed`` makes records of bytes."""
    with open(path, "rb") as file:
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack("<Q", head)
            record = file.read(length)
            if len(record) == length and b"hparam" in record[:100] and parsed(record).values[0].tag == "hparam":
                return True
    return False


def _whole_records(path: Path, start: int) -> int:
    """Where the last whole record of a file of VisualDL's ends; one ends at ``start``. Each begins with its length."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        while start + 8 <= size:
            file.seek(start)
            end = start + 8 + struct.unpack("<Q", file.read(8))[0]
            if end > size:
                break
            start = end
    return start


class _Lenient:
    """The text stream ``stream``, of which a full disk takes what it can, after one warning on ``other``."""

    def __init__(self, stream, other):
        self._stream, self._other, self._told = stream, other, False

    def write(self, text: str) -> int:
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def _try(self, call, *arguments) -> None:
        try:
            call(*arguments)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            if not self._told:
                self._told = True
                with contextlib.suppress(OSError):
                    what = f"what the run prints cannot be written ({error.strerror}); training goes on, and saves"
                    print(f"warning: {what}", file=self._other, flush=True)


@contextlib.contextmanager
def output_to_a_full_disk():
    """Within it, lines for which the disk under standard output or error has no room are lost, and nothing else."""
    out, err = sys.stdout, sys.stderr
    with contextlib.redirect_stdout(_Lenient(out, err)), contextlib.redirect_stderr(_Lenient(err, out)):
        yield


class Stopwatch:
    """Rates since it was last asked: images a second, and the share of the time spent waiting for data."""

    def __init__(self):
        self.restart()

    def restart(self) -> None:
        """Forgets what was counted until now."""
        self.start, self.waited, self.iterations = time.perf_counter(), 0.0, 0

    def waiting(self, batches):
        """Yields from the iterator ``batches`` and counts the time until each is there."""
        while True:
            begun = time.perf_counter()
            batch = next(batches)  # the training batches never end
            self.waited += time.perf_counter() - begun
            self.iterations += 1
            yield batch

    def rates(self, batch_size: int) -> tuple:
        """(seconds an iteration, images a second, share of time waiting) since the last call."""
        elapsed = max(time.perf_counter() - self.start, 1e-9)
        seconds, waited = elapsed / max(self.iterations, 1), self.waited / elapsed
        rate = self.iterations * batch_size / elapsed
        self.restart()
        return seconds, rate, waited


def progress_line(iteration: int, total: int, losses: dict, schedule: dict, rates: tuple) -> str:
    """One line: the iteration, every loss by update, what the iteration changes, the rates, and the time to the end."""
    by_update = {}
    for name, value in losses.items():
        update, _, term = name.partition("/")
        by_update.setdefault(update, []).append(f"{term} {value:.3f}".strip())
    parts = [f"{update} {' '.join(terms)}" for update, terms in by_update.items()]
    parts += [f"{name} {value:.3f}" for name, value in schedule.items()]
    seconds, rate, waited = rates
    return " | ".join(
        [
            f"{iteration:>{len(str(total))}}/{total}",
            *parts,
            f"{rate:.1f} images/s, {waited:.0%} waiting for data",
            f"ETA {time_left(seconds * (total - iteration))}",
        ]
    )
