"""Imported by every tool before the package: finds that of this checkout where none is installed, and has one line
tell of a package that is missing. In a wheel the tools lie in the package."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT = (ROOT / "ppstargan").is_dir()
NAMES = {"PIL": "pillow", "cv2": "opencv-python", "skimage": "scikit-image", "yaml": "pyyaml"}  # for pip


def _advice(error) -> str:
    """The line for an ImportError, or "" where it is no package's."""
    name = (error.name or "").partition(".")[0]
    if error.name == "ppstargan":
        return f"there is no package ppstargan beside {Path(__file__).parent}; run the tool in a whole clone"
    pip = f"{sys.executable} -m pip install"
    if isinstance(error, ModuleNotFoundError) and name != "ppstargan":
        paddle = "" if importlib.util.find_spec("paddle") else "[cpu]"
        gpu = ", or with [gpu] for [cpu] on a machine with an NVIDIA GPU" if paddle else ""
        ours = f'-e "{ROOT}{paddle}"' if CHECKOUT else f'"ppstargan{paddle}"'
        return f"{sys.executable} has no package {NAMES.get(name, name)}: {pip} {ours}{gpu}"
    if "libGL" in str(error) or "libgthread" in str(error):
        return f"OpenCV cannot be loaded ({error}): {pip} --force-reinstall --no-deps opencv-python-headless"
    return ""


def _one_line(otherwise):
    """A hook for uncaught exceptions: ``_advice`` where there is one, and else what ``otherwise`` does."""

    def hook(kind, error, trace):
        advice = _advice(error) if isinstance(error, ImportError) else ""
        if advice:
            print(f"error: {advice}", file=sys.stderr)
        else:
            otherwise(kind, error, trace)

    return hook


if CHECKOUT:
    sys.path.append(str(ROOT))
sys.excepthook = _one_line(sys.excepthook)
