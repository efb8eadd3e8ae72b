"""A run that is killed at random moments, resumed each time, ends where one that never stopped ends.

As a script, with more kills: python tests/test_kills.py 50 [SEED]
"""

import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from toy_runs import ROOT, TINY, assert_same_training, final_state, logged_steps

from ppstargan.data.toy import write_dataset
from ppstargan.training.runs import checkpoints


def command(folder, output, *arguments):
    settings = [*TINY, f"data.root={folder / 'toy'}", f"output={output}", "train.sample_every=3", *arguments]
    return [sys.executable, str(ROOT / "tools" / "train.py"), "-c", str(ROOT / "configs" / "toy.yaml"), "-o", *settings]


def kill_after(process, begun, delay, in_startup):
    """Kills after ``delay`` seconds, of the process's life or of its training. Returns what it said."""
    said = []

    def read():
        for line in process.stdout:
            said.append(line)
            if line.startswith("run: "):
                started.set()
        started.set()

    started = threading.Event()
    reader = threading.Thread(target=read)
    reader.start()
    if not in_startup:
        started.wait(120)
        begun = time.monotonic()
    time.sleep(max(0, begun + delay - time.monotonic()))
    process.kill()
    process.wait()
    reader.join()
    return "".join(said)


def kill_and_resume(folder, kills, seed=0):
    """Kills a run ``kills`` times, then lets it end, and compares. Returns figures of what happened."""
    write_dataset(folder / "toy", size=32, train_count=4, val_count=2, seed=0)
    rng = random.Random(seed)
    figures = {"kills": kills, "in startup": 0, "lost iterations": 0, "killed while saving": 0, "took up": 0}
    run, saved, reached = None, 0, 0
    for _ in range(kills):
        resume = ["train.iterations=100000", "train.save_every=2", *(["--resume"] if saved else [])]
        process = subprocess.Popen(
            command(folder, folder / "killed", *resume), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        in_startup = bool(saved) and rng.random() < 0.2
        said = kill_after(process, time.monotonic(), rng.uniform(0, 3 if in_startup else 2), in_startup)
        assert process.returncode == -9 and "Traceback" not in said and "damaged" not in said, said
        figures["in startup"] += in_startup
        found = re.search(r"after iteration (\d+)$", said, re.M)
        if found:  # it went on from what was saved last, whoever was killed since
            figures["took up"] += 1
            assert int(found[1]) == saved, said
        if saved and "\nrun: " in said:
            assert f"run: {run}\n" in said
        logged = [int(number) for number in re.findall(r"^ *(\d+)/100000 ", said, re.M)]
        runs = sorted((folder / "killed").glob("toy-*"), key=lambda path: path.name)
        if not saved and runs:
            run = runs[-1]  # one that was killed before its first checkpoint is not gone on with
        if not run:
            continue
        written = [int(number) for number in re.findall(r"^wrote .*/checkpoints/(\d+)\.pdparams$", said, re.M)]
        kept = checkpoints(run)
        newest = int(kept[-1].stem) if kept else 0
        assert newest >= max([saved, *written]), (said, kept)
        assert max([0, *logged]) - newest < 3, (said, kept)  # nothing lost beyond the last checkpoint
        figures["lost iterations"] += max(0, max([0, *logged]) - newest)
        figures["killed while saving"] += bool(list((run / "checkpoints").glob(".*.partial")))
        saved = newest
        reached = max(reached, saved)
    assert saved == reached
    last = f"train.iterations={saved + 5}"
    for output, arguments in (("killed", ["--resume"] if saved else []), ("whole", ["train.save_every=100000"])):
        done = subprocess.run(command(folder, folder / output, last, *arguments), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    whole = next((folder / "whole").iterdir())
    run = run if saved else sorted((folder / "killed").iterdir())[-1]
    assert_same_training(final_state(run), final_state(whole))
    assert logged_steps(run) == logged_steps(whole) == list(range(1, saved + 6))
    assert logged_steps(run, "samples/cycle") == logged_steps(whole, "samples/cycle")
    assert not list(run.rglob("*.partial"))
    return {**figures, "iterations": saved + 5}


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_as_one_that_never_stopped(tmp_path):
    figures = kill_and_resume(tmp_path, kills=4)
    assert figures["took up"] >= 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(kill_and_resume(Path(scratch), *map(int, sys.argv[1:3])))
