import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.transforms import (
    for_testing,
    for_training,
    load_rgb,
    random_crop,
    to_array,
)
from ppstargan.errors import UserError
from ppstargan.parity import fill

REAL_PHOTOS = Path(__file__).parents[2] / "shared" / "images"


def photo(h, w):
    return Image.fromarray(fill.photo(f"{h}x{w}", h, w))


def test_to_array_spans_minus_one_to_one():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    array = to_array(Image.fromarray(np.stack([levels, levels[::-1], levels.T], axis=2)))
    assert array.shape == (3, 16, 16) and array.dtype == np.float32
    expected = np.arange(256).reshape(16, 16) / 127.5 - 1
    for channel, values in zip(array, (expected, expected[::-1], expected.T)):
        np.testing.assert_allclose(channel, values, atol=1e-6)


# ---- training ----


def test_training_without_crops_is_the_test_image_flipped_half_of_the_time():
    image, rng = photo(97, 131), np.random.default_rng(0)
    plain = for_testing(image, 32)
    flips = 0
    for _ in range(400):
        array = for_training(image, 32, 0.0, rng)
        flipped = np.array_equal(array, plain[:, :, ::-1])
        assert flipped or np.array_equal(array, plain)
        flips += flipped
    assert 160 < flips < 240


def test_crop_probability():
    image, rng = photo(97, 131), np.random.default_rng(1)
    plain = for_testing(image, 16)
    whole = sum(
        np.array_equal(array, plain) or np.array_equal(array, plain[:, :, ::-1])
        for array in (for_training(image, 16, 0.3, rng) for _ in range(400))
    )
    assert 240 < whole < 320  # 0.7 of them, and the odd crop that keeps everything


def test_a_training_crop_is_a_box_of_the_image():
    # A horizontal ramp: what a crop spans shows in its corner values.
    ramp = np.tile(np.linspace(0, 255, 200).round().astype(np.uint8), (200, 1))
    image, rng = Image.fromarray(ramp).convert("RGB"), np.random.default_rng(2)
    spans = []
    for _ in range(300):
        array = for_training(image, 64, 1.0, rng)
        spans.append(np.ptp(array[0, 0]) / 2 * 64 / 63)
    assert 0.80 < min(spans) < 0.87 and max(spans) > 0.96
    assert np.mean(spans) == pytest.approx(np.sqrt(0.9), abs=0.02)


def test_random_crop_draws_area_and_aspect_as_torchvision():
    rng, h, w = np.random.default_rng(3), 1000, 1000
    boxes = np.array([random_crop(h, w, rng) for _ in range(20000)])
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= h).all() and (left + width <= w).all()
    area, aspect = height * width / (h * w), np.log(width / height)
    assert 0.799 < area.min() < 0.81 and 0.95 < area.max() <= 1
    assert -0.107 < aspect.min() < -0.1 and 0.09 < aspect.max() < 0.097  # log 0.9 is -0.105, log 1.1 is 0.095
    # A box of area a fits if |log aspect| <= -log a; the others are drawn again, so large areas are rarer.
    a = np.linspace(0.8, 1, 1001)
    widest, narrowest = np.minimum(-np.log(a), np.log(1.1)), -np.minimum(-np.log(a), -np.log(0.9))
    fits = widest - narrowest
    assert area.mean() == pytest.approx(np.average(a, weights=fits), abs=0.001)
    # Its logarithm is drawn uniformly, so that wide and narrow are alike.
    assert aspect.mean() == pytest.approx(np.average((widest + narrowest) / 2, weights=fits), abs=0.0015)
    for offset, slack in ((top, h - height), (left, w - width)):
        places = (offset / np.maximum(slack, 1))[slack > 20]
        assert places.mean() == pytest.approx(0.5, abs=0.02) and places.std() == pytest.approx(0.29, abs=0.02)


@pytest.mark.parametrize(
    "h, w, box",
    [(100, 400, (0, 145, 100, 110)), (400, 90, (150, 0, 100, 90)), (1, 50, (0, 24, 1, 1))],
)
def test_a_narrow_image_falls_back_to_its_middle(h, w, box):
    assert random_crop(h, w, np.random.default_rng(0)) == box


