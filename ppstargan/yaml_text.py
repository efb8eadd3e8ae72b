"""YAML as configurations use it: keys and sections of keys, whose values are the texts that stand in the file.

No value is guessed a type from its look: YAML 1.1 takes 010 for 8, 1:30 for 90, and 2024-01-30 for a date. What a text
stands for, its key tells (config.py).
"""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import yaml

from ppstargan.errors import UsageError

NO_SPACE = re.compile(r"(?:^|\s)([\w.]+)[:：][^\s:\\/]")  # lr:2e-4, which YAML takes for a text; or with the wide colon
_TEXT_TAG = "tag:yaml.org,2002:str"


class Text(NamedTuple):
    """A value as it stands, and where."""

    text: str
    where: str  # for messages: "/home/me/mine.yaml, line 3"
    quoted: str = ""  # its quotes


class _Loader(yaml.SafeLoader):
    """Takes every value for a text."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own way)


def read(path: Path) -> dict:
    """{"train.lr": Text, …} of the file ``path``; sections and dotted keys give the same.

    Raises UsageError where it cannot be read, is no YAML of sections with keys, or says a key twice; FileNotFoundError
    where there is none.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise UsageError(f"{path} is a link to {os.readlink(path)}, which is not there") from None
        raise
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; name a configuration in it") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    text = _decoded(content, path)
    root = _composed(text, path)
    if not isinstance(root, yaml.MappingNode) or not root.value:
        _look_for_missing_space(text.splitlines(), path, 1)
        raise UsageError(f"{path} holds no keys; start it with '_base_: base.yaml'")
    found, lines = {}, {}
    for section, node in _pairs(root, path, lines, ""):
        if not isinstance(node, yaml.MappingNode) or not node.value:
            found[section] = _text(section, node, text, path)
            continue
        for key, value in _pairs(node, path, lines, f"{section}."):
            while isinstance(value, yaml.MappingNode) and value.value and key.count(".") < 4:  # no such key: name it
                inner, value = value.value[0]
                key = f"{key}.{inner.value}"
            found[key] = _text(key, value, text, path)
    return found


def of_override(override: str) -> tuple:
    """("train.lr", Text) of ``train.lr=2e-4``. Quotes around the whole value are YAML's; otherwise it stands as it is.

    Raises UsageError where there is no "=", or where the quotes are not closed as YAML wants it.
    """
    where = f"override {override!r}"
    key, sign, text = override.partition("=")
    if not sign or not key.strip() or key != key.strip():
        what = "has no '='" if not sign else "has a space before the '='" if key.strip() else "has no key"
        named = key.strip() if "." in key else "train.batch_size"
        raise UsageError(f"{where} {what}; write it as one word without spaces, such as {named}=4")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return key, _text(key, _composed(text, where), text, where)
    return key, Text(text, where)


def one_line(value: Text, key: str) -> str:
    """The text of ``value`` for ``key``. Raises UsageError where there is none, or where it holds what no name does."""
    if not value.text and not value.quoted:
        raise UsageError(f"{value.where}: {key} has no value; give it a text")
    odd = any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in value.text)
    if value.quoted == '"' and (odd or "\xa0" in value.text):
        raise UsageError(
            f"{value.where}: {key} would be {value.text!r}, since double quotes give \\n, \\t and others a meaning; "
            "put the value in single quotes"
        )
    if odd:
        raise UsageError(f"{value.where}: {key} must be one line without control characters, not {value.text!r}")
    return value.text


def _decoded(content: bytes, path: Path) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text; save it as UTF-8") from None


def _composed(text: str, where):
    """The root of YAML's nodes; None where there is none."""
    try:
        return yaml.compose(text, Loader=_Loader)
    except RecursionError:
        reason = "it is nested too deeply; sections hold keys, and keys a value"
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"line {line} holds the character {chr(error.character)!r}; save it as UTF-8 text without it"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _look_for_missing_space(text.splitlines()[: mark.line + 1], where, 1)
        reason = f"line {mark.line + 1}, {error.problem}"
        if "'\\t'" in error.problem:
            reason += "; indent by spaces, not tabs"
        elif "escape" in f"{error.problem} {error.context}" or "expected escape" in error.problem:
            reason += "; put it in single quotes, in which \\ is just that"
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a character by a number that none has, say
        reason = " ".join(str(error).split())
    raise UsageError(f"{where} cannot be read as YAML: {reason}")


def _look_for_missing_space(lines: list, where, first: int) -> None:
    """Raises UsageError for a key with no space behind its colon in ``lines``, the first of which has that number."""
    for number, line in enumerate(lines, first):
        match = NO_SPACE.match(line.strip())
        if match:
            raise UsageError(f"{where}, line {number}: there is no space behind {match[1]}:, which makes it no key")


def _pairs(node, path: Path, lines: dict, prefix: str):
    """(dotted key, node) of a mapping. Raises UsageError for a key that ``lines`` {key: line} has already."""
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode):
            raise UsageError(f"{path}, line {line}: a key is a name, and this is none")
        key = prefix + name.value
        if name.value == "<<":
            raise UsageError(f"{path}, line {line}: '<<' is not for configurations; start from a file by _base_")
        if key in lines:
            raise UsageError(f"{path}: {key} stands in line {lines[key]} and again in line {line}; remove one")
        lines[key] = line
        yield key, value


def _text(key: str, node, source: str, where) -> Text:
    line = node.start_mark.line
    place = f"{where}, line {line + 1}" if isinstance(where, Path) else where
    if isinstance(node, yaml.MappingNode):
        return Text("{}", place)
    if not isinstance(node, yaml.ScalarNode):
        raise UsageError(f"{place}: {key} is a list, and takes one value")
    if node.tag != _TEXT_TAG:
        raise UsageError(f"{place}: {key} has the tag {node.tag}, and takes a plain value")
    if not node.style:  # it may go on in further lines, and take in one that was to be a key
        _look_for_missing_space(source.splitlines()[line + 1 : node.end_mark.line + 1], where, line + 2)
    return Text(node.value, place, node.style or "")
