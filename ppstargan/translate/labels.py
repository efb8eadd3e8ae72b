"""What is asked of StarGAN: words such as hair=black, turned into labels."""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np

from ppstargan.data.attributes import HAIR, targets
from ppstargan.errors import UsageError

YES, NO = ("yes", "1", "on", "true"), ("no", "-1", "0", "off", "false")
SHORT = {  # everyday words for some of CelebA's names
    "glasses": "Eyeglasses", "smile": "Smiling", "pale": "Pale_Skin", "hat": "Wearing_Hat",
    "lipstick": "Wearing_Lipstick", "makeup": "Heavy_Makeup",
}  # fmt: skip


class Wish(NamedTuple):
    """One thing that is asked for: its name, for files and messages, and how it changes labels [N, C] into targets."""

    name: str
    change: Callable
    from_anything: bool  # whether the targets are the same whatever the labels


def of_words(words: list, names: list) -> Wish:
    """Everything that ``words`` say, such as ["hair=black", "glasses=yes"], at once; all other labels stay.

    ``names`` are the model's attributes. hair=black takes away the other colours; a value is yes or no. Raises
    UsageError for what is none of these.
    """
    values: dict = {}
    for word in words:
        for column, value in _columns(word, names).items():
            if values.setdefault(column, value) != value:
                raise UsageError(f"--set {' '.join(words)} asks for {names[column]} and for its contrary")

    def change(labels: np.ndarray) -> np.ndarray:
        asked = np.array(labels, np.float32)
        for column, value in values.items():
            asked[:, column] = value
        return asked

    return Wish(" ".join(words), change, len(values) == len(names))


def each(names: list, exclusive: bool, wanted: list | None = None) -> list:
    """A wish for each of ``wanted``, all of ``names`` by default: an attribute turned, or a class.

    Raises UsageError for a name that the model lacks.
    """
    unknown = [name for name in wanted or [] if name not in names]
    if unknown:
        raise UsageError(f"--domain {unknown[0]}: the weights have {', '.join(names)}")

    def wish(column: int) -> Wish:
        return Wish(names[column], lambda labels: targets(labels, names, exclusive)[column], exclusive)

    return [wish(names.index(name)) for name in wanted or names]


def _columns(word: str, names: list) -> dict:
    """{number of an attribute: 1 or 0} of one word."""
    key, equals, value = word.partition("=")
    key, value = key.strip().lower(), value.strip().lower()
    hair = {name[: -len("_Hair")].lower(): name for name in HAIR if name in names}
    if not equals:
        raise UsageError(f"--set {word}: give NAME=yes or NAME=no{', or hair=COLOUR' if hair else ''}")
    if key == "hair" and hair:
        if value not in hair:
            raise UsageError(f"--set {word}: the weights have hair={', hair='.join(hair)}")
        return {names.index(name): float(name == hair[value]) for name in hair.values()}
    found = {name.lower(): name for name in names}
    name = found.get(key) or found.get(SHORT.get(key, "").lower())
    if name is None:
        short = [word for word, name in SHORT.items() if name in names]
        also = "".join(f", {word}" for word in ["hair"] * bool(hair) + short)
        raise UsageError(f"--set {word}: the weights have {', '.join(names)}{also}")
    if value not in YES + NO:
        raise UsageError(f"--set {word}: give {key}=yes or {key}=no")
    if name in HAIR and value in YES:
        return {names.index(other): float(other == name) for other in hair.values()}
    return {names.index(name): float(value in YES)}
