"""What training does with image files that cannot be used."""

import builtins
import os
import struct
import zlib
from itertools import islice

import numpy as np
import pytest
from drawing import draw_batch, training_batches
from PIL import Image, ImageFile

from ppstargan.data.dataset import find_domains
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

OPTIONS = {"batch_size": 4, "img_size": 8, "latent_dim": 3, "crop_probability": 0.5, "seed": 7}
LEVELS = 12  # between the colours of two images, more than JPEG changes


def flat(path, label, number, size=(12, 12)):
    """A flat image: red gives the domain, green the number of the image in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (label * 100, number * LEVELS, 0)).save(path)
    return path


def good_images(folder, count=5):
    for label, domain in enumerate(("cat", "dog")):
        for number in range(count):
            flat(folder / domain / f"{number}.png", label, number)
    return folder


def domain_and_number(x):
    """What ``flat`` painted: ([B], [B])."""
    colour = (x.mean((2, 3)) + 1) * 127.5
    return np.round(colour[:, 0] / 100).astype(int), np.round(colour[:, 1] / LEVELS).astype(int)


def write_bomb(path):
    """A PNG of a few bytes that says it has 30000 x 30000 grey pixels."""
    header = b"IHDR" + struct.pack(">2I5B", 30000, 30000, 8, 0, 0, 0, 0)
    flat(path, 0, 0)
    content = path.read_bytes()
    path.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])


def write_bad_files(folder):
    """One of each kind, {path: words of the reason}."""
    reasons = {
        folder / "empty.jpg": "empty",
        folder / "cut.jpg": "truncated",
        folder / "cut.png": "truncated",
        folder / "page.jpg": "not an image",
        folder / "drawing.jpg": "not an image",
        folder / "bomb.png": "it has 30000 x 30000 pixels, and at most 300 million are read: make it smaller",
        folder / "nowhere.jpg": "No such file",
        folder / "circle.png": "Too many levels of symbolic links",
    }
    empty, cut_jpg, cut_png, page, drawing, bomb, nowhere, circle = reasons
    empty.touch()
    for path in (cut_jpg, cut_png):
        Image.effect_noise((64, 64), 50).save(path)
        path.write_bytes(path.read_bytes()[:-400])
    page.write_text("<html>not found</html>")
    drawing.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")  # Pillow would run Ghostscript
    write_bomb(bomb)
    nowhere.symlink_to(folder / "not there.jpg")
    circle.symlink_to(circle)
    return reasons


@pytest.fixture
def dirty(tmp_path):
    bad = write_bad_files(good_images(tmp_path) / "cat")
    return find_domains(tmp_path), bad


def said(capsys):
    """The lines on stderr."""
    return capsys.readouterr().err.splitlines()


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b))


def test_each_bad_file_is_named_once_with_its_reason_and_training_goes_on(dirty, capfd):
    domains, bad = dirty
    assert set(bad) <= set(domains["cat"])
    batches = training_batches(domains, start=0, workers=3, max_bad_share=0.5, **OPTIONS)
    seen = set()
    for batch in islice(batches, 100):
        for x, y in ((batch.x_src, batch.y_src), (batch.x_ref, batch.y_trg), (batch.x_ref2, batch.y_trg)):
            label, number = domain_and_number(x)
            assert np.array_equal(label, y)
            seen |= set(zip(label.tolist(), number.tolist()))
        assert (domain_and_number(batch.x_ref)[1] != domain_and_number(batch.x_ref2)[1]).all()
    batches.close()
    assert seen == {(label, number) for label in range(2) for number in range(5)}
    lines = said(capfd)
    assert len(lines) == len(bad)
    for path, reason in bad.items():
        assert sum(f"{path} (" in line and reason in line for line in lines) == 1, (path, lines)


def test_replacements_spread_over_the_good_images(dirty):
    domains, _ = dirty
    batch = draw_batch(domains, 0, max_bad_share=1, **{**OPTIONS, "batch_size": 1500})
    for x, y in ((batch.x_src, batch.y_src), (batch.x_ref, batch.y_trg), (batch.x_ref2, batch.y_trg)):
        shares = np.bincount(domain_and_number(x)[1][y == 0], minlength=5) / (y == 0).sum()
        assert np.abs(shares - 0.2).max() < 0.06  # 8 of the 13 cats are bad


@pytest.mark.parametrize("workers", [0, 1, 5])
def test_threads_and_resuming_change_nothing(dirty, workers):
    domains, _ = dirty
    expected = [draw_batch(domains, i, max_bad_share=1, **OPTIONS) for i in range(9)]
    for start in (0, 6):
        batches = training_batches(domains, start=start, workers=workers, max_bad_share=1, **OPTIONS)
        assert all(map(same, islice(batches, 9 - start), expected[start:]))
        batches.close()


def test_a_bad_file_changes_the_images_in_its_place_alone(tmp_path):
    domains = find_domains(good_images(tmp_path))
    options = {**OPTIONS, "batch_size": 60, "crop_probability": 0.0}
    clean = draw_batch(domains, 3, **options)
    domains["cat"][2].write_bytes(b"")
    spoilt = draw_batch(domains, 3, max_bad_share=0.1, **options)
    for name in ("y_src", "y_trg", "z_trg", "z_trg2"):
        assert np.array_equal(getattr(clean, name), getattr(spoilt, name))
    lost = []
    for x, y, now in ((clean.x_src, clean.y_src, spoilt.x_src), (clean.x_ref, clean.y_trg, spoilt.x_ref)):
        was, label, is_now = domain_and_number(x)[1], domain_and_number(now)[0], domain_and_number(now)[1]
        hit = (y == 0) & (was == 2)
        lost.append(hit.sum())
        assert np.array_equal(was[~hit], is_now[~hit]) and np.array_equal(label, y)
        assert not np.isin(is_now[hit], 2).any()
    assert min(lost) > 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_removed_while_training(tmp_path, capsys, workers):
    domains = find_domains(good_images(tmp_path))
    batches = training_batches(domains, start=0, workers=workers, max_bad_share=0.1, **OPTIONS)
    next(batches)
    assert capsys.readouterr().err == ""
    domains["dog"][1].unlink()
    for _ in islice(batches, 30):
        pass
    batches.close()
    assert capsys.readouterr().err == f"bad image, left out: {domains['dog'][1]} (No such file or directory)\n"


def spoil(paths):
    for path in paths:
        path.write_bytes(b"")


@pytest.mark.parametrize("workers", [0, 3])
def test_more_than_the_share_stops_with_a_list(tmp_path, capsys, workers):
    domains = find_domains(good_images(tmp_path, 10))
    spoil(domains["cat"][:3])
    count = 0
    batches = training_batches(domains, start=0, workers=workers, max_bad_share=0.1, **OPTIONS)
    with pytest.raises(UserError) as caught:
        for _ in islice(batches, 100):
            count += 1
    message = str(caught.value)
    assert "3 of 20 training images are bad, more than data.max_bad_share=0.1 allows: " in message
    assert "check_dataset.py" in message and "\n" not in message
    assert all(f"{path} (the file is empty (0 bytes))" in message for path in domains["cat"][:3])
    assert len(said(capsys)) == 3
    # The batch that meets the third stops it, whatever was loaded ahead.
    met = set()
    for iteration in range(count + 1):
        assert len(met) <= 2
        draw_batch(domains, iteration, max_bad_share=1, **OPTIONS)
        met |= set(said(capsys))
    assert len(met) == 3
    batches = training_batches(domains, start=0, workers=workers, max_bad_share=0.15, **OPTIONS)
    assert len(list(islice(batches, 60))) == 60
    batches.close()


def test_a_long_list_is_cut(tmp_path):
    domains = find_domains(good_images(tmp_path, 10))
    spoil(domains["cat"][:8])
    with pytest.raises(UserError, match=r"8 of 20 .*: ((\S+png) \(the file is empty \(0 bytes\)\),? ){5}and 3 more; "):
        for i in range(100):
            draw_batch(domains, i, max_bad_share=0.35, **{**OPTIONS, "batch_size": 100})


@pytest.mark.parametrize("good", [0, 1])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_domain_without_good_images_is_named(tmp_path, good, workers):
    domains = find_domains(good_images(tmp_path))
    spoil(domains["dog"][good:])
    with pytest.raises(UserError) as caught:
        for _ in islice(training_batches(domains, start=0, workers=workers, max_bad_share=1, **OPTIONS), 50):
            pass
    message = str(caught.value)
    last = domains["dog"][-1]
    assert f"too few good images to train on in {last.parent}" in message and str(last) in message
    assert "cat" not in message.replace(str(tmp_path), "")


def test_two_good_images_are_enough(tmp_path):
    domains = find_domains(good_images(tmp_path))
    spoil(domains["dog"][2:])
    batch = draw_batch(domains, 0, max_bad_share=1, **{**OPTIONS, "batch_size": 200})
    numbers = [domain_and_number(x)[1][batch.y_trg == 1] for x in (batch.x_ref, batch.x_ref2)]
    assert np.array_equal(numbers[0], 1 - numbers[1]) and set(numbers[0]) == {0, 1}


def test_a_file_without_permission(tmp_path, monkeypatch, capsys):
    domains = find_domains(good_images(tmp_path))
    locked, real = domains["cat"][0], builtins.open

    def denied(path, *arguments, **options):  # as the system does, except for root, who may run this
        if os.fspath(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(builtins, "open", denied)
    draw_batch(domains, 0, max_bad_share=0.1, **{**OPTIONS, "batch_size": 30})
    assert capsys.readouterr().err == f"bad image, left out: {locked} (Permission denied)\n"


def test_names_that_are_no_text_are_escaped(tmp_path, capsys):
    good_images(tmp_path)
    folder = f"{tmp_path}/cat"
    for name in (b"\xc4\xe3\xba\xc3.jpg", b"a\n\x1b[1m b.jpg"):  # a Chinese name in GBK, and one that meddles
        open(os.fsencode(folder) + b"/" + name, "w").close()
    draw_batch(find_domains(tmp_path), 0, max_bad_share=0.5, **{**OPTIONS, "batch_size": 100})
    assert sorted(said(capsys)) == [
        rf"bad image, left out: {folder}/\udcc4\udce3\udcba\udcc3.jpg (the file is empty (0 bytes))",
        rf"bad image, left out: {folder}/a\n\x1b[1m b.jpg (the file is empty (0 bytes))",
    ]


def test_a_bomb_takes_no_memory(tmp_path, monkeypatch):
    write_bomb(tmp_path / "bomb.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(UserError, match=r"bomb\.png: it has 30000 x 30000 pixels"):
        load_rgb(tmp_path / "bomb.png")
