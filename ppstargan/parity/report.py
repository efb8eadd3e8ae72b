"""The files that Paddle's paper-reproduction guide asks for, written by its ``reprod_log``."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path

from ppstargan.errors import UserError

# File -> the mean absolute difference that reprod_log may find in it, for figures of the order of 1.
THRESHOLDS = {"forward": 1e-4, "metric": 1e-3, "loss": 1e-5, "bp_align": 1e-3, "train_align": 1e-6}


def stage(kind: str, quantity: str) -> str:
    """The stage of the guide to which a ``quantity`` of a case of this ``kind`` belongs."""
    if kind.endswith("losses") or kind == "penalty":
        return "bp_align" if "grad/" in quantity else "loss"
    if kind == "layers":
        return "bp_align" if "grad/" in quantity else "forward"
    return "train_align" if kind.endswith("train") else {"metrics": "metric"}.get(kind, "forward")


def prepare(folder) -> None:
    """Makes ``folder``. Raises UserError where it cannot be made, or ``reprod_log`` is not installed."""
    _tools()
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"no folder {Path(folder).absolute()} can be made ({error.strerror}); name another") from None


def _tools() -> tuple:
    try:
        from reprod_log import ReprodDiffHelper, ReprodLogger
    except ImportError:
        raise UserError("--report needs reprod_log: pip install reprod_log") from None
    return ReprodDiffHelper, ReprodLogger


def write(checks: list, kinds: dict, folder) -> list:
    """Writes STAGE_paddle.npy, STAGE_torch.npy and STAGE_diff.log for each stage into ``folder``, made by ``prepare``.

    ``kinds`` is {case: its kind}. Returns the paths.
    """
    ReprodDiffHelper, ReprodLogger = _tools()
    folder = Path(folder)
    stages = {}
    for check in checks:
        stages.setdefault(stage(kinds[check.case], check.quantity), []).append(check)
    written = []
    for name, group in stages.items():
        paths = [folder / f"{name}_paddle.npy", folder / f"{name}_torch.npy"]
        for path, side in zip(paths, ("ours", "reference")):
            logger = ReprodLogger()
            for check in group:
                logger.add(f"{check.case}/{check.quantity}", getattr(check, side))
            logger.save(str(path))
        helper = ReprodDiffHelper()
        helper.compare_info(*(helper.load_info(str(path)) for path in paths))
        paths.append(folder / f"{name}_diff.log")
        _log_difference(helper, paths[-1], THRESHOLDS[name])
        written += paths
    return written


def _log_difference(helper, path: Path, threshold: float) -> None:
    """``helper.report`` without its copy on the terminal, and without its hold on the root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        root.handlers.clear()
        with contextlib.redirect_stdout(io.StringIO()):
            helper.report(path=str(path), diff_threshold=threshold)
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = handlers, level
