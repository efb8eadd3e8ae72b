"""Finds the images of a dataset laid out as FOLDER/DOMAIN/*.jpg, where FOLDER is ROOT/train or ROOT/val."""

from __future__ import annotations

import os
from pathlib import Path

from ppstargan.errors import UserError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
HELP = "see data/README.md, or draw the toy faces: python tools/draw_toy.py"


def find_domains(folder: str | Path, min_images: int = 1) -> dict[str, list[Path]]:
    """The images of each domain, {name: sorted paths}, in the order in which domains are numbered: by name.

    ``folder`` holds a folder for each domain; images count at any depth below it. Hidden files and folders do
    not. Raises UserError when the folder is missing, when it does not hold at least two domains, or when a
    domain has fewer than ``min_images`` images (training needs two: a pair of references).
    """
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"dataset folder {folder} {state}; {HELP}")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(entry.name))
    if not names:
        if any(_is_image(entry.name) for entry in folder.iterdir()):
            raise UserError(
                f"{folder} holds images directly, without a folder for each domain; "
                f"the layout is ROOT/train/DOMAIN/*.jpg, with {folder} as ROOT/train; {HELP}"
            )
        raise UserError(f"{folder} holds no domain folders; the layout is ROOT/train/DOMAIN/*.jpg; {HELP}")
    if "train" in names and set(names) <= {"train", "val", "test"}:
        # Read as domains, these would train without complaint, on nonsense.
        raise UserError(f"{folder} is the root of a dataset, not one of its parts; give {folder / 'train'}")
    if len(names) < 2:
        raise UserError(f"{folder} holds only one domain, {names[0]}; add a folder for a second one; {HELP}")
    domains = {name: find_images(folder / name) for name in names}
    for name, images in domains.items():
        if len(images) < max(1, min_images):
            found = f"{len(images) or 'no'} image{'s' * (len(images) != 1)}"
            raise UserError(
                f"domain {name} has {found} in {folder / name}, {max(1, min_images)} needed; "
                f"add images ({' '.join(ext[1:] for ext in EXTENSIONS)}) or remove the folder; {HELP}"
            )
    return domains


def find_images(folder: str | Path) -> list[Path]:
    """All images at any depth below ``folder``, sorted by path; an empty list when there are none."""
    images = []
    for parent, children, files in os.walk(folder, followlinks=True):
        children[:] = [name for name in children if not _hidden(name)]
        images += [Path(parent, name) for name in files if _is_image(name)]
    return sorted(images)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS) and not _hidden(name)
