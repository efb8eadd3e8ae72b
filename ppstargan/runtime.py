"""The process's surroundings: threads and libraries before Paddle is imported, then device, seeds, signals, and lines
that say how far some work is."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
import zlib  # noqa: F401  (Paddle 2.6.2 crashes where it is imported before zlib)
from datetime import timedelta
from pathlib import Path

from ppstargan.errors import UsageError, as_typed

SECONDS = 10  # between two lines of Progress
SWITCH = "PPSTARGAN_THREADS"  # "off" leaves the environment alone
_chosen: list[str] = []  # variables that are set here, and not by the user
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the quota of the container that it runs in."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for paths in (("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"), ("cpu.max",)):  # versions 1, 2
        with contextlib.suppress(OSError, ValueError):  # no control group of this version, or no limit ("max", -1)
            text = " ".join(Path("/sys/fs/cgroup", path).read_text(encoding="ascii") for path in paths)
            quota, period = map(int, text.split())
            if quota > 0:
                cores = min(cores, max(1, quota // period))
    return cores


def _mkl_code_path() -> str | None:
    """What MKL_DEBUG_CPU_TYPE should say on an AMD processor: 7 for AVX-512, 5 for AVX2; None on others."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        words = set(file.read().split())
        if {"AuthenticAMD", "avx2"} <= words:
            return "7" if {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"} <= words else "5"
    return None


def _keep_memory() -> None:
    """Has glibc keep the memory of freed tensors for the next ones, unless the user has set it by MALLOC_* variables.

    Paddle takes each tensor on a CPU from malloc, and glibc by default gives large ones back at once: the kernel then
    clears every page of the next one anew, which takes several times as long as a sum over it.
    """
    if sys.platform == "linux" and not any(name.startswith("MALLOC_") for name in os.environ):
        with contextlib.suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_THRESHOLD, 2**30)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def choose_threads() -> str:
    """Sets threads, MKL's code path and malloc for the CPU, unless the user has. Returns a line on what holds now.

    Paddle starts with one thread, and the MKL in its CPU wheel takes its slow path on AMD processors; on Intel's the
    variable that mends this must not be set. Both are read when Paddle is imported, so this comes first.
    """
    if os.environ.get(SWITCH) == "off":
        return f"left alone ({SWITCH}=off)"
    _keep_memory()
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(usable_cores())
        _chosen.append("OMP_NUM_THREADS")
    path = _mkl_code_path()
    if path:
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", path)
    return _threads()


def one_thread() -> str:
    """From now on one thread computes, unless the user has said how many. Returns the line of ``choose_threads``."""
    import paddle

    if _chosen:
        os.environ["OMP_NUM_THREADS"] = "1"  # of further processes
        paddle.base.core.set_num_threads(1)
    return f"left alone ({SWITCH}=off)" if os.environ.get(SWITCH) == "off" else _threads()


def _threads() -> str:
    names = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")
    return ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)


@contextlib.contextmanager
def usable_home():
    """Within it, libraries find a home folder that takes files: the user's, or else a temporary one.

    Paddle makes folders there when it is imported and when it exports, VisualDL when it is imported, and they end where
    they cannot, as in a container that runs as another user.
    """
    if all(map(_takes_files, ("~/.cache/paddle/dataset", "~/.cache/paddle/to_static_tmp", "~/.visualdl/conf"))):
        yield
        return
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ppstargan-home-") as folder:
        os.environ.update(HOME=folder, USERPROFILE=folder)  # the second is Windows's
        try:
            yield
        finally:
            for name in ("HOME", "USERPROFILE"):
                os.environ.pop(name, None)
                os.environ.update({name: before[name]} if name in before else {})


def _takes_files(folder: str) -> bool:
    """Whether a file can be written in ``folder``, or in the one that it would be made in."""
    place = Path(os.path.expanduser(folder))
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
        return True
    except OSError:
        return False


class MissingPaddle(ImportError):
    """There is no Paddle to import."""


def _one_line_for_missing_paddle(otherwise):
    """A hook for uncaught exceptions that shows MissingPaddle without its trace, and the others by ``otherwise``."""

    def hook(kind, error, trace):
        if isinstance(error, MissingPaddle):
            print(f"error: {error}", file=sys.stderr)
        else:
            otherwise(kind, error, trace)

    return hook


