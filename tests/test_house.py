"""How the house is built: which part may import which, and how large a file may be. Read from the source."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 300  # lines
AT_THE_TOP = 14  # files directly in ppstargan/: more of them want a folder
FOREIGN_TO = {  # folder -> what no module in it may import, not even in a function
    "training": ("systems", "translate", "translator", "convert", "parity", "costs"),
    "nets": ("training", "data", "config", "systems", "translate", "translator"),
    "data": ("training", "systems", "translate", "translator", "nets"),
    "metrics": ("training", "systems"),
    "face": ("training", "systems", "translate", "translator"),
}


def module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root: Path) -> dict:
    """{module: the modules of the package that it imports, at any depth} of the package in ``root``/ppstargan."""
    trees = {module_of(path, root): ast.parse(path.read_text()) for path in (root / "ppstargan").rglob("*.py")}
    found = {}
    for module, tree in trees.items():
        named = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module}: a relative import"
                # A module, or the name of something in one.
                named |= {
                    both if (both := f"{node.module}.{alias.name}") in trees else node.module for alias in node.names
                }
        found[module] = named & trees.keys()
    return found


def circles(arrows: dict) -> list:
    """The modules that reach themselves."""

    def reached(start):
        seen, waiting = set(), [start]
        while waiting:
            new = arrows[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    return sorted(module for module in arrows if module in reached(module))


def upward(arrows: dict) -> list:
    """The imports that ``FOREIGN_TO`` forbids, as (module, what it imports)."""

    def within(module, part):
        return f"{module}.".startswith(f"ppstargan.{part}.")

    return sorted(
        (module, other)
        for folder, foreign in FOREIGN_TO.items()
        for module in arrows
        if within(module, folder)
        for other in arrows[module]
        if any(within(other, part) for part in foreign)
    )


def test_no_part_imports_one_above_it():
    assert upward(imports(ROOT)) == []


def test_no_circle_of_imports():
    assert circles(imports(ROOT)) == []


def python_files(*folders) -> list:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_files_are_short_and_few_lie_at_the_top():
    lengths = {path: len(path.read_text().splitlines()) for path in python_files("ppstargan", "tools", "tests")}
    assert len(lengths) > 200
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > LONGEST} == {}
    assert len(list((ROOT / "ppstargan").glob("*.py"))) <= AT_THE_TOP


def undocumented(path: Path):
    """What a module makes public, and methods of that, without a docstring."""
    tree = ast.parse(path.read_text())
    if not ast.get_docstring(tree) and tree.body:
        yield path.stem
    waiting = [("", node) for node in tree.body]
    while waiting:
        owner, node = waiting.pop()
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if owner and node.name == "forward":  # a layer says itself what it makes of what
            continue
        if not ast.get_docstring(node):
            yield f"{path.relative_to(ROOT)}: {owner}{node.name}"
        if isinstance(node, ast.ClassDef):
            waiting += [(f"{node.name}.", child) for child in node.body]


def test_what_is_public_says_what_it_does():
    assert [name for path in python_files("ppstargan") for name in undocumented(path)] == []
