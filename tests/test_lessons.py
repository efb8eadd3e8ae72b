"""The lessons: the lines of code that they show stand in the files that they name, and their commands are ones."""

import re
import runpy
from pathlib import Path

import pytest
from test_docs import ROOT, definitions, named_code, text_of

from ppstargan.systems.load import load_config

SYSTEMS = runpy.run_path(str(ROOT / "tools" / "quickstart.py"))["SYSTEMS"]
LESSONS = [ROOT / "docs" / name for name in ("lessons.md", "lessons_cn.md")]
LARGEST = 60_000  # bytes of a picture
LANGUAGES = pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.name)
PARTS = {
    "lessons.md": ("Before", "The idea", "Look at", "Take it away"),
    "lessons_cn.md": ("之前", "想法", "看什么", "拿掉它"),
}


def rungs(page) -> list:
    """The sections, each with its heading; the first is what comes before them."""
    return re.split(r"^## ", text_of(page), flags=re.M)[1:]


def without_comments(code: str) -> list:
    return [re.sub(r"(^|  )#.*", "", line).strip() for line in code.splitlines()]


def shown(rung: str) -> list:
    """The lines of its Python code."""
    blocks = re.findall(r"^```python\n(.*?)^```$", rung, re.M | re.S)
    return [line for block in blocks for line in without_comments(block) if line]


def files(rung: str, page) -> set:
    return {(page.parent / target).resolve() for target in re.findall(r"\]\((\S+\.py)\)", rung)}


def commands(page) -> list:
    """(system, overrides) of each quickstart on the page."""
    found = []
    for words in re.findall(r"`python tools/quickstart\.py([^`]*)`", text_of(page)):
        system, _, overrides = words.strip().partition("-o ")
        found.append((system.strip() or "stargan_v2", overrides.split()))
    return found


@LANGUAGES
def test_the_lines_that_a_lesson_shows_stand_in_its_files(page):
    for rung in rungs(page):
        lines = {line for path in files(rung, page) for line in without_comments(text_of(path))}
        assert shown(rung), rung.splitlines()[0]
        assert [line for line in shown(rung) if line not in lines] == [], rung.splitlines()[0]


@LANGUAGES
def test_every_rung_has_its_parts(page):
    for rung in rungs(page):
        assert all(re.search(rf"^\*\*{part}", rung, re.M) for part in PARTS[page.name]), rung.splitlines()[0]
        assert "```math" in rung and "<img src=" in rung and "tools/quickstart.py" in rung, rung.splitlines()[0]


@LANGUAGES
def test_a_name_beside_a_file_outside_of_tables_is_in_it_too(page):
    """``test_docs`` reads tables; here the text."""
    for target, names in re.findall(r"\]\((\S+?\.py)\)((?:,? `[\w.]+`)+)", text_of(page)):
        assert set(re.findall(r"`([\w.]+)`", names)) <= definitions((page.parent / target).resolve()), target


def test_every_switch_is_one_of_its_configuration_and_changes_something():
    for system, overrides in commands(LESSONS[0]):
        plain, changed = (load_config(SYSTEMS[system], given) for given in ([], overrides))
        for section, key in (override.partition("=")[0].split(".") for override in overrides):
            values = [getattr(getattr(config, section), key) for config in (plain, changed)]
            assert values[0] != values[1], f"{system}: {section}.{key} is {values[0]} anyway"
    assert {system for system, _ in commands(LESSONS[0])} == set(SYSTEMS), "a toy has no lesson"


def test_both_languages_show_the_same():
    for what in (commands, named_code, lambda page: re.findall(r'src="(\S+)" width="(\d+)"', text_of(page))):
        english, chinese = map(what, LESSONS)
        assert english == chinese
    assert len(rungs(LESSONS[0])) == len(rungs(LESSONS[1])) == 10


def test_the_pictures_are_small_and_all_in_use():
    pictures = set((ROOT / "docs" / "lessons").iterdir())
    assert {Path(path.parent.name, path.name) for path in pictures} == {
        Path(src) for src in re.findall(r'src="(lessons/\S+)"', text_of(LESSONS[0]))
    }
    assert [path.name for path in pictures if path.stat().st_size > LARGEST] == []
