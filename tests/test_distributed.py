"""Processes that train together, by gloo on the CPU; that they do what one does, test_systems.py shows."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
from drawing import training_batches

from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import write_dataset
from ppstargan.nets.norms import BatchNorm
from ppstargan.training import distributed

HERE = Path(__file__).parent
LAUNCH = ("-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir")


def launch(folder, *command):
    """Runs a script in two processes; what the first of them printed."""
    done = subprocess.run(
        [sys.executable, *LAUNCH, str(folder / "log"), *command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )
    logs = "\n".join(path.read_text() for path in sorted((folder / "log").glob("workerlog.*")))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    return (folder / "log" / "workerlog.0").read_text()


def test_shares_of_a_batch_are_its_parts(tmp_path):
    write_dataset(tmp_path / "toy", size=32, train_count=4, val_count=2, seed=0)
    domains = find_domains(tmp_path / "toy" / "train")
    settings = {"batch_size": 6, "img_size": 32, "latent_dim": 4, "crop_probability": 0.5, "seed": 1}
    whole = next(training_batches(domains, start=3, workers=0, **settings))
    for workers in (0, 2):
        parts = [next(training_batches(domains, start=3, workers=workers, share=(i, 3), **settings)) for i in range(3)]
        for field, pieces in zip(whole, zip(*parts)):
            np.testing.assert_array_equal(field, np.concatenate(pieces))


def test_two_processes_make_one_run(tmp_path):
    """One folder with one log and one set of checkpoints; the same losses; and one process goes on with it."""
    write_dataset(tmp_path / "toy", size=32, train_count=4, val_count=2, seed=0)
    small = "model.channel_base=96 model.hidden_dim=8 train.batch_size=4 train.log_every=1 train.sample_every=2".split()
    train = [str(HERE.parent / "tools" / "train.py"), "-c", str(HERE.parent / "configs" / "toy.yaml"), "-o", *small]
    both, alone = (
        [*train, f"data.root={tmp_path / 'toy'}", f"output={tmp_path / name}", "train.iterations=2"]
        for name in ("both", "alone")
    )
    printed = launch(tmp_path, *both)
    done = subprocess.run([sys.executable, *alone], capture_output=True, text=True, check=True)

    def lines(text):
        return [line.split(" | lambda_ds")[0] for line in text.splitlines() if line.startswith(("1/2 ", "2/2 "))]

    assert lines(printed) == lines(done.stdout) and len(lines(printed)) == 2
    (run,) = (tmp_path / "both").iterdir()
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["0000002.pdparams"]
    assert len(list((run / "visualdl").iterdir())) == 1
    resumed = subprocess.run(
        [sys.executable, *both[:-1], "train.iterations=3", "--resume"], capture_output=True, text=True, check=True
    )
    assert "resuming" in resumed.stdout and (run / "checkpoints" / "0000003.pdparams").is_file()


def test_what_all_get_from_the_first_may_be_counters(monkeypatch):
    """Batch norms count their batches: tensors of each type travel together, and not all in one."""
    sent = []

    def broadcast(flat, source):
        sent.append((str(flat.dtype).split(".")[-1], source))
        paddle.assign(flat * 2, flat)

    monkeypatch.setattr(distributed, "count", lambda: 2)
    monkeypatch.setattr(distributed.distributed, "broadcast", broadcast)
    net = BatchNorm(3)
    net.num_batches_tracked.set_value(np.array(2**40, np.int64))
    distributed.from_first(net.state_dict().values())
    assert sent == [("float32", 0), ("int64", 0)]
    assert int(net.num_batches_tracked) == 2**41 and net._variance.numpy().tolist() == [2, 2, 2]


TOGETHER = """
import sys
import ppstargan
import paddle
from ppstargan.training import distributed

def mean():
    distributed.start()
    number = paddle.to_tensor(float(10 + distributed.rank()))
    distributed.mean_over_processes([number])
    return float(number)

paddle.set_device("cpu")
if distributed.is_second():
    mean()
    sys.exit()
with distributed.beside([sys.executable, "-c", sys.argv[1], sys.argv[1]]):
    print(distributed.count(), mean())
"""


def test_a_process_starts_its_own_second():
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, TOGETHER], capture_output=True, text=True, timeout=120, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 10.5\n", "")


def gone(second: str):
    """A process whose second runs the code ``second`` and ends before its time."""
    begins = "with distributed.beside("
    first = TOGETHER.replace(begins, f"from ppstargan.cli import run_tool\ndef main():\n  {begins}")
    first = first.replace("print(distributed.count(), mean())", "print([mean() for _ in range(10**6)])\nrun_tool(main)")
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return subprocess.run(
        [sys.executable, "-c", first, second], capture_output=True, text=True, timeout=60, env=environment
    )


WAY = "as where memory runs out; go on by the same command with --resume, where a checkpoint was written\n"


def test_a_second_that_is_killed_is_one_line():
    done = gone(TOGETHER.replace("sys.exit()", "import os; os.kill(os.getpid(), 9)"))  # after one mean of both
    said = f"error: the second of two processes was killed by signal 9, {WAY}"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_second_that_never_comes_is_one_line():
    """The first would wait for it a quarter of an hour."""
    done = gone("raise SystemExit(3)")
    said = f"error: the second of two processes ended with exit code 3, {WAY}"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
