"""Pictures of more than 8 bits, or of floats: none turns black or white."""

import numpy as np
import pytest
from PIL import Image

from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

cv2 = pytest.importorskip("cv2")
RAMP = np.linspace(0, 1, 256).reshape(16, 16)
LEVELS = np.arange(256).reshape(16, 16)


def read(path) -> np.ndarray:
    image = load_rgb(path)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def grey(path) -> np.ndarray:
    pixels = read(path)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def save(path, values):
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("odd", [1.0000001, 1.0004, 1.2, 3.7, np.inf, -np.inf, np.nan, 1e30, -9999])
@pytest.mark.parametrize("white", [1, 255, 65535])
def test_a_float_that_sticks_out_changes_no_other(tmp_path, odd, white):
    values = (RAMP * white).astype(np.float32)
    values[15, 15] = odd * white
    found = grey(save(tmp_path / "x.tif", values))
    assert np.abs(found - LEVELS).ravel()[:-1].max() == 0
    assert found[15, 15] == (255 if odd > 0 else 0)


@pytest.mark.parametrize("beyond", [1.0000001, 1.0004, 1.1])
@pytest.mark.parametrize("white", [1, 255])
def test_floats_that_overshoot_in_many_places(tmp_path, beyond, white):
    values = np.where(RAMP > 0.7, beyond, np.where(RAMP < 0.1, -0.02, RAMP)) * white
    found = grey(save(tmp_path / "x.tif", values.astype(np.float32)))
    assert (found[RAMP > 0.7] == 255).all() and (found[RAMP < 0.1] == 0).all()
    middle = (RAMP >= 0.1) & (RAMP <= 0.7)
    assert np.abs(found - LEVELS)[middle].max() == 0


def test_floats_from_minus_one_to_one(tmp_path):
    assert np.abs(grey(save(tmp_path / "x.tif", (RAMP * 2 - 1).astype(np.float32))) - LEVELS).max() <= 1


@pytest.mark.parametrize("values", [np.full((4, 4), np.nan), np.full((4, 4), -np.inf), np.zeros((4, 4))])
def test_floats_of_nothing_are_black(tmp_path, values):
    assert (grey(save(tmp_path / "x.tif", values.astype(np.float32))) == 0).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_fewer_bits_in_sixteen(tmp_path, bits, ending):
    values = np.round(RAMP * (2**bits - 1)).astype(np.uint16)
    assert np.abs(grey(save(tmp_path / f"x.{ending}", values)) - LEVELS).max() <= 1


@pytest.mark.parametrize("bits", [8, 12, 16, 24, 31])
def test_thirty_two_bits(tmp_path, bits):
    values = np.round(RAMP * (2.0**bits - 1)).astype(np.int32)
    step = 2 if bits == 31 else 1  # white is that of 32 bits
    assert np.abs(grey(save(tmp_path / "x.tif", values)) * step - LEVELS).max() <= 2


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("ending", ["png", "tiff"])
@pytest.mark.parametrize("alpha", [False, True])
def test_fewer_bits_in_sixteen_in_colour(tmp_path, bits, ending, alpha):
    rgb = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=2)
    values = np.round(rgb * (2**bits - 1)).astype(np.uint16)[..., ::-1]
    opaque = np.full((16, 16, 1), 65535, np.uint16)
    cv2.imwrite(str(tmp_path / f"x.{ending}"), np.concatenate([values, opaque], axis=2) if alpha else values)
    assert np.abs(read(tmp_path / f"x.{ending}") - rgb * 255).max() <= 1


@pytest.mark.parametrize("white", [1, 255])
def test_floats_in_colour(tmp_path, white):
    rgb = np.stack([RAMP, RAMP[::-1], RAMP.T], axis=2)
    plain = [cv2.IMWRITE_TIFF_COMPRESSION, 1]  # OpenCV 4 would write logarithms
    cv2.imwrite(str(tmp_path / "x.tiff"), (rgb[..., ::-1] * white).astype(np.float32), plain)
    assert np.abs(read(tmp_path / "x.tiff") - rgb * 255).max() <= 1


def test_a_dark_picture_of_eight_bits_stays_dark(tmp_path):
    dark = np.repeat((LEVELS // 16).astype(np.uint8)[..., None], 3, axis=2)
    assert (read(save(tmp_path / "x.png", dark)) == dark).all()


def test_where_zero_is_white(tmp_path):
    values = np.round((1 - RAMP) * 65535).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "x.tif", tiffinfo={262: 0})
    with Image.open(tmp_path / "x.tif") as image:
        if image.tag_v2[262] != 0:
            pytest.skip("this Pillow writes no such file")
    assert np.abs(grey(tmp_path / "x.tif") - LEVELS).max() <= 1


def test_a_damaged_tiff_is_named_in_one_line(tmp_path, capfd):
    plain = [cv2.IMWRITE_TIFF_COMPRESSION, 1]
    cv2.imwrite(str(tmp_path / "x.tiff"), np.random.default_rng(0).random((64, 64, 3)).astype(np.float32), plain)
    content = (tmp_path / "x.tiff").read_bytes()
    for size in (60, 300, len(content) - 4000):
        (tmp_path / "x.tiff").write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cannot read image .*x\.tiff: "):
            load_rgb(tmp_path / "x.tiff")
    assert capfd.readouterr() == ("", "")
