"""What a run tells: lines on the terminal, and VisualDL's scalars, pictures and texts."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from ppstargan.config import Config
from ppstargan.runtime import usable_home


class Logger:
    """Writes to ``FOLDER/visualdl``, and goes on in the same file when a run is resumed.

    ``size`` is what ``written`` gave for the checkpoint that the run goes on from: what a killed run wrote after it is
    cut off, since the resumed one writes the same again.
    """

    def __init__(self, folder: Path, config: Config, iteration: int, size: int | None = None):
        with usable_home():
            from visualdl import LogWriter  # slow to import, and needed by a training run alone

        self.path = folder / "visualdl" / "vdlrecords.ppstargan.log"
        if size is not None and self.path.exists() and self.path.stat().st_size > size:
            os.truncate(self.path, size)
        # A second file in the folder would hide the first from VisualDL.
        with contextlib.redirect_stdout(io.StringIO()):  # it remarks on a file that is there already
            self.writer = LogWriter(logdir=str(self.path.parent), file_name=self.path.name)
        for section, values in dataclasses.asdict(config).items():  # a text a section: VisualDL folds its lines
            entries = values.items() if isinstance(values, dict) else [(section, values)]
            told = ", ".join(f"{k}: {v}" for k, v in entries)
            told = told.encode("utf-8", "backslashreplace").decode()  # a path may hold bytes that are no text
            self.writer.add_text(f"config/{section}", told, iteration)

    def scalars(self, values: dict, iteration: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, iteration)

    def picture(self, name: str, image: np.ndarray, iteration: int) -> None:
        self.writer.add_image(name, image, iteration)

    def written(self) -> int | None:
        """Bytes in the file, after all that was logged is in it; None where there is none any more."""
        with contextlib.suppress(OSError):  # as on a full disk, of which VisualDL only warns: a log is not the training
            self.writer.flush()
            with open(self.path, "rb") as file:
                os.fsync(file.fileno())
        return self.path.stat().st_size if self.path.exists() else None

    def close(self) -> None:
        self.writer.close()


class Stopwatch:
    """Rates since it was last asked: images a second, and the share of the time spent waiting for data."""

    def __init__(self):
        self.restart()

    def restart(self) -> None:
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


def progress_line(iteration: int, total: int, report: dict, lambda_ds: float, rates: tuple) -> str:
    """One line: the iteration, every loss by phase, the rates, and the time to the end."""
    phases = {}
    for name, value in report.items():
        phase, part = name.split("/")
        phases.setdefault(phase, []).append(f"{part} {value:.3f}")
    losses = " | ".join(f"{phase} {' '.join(parts)}" for phase, parts in phases.items())
    seconds, rate, waited = rates
    eta = timedelta(seconds=round(seconds * (total - iteration)))
    return (
        f"{iteration:>{len(str(total))}}/{total} | {losses} | lambda_ds {lambda_ds:.3f} | "
        f"{rate:.1f} images/s, {waited:.0%} waiting for data | ETA {eta}"
    )
