import gc
import threading
import time
from itertools import islice

import numpy as np
import pytest
from drawing import draw_batch, training_batches
from PIL import Image

from ppstargan.data.batches import load_batch
from ppstargan.errors import UserError
from ppstargan.systems.stargan_v2 import Batch

COUNTS = {"many": 17, "two": 2, "some": 5}
OPTIONS = {"batch_size": 4, "img_size": 8, "latent_dim": 6, "crop_probability": 0.5, "seed": 7}


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    """Flat images: red gives the domain, green the number of the image in it."""
    root, found = tmp_path_factory.mktemp("flat"), {}
    for label, (name, count) in enumerate(COUNTS.items()):
        found[name] = [root / f"{name}{number}.png" for number in range(count)]
        for number, path in enumerate(found[name]):
            Image.new("RGB", (12, 12), (label * 50, number * 10, 0)).save(path)
    return found


def domain_and_number(x):
    """What the fixture painted: ([B], [B])."""
    colour = np.round((x.mean((2, 3)) + 1) * 127.5).astype(int)
    return colour[:, 0] // 50, colour[:, 1] // 10


def same(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b))


def test_shapes_types_and_ranges(domains):
    batch = draw_batch(domains, 0, **OPTIONS)
    for images in (batch.x_src, batch.x_ref, batch.x_ref2):
        assert images.shape == (4, 3, 8, 8) and images.dtype == np.float32
        assert images.min() >= -1 and images.max() <= 1
    for labels in (batch.y_src, batch.y_trg):
        assert labels.shape == (4,) and labels.dtype == np.int64
    for latents in (batch.z_trg, batch.z_trg2):
        assert latents.shape == (4, 6) and latents.dtype == np.float32


def test_domains_are_balanced_images_uniform_and_references_a_pair(domains):
    batch = draw_batch(domains, 3, **{**OPTIONS, "batch_size": 3000, "latent_dim": 2})
    for x, y in ((batch.x_src, batch.y_src), (batch.x_ref, batch.y_trg), (batch.x_ref2, batch.y_trg)):
        label, number = domain_and_number(x)
        assert np.array_equal(label, y)
        assert np.abs(np.bincount(y) / 3000 - 1 / 3).max() < 0.04  # though one domain has 2 images of 24
        for d, count in enumerate(COUNTS.values()):
            shares = np.bincount(number[y == d], minlength=count) * count / (y == d).sum()
            assert len(shares) == count and shares.min() > 0.6 and shares.max() < 1.4
    assert (domain_and_number(batch.x_ref)[1] != domain_and_number(batch.x_ref2)[1]).all()
    # Source and target are independent: each of the nine pairs has a ninth.
    pairs = np.bincount(batch.y_src * 3 + batch.y_trg, minlength=9) / 3000
    assert np.abs(pairs - 1 / 9).max() < 0.025
    z = np.stack([batch.z_trg, batch.z_trg2]).astype(np.float64)
    assert abs(z.mean()) < 0.03 and z.std() == pytest.approx(1, abs=0.03)
    assert abs((z[0] * z[1]).mean()) < 0.04


def test_the_order_of_domains_numbers_them(domains):
    turned = dict(reversed(list(domains.items())))
    a, b = draw_batch(domains, 0, **OPTIONS), draw_batch(turned, 0, **OPTIONS)
    assert np.array_equal(a.y_src, b.y_src)
    assert np.array_equal(domain_and_number(a.x_src)[0], 2 - domain_and_number(b.x_src)[0])


def test_a_batch_depends_on_seed_and_iteration_only(domains):
    batch = draw_batch(domains, 5, **OPTIONS)
    assert same(batch, draw_batch(domains, 5, **OPTIONS))
    for other in (draw_batch(domains, 6, **OPTIONS), draw_batch(domains, 5, **{**OPTIONS, "seed": 8})):
        assert not np.isin(batch.z_trg, other.z_trg).any()
    assert len(np.unique(batch.z_trg)) == batch.z_trg.size  # the samples of a batch differ too


@pytest.mark.parametrize("workers", [0, 1, 3, 9])
def test_any_number_of_workers_gives_the_same_batches_in_order(domains, workers):
    batches = training_batches(domains, start=11, workers=workers, **OPTIONS)
    for iteration, batch in enumerate(islice(batches, 12), start=11):
        assert same(batch, draw_batch(domains, iteration, **OPTIONS))
    batches.close()


def test_only_a_few_batches_are_loaded_ahead(domains, monkeypatch):
    from ppstargan.data import batches as module

    loaded, real = [], module.load_rgb
    monkeypatch.setattr(module, "load_rgb", lambda path: loaded.append(path) or real(path))
    batches = training_batches(domains, start=0, workers=2, **OPTIONS)
    next(batches)
    deadline = time.monotonic() + 10
    while len(loaded) < 36 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(loaded) == 3 * 3 * 4  # the batch taken and two more, of four samples with three images
    batches.close()


@pytest.mark.parametrize("drop", ["close", "collect"])
def test_closing_or_dropping_stops_the_threads(domains, drop):
    before = threading.active_count()
    batches = training_batches(domains, start=0, workers=3, **OPTIONS)
    next(batches)
    assert threading.active_count() > before
    if drop == "close":
        batches.close()
    else:
        del batches
        gc.collect()
    assert threading.active_count() == before


def test_closing_does_not_load_what_is_still_queued(domains, monkeypatch):
    from ppstargan.data import batches as module

    loaded, real = [], module.load_rgb

    def slow(path):
        time.sleep(0.005)
        loaded.append(path)
        return real(path)

    monkeypatch.setattr(module, "load_rgb", slow)
    batches = training_batches(domains, start=0, workers=1, **{**OPTIONS, "batch_size": 20})
    next(batches)
    batches.close()
    assert len(loaded) < 100  # of 180 that were asked for


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named(domains, tmp_path, workers):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    spoilt = {**domains, "two": [broken, broken]}
    before = threading.active_count()
    with pytest.raises(UserError, match=r"broken\.jpg"):
        for _ in islice(training_batches(spoilt, start=0, workers=workers, **OPTIONS), 20):
            pass
    gc.collect()
    assert threading.active_count() == before


def test_load_batch_keeps_the_order_of_its_paths(domains):
    paths = [domains["some"][3], domains["many"][16], domains["some"][0]]
    batch = load_batch(paths, 8)
    assert batch.shape == (3, 3, 8, 8) and batch.dtype == np.float32
    label, number = domain_and_number(batch)
    assert label.tolist() == [2, 0, 2] and number.tolist() == [3, 16, 0]
    assert load_batch([], 8).shape == (0, 3, 8, 8)
