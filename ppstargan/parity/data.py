"""Case data: the test-time resize, Inception's two-stage resize, and a crop with a flip, on drawn photos."""

from __future__ import annotations

import PIL
from PIL import Image

from ppstargan.data import transforms
from ppstargan.parity import fill
from ppstargan.parity.kit import Case

# Pillow 13 resizes tall images vertically first, and made the figures; earlier ones round up to one level apart.
OLD_PILLOW = int(PIL.__version__.split(".")[0]) < 13
ONE_LEVEL = 1 / 255
NARROWEST_STD = 0.224  # of the statistics that Inception's input is divided by


def data(case: Case):
    """Yields the checks of a data case: the same pixels everywhere."""
    for height, width in case.settings["photos"]:
        image = Image.fromarray(fill.photo(f"{case.prefix}/{height}x{width}", height, width))
        level = ONE_LEVEL if OLD_PILLOW and height > width else 0
        for key in case.keys(f"test/{height}x{width}/"):
            size = int(key.rsplit("/", 1)[1])
            yield case.largest(key, transforms.for_testing(image, size), 2 * level + 1e-6)
        key = f"inception/{height}x{width}"
        yield case.largest(key, transforms.for_inception(image), level / NARROWEST_STD + 1e-6)
        box = (height // 10, width // 12, int(0.85 * height), int(0.8 * width))
        cropped = transforms.crop_and_resize(image, *box, 256)[:, :, ::-1]
        yield case.largest(f"crop/{height}x{width}", cropped, 2 * level + 1e-6)
