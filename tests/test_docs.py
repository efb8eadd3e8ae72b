"""The documents: that links lead somewhere, what they name is there, and the two languages give the same commands."""

import ast
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
from test_ladder import EXPECTED as LADDER
from test_parity import EXPECTED

from ppstargan.config import known_keys
from ppstargan.systems.load import load_config, names, system_named

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README_cn.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHINESE = [page for page in PAGES if page.stem.endswith("_cn")]
RENEW = "python docs/configuration.py"
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)


def name_of(page) -> str:
    return str(page.relative_to(ROOT))


def text_of(page) -> str:
    return page.read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))


def links(text: str) -> list:
    """Targets of [text](target), and of [file.py] by a line `[file.py]: target`; each of the two needs the other."""
    text = without_code(text)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.M))
    used = re.findall(r"\[([\w./]+\.\w+)\](?![(:])", text)
    assert set(used) == set(defined), f"used or defined alone: {set(used) ^ set(defined)}"
    return re.findall(r"\]\(([^)\s]+)\)", text) + list(defined.values())


def anchors(page) -> set:
    """What GitHub calls the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", FENCED.sub("", text_of(page)), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def definitions(path: Path) -> set:
    """Names at the top of a Python file, and Class.name of what its classes hold."""

    def names(body, prefix=""):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from names(node.body, f"{prefix}{node.name}.")
            for target in [*getattr(node, "targets", []), getattr(node, "target", None)]:
                yield from (prefix + n.id for n in ast.walk(target or ast.Pass()) if isinstance(n, ast.Name))

    return set(names(ast.parse(text_of(path)).body))


def named_code(page) -> list:
    """(file, name) for each `name` that follows a link to a Python file in the cell of a table."""
    text, found = text_of(page), []
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+\.py)$", text, re.M))
    for row in re.findall(r"^\|.*\|$", text, re.M):
        for cell in row.split("|"):
            path = None
            for label, target, name in re.findall(r"\[([^\]]+)\](?:\((\S+?\.py)\))?|`([^`]+)`", cell):
                if label:
                    path = target or defined.get(label)
                elif path:
                    found.append(((page.parent / path).resolve(), name))
    return found


def code_blocks(page) -> list:
    """The code of a page, without the comments, which are in the page's language."""
    found = []
    for language, code in FENCED.findall(text_of(page)):
        found.append((language, re.sub(r"(^| +)#.*", "", code, flags=re.M) if language in ("bash", "python") else code))
    return found


NAMING = [page for page in PAGES if page.parent.name == "docs" and named_code(page)]


@pytest.fixture(scope="module")
def configuration():
    spec = importlib.util.spec_from_file_location("configuration", ROOT / "docs" / "configuration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_reference_is_what_the_configs_say(configuration):
    same = text_of(ROOT / "docs" / "configuration.md") == configuration.page()
    assert same, f"docs/configuration.md is out of date; renew it: {RENEW}"


@pytest.mark.parametrize("system", names())
def test_the_configuration_reference_has_every_key_with_a_meaning(system):
    sections = re.split(r"^## ", text_of(ROOT / "docs" / "configuration.md"), flags=re.M)[1:]
    mine = [part for part in sections if part.startswith(("All systems", f"{system}, by "))]
    rows = {
        row for part in mine for row in re.findall(r"^\| `([^`]+)` \| `[^`]+` \| \S[^|]* \| \S[^|]* \|$", part, re.M)
    }
    assert set(known_keys(system_named(system).Config)) <= rows, f"docs/configuration.md; renew it: {RENEW}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page):
    broken = []
    for link in links(text_of(page)):
        target, _, anchor = unquote(link).partition("#")
        path = page.parent / target if target else page
        if re.match(r"[a-z]+:", link):
            continue
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", NAMING, ids=name_of)
def test_the_code_that_a_page_names_is_there(page):
    missing = [f"{path.name}: {name}" for path, name in named_code(page) if name not in definitions(path)]
    assert not missing


def test_the_page_on_the_paper_names_code_in_both_languages():
    english, chinese = (set(named_code(ROOT / "docs" / name)) for name in ("paper.md", "paper_cn.md"))
    assert len(english) > 40 and english == chinese
    # The equations of every system, which are functions of its updates.
    assert {path.stem for path, name in english if path.parent.name == "systems"} == set(names())


@pytest.mark.parametrize("page", CHINESE, ids=name_of)
def test_both_languages_give_the_same_code(page):
    english = page.with_name(page.name.replace("_cn.md", ".md"))
    ours, theirs = code_blocks(page), code_blocks(english)
    assert ours == theirs
    assert english.name in links(text_of(page)) and page.name in links(text_of(english))


def test_the_parity_report_counts_the_checks_that_the_tests_run():
    text = text_of(ROOT / "docs" / "parity.md")
    rows = re.findall(r"^(\w+) +(\d+) +[\d.e-]+ +[\d.e-]+  \S+$", text, re.M)
    renew = "paste the table that python tools/check_parity.py prints into docs/parity.md and docs/parity_cn.md"
    assert {case: int(count) for case, count in rows} == EXPECTED, renew
    assert f"\n{sum(EXPECTED.values())} passed, 0 failed\n" in text, renew


def test_the_parity_report_has_all_systems():
    counts = counted_checks()
    for page in ("parity.md", "parity_cn.md"):
        text = text_of(ROOT / "docs" / page)
        rows = re.findall(r"^(\w+) +\d+ +0 +(\d+) +[\d.e-]+ +[\d.e-]+  \S+$", text, re.M)
        renew = f"paste the last table that python tools/check_parity.py prints into docs/{page}"
        assert {system: int(checks) for system, checks in rows} == counts, renew
        assert f"\n{sum(counts.values())} passed, 0 failed\n" in text, renew
        told = {name for row in re.findall(r"^\| (`.+?) \|", text, re.M) for name in re.findall(r"`(\w+)`", row)}
        assert set(names()) <= told, "a system of which the report does not say what is proved"


def counted_checks() -> Counter:
    """{system: the figures that its parity is made of}."""
    counts = Counter()
    for folder, expected in (("parity", EXPECTED), ("ladder", LADDER)):
        cases = json.loads(text_of(ROOT / "tests" / "reference" / folder / "manifest.json"))["cases"]
        for case, checks in expected.items():
            counts[cases[case].get("system", "stargan_v2")] += checks
    return counts


@pytest.mark.parametrize("page", PAGES[:2], ids=name_of)
def test_the_first_table_has_every_system(page):
    rows = [row.split("|")[1:-1] for row in re.findall(r"^\| \[`\w+`\]\(docs/lessons.*\|$", text_of(page), re.M)]
    counts = counted_checks()
    found = {re.search(r"`(\w+)`", row[0])[1]: (re.findall(r"`(\w+)`", row[1]), int(row[3])) for row in rows}
    assert set(found) == set(names())
    for system, (configs, checks) in found.items():
        assert {system_of_config(ROOT / "configs" / f"{config}.yaml") for config in configs} == {system}
        assert checks == counts["wing" if system == "fan" else system], f"{system}: see tests/test_ladder.py"
    assert str(sum(counts.values())) in text_of(page)


def system_of_config(path) -> str:
    return load_config(path, []).system


def test_every_page_on_its_own_subject_is_there_in_both_languages():
    alone = {page.stem for page in (ROOT / "docs").glob("*.md") if not page.stem.endswith("_cn")} - {"configuration"}
    assert {f"{name}_cn" for name in alone} == {page.stem for page in (ROOT / "docs").glob("*_cn.md")}
