"""What a user names on a command line: image files, and folders of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ppstargan.data.folders import EXTENSIONS, find_images
from ppstargan.errors import UserError


class Found(NamedTuple):
    """An image file, and the names of the folders that it lies in, the nearest first, up to the one asked for."""

    path: Path
    folders: list


def find_pictures(paths) -> list[Found]:
    """The images that ``paths`` give: files, and folders with images at any depth, sorted by path.

    Raises UserError for a path that does not exist, and for a folder without images.
    """
    found = []
    for path in (Path(os.path.abspath(path)) for path in paths):
        if path.is_dir():
            images = find_images(path)
            if not images:
                raise UserError(f"{path} holds no images ({' '.join(ext[1:] for ext in EXTENSIONS)}); name another")
            depth = len(path.parts) - 1
            found += [Found(image, list(image.parts[depth:-1][::-1])) for image in images]
        elif path.exists():
            found.append(Found(path, [path.parent.name]))
        else:
            raise UserError(f"no file or folder {path}; name images, or folders of them")
    return found
