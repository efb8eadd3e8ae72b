"""The measurement itself, on drawn faces, with tiny networks and a small stand-in for Inception."""

import json
import os
import shutil
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from PIL import Image
from small_model import networks

from ppstargan.data.batches import load_batch
from ppstargan.data.dataset import find_domains
from ppstargan.data.toy import write_dataset
from ppstargan.errors import UserError
from ppstargan.metrics import judges as judges_module
from ppstargan.metrics import protocol
from ppstargan.metrics.frechet import frechet_distance, statistics
from ppstargan.metrics.judges import Judge, Judges, prepare
from ppstargan.metrics.kid import kid
from ppstargan.metrics.manifold import Manifold, manifold
from ppstargan.metrics.protocol import Settings, Task, measure

SETTINGS = Settings(outputs=3, sources=2, seeds=(5,), batch_size=4, workers=2)
FIGURES = ("fid_tiny", "kid_tiny", "kid_tiny_error", "lpips_random", *(f"{name}_tiny" for name in Manifold._fields))
BALLS = "precision, recall, density and coverage are"


class TinyInception:
    """Colours and edges in place of Inception: cheap, and it counts its images."""

    tensorflow = False

    def __init__(self):
        self.images, self.stop_after = 0, None

    def __call__(self, x):
        self.images += x.shape[0]
        if self.stop_after is not None and self.images > self.stop_after:
            raise KeyboardInterrupt
        edges = (x[:, :, 1:] - x[:, :, :-1]).abs().mean(axis=[2, 3])
        return paddle.concat([x.mean(axis=[2, 3]), edges], axis=1)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=40, train_count=7, val_count=4, seed=0)
    for part in ("train", "val"):
        shutil.rmtree(root / part / "lion")
    return find_domains(root / "train"), find_domains(root / "val")


@pytest.fixture(scope="module")
def nets():
    return networks(num_domains=2)


@pytest.fixture(scope="module")
def lpips():
    return judges_module._load_lpips("none", "none", allow_random=True)


@pytest.fixture(autouse=True)
def small_inputs(monkeypatch):
    monkeypatch.setattr(judges_module, "PIXELS", 48)  # of the stand-in, for speed


@pytest.fixture
def judges(lpips):
    return Judges(Judge(TinyInception(), "tiny", "stand-in", "b"), lpips)


def run(nets, faces, judges, folder, settings=SETTINGS):
    before = judges.inception.net.images
    found = measure(nets, *faces, judges, folder / "results", folder / "cache", settings)
    return found, judges.inception.net.images - before


ALL = 2 * 7 + 4 * 2 * 3  # images that Inception sees: train of both domains, and the outputs of four tasks


def test_every_pair_in_both_modes_with_its_counts(nets, faces, judges, tmp_path):
    found, images = run(nets, faces, judges, tmp_path, SETTINGS._replace(seeds=(5, 6)))
    keys = [(m["mode"], m["seed"], m["source"], m["target"]) for m in found]
    pairs = [("dog", "cat"), ("cat", "dog")]
    assert keys == [(mode, seed, *pair) for mode in ("latent", "reference") for seed in (5, 6) for pair in pairs]
    for m in found:
        assert (m["sources"], m["generated"], m["real"]) == (2, 6, 7)
        assert all(np.isfinite(m[name]) for name in FIGURES) and m["fid_tiny"] > 0
    assert images == 2 * 7 + 8 * 6
    assert len({m["lpips_random"] for m in found}) == len(found)


def test_figures_are_those_of_the_images(nets, faces, judges, tmp_path, monkeypatch):
    """LPIPS from the outputs, FID and KID from the kept PNGs and the train images, one by one."""
    outputs, decode = [], nets.generator.decode_content
    monkeypatch.setattr(nets.generator, "decode_content", lambda *given: outputs.append(decode(*given)) or outputs[-1])
    found, _ = run(nets, faces, judges, tmp_path, SETTINGS._replace(keep_images=True, batch_size=1))
    train, _ = faces

    def features(paths):
        inputs = [prepare(judges.inception, Image.open(path), 32) for path in paths]
        return judges.inception.net(paddle.to_tensor(np.stack(inputs))).numpy()

    assert len(found) == 4 and len(outputs) == 24
    for i, m in enumerate(found):
        groups = [outputs[6 * i : 6 * i + 3], outputs[6 * i + 3 : 6 * i + 6]]  # of the two sources
        distances = [judges.lpips.net(a, b).item() for group in groups for a, b in combinations(group, 2)]
        assert m["lpips_random"] == pytest.approx(np.mean(distances), rel=1e-4)
        (folder,) = (tmp_path / "results" / "images").glob(f"{m['mode']}_{m['source']}2{m['target']}_seed5_*")
        names = [f"{i:04d}_{j:02d}.png" for i in (1, 2) for j in (1, 2, 3)]
        assert sorted(path.name for path in folder.iterdir()) == names
        for name, x in zip(names, [*groups[0], *groups[1]]):
            unit = (x.numpy()[0].clip(-1, 1).transpose(1, 2, 0) + 1) / 2
            assert np.abs(np.asarray(Image.open(folder / name)) / 255 - unit).max() < 0.501 / 255
        real, fake = features(train[m["target"]]), features([folder / name for name in names])
        assert m["fid_tiny"] == pytest.approx(frechet_distance(*statistics(real), *statistics(fake)), rel=1e-4)
        assert (m["kid_tiny"], m["kid_tiny_error"]) == pytest.approx(kid(real, fake), rel=1e-4, abs=1e-7)
        assert [m[f"{name}_tiny"] for name in Manifold._fields] == pytest.approx(manifold(real, fake))


