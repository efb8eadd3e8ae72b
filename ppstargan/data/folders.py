"""Finds the images of a dataset laid out as FOLDER/DOMAIN/*.jpg, where FOLDER is ROOT/train or ROOT/val."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Iterable, NoReturn

from ppstargan.data.bad_files import shown
from ppstargan.data.formats import is_readable, passed_over
from ppstargan.errors import UserError

# Files that are images by their name, good or bad; of others the first bytes tell.
EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
HELP = "see data/README.md, or draw the toy faces by python tools/draw_toy.py and give -o data.root=data/toy"
LISTED = 8  # kinds of other files that one line names
_said: set = set()  # lines that this process has told


def find_domains(folder: str | Path, min_images: int = 1) -> dict[str, list[Path]]:
    """The images of each domain, {name: sorted paths}, in the order in which domains are numbered: by name.

    ``folder`` holds a folder for each domain; images count at any depth below it. Hidden files and folders do
    not. Raises UserError when the folder is missing, when it or one below it cannot be read, when it does not
    hold at least two domains, or when a domain has fewer than ``min_images`` images (training needs two: a pair
    of references).
    """
    folder = Path(os.path.abspath(folder))
    try:
        with os.scandir(folder) as entries:
            visible = sorted((entry for entry in entries if not _hidden(entry.name)), key=lambda entry: entry.name)
        names = [entry.name for entry in visible if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        state = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"dataset folder {folder} {state}; {_way_there(folder)}") from None
    except OSError as error:
        _refuse(error)
    for entry in visible:
        if entry.is_symlink() and not os.path.exists(entry.path):  # a domain, maybe, which would be missed
            target = os.readlink(entry.path)
            raise UserError(f"{entry.path} is a link to {target}, which does not exist; mend or remove it")
    if not names:
        if any(_is_image(entry.path) for entry in visible):
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


def _way_there(folder: Path) -> str:
    """What to do where there is no ``folder``, which is ROOT/train or ROOT/val."""
    root = folder.parent
    if root.name in ("train", "val"):
        return f"the root of this dataset is {root.parent}; give that"
    if root.is_dir() and any(entry.is_dir() and not _hidden(entry.name) for entry in root.iterdir()):
        return f"to make a dataset of a folder of images for each domain: python tools/prepare.py {root} data/mine"
    return f"name the folder that holds train and val by -o data.root=ROOT; {HELP}"


def find_images(folder: str | Path) -> list[Path]:
    """All images at any depth below ``folder``, sorted by path; an empty list when there are none.

    Links are followed, but not to a folder that they lie in. What is no image that can be read is counted by ending on
    stderr, once for each folder. Raises UserError for a folder that cannot be read.
    """
    images, others = [], Counter()
    for parent, children, files in os.walk(folder, onerror=_refuse, followlinks=True):
        children[:] = [name for name in children if not _hidden(name) and not _leads_back(parent, name)]
        for path in (os.path.join(parent, name) for name in files if not _hidden(name)):
            if _is_image(path):
                images.append(Path(path))
            else:
                others[passed_over(path)] += 1
    if others:
        _tell(f"{shown(folder)}: {_others(others)}")
    return sorted(images)


def _others(counts: Counter) -> str:
    """A line on the files that were passed over, {what they are: how many}."""
    listed = [f"{count} {shown(what)}" for what, count in counts.most_common(LISTED)]
    more = f" and {len(counts) - LISTED} more kinds" if len(counts) > LISTED else ""
    return f"passed over {sum(counts.values())} files that are no images to be read: {', '.join(listed)}{more}"


def _tell(line: str) -> None:
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr, flush=True)


def check_same_domains(root: str | Path, train: Iterable[str], val: Iterable[str]) -> None:
    """Raises UserError where the two parts of the dataset ``root`` differ in their domains."""
    if list(train) != list(val):
        raise UserError(
            f"{Path(root).absolute()}: train has the domains {', '.join(train)}, "
            f"and val has {', '.join(val)}; give both the same folders"
        )


def image_lists(root: Path, domains: dict) -> dict:
    """{domain: [count, digest of the names below ``root``]}: batches are drawn from these, wherever the data lies."""
    root = os.path.abspath(root)
    names = {domain: "\0".join(os.path.relpath(path, root) for path in paths) for domain, paths in domains.items()}
    return {
        domain: [len(domains[domain]), hashlib.sha256(os.fsencode(found)).hexdigest()]
        for domain, found in names.items()
    }


def _refuse(error: OSError) -> NoReturn:
    raise UserError(f"cannot read folder {error.filename}: {error.strerror}; make it readable, or remove it") from error


def _leads_back(parent: str, name: str) -> bool:
    """Whether this is a link to a folder that the walk is in, below which everything would be found again."""
    path = os.path.join(parent, name)
    around = (parent, *Path(parent).parents)
    return os.path.islink(path) and os.path.realpath(path) in map(os.path.realpath, around)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image(path: str) -> bool:
    return not _hidden(os.path.basename(path)) and (path.lower().endswith(EXTENSIONS) or is_readable(path))
