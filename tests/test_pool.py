"""The pool of earlier fakes, beyond what the authors' figures of it in the parity kit say."""

import numpy as np
import paddle
import pytest

from ppstargan.training import distributed, pool
from ppstargan.training.pool import Pool


class Always:
    """Draws that swap each time, with the places one behind another."""

    def __init__(self):
        self.asked = []

    def random(self):
        return 0.75

    def integers(self, count):
        self.asked.append(count)
        return (len(self.asked) - 1) % count


def images(*numbers):
    return paddle.stack([paddle.full([1, 2, 2], float(number)) for number in numbers])


def numbers(shown):
    return [float(image.mean()) for image in shown]


def test_an_image_of_a_batch_may_be_shown_in_place_of_a_later_one_of_it():
    filled, rng = Pool(2), Always()
    assert numbers(filled.exchange(images(0, 1), rng)) == [0, 1] and rng.asked == []
    assert numbers(filled.exchange(images(2, 3, 4, 5), rng)) == [0, 1, 2, 3]  # a draw for each, not for the batch
    assert rng.asked == [2] * 4 and numbers(filled.images) == [4, 5]


def test_half_is_no_swap():
    class Half(Always):
        def random(self):
            return 0.5

    filled, rng = Pool(1), Half()
    assert numbers(filled.exchange(images(0, 1), rng)) == [0, 1] and numbers(filled.images) == [0]


def test_no_gradient_comes_out_of_a_pool():
    for size in (0, 1):
        x = images(1, 2)
        x.stop_gradient = False
        assert Pool(size).exchange(x * 2, Always()).stop_gradient


def test_what_is_stored_is_no_place_that_later_work_writes_to():
    filled, given = Pool(2), images(0, 1)
    shown = filled.exchange(given, Always())
    given.fill_(7.0)
    shown.fill_(8.0)
    assert numbers(filled.images) == [0, 1]


def test_there_and_back_and_into_a_smaller_one():
    filled = Pool(3)
    assert filled.array().shape == (0,)
    filled.exchange(images(0, 1, 2), Always())
    array = filled.array()
    assert array.shape == (3, 1, 2, 2) and array.dtype == np.float32
    for size, kept in ((3, [0, 1, 2]), (2, [0, 1]), (5, [0, 1, 2])):
        other = Pool(size)
        other.fill(array)
        assert numbers(other.images) == kept
    other.fill(np.zeros(0, np.float32))
    assert other.images == []


@pytest.mark.parametrize("rank", [0, 1])
def test_of_two_processes_each_has_the_images_of_both_and_is_shown_its_own_share(monkeypatch, rank):
    monkeypatch.setattr(distributed, "rank", lambda: rank)
    monkeypatch.setattr(pool.distributed, "gathered", lambda mine: images(*([0, 1, 2, 3] if first else [4, 5, 6, 7])))
    filled, rng, first = Pool(4), Always(), True
    share = slice(0, 2) if rank == 0 else slice(2, 4)
    assert numbers(filled.exchange(images(*[0, 1, 2, 3][share]), rng)) == [0, 1, 2, 3][share]
    first = False
    assert numbers(filled.exchange(images(*[4, 5, 6, 7][share]), rng)) == [0, 1, 2, 3][share]
    assert numbers(filled.images) == [4, 5, 6, 7]
