"""Images in every form that a folder may hold, all of which train."""

import numpy as np
from drawing import draw_batch
from PIL import Image

from ppstargan.data import transforms
from ppstargan.data.dataset import find_domains
from ppstargan.data.transforms import for_testing, load_rgb

RED = (200, 40, 120)


def write_odd_files(folder):
    """Flat images of one colour (but for the grey ones) in every form that a folder may hold, {path: colour}."""
    folder.mkdir(parents=True)
    rgb, grey = Image.new("RGB", (40, 30), RED), Image.new("L", (40, 30), 99)
    turned = Image.Exif()
    turned[0x0112] = 6
    paletted = rgb.quantize(4)
    for name, image, options in (
        ("grey.png", grey, {}),
        ("grey alpha.png", Image.merge("LA", (grey, Image.new("L", grey.size, 7))), {}),
        ("one bit.png", Image.new("1", (40, 30), 1), {}),
        ("palette.png", paletted, {}),
        ("palette transparent.png", paletted, {"transparency": 0}),
        ("palette alpha.png", paletted, {"transparency": bytes([9, 0, 255, 1])}),
        ("cmyk.jpg", rgb.convert("CMYK"), {"quality": 100}),
        ("cmyk.tif", rgb.convert("CMYK"), {}),
        ("rgba.png", Image.merge("RGBA", (*rgb.split(), Image.new("L", rgb.size, 0))), {}),
        ("rgba.webp", Image.merge("RGBA", (*rgb.split(), Image.new("L", rgb.size, 255))), {"lossless": True}),
        ("sixteen.png", Image.fromarray(np.full((30, 40), 99 * 257, np.uint16)), {}),
        ("sixteen.tiff", Image.fromarray(np.full((30, 40), 99 * 257, np.uint16)), {}),
        ("turned.jpg", rgb, {"exif": turned, "quality": 100}),
        ("progressive.jpeg", rgb, {"progressive": True, "quality": 100}),
        ("one pixel.png", rgb.resize((1, 1)), {}),
        ("wide.png", rgb.resize((5000, 1)), {}),
        ("tall.png", rgb.resize((1, 5000)), {}),
        ("猫 与 狗.jpg", rgb, {"quality": 100}),
        ("CAPITAL.JPG", rgb, {"quality": 100}),
        ("Mixed.Png", rgb, {}),
        ("a png.jpg", rgb, {"format": "PNG"}),
        ("a webp.jpg", rgb, {"format": "WEBP", "lossless": True}),
        ("a gif.png", rgb, {"format": "GIF"}),
        ("jfif.jfif", rgb, {"format": "JPEG", "quality": 100}),
        ("gif.GIF", rgb, {}),
        ("without ending", rgb, {"format": "PNG"}),
        ("saved.jpg_large", rgb, {"format": "JPEG", "quality": 100}),
        ("portable.ppm", rgb, {}),
        ("twenty.jp2", rgb, {"irreversible": False}),
        ("an iphone's.heic", rgb, {"format": "JPEG", "quality": 100}),
        ("two frames.webp", rgb, {"save_all": True, "append_images": [Image.new("RGB", (40, 30))], "lossless": True}),
        ("two frames.gif", rgb, {"save_all": True, "append_images": [Image.new("RGB", (40, 30))]}),
        ("two pictures.jpg", rgb, {"format": "MPO", "quality": 100, "save_all": True, "append_images": [rgb]}),
    ):
        image.save(folder / name, **options)
    (folder / "link.jpg").symlink_to("CAPITAL.JPG")
    odd = sorted(folder.iterdir())
    for ignored in (".hidden.jpg", "._CAPITAL.JPG", "notes.txt", ".DS_Store", "Thumbs.db"):
        (folder / ignored).write_bytes(b"no image")
    colours = {"grey": (99,) * 3, "sixteen": (99,) * 3, "one bit": (255,) * 3}
    return {path: next((c for start, c in colours.items() if path.name.startswith(start)), RED) for path in odd}


def test_odd_files_train(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(transforms, "_told", [])
    odd = write_odd_files(tmp_path / "odd")
    (tmp_path / "plain").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "plain" / "0.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "plain" / "1.png")
    domains = find_domains(tmp_path)
    assert domains["odd"] == list(odd) and len(odd) == 34
    for path, colour in odd.items():
        array = for_testing(load_rgb(path), 16)
        off = np.abs(array - (np.array(colour).reshape(3, 1, 1) / 127.5 - 1)).max()
        assert off < 3.1 / 127.5, (path, off)
    assert load_rgb(tmp_path / "odd" / "turned.jpg").size == (30, 40)
    # With no bad file allowed, and crops.
    batch = draw_batch(domains, 0, batch_size=300, img_size=8, latent_dim=3, crop_probability=0.7, seed=0)
    assert np.isfinite(batch.x_src).all()
    passed, transparent = capsys.readouterr().err.splitlines()  # and that once
    assert passed == f"{tmp_path}/odd: passed over 2 files that are no images to be read: 1 .db, 1 .txt"
    assert " is transparent in places: the colours that it hides are used there" in transparent
    assert "tools/prepare.py and tools/sample.py put one behind them by --background white" in transparent
