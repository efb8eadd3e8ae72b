"""What a run gives a GPU and asks of it: batches ahead, and nothing between two lines of the log; on a CPU, counted."""

import re
import threading
import weakref
from itertools import count, islice
from typing import NamedTuple

import numpy as np
import paddle
import pytest
from device_reads import counted
from drawing import training_batches
from every_system import EVERY, ITERATIONS, configured, made
from toy_runs import config

from ppstargan.errors import UserError
from ppstargan.nets.fan import FAN
from ppstargan.systems import stargan_v2
from ppstargan.systems.load import system_named
from ppstargan.training import feeding
from ppstargan.training.step import iterate
from ppstargan.training.trainer import Trainer

MASKED = ("model.w_hpf=1", "train.batch_size=1")


class Batch(NamedTuple):
    x: np.ndarray
    y: np.ndarray


def numbered(closed: list, end=None):
    try:
        for i in count() if end is None else range(end):
            yield Batch(np.full([2, 3], i, np.float32), np.array([i, 0]))
        raise UserError("no more")
    finally:
        closed.append(True)


# ---- an iteration ----


@pytest.mark.parametrize("name, more", [*((name, ()) for name in EVERY), ("toy", MASKED)])
def test_an_iteration_reads_nothing_and_copies_nothing_and_its_losses_are_one_read(data, tmp_path, name, more):
    given = configured(name, data, f"output={tmp_path}", *more)
    trainer = Trainer(given, system_named(given.system))
    if more:
        trainer.system.nets.see_by(FAN(width=4, img_size=64))
    batches, names = made(configured(name, data, *more[1:]))[1][: 2 if more else ITERATIONS], []  # masks take long
    for i, batch in enumerate(batches):
        with counted() as found:
            report = trainer.train_iteration(batch)
            trainer.unread.add(trainer.iteration, report)
        names.append({key: float(value) for key, value in report.items()})
        copies = [call for call in found if call == "to_tensor"]
        assert found == copies  # no reads
        assert i == 0 or not copies  # constants are made once
    with counted() as found:
        read = list(trainer.unread.read())
    assert found == ["numpy"] * len(batches)
    assert read == list(enumerate(names, 1)) and not list(trainer.unread.read())


def test_a_run_on_a_gpu_reads_at_its_lines_alone_and_its_first_line_is_of_the_second_iteration(
    faces, tmp_path, monkeypatch, capsys
):
    seldom = ("train.log_every=3", "train.save_every=99", "train.sample_every=99")
    given = config(faces, tmp_path, "train.iterations=8", *seldom)
    at_iteration = {}
    iteration = Trainer.train_iteration

    def noted(self, batch):
        assert isinstance(batch.x_src, paddle.Tensor)
        at_iteration[self.iteration] = len(found)
        return iteration(self, batch)

    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    monkeypatch.setattr("ppstargan.training.trainer.choose_gpu_arithmetic", lambda *_: None)
    monkeypatch.setattr(feeding, "copier", lambda: lambda batch: batch._make(map(pinned, batch)))
    monkeypatch.setattr(Trainer, "train_iteration", noted)
    pinned = paddle.to_tensor
    trainer = Trainer(given, stargan_v2)
    with counted() as found:
        assert trainer.run() == 0
    reads = [found[at_iteration[i] : at_iteration[i + 1]].count("numpy") for i in range(7)]
    assert reads == [1, 1, 1, 0, 0, 3, 0]  # one an iteration: the first two, then those of a line
    lines = re.findall(r"^(\d)/8 \| d_latent real .* ETA ", capsys.readouterr().out, re.M)
    assert lines == ["2", "3", "6", "8"]


def test_what_the_first_updates_share_is_gone_before_the_last(data):
    """The contents of the source and of its first image, with the features of the high-pass filter."""
    system, drawn = made(configured("toy", data))
    encode, contents, alive = system.nets.generator.encode_content, [], []

    def noted(x):
        alive.append([content() is not None for content in contents])
        content = encode(x)
        contents.append(weakref.ref(content.bottleneck))
        return content

    system.nets.generator.encode_content = noted
    iterate(system, drawn[0], 0)
    assert alive == [[], [True], [False, False], [False, False, True]]


# ---- batches ----


def test_on_a_cpu_batches_become_tensors_when_they_are_asked_for():
    closed, threads = [], []

    def drawn():
        for batch in numbered(closed):
            threads.append(threading.current_thread())
            yield batch

    batches = drawn()  # whom this name keeps, so that only closing closes it
    fed = feeding.on_device(batches, None)
    for i, batch in enumerate(islice(fed, 3)):
        assert type(batch) is Batch and float(batch.x.sum()) == 6 * i and batch.y.tolist() == [i, 0]
        assert threads == [threading.current_thread()] * (i + 1)  # none ahead
    fed.close()
    assert closed == [True]


def test_on_a_gpu_the_next_batch_is_copied_while_one_is_trained_on():
    copied, closed = {}, []
    begun, here = [threading.Event() for _ in range(9)], threading.current_thread()

    def copy(batch):
        number = int(batch.y[0])
        copied[number] = threading.current_thread()
        begun[number].set()
        return batch._make(map(paddle.to_tensor, batch))

    batches = numbered(closed)
    fed = feeding.on_device(batches, copy)
    for i, batch in enumerate(islice(fed, 4)):
        assert type(batch) is Batch and batch.y.tolist() == [i, 0] and float(batch.x.sum()) == 6 * i
        assert begun[i + 1].wait(10) and i + 2 not in copied  # without being asked for; one alone
    assert here not in copied.values()
    fed.close()
    assert closed == [True]


def test_an_error_of_the_loader_comes_with_the_batch_that_it_is_of():
    closed = []
    fed = feeding.on_device(numbered(closed, end=2), lambda batch: batch)
    assert [next(fed).y[0], next(fed).y[0]] == [0, 1]
    with pytest.raises(UserError, match="no more"):
        next(fed)
    assert closed == [True]


def test_a_batch_goes_to_its_process_s_gpu_from_pinned_memory_without_waiting(monkeypatch):
    """By Paddle's own calls, of which its CPU build has the names alone."""
    asked = []

    class Pinned:
        def __init__(self, array, place):
            self.array, self.place = array, place

        def cuda(self, device_id=None, blocking=True):
            asked.append((self.place, device_id, blocking))
            return self.array

    assert feeding.copier() is None
    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:3")
    monkeypatch.setattr(paddle, "CUDAPinnedPlace", lambda: "pinned")
    monkeypatch.setattr(paddle, "to_tensor", Pinned)
    batch = Batch(np.zeros([2, 3], np.float32), np.array([1, 2]))
    copied = feeding.copier()(batch)
    assert copied.x is batch.x and copied.y is batch.y
    assert asked == [("pinned", 3, False)] * 2


def test_threads_of_the_loader_stack_what_they_load(faces, monkeypatch):
    from ppstargan.data.dataset import find_domains

    threads, stack = [], np.stack

    def noted(*given, **options):
        threads.append(threading.current_thread())
        return stack(*given, **options)

    monkeypatch.setattr(np, "stack", noted)
    options = {"batch_size": 4, "img_size": 8, "latent_dim": 6, "crop_probability": 0.5, "seed": 7}
    drawn = training_batches(find_domains(faces / "train"), start=0, workers=2, **options)
    next(drawn)
    drawn.close()
    assert len(threads) >= 7 and threading.current_thread() not in threads
