"""Images of very many pixels, and PNGs with very much text: whole files that Pillow warns of, or refuses."""

import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ppstargan.data import reading
from ppstargan.data.batches import load_batch
from ppstargan.data.prepare import middle_square
from ppstargan.data.reading import read_picture
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


@pytest.fixture
def small_limits(monkeypatch):
    """All limits a thousandth of what they are, Pillow's too, and its warning is an error."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_000)
    monkeypatch.setattr(reading, "LARGE", 80_000)
    monkeypatch.setattr(reading, "MOST_PIXELS", 300_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def ramp(width, height):
    """Brighter to the right, bluer to the bottom."""
    across, down = np.linspace(0, 255, width), np.linspace(0, 255, height)
    x, y = np.meshgrid(across, down)
    return Image.fromarray(np.stack([x, np.full_like(x, 77), y], axis=2).round().astype(np.uint8))


@pytest.mark.parametrize("width, height", [(360, 300), (500, 400), (1, 290_000)])
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "bmp", "webp", "gif", "ppm"])
def test_a_large_image_is_read_smaller(tmp_path, small_limits, ending, width, height):
    if width == 1 and ending in ("jpg", "webp", "gif"):
        pytest.skip("the format has no such sides")
    path = tmp_path / f"x.{ending}"
    ramp(width, height).save(path)
    picture = read_picture(path)
    assert picture[1:3] == (width, height)
    assert picture.image.width * picture.image.height <= 80_000
    if width > 1:
        for image in (picture.image, middle_square(load_rgb(path), 64)):
            off = np.asarray(image.resize((16, 16)), int) - np.asarray(ramp(width, height).resize((16, 16)), int)
            assert np.abs(off)[:, :, 2].max() < 25 and np.abs(off).mean() < 20
    assert load_batch([path], 16).shape == (1, 3, 16, 16)
    assert Image.MAX_IMAGE_PIXELS == 89_000


def test_a_large_photo_is_turned_too(tmp_path, small_limits):
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp(500, 400).save(tmp_path / "x.jpg", exif=exif)
    picture = read_picture(tmp_path / "x.jpg")
    assert picture[1:3] == (400, 500) and picture.image.size == (200, 250)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "bmp"])
def test_more_than_our_own_limit_is_refused_in_our_words(tmp_path, small_limits, ending):
    ramp(700, 500).save(tmp_path / f"x.{ending}")
    with pytest.raises(UserError) as caught:
        load_rgb(tmp_path / f"x.{ending}")
    assert "it has 700 x 500 pixels, and at most 0 million are read: make it smaller" in str(caught.value)
    assert "attack" not in str(caught.value)


def test_where_memory_is_short_the_image_is_named(tmp_path, small_limits, monkeypatch):
    ramp(500, 400).save(tmp_path / "x.png")

    def short(*arguments):
        raise MemoryError

    monkeypatch.setattr(reading, "_decoded", short)
    with pytest.raises(UserError, match=r"x\.png: there is not enough memory for so many pixels: make it smaller"):
        load_rgb(tmp_path / "x.png")


def test_threads_hold_one_large_image_at_a_time(tmp_path, small_limits, monkeypatch):
    ramp(500, 400).save(tmp_path / "x.png")
    decoded, inside, most = reading._decoded, [], []

    def watched(*arguments):
        inside.append(1)
        most.append(len(inside))
        found = decoded(*arguments)
        inside.pop()
        return found

    monkeypatch.setattr(reading, "_decoded", watched)
    threads = [threading.Thread(target=load_rgb, args=[tmp_path / "x.png"]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


def chunk(name: bytes, content: bytes, crc=None) -> bytes:
    packed = zlib.crc32(name + content) if crc is None else crc
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", packed)


LONG = zlib.compress(b"a" * 3_000_000)


@pytest.mark.parametrize("place", [33, -12])  # behind the header, and before the end
@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"workflow\0\0" + LONG),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG),
        chunk(b"iCCP", b"profile\0\0" + LONG),
        chunk(b"tEXt", b"Comment\0hello", crc=7),
        chunk(b"tEXt", b"Comment\0" + b"a" * 1_000_000) * 70,
    ],
    ids=["zTXt", "iTXt", "iCCP", "damaged", "seventy"],
)
def test_texts_of_any_length_do_not_matter(tmp_path, text, place):
    Image.fromarray(PIXELS).save(tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[:place] + text + content[place:])
    assert np.array_equal(np.asarray(load_rgb(tmp_path / "x.png")), PIXELS)


def test_pixels_that_are_cut_off_are_still_refused(tmp_path):
    noise = Image.effect_noise((64, 64), 50)
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "a" * 3_000_000, zip=True)
    noise.save(tmp_path / "x.png", pnginfo=info)
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:-900])
    with pytest.raises(UserError, match="truncated"):
        load_rgb(tmp_path / "x.png")


@pytest.mark.parametrize("width, height", [(360, 300), (500, 400)])
def test_a_phones_photo_of_two_pictures(tmp_path, small_limits, width, height):
    ramp(width, height).save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[ramp(width, height)])
    assert read_picture(tmp_path / "x.jpg")[1:3] == (width, height)
