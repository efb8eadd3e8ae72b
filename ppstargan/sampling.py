"""From files and folders to sheets of translations, of any number of images: only those of one sheet are in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, NamedTuple
from unicodedata import normalize

import numpy as np

from ppstargan.data.folders import EXTENSIONS, find_images
from ppstargan.errors import UserError
from ppstargan.pictures import style_sheet
from ppstargan.translator import Translator


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


def reference_domains(model: Translator, references: list[Found]) -> list[str]:
    """The domain of each reference: the nearest folder around it that is named as one. Raises UserError for others."""
    domains = []
    for path, folders in references:
        known = [name for name in (normalize("NFC", folder) for folder in folders) if name in model.domains]
        if not known:
            raise UserError(
                f"{path} lies in no folder named as one of the domains {', '.join(model.domains)}: say by --domain "
                "which it is; where the weights do not name their domains, --domain-names names them"
            )
        domains.append(known[0])
    return domains


def sheets(model: Translator, sources, styles, columns: int, rows: int, references=None) -> Iterator[np.ndarray]:
    """Sheets uint8 [H, W, 3]: ``sources`` across, ``styles`` [M, style_dim] down, at most so many on each.

    ``references``, the M images behind the styles, are shown beside their rows. The sheets come row by row of sheets.
    """
    for top in range(0, len(styles), rows):
        down = slice(top, top + rows)
        beside = None if references is None else model.read(references[down])
        for left in range(0, len(sources), columns):
            pictures = model.read(sources[left : left + columns])
            prepared = model.prepare(pictures)
            yield style_sheet(pictures, [model.render(prepared, style) for style in styles[down]], beside)


def numbered(path, count: int) -> list[Path]:
    """``count`` file names made of one: itself, or NAME_01.png and so on."""
    path, digits = Path(path), max(2, len(str(count)))
    names = [f"{path.stem}_{i:0{digits}d}{path.suffix}" for i in range(1, count + 1)]
    return [path] if count == 1 else [path.with_name(name) for name in names]
