"""Two cards against one: the same losses from the same batch, and how much faster. On a CPU, two processes.

``compare`` starts this file, once alone and once by Paddle's launcher, as a user starts tools/train.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import paddle

from ppstargan.costs import benchmark
from ppstargan.costs.inputs import random_batch
from ppstargan.errors import UserError
from ppstargan.format.finite import first_not_finite
from ppstargan.gpu.apart import SECONDS, OutOfMemory, lacks_memory
from ppstargan.gpu.plan import LEFT_OUT, OK, WRONG, Found, Plan, paper_config
from ppstargan.runtime import choose_device, choose_gpu_arithmetic
from ppstargan.training import distributed
from ppstargan.training.step import iterate

DOMAINS = 3
# The mean over halves of a batch is that over the whole but for rounding, which by the fourth update has gone through
# three steps; TF32 is off meanwhile.
TOLERANCE = 1e-3
SMALL = 1e-2  # a loss below it is compared as if it were this large


def compare(plan: Plan) -> Found:
    """The first iteration's losses of two processes against one's, and the seconds of further ones."""
    if plan.gpu and paddle.device.cuda.device_count() < 2:
        return Found(LEFT_OUT, "there is one card")
    if plan.batch % 2:
        return Found(LEFT_OUT, f"a batch of {plan.batch} has no halves")
    which = ["--devices", "0,1"] if plan.gpu else ["--nproc_per_node", "2"]
    with tempfile.TemporaryDirectory() as place:
        one = start(plan, Path(place, "one.json"), [])
        launcher = ["-m", "paddle.distributed.launch", *which, "--log_dir", str(Path(place, "log"))]
        two = start(plan, Path(place, "two.json"), launcher)
    return judged(one, two, "cards" if plan.gpu else "processes")


def judged(one: dict, two: dict, things: str) -> Found:
    """What to say of what ``measure`` wrote, alone and by two."""
    if two["processes"] != 2:
        return Found(WRONG, f"{two['processes']} processes trained, and not two")
    bad = first_not_finite({"one": one["losses"], "two": two["losses"]})
    shares = {name: abs(two["losses"][name] - v) / max(abs(v), SMALL) for name, v in one["losses"].items()}
    name = max(shares, key=shares.get)
    faster = one["seconds"] / two["seconds"]
    speed = f"{two['seconds']:.3f} s an iteration against {one['seconds']:.3f}: {faster:.2f} times as fast"
    lines = (f"largest difference of a loss, relative to it: {shares[name]:.1e} of {name}; tolerance {TOLERANCE:g}",)
    if bad or shares[name] > TOLERANCE:
        what = f"{bad} is not finite" if bad else f"{name} differs by {shares[name]:.1e}"
        return Found(WRONG, f"two {things}: {what}; {speed}", lines)
    return Found(OK, f"two {things}: losses within {shares[name]:.1e}; {speed}", lines)


def start(plan: Plan, out: Path, launcher: list) -> dict:
    """Runs ``measure`` in a Python of its own, behind the launcher's words if any; what it wrote to ``out``."""
    given = json.dumps({**plan._asdict(), "kits": [], "out": str(out)})
    package = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(package)}
    if plan.gpu and not launcher:
        environment["CUDA_VISIBLE_DEVICES"] = environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    process = subprocess.Popen(
        [sys.executable, *launcher, __file__, given],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(f"took longer than {SECONDS} seconds, and was stopped") from None
    finally:
        process.terminate()  # the launcher ends its processes too
        process.wait()
    if process.returncode or not out.is_file():
        logs = "".join(path.read_text(errors="replace") for path in sorted(out.parent.glob("log/workerlog.*")))
        lines = [line for line in (said + logs).splitlines() if "Error" in line] or (said + logs).splitlines()
        error = lines[-1].strip() if lines else f"ended with exit code {process.returncode}"
        raise (OutOfMemory if lacks_memory(RuntimeError(said + logs)) else UserError)(error)
    return json.loads(out.read_text())


def measure(plan: Plan, out: Path) -> None:
    """The losses of one iteration of the plan's batch, of which every process takes its share, and seconds after it."""
    choose_device("gpu" if plan.gpu else "cpu")
    distributed.start()
    config = paper_config(plan)
    system = benchmark.build(config, DOMAINS).system
    distributed.from_first(p for net in system.networks.values() for p in net.state_dict().values())
    rank, count = distributed.rank(), distributed.count()
    whole = random_batch(config, plan.batch, DOMAINS)
    share = type(whole)(*(paddle.split(field, count)[rank] for field in whole))
    choose_gpu_arithmetic(False, channels_last=False)
    losses = {name: float(value) for name, value in iterate(system, share, 0).items()}
    choose_gpu_arithmetic(config.train.tf32, channels_last=False)
    seconds = []
    for i in range(1 + plan.repeats):
        begun = benchmark.clock()
        iterate(system, share, 1 + i)
        seconds.append(benchmark.clock() - begun)
    if rank == 0:
        found = {"processes": count, "losses": losses, "seconds": statistics.median(seconds[1:])}
        out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    words = json.loads(sys.argv[1])
    to = Path(words.pop("out"))
    measure(Plan(**words), to)
