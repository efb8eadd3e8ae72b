"""Writes docs/configuration.md: every key, by the comments in configs/ and the schemas of the systems.

It takes no arguments: ``python docs/configuration.py``. Each key stands on one line of a file, with its comment behind.
"""

from __future__ import annotations

import re
from pathlib import Path

from ppstargan.config import Key, known_keys
from ppstargan.systems.load import names, system_named

CONFIGS = Path(__file__).parents[1] / "configs"
PAGE = Path(__file__).with_suffix(".md")
ENTRY = re.compile(r"( *)(\w+): *([^#]*?) *(?:# *(.*))?")
COMMON = "common.yaml"
KINDS = {bool: "true or false", str: "text", int: "whole number", float: "number"}
HEAD = """# Configuration

All keys with their defaults: those of all systems, which [configs/common.yaml](../configs/common.yaml) sets, then each
system's own, by the file in [configs](../configs) that starts from it, and what the other files there change.
`-o train.lr=2e-4` overrides a key on the command line; a file of your own names the one that it starts from, by a path
relative to itself, and says what differs:

```yaml
_base_: ../configs/base.yaml
name: mine
train:
  lr: 2.0e-4
```

A text stands as it is, with or without quotes (`name: 007` is `007`); numbers are decimal, and the others are `true` or
`false`. In a file, a text that holds `: ` or ` #` needs single quotes, as a Windows path does where it has any. `~` at
the start of a path is the home folder. Of a key that `-o` gives twice the last holds; in one file that is an error.

G is the generator, F the mapping network, E the style encoder, D the discriminator. `python docs/configuration.py`
writes this page; the texts are the comments in `configs/`.
"""


def entries(path: Path) -> dict:
    """{"train.lr": (the value as written, its comment), …} of one file, in its order."""
    found, section = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        match = ENTRY.fullmatch(line)
        if match and not match[3]:
            section = f"{match[2]}."
        elif match:
            found[section * bool(match[1]) + match[2]] = (match[3], match[4] or "")
    return found


def values(path: Path) -> dict:
    """{"train.lr": the value as written, …} of a file with those that it starts from."""
    own = {key: value for key, (value, _) in entries(path).items()}
    base = own.pop("_base_", None)
    return {**(values(path.parent / base) if base else {}), **own}


def allowed(key: Key) -> str:
    least, most, below, choices = (key.rule[name] for name in ("least", "most", "below", "choices"))
    if choices:
        return ", ".join(map(str, choices))
    if below is not None:
        return f"{KINDS[key.kind]}, {least} to below {below}"
    if key.kind is float and most is not None:
        return f"{KINDS[key.kind]}, {least} to {most}"
    above = key.rule["above"]
    if above is not None:
        return f"{KINDS[key.kind]}, above {above}"
    return KINDS[key.kind] + (f", {least} or more" if least is not None else "")


def table(path: Path, known: dict) -> list:
    """A row for each key that the file sets."""
    rows = [
        f"| `{key}` | `{value}` | {allowed(known[key])} | {comment} |"
        for key, (value, comment) in entries(path).items()
        if key != "_base_"
    ]
    return ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows, ""]


def page() -> str:
    paths = sorted(CONFIGS.glob("*.yaml"))
    bases = {path: entries(path).get("_base_", [None])[0] for path in paths}
    schemas = {name: known_keys(system_named(name).Config) for name in names()}
    lines = [HEAD, "## All systems", "", *table(CONFIGS / COMMON, schemas["stargan_v2"])]
    for path in (path for path in paths if bases[path] == COMMON):
        system = values(path)["system"]
        lines += [f"## {system}, by {path.name}", "", *table(path, schemas[system])]
    for path in (path for path in paths if bases[path] not in (None, COMMON)):
        before, now = values(path.parent / bases[path]), values(path)
        lines += [f"## {path.name}", "", f"Starts from `{bases[path]}`.", ""]
        lines += [f"| key | {bases[path]} | {path.name} |", "| --- | --- | --- |"]
        lines += [f"| `{k}` | `{before.get(k, '-')}` | `{v}` |" for k, v in now.items() if v != before.get(k)] + [""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
