"""quickstart.py faces: a face alignment network first, then StarGAN v2 by its masks; and what those are measured by."""

import re
import runpy
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from authors_form import refusal

from ppstargan import checkpoint
from ppstargan.data.dataset import find_domains
from ppstargan.data.people_sets import true_points, write_landmarks, write_people
from ppstargan.face.weights import load_fan, load_fan_to_train_by
from ppstargan.metrics import masks, toy, toys
from ppstargan.nets.fan import FAN
from ppstargan.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
FAN_SMALL = ["model.width=4", "model.img_size=64", "train.batch_size=3", "train.save_every=1"]  # odd: one process
SMALL = ["model.channel_base=256", "model.max_channels=8", "train.batch_size=3", "train.save_every=1"]


@pytest.fixture
def quickstart(tmp_path, monkeypatch, capsys):
    """Runs the tool on a few drawn people, in an empty folder; returns its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toys, "write_landmarks", partial(write_landmarks, size=96, train_count=6, test_count=2))
    monkeypatch.setattr(toy, "OUTPUTS", 2)
    monkeypatch.setattr(toys, "write_people", partial(write_people, train_count=4, val_count=2))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tools/quickstart.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "quickstart.py"), run_name="__main__")
        return ended.value.code, capsys.readouterr()

    return run


def test_faces_goes_on_in_either_half(quickstart, tmp_path):
    """The FAN's run was stopped, at its own settings: it ends first, and gives StarGAN v2 the masks."""
    assert quickstart("fan", "-o", *FAN_SMALL, "train.iterations=1")[0] == 0
    (fan,) = (tmp_path / "output").iterdir()
    config = fan / "config.yaml"
    config.write_text(config.read_text().replace("\n  iterations: 1\n", "\n  iterations: 2\n"))  # stopped in the middle

    code, said = quickstart("faces", "--resume", "-o", *SMALL, "train.iterations=2")
    assert code == 0, said.err
    assert "drawn people with landmarks: data/toy_landmarks\ndrawn women and men: data/toy_people\n" in said.out
    assert re.search(rf"^face .* network: data/fan_toy\.pdparams, of .*/{fan.name}/checkpoints/0000002", said.out, re.M)
    (faces,) = (tmp_path / "output").glob("toy_faces-*")
    figures = [
        r"cycle error \(mean L1\): \d\.\d{3}",
        r"the points that the face alignment network finds on 4 held-out faces are \d+\.\d{3} from the true ones .*",
        r"and on their translations, with masks \d+\.\d{3} from those on the source, \d+\.\d{3} from the true ones; "
        r"without masks \d+\.\d{3} from those on the source, \d+\.\d{3} from the true ones",
        f"look at: {faces.relative_to(tmp_path)}/samples/0000002_masks.png",
    ]
    lines = said.out.splitlines()
    assert all(map(re.fullmatch, figures, lines[-4:])), lines[-4:]
    kept, used = (checkpoint.load(path)["nets"]["fan"] for path in (
        tmp_path / "data/fan_toy.pdparams", faces / "checkpoints/0000002.pdparams"))  # fmt: skip
    assert used and all(np.array_equal(value, kept[name]) for name, value in used.items())

    code, said = quickstart("faces", "--resume", "-o", *SMALL, "train.iterations=3")  # the second half; no FAN again
    assert code == 0 and "people with landmarks" not in said.out
    assert sorted(path.name for path in (faces / "checkpoints").iterdir())[-1] == "0000003.pdparams"
    assert len(list((tmp_path / "output").iterdir())) == 2


def test_a_stopped_one_says_that_it_can_be_measured_too(quickstart, monkeypatch):
    monkeypatch.setattr(Trainer, "run", lambda self: 130)
    code, said = quickstart("fan", "-o", *FAN_SMALL)
    assert code == 130
    assert said.out.splitlines()[-1] == "or, to have it measured too: this command again, with --resume"