def test_batches_change_nothing(nets, faces, judges, tmp_path):
    one, _ = run(nets, faces, judges, tmp_path / "a", SETTINGS._replace(sources=None, batch_size=1, workers=0))
    three, _ = run(nets, faces, judges, tmp_path / "b", SETTINGS._replace(sources=None, batch_size=3))
    for a, b in zip(one, three):
        assert a["sources"] == 4
        assert [a[name] for name in FIGURES] == pytest.approx([b[name] for name in FIGURES], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("stop_after", [5, 14, 14 + 8, 14 + 6 + 6])
def test_interrupted_and_resumed_is_as_never_interrupted(nets, faces, judges, tmp_path, stop_after):
    """In the real images, before the first output, in the second task, after it: by the same bits."""
    straight, images = run(nets, faces, judges, tmp_path / "straight")
    assert images == ALL
    net = judges.inception.net
    net.images, net.stop_after = 0, stop_after
    with pytest.raises(KeyboardInterrupt):
        run(nets, faces, judges, tmp_path / "stopped")
    assert not list(tmp_path.rglob("*.partial"))
    net.stop_after = None
    resumed, images = run(nets, faces, judges, tmp_path / "stopped")
    assert resumed == straight
    done = 0 if stop_after < 14 else 14 + (stop_after - 14) // 6 * 6
    assert images == ALL - (done if done % 6 == 14 % 6 else 0)
    again, images = run(nets, faces, judges, tmp_path / "stopped")
    assert again == straight and images == 0


def test_damaged_entries_are_computed_again(nets, faces, judges, tmp_path):
    straight, _ = run(nets, faces, judges, tmp_path)
    results = sorted((tmp_path / "results").glob("*.json"))
    caches = sorted((tmp_path / "cache").glob("*.npz"))
    assert len(results) == 4 and len(caches) == 2
    flipped = bytearray(caches[0].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    for damage in (bytes(flipped), caches[0].read_bytes()[:100], b""):
        for path in results:
            path.unlink()
        caches[0].write_bytes(damage)
        found, images = run(nets, faces, judges, tmp_path)
        assert found == straight and images == ALL - 7
    for damage in ("", "{", "[]", "{}", '{"fid_tiny": 1}', results[0].read_text().replace("0.", '"0.', 1)):
        results[0].write_text(damage)
        found, images = run(nets, faces, judges, tmp_path)
        assert found == straight and images == 6
    nan = json.loads(results[0].read_text())
    results[0].write_text(json.dumps({**nan, "fid_tiny": float("nan")}))
    assert run(nets, faces, judges, tmp_path) == (straight, 6)


def test_what_is_there_counts_for_the_same_inputs_alone(nets, faces, judges, tmp_path):
    straight, _ = run(nets, faces, judges, tmp_path)
    train, val = faces
    for settings in (SETTINGS._replace(seeds=(6,)), SETTINGS._replace(outputs=4), SETTINGS._replace(sources=3)):
        assert run(nets, faces, judges, tmp_path, settings)[1] == 4 * settings.sources * settings.outputs
    _, images = run(nets, faces, Judges(judges.inception._replace(digest="c"), judges.lpips), tmp_path)
    assert images == ALL
    _, images = run(nets, faces, Judges(judges.inception, judges.lpips._replace(digest="c")), tmp_path)
    assert images == ALL - 14

    times = os.stat(train["cat"][0])
    os.utime(train["cat"][0], ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert run(nets, faces, judges, tmp_path) == (straight, 7 + 2 * 6)  # cat's images, and the two tasks to cat
    fewer = {**val, "dog": val["dog"][:-1]}  # another reference list for dog, and among two evenly chosen, a source
    assert run(nets, (train, fewer), judges, tmp_path)[1] == 2 * 6 + 6

    bias = nets.generator.to_rgb[2].bias
    bias.set_value(bias + 0.1)
    found, images = run(nets, faces, judges, tmp_path)
    bias.set_value(bias - 0.1)
    assert images == 4 * 6 and found != straight


def test_images_are_kept_when_asked_for_later(nets, faces, judges, tmp_path):
    straight, _ = run(nets, faces, judges, tmp_path)
    keep = SETTINGS._replace(keep_images=True)
    found, images = run(nets, faces, judges, tmp_path, keep)
    assert found == straight and images == 4 * 6
    assert len(list((tmp_path / "results" / "images").rglob("*.png"))) == 4 * 6
    assert run(nets, faces, judges, tmp_path, keep) == (straight, 0)


class Codes:
    """Networks whose style code is the latent itself, or the mean colour of the reference."""

    fan = generator = mapping_network = style_encoder = SimpleNamespace(state_dict=dict)
    architecture = {"img_size": 32, "latent_dim": 3}  # noqa: RUF012
    fan = None

    def style_from_latent(self, z, y):
        assert (y == y[0]).all()
        return z + 100 * y[0].astype("float32")

    def style_from_reference(self, x, y):
        return x.mean(axis=[2, 3]) + 100 * y.astype("float32").reshape([-1, 1])


@pytest.fixture
def codes(faces, judges, tmp_path):
    settings = SETTINGS._replace(sources=None)
    three = [{**images, "tiger": images["cat"]} for images in faces]
    run = protocol._Run(Codes(), *three, judges, tmp_path, tmp_path, settings, None)
    return lambda mode, seed, source, target: run._codes(Task(mode, seed, source, target))


def test_latents_are_standard_normal_and_of_the_target(codes):
    drawn = np.stack([codes("latent", seed, "cat", "dog") for seed in range(200)])
    assert drawn.shape == (200, 4, 3, 3)
    assert abs(drawn.mean() - 100) < 0.1 and abs(drawn.std() - 1) < 0.05
    assert len(np.unique(drawn)) > 0.95 * drawn.size  # 100 + z has few digits left
    np.testing.assert_array_equal(codes("latent", 7, "cat", "dog"), drawn[7])
    assert not np.isclose(codes("latent", 7, "dog", "cat"), drawn[7] - 100).any()
    assert not np.isclose(codes("latent", 7, "tiger", "dog"), drawn[7]).any()  # each source has latents of its own


def test_references_are_the_targets_each_before_any_again(codes, faces):
    colours = load_batch(faces[1]["dog"], 32).mean(axis=(2, 3)) + 100
    orders = []
    for seed in range(5):
        drawn = codes("reference", seed, "cat", "dog").reshape(12, 3)
        order = [int(np.abs(colours - code).max(axis=1).argmin()) for code in drawn]
        np.testing.assert_allclose(colours[order], drawn, rtol=1e-5)
        assert [sorted(order[i : i + 4]) for i in (0, 4, 8)] == [[0, 1, 2, 3]] * 3
        orders.append(tuple(order))
    assert len(set(orders)) == 5


def test_images_that_are_not_finite(nets, faces, judges, tmp_path):
    bias = nets.generator.to_rgb[2].bias
    before = bias.numpy()
    bias.set_value(np.full_like(before, np.nan))
    try:
        with pytest.raises(UserError, match="images of latent dog to cat, seed 5 are not finite"):
            run(nets, faces, judges, tmp_path)
    finally:
        bias.set_value(before)


def test_too_few_images_for_kid_leave_the_other_figures(nets, faces, judges, tmp_path):
    train, val = faces
    straight, _ = run(nets, faces, judges, tmp_path)
    few, settings = {**train, "cat": train["cat"][:3]}, SETTINGS._replace(outputs=2, sources=1)
    why = "left out: domain cat has 3 images in train, and"
    assert protocol.left_out(few, val, SETTINGS) == [f"KID is {why} KID needs 4", f"{BALLS} {why} coverage needs 6"]
    why = "left out: 2 images are generated from domain cat, and"
    assert protocol.left_out(train, val, settings) == [f"KID is {why} KID needs 4", f"{BALLS} {why} recall needs 4"]
    assert protocol.left_out(train, val, SETTINGS) == []
    found, images = run(nets, (few, val), judges, tmp_path)
    assert images == 3 + 4 * 6  # what has KID counts no more; the features of dog do
    for m, before in zip(found, straight):
        assert {*FIGURES} & set(m) == {"fid_tiny", "lpips_random"}
        assert m["lpips_random"] == before["lpips_random"] and np.isfinite(m["fid_tiny"])
        assert (m["fid_tiny"] == before["fid_tiny"]) == (m["target"] == "dog")
    assert run(nets, (few, val), judges, tmp_path) == (found, 0)
    for m in run(nets, faces, judges, tmp_path, settings)[0]:
        assert {*FIGURES} & set(m) == {"fid_tiny", "lpips_random"}
    with pytest.raises(UserError, match="domain cat has 1 image in train, and FID needs 2; add images"):
        run(nets, ({**train, "cat": train["cat"][:1]}, val), judges, tmp_path)


def test_an_unreadable_image_is_named(nets, faces, judges, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    with pytest.raises(UserError, match=str(bad)):
        run(nets, ({**faces[0], "dog": [*faces[0]["dog"], bad]}, faces[1]), judges, tmp_path)


def test_progress_tells_the_time_that_is_left(nets, faces, judges, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ppstargan.runtime.SECONDS", 0)
    run(nets, faces, judges, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("real images 4/14 | cat | ") and "images/s | ETA 0:00:0" in lines[0]
    assert any(line.startswith("generated images 6/24 | latent dog to cat, seed 5 | ") for line in lines)
    run(nets, faces, judges, tmp_path)
    assert capsys.readouterr().out.startswith("4 of 4 measurements are in ")
