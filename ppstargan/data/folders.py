"""Folders and the images in them: what counts, what is passed over, and what is refused."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Iterable, NoReturn
from unicodedata import normalize

from ppstargan.data.bad_files import shown
from ppstargan.data.formats import is_readable, passed_over
from ppstargan.download.wanted import way_to_get
from ppstargan.errors import UserError
from ppstargan.files import check_dead_link

# Files that are images by their name, good or bad; of others the first bytes tell.
EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
HELP = "see data/README.md, or draw the toy faces by python tools/draw_toy.py and give -o data.root=data/toy"
LISTED = 8  # kinds of other files that one line names
_said: set = set()  # lines that this process has told

# What systems, file servers and viewers put beside one's own folders: thumbnails, waste baskets, earlier states.
_NOT_OURS = re.compile(
    r"@(eadir|tmp|recycle|recently-snapshot|transcode|sharebin|sharesnap|syno\w*|app\w+|database|quarantine)|"
    r"#(recycle|snapshot)|~snapshot|\$(recycle\.bin|extend|winreagent|windows\.~\w+)|recycle[rd]|found\.\d{3}|"
    r"system volume information|lost\+found|lost\.dir|network trash folder|temporary items|thevolumesettingsfolder|"
    r"__macosx|__pycache__|[@_]+thumb\w*|thumbs|thumbnails?"
)
_told: set = set()  # the names of those that this process has spoken of


def folders_in(folder: Path) -> dict[str, Path]:
    """{name in NFC: path}, sorted by name, of the folders in ``folder`` that are someone's own.

    Raises UserError where it cannot be read, or holds two folders whose names look the same: a Mac writes é as two
    characters, and other systems as one.
    """
    found: dict[str, Path] = {}
    try:
        with os.scandir(folder) as entries:
            own = sorted(entry.path for entry in entries if _is_folder(entry))
    except OSError as error:
        _refuse(error)
    for path in own:
        if _passed_over(path):
            continue
        name = normalize("NFC", os.path.basename(path))
        if name in found:
            raise UserError(
                f"{shown(folder)} holds two folders whose names look the same, {shown(name)}: one in the form of a Mac "
                "(NFD) and one in that of other systems (NFC); put the images of both into one"
            )
        found[name] = Path(path)
    return dict(sorted(found.items()))


def dataset_root(root: str | Path, advice: str) -> Path:
    """``root`` in full. Raises UserError, which ends in the ``advice``, where it is no folder, or has a dead link."""
    root = Path(os.path.abspath(root))
    if not os.path.isdir(root):
        check_dead_link(root)
        state = "is a file, not a folder" if exists(root) else "does not exist"
        known = "" if exists(root) else way_to_get(root)
        way = f"{known}; or name another by -o data.root=ROOT" if known else "name another by -o data.root=ROOT"
        raise UserError(f"dataset folder {shown(root)} {state}; {way}; {'see data/README.md' if known else advice}")
    check_links(root)
    return root


def check_links(folder: Path) -> None:
    """Raises UserError where a link in ``folder`` leads nowhere: it may have been a domain, which would be missed."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if not _hidden(name) and os.path.islink(path) and not exists(path):
            target = os.readlink(path)
            raise UserError(f"{shown(path)} is a link to {shown(target)}, which does not exist; mend or remove it")


def images_of(folders: dict[str, Path], min_images: int) -> dict[str, list[Path]]:
    """{domain: its images}. Raises UserError where one has fewer than ``min_images``, or none."""
    domains = {name: find_images(folder) for name, folder in folders.items()}
    for name, images in domains.items():
        if len(images) < max(1, min_images):
            found = f"{len(images) or 'no'} image{'s' * (len(images) != 1)}"
            raise UserError(
                f"domain {shown(name)} has {found} in {shown(folders[name])}, {max(1, min_images)} needed; "
                f"add images ({' '.join(ext[1:] for ext in EXTENSIONS)}) or remove the folder"
            )
    return domains


def holds_images(folder: Path) -> bool:
    """Whether images lie in ``folder`` itself."""
    paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    return any(_is_image(path) for path in paths if not os.path.isdir(path))


def find_images(folder: str | Path) -> list[Path]:
    """All images at any depth below ``folder``, sorted by path; an empty list when there are none.

    Links are followed, but not to a folder that they lie in. What is no image that can be read is counted by ending on
    stderr, once for each folder. Raises UserError for a folder that cannot be read.
    """
    images, others = [], Counter()
    for parent, children, files in os.walk(folder, onerror=_refuse, followlinks=True):
        children[:] = [
            name for name in children if not _passed_over(os.path.join(parent, name)) and not _leads_back(parent, name)
        ]
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
    number = sum(counts.values())
    files = "1 file that is no image" if number == 1 else f"{number} files that are no images"
    return f"passed over {files} to be read: {', '.join(listed)}{more}"


def _tell(line: str) -> None:
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr, flush=True)


def check_same_domains(root: str | Path, train: Iterable[str], val: Iterable[str]) -> None:
    """Raises UserError where the two parts of the dataset ``root`` differ in their domains."""
    if list(train) != list(val):
        raise UserError(
            f"{shown(Path(root).absolute())}: train has the domains {names(train)}, "
            f"and val has {names(val)}; give both the same folders"
        )


def image_lists(root: Path, domains: dict) -> dict:
    """{domain: [count, digest of the names below ``root``]}: batches are drawn from these, wherever the data lies."""
    root = os.path.abspath(root)
    names = {domain: "\0".join(os.path.relpath(path, root) for path in paths) for domain, paths in domains.items()}
    return {
        domain: [len(domains[domain]), hashlib.sha256(os.fsencode(found)).hexdigest()]
        for domain, found in names.items()
    }


def names(listed: Iterable[str]) -> str:
    """Names for a message, so that two that differ look different: with their spaces, and what does not print."""
    return ", ".join(f"'{shown(name)}'" if name != name.strip() else shown(name) for name in listed) or "none"


def _refuse(error: OSError) -> NoReturn:
    raise UserError(f"cannot read folder {error.filename}: {error.strerror}; make it readable, or remove it") from error


def _leads_back(parent: str, name: str) -> bool:
    """Whether this is a link to a folder that the walk is in, below which everything would be found again."""
    path = os.path.join(parent, name)
    around = (parent, *Path(parent).parents)
    return os.path.islink(path) and os.path.realpath(path) in map(os.path.realpath, around)


def _passed_over(path: str) -> bool:
    """Whether this folder is hidden or not someone's own; says so on stderr, once for each name of folders."""
    name = os.path.basename(path)
    if not _hidden(name) and not _NOT_OURS.fullmatch(name.lower()):
        return False
    if name not in _told:
        _told.add(name)
        print(f"passed over: {shown(path)}, and every folder of this name", file=sys.stderr, flush=True)
    return True


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, say
        return False


def exists(path: Path) -> bool:
    """Whether something is there, as far as one may look."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        _refuse(error)
    return True


def _hidden(name: str) -> bool:
    return name.startswith(".")


def _is_image(path: str) -> bool:
    return not _hidden(os.path.basename(path)) and (path.lower().endswith(EXTENSIONS) or is_readable(path))