def test_a_finished_fan_is_taken_and_without_masks_there_is_one_figure(quickstart, tmp_path):
    code, said = quickstart("fan", "-o", *FAN_SMALL, "train.iterations=1")
    assert code == 0, said.err
    code, said = quickstart("faces", "-o", *SMALL, "train.iterations=1", "model.w_hpf=0")
    assert code == 0 and "drawn people with landmarks" not in said.out
    assert "face alignment network: data/fan_toy.pdparams, of output/fan_toy-" in said.out
    assert "without masks" in said.out and "with masks" not in said.out


def test_a_missing_fan_is_told_by_what_trains_it(tmp_path):
    for path, option in (
        ("data/fan_toy.pdparams", ""),
        (tmp_path / "fan_toy.pdparams", f" -o face.fan={tmp_path}/fan_"),
    ):
        said = refusal(load_fan_to_train_by, path, False)
        assert said.startswith(
            f"no weights at {Path(path).absolute()}; to get them: python tools/quickstart.py faces{option}"
        )
        assert "wing" not in said
    assert "download.py wing" in refusal(load_fan, tmp_path / "wing.pdparams")


class Moves:
    """A generator that gives the source: moved by 2 px to the right without masks, in its place with them."""

    def __init__(self):
        self.generator = self

    def masks(self, x):
        return "masks"

    def encode_content(self, x):
        return x

    def decode_content(self, content, style, masks):
        return content if masks else paddle.roll(content, 2, axis=3)

    def style_from_reference(self, x, y):
        return None


class Sees(FAN):
    """Finds the true points of drawn people, wherever a picture has been moved to, and 1 px below."""

    def __init__(self, images, points):
        super().__init__(width=4, img_size=64)
        self.images, self.points = images, points

    def landmarks(self, x):
        found = []
        for one in x.numpy():
            by, n = min(((np.abs(np.roll(image, by, 2) - one).mean(), by, n) for by in (0, 2)
                         for n, image in enumerate(self.images)))[1:]  # fmt: skip
            found.append(self.points[n] + (by, 1))
        return np.stack(found)


def test_what_masks_keep_in_place_is_what_is_told(tmp_path):
    write_people(tmp_path / "toy", size=32, train_count=2, val_count=3)
    val = find_domains(tmp_path / "toy/val")
    images = masks.load_batch([path for paths in val.values() for path in paths], 32)
    true = np.stack([*true_points(tmp_path / "toy").values()])
    model = SimpleNamespace(lines=lambda: [])
    report, picture = masks.measure(Moves(), Sees(images, true), model, val, tmp_path / "toy", 32)
    eyes = np.linalg.norm(true[:, 60] - true[:, 72], axis=1)
    np.testing.assert_allclose(report.seen, 1 / eyes)
    np.testing.assert_allclose(report.moved["with masks"], (0 * eyes, 1 / eyes), atol=1e-9)
    np.testing.assert_allclose(report.moved["without masks"], (2 / eyes, 5**0.5 / eyes))
    assert len(report.lines()) == 2 and picture.shape == (3 * 194 + 2, 6 * 194 + 2, 3)
    red = (np.abs(picture.astype(int) - (255, 40, 40)).max(2) == 0).sum(1)
    assert all(red[i * 194 : (i + 1) * 194].sum() > 100 for i in range(3))  # points on every row


def test_translations_go_to_the_other_domain_by_its_own_references():
    asked = []

    class Nets(Moves):
        def style_from_reference(self, x, y):
            asked.extend(zip(x.numpy()[:, 0, 0, 0], y.numpy()))

    y = np.array([0] * 15 + [1] * 10)
    x = np.broadcast_to(np.float32(y)[:, None, None, None], (25, 3, 4, 4)) / 2
    made = masks.translated(Nets(), x, y)
    assert asked == [(other / 2, other) for other in 1 - y] and made["with masks"].shape == (25, 3, 4, 4)
