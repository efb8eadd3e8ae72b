"""From files and folders to sheets of translations, of any number of images: only those of one sheet are in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import numpy as np

from ppstargan.data.folders import Found
from ppstargan.errors import UserError
from ppstargan.pictures import style_sheet
from ppstargan.translator import Translator


def reference_domains(model: Translator, references: list[Found]) -> list[str]:
    """The domain of each reference: the nearest folder around it that is named as one. Raises UserError for others."""
    domains = []
    for path, folders in references:
        known = [name for name in folders if name in model.domains]
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
