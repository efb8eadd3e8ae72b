"""A dataset of domains: ROOT/train/DOMAIN/*.jpg and ROOT/val/DOMAIN/*.jpg."""

from __future__ import annotations

import os
from pathlib import Path

from ppstargan.data.bad_files import shown
from ppstargan.data.folders import (
    HELP,
    check_links,
    check_same_domains,
    exists,
    folders_in,
    holds_images,
    images_of,
    names,
)
from ppstargan.data.layouts import way_to_dataset
from ppstargan.errors import UserError
from ppstargan.files import check_dead_link


def read_dataset(root: str | Path, min_images: int = 2) -> tuple[dict, dict]:
    """The domains of ROOT/train, with ``min_images`` at least of each, and those of ROOT/val.

    Raises UserError as ``find_domains``, and where the two parts differ in their domains.
    """
    train, val = find_domains(Path(root) / "train", min_images), find_domains(Path(root) / "val")
    check_same_domains(root, train, val)
    return train, val


def find_domains(folder: str | Path, min_images: int = 1) -> dict[str, list[Path]]:
    """The images of each domain, {name: sorted paths}, in the order in which domains are numbered: by name.

    ``folder`` holds a folder for each domain; images count at any depth below it. Hidden files and folders do not, nor
    folders that a system makes. Names are in Unicode's composed form (NFC), whichever the disk has. Raises UserError
    when the folder is missing, when it or one below it cannot be read, when it does not hold at least two domains, or
    when a domain has fewer than ``min_images`` images (training needs two: a pair of references).
    """
    folder = Path(os.path.abspath(folder))
    if not os.path.isdir(folder):
        check_dead_link(folder)
        if exists(folder):
            raise UserError(f"dataset folder {shown(folder)} is a file, not a folder; {HELP}")
        raise UserError(f"dataset folder {shown(folder)} does not exist; {way_to_dataset(folder.parent)}")
    domains = folders_in(folder)
    check_links(folder)
    if not domains:
        if holds_images(folder):
            raise UserError(
                f"{shown(folder)} holds images directly, without a folder for each domain; "
                f"the layout is ROOT/train/DOMAIN/*.jpg, with {shown(folder)} as ROOT/train; {HELP}"
            )
        raise UserError(f"{shown(folder)} holds no domain folders; the layout is ROOT/train/DOMAIN/*.jpg; {HELP}")
    if folder.name not in ("train", "val") and "train" in domains and set(domains) <= {"train", "val", "test"}:
        # Read as domains, these would train without complaint, on nonsense.
        raise UserError(f"{shown(folder)} is the root of a dataset, not one of its parts; give {folder / 'train'}")
    if len(domains) < 2:
        held = f"holds only one domain, {names(domains)}"
        raise UserError(f"{shown(folder)} {held}; add a folder for a second one; {HELP}")
    return images_of(domains, min_images)
