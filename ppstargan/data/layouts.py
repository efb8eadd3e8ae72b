"""The layouts in which people keep a dataset: which folders are parts (train, val, test), and which are domains.

    DOMAIN/*.jpg                         not split yet
    train/DOMAIN/*.jpg, val/DOMAIN/*.jpg   also called Training, valid, dev_set, …
    trainA/*.jpg, trainB/*.jpg, testA/*.jpg, …   also train_horse, zebra-test, …
    DOMAIN/train/*.jpg, DOMAIN/val/*.jpg

A part called test serves as val where there is none, and a train alone is still to be split.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import count
from pathlib import Path
from typing import Iterable, NamedTuple
from unicodedata import normalize

from ppstargan.data import attributes, landmark_lists, styles
from ppstargan.data.bad_files import shown
from ppstargan.data.folders import (
    HELP,
    check_links,
    check_same_domains,
    exists,
    find_images,
    folders_in,
    holds_images,
    images_of,
    names,
)
from ppstargan.download.wanted import way_to_get
from ppstargan.errors import UserError

_WORDS = {
    "train": "train|training|trn|训练|訓練",
    "val": "validation|validate|valid|val|evaluation|eval|development|dev|验证|驗證",
    "test": "testing|test|tst|测试|測試",
}
_WORD = "|".join(f"(?P<{part}>(?i:{words}))" for part, words in _WORDS.items())
_WHAT = "(?i:set|data|dataset|split|part|folder|images?|imgs?|photos?|pictures?|pics?|jpgs?|pngs?|集|数据集?|图片|图像)"
_GAP = r"[ _.\-]"
_SIZE = r"\d+(?:x\d+|px)?"
# train, TRAIN, Train_set, images-train, 01_train, train2017; and trainA, train_b: a letter that tells domains apart
_PART = re.compile(
    rf"(?:(?:{_WHAT}|\d+){_GAP}*)?(?:{_WORD})(?:{_GAP}*{_WHAT})*"
    rf"(?:{_GAP}*(?P<size>{_SIZE}|\(\d+\))|{_GAP}+(?P<apart>[A-Za-z])|(?P<letter>[ABXYabxy]|(?<=[a-z])[A-Z]))?"
)
# train_horse, horse-train, trainHorse
_EDGE = rf"(?:{_GAP}+|(?<=[a-z])(?=[A-Z]))"
_JOINED = (re.compile(rf"(?:{_WORD}){_EDGE}(?P<domain>.+)"), re.compile(rf"(?P<domain>.+?){_EDGE}(?:{_WORD})"))


class Layout(NamedTuple):
    """Where the images of a dataset are, and what was decided on the way."""

    folders: dict  # {part: {domain: folder}}; the part is "" where the images are still to be split
    images: dict  # {part: {domain: paths}}
    notes: list  # a line for each thing that the user might not expect


class Unclear(UserError):
    """A ``problem`` with folders that could be meant in another way: ``domains`` are those that may be domains."""

    def __init__(self, problem: str, domains: Iterable[str]):
        self.problem, self.domains = problem, list(domains)
        told = f"if these are domains, add --domains {shlex.join(self.domains)}"
        way = told if domains else "--domains names the folders that are domains, if they are; see data/README.md"
        super().__init__(f"{problem}; {way}")


def part_of(name: str) -> tuple[str, str] | None:
    """(train, val or test; the letter behind it or "") where a folder of this name is a part, else None."""
    found = _PART.fullmatch(normalize("NFKC", name).strip())
    return found and (_word(found), (found["apart"] or found["letter"] or "").upper())


def _joined(name: str) -> tuple[str, str] | None:
    """(part, domain) of a name that joins the two, such as train_horse."""
    for pattern in _JOINED:
        found = pattern.fullmatch(normalize("NFC", name))
        if found:
            return _word(found), found["domain"]
    return None


def _word(found: re.Match) -> str:
    return next(part for part in _WORDS if found[part])


def find_layout(source: str | Path, domains: Iterable[str] | None = None) -> Layout:
    """Which layout ``source`` has; with ``domains``, these of its folders are the domains, whatever their names say.

    Each domain has two images or more in train and one in val, or three where they are still to be split. Raises
    UserError where the folders are no dataset, and Unclear, which is one, where ``domains`` could settle it.
    """
    source = Path(source).absolute()
    if not os.path.isdir(source):
        state = "is a file, not a folder" if exists(source) else "does not exist"
        raise UserError(f"{shown(source)} {state}; give a folder that holds a folder of images for each domain")
    folders = folders_in(source)
    if domains:
        asked = sorted({normalize("NFC", name.rstrip("/")) for name in domains})
        lacking = [name for name in asked if name not in folders]
        if lacking or len(asked) < 2:
            wrong = f"no folder {names(lacking)}" if lacking else "two domains or more are needed"
            raise UserError(f"--domains: {wrong}; {shown(source)} holds {names(folders)}")
        return _layout({"": {name: folders[name] for name in asked}}, [], set(folders) - set(asked))
    check_links(source)
    _refuse_ready(source)
    parts = _by_part(folders)
    if "train" in parts:
        return _with_parts(source, folders, parts)
    if parts:
        held = [name for groups in parts.values() for found in groups.values() for name in found]
        others = _possible(folders, set(folders) - set(held))
        raise Unclear(f"{shown(source)} holds {names(held)} and no train", others or _possible(folders, folders))
    return _with_domains(source, folders)


def _refuse_ready(source: Path) -> None:
    """Raises UserError where ``source`` is a set that a system takes as it is, and whose folders are no domains."""
    for there, what, system in (
        ((source / attributes.LIST).exists(), "CelebA's list", "stargan"),
        ((source / landmark_lists.ANNOTATIONS).is_dir(), "WFLW's lists", "fan"),
        (styles.has_styles(source), "contents and styles", "adain"),
    ):
        if there:
            check = shlex.join(["python", "tools/check_dataset.py", str(source)])
            raise UserError(
                f"{shown(source)} holds {what}, which {system} trains on as they are: give it as data.root, and check "
                f"it by {check}; or --domains names its domains"
            )


def _by_part(folders: Iterable[str]) -> dict:
    """{part: {letter or domain: folders}}, by the names of folders; {} where they speak of no parts."""
    strict, joined = ({}, {})
    for name in folders:
        for groups, found in ((strict, part_of(name)), (joined, _joined(name))):
            if found:
                groups.setdefault(found[0], {}).setdefault(found[1], []).append(name)
    others = {*joined.get("val", ()), *joined.get("test", ())}
    # train_station beside test_tube are no parts: those of a dataset have a domain in common.
    return joined if "train" not in strict and others & set(joined.get("train", ())) else strict


def _with_parts(source: Path, folders: dict, parts: dict) -> Layout:
    """train/DOMAIN, or trainA and trainB, with the val or else the test that fits, or still to be split."""
    train = _domains(source, folders, parts["train"])
    if len(train) < 2:
        held = f"only one domain in train, {names(train)}" if train else "no folder for each domain in train"
        raise Unclear(f"{shown(source)} holds {held}", _possible(folders, folders))
    used, val = {"": train}, ""
    for part in ("val", "test"):
        if part in parts and not val:
            found = _domains(source, folders, parts[part])
            if part == "val":
                check_same_domains(source, train, found)
            if list(found) == list(train):
                used, val = {"train": train, "val": found}, part
    taken = [{name for group in parts.get(part, {}).values() for name in group} for part in ("train", val)]
    notes = [] if val == "val" else ["test serves as val"] if val else ["train is split into train and val"]
    return _layout(used, notes, set(folders).difference(*taken))


def _domains(source: Path, folders: dict, groups: dict) -> dict:
    """{domain: folder} of a part: the folders in its one folder, or those with a letter or a domain in their names."""
    for apart, found in groups.items():
        if len(found) > 1 or (len(groups) > 1 and not apart):
            several = [name for group in groups.values() for name in group]
            problem = f"{shown(source)} holds several folders for one part, {names(several)}"
            raise Unclear(problem, _possible(folders, several))
    if len(groups) > 1:
        return {domain: folders[groups[domain][0]] for domain in sorted(groups)}
    [[name]] = groups.values()
    check_links(folders[name])
    return folders_in(folders[name])


def _with_domains(source: Path, folders: dict) -> Layout:
    """DOMAIN, each with parts in it or none with them."""
    inner = {name: _by_part(folders_in(folder)) for name, folder in folders.items()}
    split = [name for name, parts in inner.items() if "train" in parts and len(parts) > 1]
    datasets = [folders[name] for name in split if _holds_domains(folders[name], inner[name])]
    if datasets:
        raise UserError(f"{shown(source)} holds whole datasets; give one: {', '.join(map(shown, datasets))}")
    if len(folders) < 2:
        if not folders:
            held = "images directly" if holds_images(source) else "no folders"
            raise UserError(f"{shown(source)} holds {held}; put the images of each domain into a folder of their own")
        [only] = folders.values()
        inside = f", or give {shown(only)}, which holds more folders" if len(folders_in(only)) > 1 else ""
        if holds_images(source):
            raise UserError(
                f"{shown(source)} holds images directly, beside the folder {names(folders)}; put the images of each "
                f"domain into a folder of their own, and give the folder that holds these{inside}"
            )
        held = f"holds only one domain, {names(folders)}"
        raise UserError(f"{shown(source)} {held}; add a folder for a second one{inside}")
    if not split:
        return _layout({"": folders}, [], ())
    val = next((part for part in ("val", "test") if all(part in inner[name] for name in split)), "")
    clear = all(len(found) == 1 for name in split for groups in inner[name].values() for found in groups.values())
    if len(split) < len(folders) or not val or not clear or any(map(holds_images, folders.values())):
        raise Unclear(
            f"{shown(source)} has parts in {names(split)}, and not the same parts, and these alone, in every folder",
            _possible(folders, folders),
        )

    def domains(part):
        return {name: folders_in(folder)[next(iter(inner[name][part].values()))[0]] for name, folder in folders.items()}

    notes = ["test serves as val"] if val == "test" else []
    left = {f"{name}/{n}" for name, f in folders.items() for n in folders_in(f)} - {
        f"{name}/{folder.name}" for part in ("train", val) for name, folder in domains(part).items()
    }
    return _layout({"train": domains("train"), "val": domains(val)}, notes, left)


def _holds_domains(folder: Path, parts: dict) -> bool:
    return any(len(folders_in(folders_in(folder)[name])) > 1 for group in parts["train"].values() for name in group)


def _layout(folders: dict, notes: list, left: Iterable[str]) -> Layout:
    least = {"": 3, "train": 2, "val": 1}
    images = {part: images_of(domains, least[part]) for part, domains in folders.items()}
    return Layout(folders, images, notes + ([f"left out: {names(sorted(left))}"] if left else []))


def _possible(folders: dict, chosen: Iterable[str]) -> list:
    """Those of the folders that may be domains; none where they are not two, or have the names of parts alone."""
    found = [name for name in sorted(chosen) if len(find_images(folders[name])) > 2]
    return found if len(found) > 1 and not all(map(part_of, found)) else []


def way_to_dataset(root: Path) -> str:
    """What to do where ``root`` lacks train or val: the root that was meant, a command that makes one, or why not."""
    if not os.path.isdir(root):
        named, known = "name the folder that holds train and val by -o data.root=ROOT", way_to_get(root)
        return f"{known}; or {named}; see data/README.md" if known else f"{named}; {HELP}"
    beside = _by_part(folders_in(root.parent)) if part_of(root.name) else {}
    if len(beside) > 1 and "train" in beside:  # one of the parts was given
        root = root.parent
        if _is_dataset(root):
            return f"the root of this dataset is {shown(root)}; give that"
    within = [shown(folder) for folder in folders_in(root).values() if _is_dataset(folder)]
    if within:
        return f"the root of a dataset is {' or '.join(within)}; give that"
    place, why = root, ""
    for _ in range(4):  # an archive often unpacks to a folder in a folder
        try:
            notes = find_layout(place).notes
            return f"to make a dataset of it{f' ({names(notes)})' if notes else ''}: {_command(place)}"
        except UserError as error:
            if getattr(error, "domains", None):
                return f"{error.problem}; if {names(error.domains)} are domains: {_command(place, error.domains)}"
            why = why or getattr(error, "problem", str(error))
        folders = list(folders_in(place).values())
        if len(folders) != 1:
            break
        place = folders[0]
    return why if HELP in why else f"{why}; {HELP}"


def _command(source: Path, domains: Iterable[str] = ()) -> str:
    """The command that makes a dataset of ``source``, to copy."""
    asked = ["--domains", *domains] if domains else []
    return shlex.join(["python", "tools/prepare.py", str(source), str(_free_output(source)), *asked])


def _is_dataset(root: Path) -> bool:
    return all(os.path.isdir(root / part) and folders_in(root / part) for part in ("train", "val"))


def _free_output(source: Path) -> Path:
    """A folder that prepare.py can write to: it does not exist, and is not in ``source``."""
    for i in count(1):
        suffix = str(i) if i > 1 else ""
        output = Path("data", f"mine{suffix}")
        if source in output.absolute().parents:
            output = source.parent / f"{source.name}_prepared{suffix}"
        if not os.path.lexists(output):
            return output
