"""Writes docs/configuration.md: every key, by the comments in configs/base.yaml and the schema in ppstargan/config.py.

It takes no arguments: ``python docs/configuration.py``. Each key stands on one line of a file, with its comment behind.
"""

from __future__ import annotations

import re
from pathlib import Path

from ppstargan import config

CONFIGS = Path(__file__).parents[1] / "configs"
PAGE = Path(__file__).with_suffix(".md")
ENTRY = re.compile(r"( *)(\w+): *([^#]*?) *(?:# *(.*))?")
KINDS = {"bool": "true or false", "str": "text", "int": "whole number", "float": "number"}
HEAD = """# Configuration

All keys with their defaults, which [configs/base.yaml](../configs/base.yaml) sets, and what the other files there
change. `-o train.lr=2e-4` overrides a key on the command line; a file of your own names the one that it starts from,
by a path relative to itself, and says what differs:

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
writes this page; the texts are the comments in `configs/base.yaml`.
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


def allowed(key: str, kind: str) -> str:
    if key == "train.amp":
        return ", ".join(config.AMP)
    least = {**dict.fromkeys(config.AT_LEAST_ONE, ", 1 or more"), **dict.fromkeys(config.NOT_NEGATIVE, ", 0 or more")}
    least["train.lr"] = ", above 0"
    least.update({**dict.fromkeys(config.FRACTIONS, ", 0 to 1"), **dict.fromkeys(config.BELOW_ONE, ", 0 to below 1")})
    return KINDS[kind] + least.get(key, "")


def page() -> str:
    kinds, lines = config.known_keys(), [HEAD]
    for section in ("", *config.SECTIONS):
        lines += [f"## {section or 'Run'}", "", "| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
        for key, (value, comment) in entries(CONFIGS / "base.yaml").items():
            if key.rpartition(".")[0] == section:
                lines.append(f"| `{key}` | `{value}` | {allowed(key, kinds[key])} | {comment} |")
        lines.append("")
    for path in sorted(CONFIGS.glob("*.yaml")):
        base = entries(path).get("_base_", [None])[0]
        if base:
            before, now = values(path.parent / base), values(path)
            lines += [f"## {path.name}", "", f"Starts from `{base}`.", ""]
            lines += [f"| key | {base} | {path.name} |", "| --- | --- | --- |"]
            lines += [f"| `{k}` | `{before[k]}` | `{v}` |" for k, v in now.items() if v != before[k]] + [""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
