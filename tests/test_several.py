"""What several processes of one training share, and what the first of them does alone."""

import shutil

import pytest
from toy_runs import config

from ppstargan.config import CONFIGS
from ppstargan.errors import UsageError
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import load_config
from ppstargan.training import distributed
from ppstargan.training.lock import Busy, alone
from ppstargan.training.runs import to_resume
from ppstargan.training.trainer import Trainer


def test_nothing_but_gradients_and_losses_goes_through_the_devices(faces, tmp_path, monkeypatch):
    """They would have to be waited for: on a signal, all agree past them."""
    reduced = []

    def all_reduce(tensor, *given):
        reduced.append(tensor.size)
        tensor.scale_(2)

    monkeypatch.setattr(distributed, "count", lambda: 2)
    monkeypatch.setattr(distributed.distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(distributed.distributed, "broadcast", lambda tensor, source: None)
    given = config(faces, tmp_path, "train.batch_size=4", "train.iterations=3", "train.log_every=1")
    trained = Trainer(given, stargan_v2)
    assert trained.run() == 0
    # Of each iteration: the gradients of four updates, and the losses.
    assert len(reduced) == 3 * 5 and 1 not in reduced


def told(monkeypatch, rank=0, first=None):
    """This process is one of two; the first of them tells ``first``. Returns what this one told."""
    found = []

    def exchange(value=None):
        found.append(value)
        return [value if rank == 0 else first, None]

    monkeypatch.setattr(distributed, "rank", lambda: rank)
    monkeypatch.setattr(distributed, "exchange", exchange)
    return found


def test_a_job_that_starts_again_goes_on_where_there_is_a_checkpoint(tmp_path, monkeypatch):
    given = load_config(CONFIGS / "toy.yaml", [f"output={tmp_path}", "name=job"])
    said = told(monkeypatch)
    assert to_resume(given, None, True) is None  # no run
    (tmp_path / "job-20250101-000000" / "checkpoints").mkdir(parents=True)
    assert to_resume(given, None, True) is None  # killed before its first checkpoint
    path = tmp_path / "job-20250101-000000" / "checkpoints" / "0000007.pdparams"
    path.write_bytes(b"")
    monkeypatch.setattr("ppstargan.training.runs.checkpoint.load", lambda path: {})
    assert to_resume(given, None, True) == to_resume(given, "", False) == path
    assert to_resume(given, None, False) is None  # a new one was asked for
    (tmp_path / "job-20250101-000001").mkdir()
    assert to_resume(given, None, True) is None  # the newest run begins anew, not one before it
    with alone(tmp_path / "job-20250101-000001"), pytest.raises(Busy, match="trains in"):
        to_resume(given, None, True)  # to start would be to train twice
    shutil.rmtree(tmp_path / "job-20250101-000001")
    with alone(tmp_path / "job-20250101-000000"), pytest.raises(Busy, match="trains in"):
        to_resume(given, None, True)
    with pytest.raises(UsageError, match="--resume and --resume-or-start: give one of them"):
        to_resume(given, "", True)
    assert said == [None, None, str(path), str(path), None, None]


@pytest.mark.parametrize("first", [None, "output/job/checkpoints/0000007.pdparams"])
def test_another_process_goes_by_what_the_first_found(tmp_path, monkeypatch, first):
    """It neither asks for the lock, which the first may hold by then, nor sets a damaged checkpoint aside."""
    given = load_config(CONFIGS / "toy.yaml", [f"output={tmp_path}"])
    told(monkeypatch, rank=1, first=first)
    found = to_resume(given, "", False)
    assert (found and str(found)) == first