def import_paddle() -> None:
    """Imports Paddle without its warnings of what is set here on purpose. Raises MissingPaddle where there is none."""
    os.environ.setdefault("GLOG_minloglevel", "1")  # no remarks of Paddle's on what it connects, but its warnings
    warnings.filterwarnings("ignore", message="No ccache found")
    said = io.StringIO()
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_DFL) if main else None  # Ctrl-C in here stops without a trace
    at_sigterm = signal.getsignal(signal.SIGTERM)
    held = {signal.SIGTERM} if main and hasattr(signal, "pthread_sigmask") else set()  # Paddle's own prints a trace
    if held:
        held -= signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        with contextlib.redirect_stderr(said), usable_home():
            import numpy
            import paddle
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        sys.excepthook = _one_line_for_missing_paddle(sys.excepthook)
        how = 'pip install -e ".[cpu]", or ".[gpu]" on a machine with an NVIDIA GPU'
        raise MissingPaddle(as_typed(f"PaddlePaddle is not installed: {how}")) from None
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
            if at_sigterm is not None:  # else another library's in C, which Python cannot set again
                signal.signal(signal.SIGTERM, at_sigterm)
        if held:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        kept = [line for line in said.getvalue().splitlines() if "OMP_NUM_THREADS" not in line]
        if kept:
            print("\n".join(kept), file=sys.stderr)
    if paddle.__version__.startswith("2.") and not numpy.__version__.startswith("1."):
        why = f"Paddle {paddle.__version__} was built for NumPy 1, and NumPy {numpy.__version__} is installed"
        print(f'warning: {why}: pip install "numpy<2"', file=sys.stderr)


def choose_device(device: str | None = None) -> str:
    """Selects ``device`` ("cpu" or "gpu"), or the GPU where Paddle has one, and returns its name for the user.

    Raises UsageError where a GPU is asked for and Paddle has none.
    """
    import paddle

    built = paddle.device.is_compiled_with_cuda()
    reason = "sees no GPU" if built else "is the CPU build"
    has_gpu = built and paddle.device.cuda.device_count() > 0
    if device == "gpu" and not has_gpu:
        raise UsageError(f"no GPU: Paddle {paddle.__version__} {reason}; leave --device out, or install its GPU build")
    if has_gpu and device != "cpu":
        paddle.device.set_device("gpu")
        return f"GPU ({paddle.device.cuda.get_device_name()}, Paddle {paddle.__version__})"
    paddle.device.set_device("cpu")
    return f"CPU (Paddle {paddle.__version__}{'' if has_gpu else ' ' + reason})"


def choose_gpu_arithmetic(tf32: bool, channels_last: bool) -> None:
    """On a GPU: whether float32 products round their factors to TF32, and whether Paddle may turn tensors to NHWC.

    Paddle's layout tuning does so for half-precision convolutions, which is where it is faster.
    """
    import paddle

    if paddle.get_device().startswith("gpu"):
        paddle.base.core.set_cublas_switch(tf32)
        paddle.base.core.set_cudnn_switch(tf32)
        paddle.incubate.autotune.set_config({"layout": {"enable": channels_last}})


def seed_everything(seed: int) -> None:
    """Seeds Paddle's generators, which initialise the weights. Batches have their own seed (data.batches)."""
    import paddle

    paddle.seed(seed)


@contextlib.contextmanager
def stop_signals():
    """Within it, Ctrl-C, SIGTERM and a closed terminal only add to the list that it yields; a second Ctrl-C stops at
    once. Paddle's launcher sends SIGTERM several times, and nohup has a closed terminal ignored.
    """
    received = []

    def note(number, frame):
        if number == signal.SIGINT and number in received:
            raise KeyboardInterrupt
        if not received:  # written past Python's buffers, which the signal may have found in use
            with contextlib.suppress(OSError):
                os.write(2, f"\n{signal.Signals(number).name}: finishing this iteration, then saving\n".encode())
        received.append(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def time_left(seconds: float) -> timedelta:
    """Whole seconds, to print as 1:02:03."""
    return timedelta(seconds=round(seconds))


class Progress:
    """Prints how far the work on ``total`` things is, every ten seconds, and at its end where it took as long."""

    def __init__(self, what: str, total: int, things: str = "images"):
        self.what, self.total, self.things, self.done = what, total, things, 0
        self.start = self.last = time.monotonic()

    def add(self, count: int, where="") -> None:
        """Counts ``count`` more; the line says ``where`` they are from."""
        self.done += count
        now = time.monotonic()
        if now - (self.start if self.done == self.total else self.last) >= SECONDS:
            self.last, rate = now, self.done / max(now - self.start, 1e-9)
            parts = [f"{self.what} {self.done}/{self.total}", *([str(where)] if where else [])]
            left = time_left((self.total - self.done) / rate)
            print(" | ".join([*parts, f"{rate:.1f} {self.things}/s", f"ETA {left}"]), flush=True)