def test_training_depends_on_the_generator_only():
    image = photo(64, 48)
    first, again, other = (for_training(image, 32, 0.5, np.random.default_rng(s)) for s in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.flags["C_CONTIGUOUS"]


# ---- reading ----

GREY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
COLOUR = np.stack([GREY, GREY[:, ::-1], GREY[::-1]], axis=2)


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = load_rgb(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def grey3(values):
    return np.stack([values] * 3, axis=2)


def test_alpha_is_dropped(tmp_path):
    path = tmp_path / "x.png"
    alpha = np.array([[0, 128, 255], [3, 0, 9]], np.uint8)
    Image.fromarray(np.dstack([COLOUR, alpha])).save(path)
    assert np.array_equal(read(path), COLOUR)
    Image.fromarray(np.dstack([GREY, alpha])).save(path)
    assert Image.open(path).mode == "LA"
    assert np.array_equal(read(path), grey3(GREY))


def test_palettes_with_transparency(tmp_path):
    path = tmp_path / "x.png"
    paletted = Image.fromarray(COLOUR).quantize(6)
    for transparency in (0, bytes([0, 100, 255, 20, 0, 1])):
        paletted.save(path, transparency=transparency)
        assert Image.open(path).mode == "P"
        assert np.array_equal(read(path), COLOUR)


def test_greyscale_and_one_bit(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(GREY).save(path)
    assert np.array_equal(read(path), grey3(GREY))
    Image.fromarray(GREY).convert("1", dither=Image.Dither.NONE).save(path)
    assert np.array_equal(read(path), grey3(np.where(GREY > 127, 255, 0)))


def test_cmyk(tmp_path):
    path = tmp_path / "x.tiff"
    Image.fromarray(COLOUR).convert("CMYK").save(path)
    assert np.abs(read(path).astype(int) - COLOUR).max() <= 1


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bits_are_scaled(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    noise = np.array([[120, -90, 77], [-128, 100, -100]])
    Image.fromarray((GREY.astype(int) * 257 + noise).astype(np.uint16)).save(path)
    assert Image.open(path).mode.startswith("I")
    assert np.array_equal(read(path), grey3(GREY))


def test_thirty_two_bit_and_float_images(tmp_path):
    path = tmp_path / "x.tiff"
    Image.fromarray(GREY.astype(np.int32) * 257 + np.int32([[-90, 90, 77], [-128, 100, 999]])).save(path)
    assert np.array_equal(read(path), grey3(GREY))
    for scale in (1, 255):
        Image.fromarray((GREY / 255 * scale).astype(np.float32)).save(path)
        assert Image.open(path).mode == "F"
        assert np.array_equal(read(path), grey3(GREY))


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    path = tmp_path / "x.png"
    # How each orientation stores an upright picture, from the EXIF standard.
    up = COLOUR
    turned = up.transpose(1, 0, 2)
    stored = {
        1: up, 2: up[:, ::-1], 3: up[::-1, ::-1], 4: up[::-1],
        5: turned, 6: turned[::-1], 7: turned[::-1, ::-1], 8: turned[:, ::-1],
    }[orientation]  # fmt: skip
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif_of(orientation))
    assert np.array_equal(read(path), up)


def test_a_damaged_exif_block_does_not_matter(tmp_path):
    path = tmp_path / "x.jpg"
    Image.fromarray(COLOUR).save(path, quality=100, exif=b"Exif\0\0" + struct.pack("<8H", *range(8)))
    assert read(path).shape == COLOUR.shape


def test_unreadable_files_are_named_with_the_reason(tmp_path):
    empty, text, cut, missing = (tmp_path / f"{name}.jpg" for name in ("empty", "text", "cut", "missing"))
    empty.touch()
    text.write_text("<html>not found</html>")
    photo(64, 48).save(cut)
    cut.write_bytes(cut.read_bytes()[:-300])
    for path, reason in (
        (empty, "empty"), (text, "not an image"), (cut, "truncated"), (missing, "No such file"),
    ):  # fmt: skip
        with pytest.raises(UserError) as caught:
            load_rgb(path)
        message = str(caught.value)
        assert str(path) in message and reason in message and "\n" not in message


@pytest.mark.skipif(not REAL_PHOTOS.is_dir(), reason="the authors' photographs are not here")
def test_real_photographs():
    # A box average is near Pillow's bilinear filter when halving; sampling single pixels is 0.07 away.
    path = sorted(REAL_PHOTOS.glob("afhq/*/*/*.jpg"))[0]
    array = for_testing(load_rgb(path), 256)
    full = np.asarray(Image.open(path).convert("RGB")).astype(np.float64)
    halves = full.reshape(256, 2, 256, 2, 3).mean((1, 3)).transpose(2, 0, 1) / 127.5 - 1
    assert np.abs(array - halves).mean() < 0.03
