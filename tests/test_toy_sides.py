"""What the quickstart measures of CycleGAN and U-GAT-IT: the right generator each way, and the right partners."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppstargan.data.batches import load_batch
from ppstargan.data.ponies import partners, write_ponies
from ppstargan.data.sides import read_sides
from ppstargan.data.toy import write_cats_lions
from ppstargan.metrics import sides, toys


class Knows(paddle.nn.Layer):
    """Gives for each of ``images`` its answer, in evaluation alone, and, as U-GAT-IT's do, more than the image."""

    def __init__(self, images, answers, more):
        super().__init__()
        self.images, self.answers, self.more = images, answers, more

    def forward(self, x):
        assert not self.training and paddle.is_grad_enabled() is False
        found = [np.abs(self.images - image).mean((1, 2, 3)).argmin() for image in x.numpy()]
        answer = paddle.to_tensor(self.answers[found])
        return (answer, None, None) if self.more else answer


def trainer(root, generators, answers):
    data = read_sides(root)
    shown = [load_batch(data.val[side], 16) for side in "AB"]
    nets = {n: Knows(x, y, n.startswith("gen")) for n, x, y in zip(generators, shown, answers)}
    config = SimpleNamespace(data=SimpleNamespace(root=root), model=SimpleNamespace(img_size=16))
    return SimpleNamespace(system=SimpleNamespace(networks=nets), data=data, config=config)


@pytest.fixture(autouse=True)
def no_judge(monkeypatch):
    """A judge that is not trained, and calls everything B."""
    monkeypatch.setattr(sides, "train_judge", lambda train, seed: None)
    monkeypatch.setattr(sides, "judge", lambda net, images: np.ones(len(images), int))


def test_ponies_against_their_partners(tmp_path, monkeypatch):
    write_ponies(tmp_path / "ponies", size=16, train_count=2, test_count=3)
    true = [partners(tmp_path / "ponies", side).transpose(0, 3, 1, 2).astype("float32") / 127.5 - 1 for side in (0, 1)]
    monkeypatch.setattr(toys, "AT_ONCE", 2)
    report = toys.measure_ponies(trainer(tmp_path / "ponies", ("G_A", "G_B"), true))
    assert report.errors == pytest.approx((0, 0), abs=1e-6) and report.images == (3, 3)
    assert report.shares == (1, 0) and report.accuracy == 0.5  # everything is B
    assert report.lines()[1].startswith("translations that it calls the target: 100.0% of 3 plain ponies to striped")
    val = read_sides(tmp_path / "ponies").val
    copies = trainer(tmp_path / "ponies", ("G_A", "G_B"), [load_batch(val[side], 16) for side in "AB"])
    assert toys.measure_ponies(copies).errors == pytest.approx((1, 1))
    assert all(net.training for net in copies.system.networks.values())


def test_cats_and_lions(tmp_path, monkeypatch):
    write_cats_lions(tmp_path / "cats", size=16, train_count=2, test_count=3)
    val = read_sides(tmp_path / "cats").val
    cats, lions = (load_batch(val[side], 16) for side in "AB")

    def judge(net, images):
        return np.array([1 * (np.abs(lions - image).max((1, 2, 3)).min() == 0) for image in images])

    monkeypatch.setattr(sides, "judge", judge)
    report = toys.measure_cats_lions(trainer(tmp_path / "cats", ("genA2B", "genB2A"), [lions, lions]))
    assert report.accuracy == 1 and report.errors is None and report.shares == (1, 0) and len(report.lines()) == 2
    assert "100.0% of 3 cats to lions, 0.0% of 3 lions to cats" in report.lines()[1]
    report = toys.measure_cats_lions(trainer(tmp_path / "cats", ("genA2B", "genB2A"), [cats, cats]))
    assert report.shares == (0, 1)


def test_what_is_drawn_has_the_size_that_is_trained_on(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(toys.ponies, "write_ponies", lambda root, size: drawn.append((root, size)))
    monkeypatch.setattr(toys, "write_cats_lions", lambda root, size: drawn.append((root, size)))
    config = SimpleNamespace(data=SimpleNamespace(root="there"), model=SimpleNamespace(img_size=48))
    for system in ("cyclegan", "ugatit"):
        toys.TOYS[system].draw(config)
    assert drawn == [("there", 48)] * 2
