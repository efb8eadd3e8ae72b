"""What the quickstart measures of pix2pix, CycleGAN and U-GAT-IT: the right generator, and the right partners."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan.data.batches import load_batch
from ppstargan.data.outlines import write_outlines
from ppstargan.data.pairs import read_pairs
from ppstargan.data.ponies import partners, write_ponies
from ppstargan.data.sides import read_sides
from ppstargan.data.toy import write_cats_lions
from ppstargan.metrics import sides, toys
from ppstargan.systems import pix2pix


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
    report = toys.measure_cats_lions(trainer(tmp_path / "cats", ("genA2B", "genB2A"), [lions, cats]))
    assert report.shares == (1, 1)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_outlines_and_faces(direction, tmp_path):
    """One by one as given, against what is wanted; the constant is that of the training pairs."""
    write_outlines(tmp_path / "pairs", size=16, train_count=5, val_count=3)
    turn = -1 if direction == "BtoA" else 1
    (_, known), (given, wanted) = (load_halves(tmp_path / "pairs" / part)[::turn] for part in ("train", "val"))

    class Knows(paddle.nn.Layer):
        def forward(self, x):
            assert len(x) == 1
            number = np.abs(given - x.numpy()).max((1, 2, 3)).argmin()
            assert np.abs(given[number] - x.numpy()).max() < 1e-6
            return paddle.to_tensor(wanted[number : number + 1] * 0.5)

    model = SimpleNamespace(img_size=16, direction=direction, in_channels=3, out_channels=3)
    trained = SimpleNamespace(
        kind=pix2pix,
        config=SimpleNamespace(model=model),
        data=read_pairs(tmp_path / "pairs", direction),
        system=SimpleNamespace(networks={"generator": Knows()}),
    )
    report = toys.measure_outlines(trained)
    assert report.error == pytest.approx(np.abs(wanted).mean() / 2) and report.images == 3
    assert report.constant == pytest.approx(np.abs(np.median(known, axis=0) - wanted).mean())


def load_halves(folder):
    """[A, B]: float32 [N, 3, S, S] in [-1, 1] each."""
    both = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]).transpose(0, 3, 1, 2)
    return [half.astype(np.float32) / 127.5 - 1 for half in np.split(both, 2, axis=3)]


def test_what_is_drawn_has_the_size_that_is_trained_on(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(toys.ponies, "write_ponies", lambda root, size: drawn.append((root, size)))
    monkeypatch.setattr(toys, "write_cats_lions", lambda root, size: drawn.append((root, size)))
    monkeypatch.setattr(toys, "write_outlines", lambda root, size: drawn.append((root, size)))
    config = SimpleNamespace(data=SimpleNamespace(root="there"), model=SimpleNamespace(img_size=48))
    for system in ("pix2pix", "cyclegan", "ugatit"):
        toys.TOYS[system].draw(config)
    assert drawn == [("there", 48)] * 3
