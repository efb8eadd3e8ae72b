"""What callers give from Python: numbers, and names of domains or classes. Each is checked, or told in one line."""

from __future__ import annotations

import operator
from unicodedata import normalize

import numpy as np

from ppstargan.errors import UserError


def told(value) -> str:
    """Any value, short and in one line."""
    return " ".join(repr(value).split())[:60]


def whole(name: str, value, least: int, most: int | None = None) -> int:
    """``value`` as an int. Raises UserError unless it is a whole number from ``least`` to ``most``."""
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise UserError(f"{name} {told(value)}: the {name} must be {least} or more, a whole number")
    if most is not None and number > most:
        raise UserError(f"{name} {told(value)}: the {name} must be {most} or less")
    return number


def share(name: str, value) -> float:
    """``value`` as a float. Raises UserError unless it is a number from 0 to 1."""
    try:
        number = -1.0 if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise UserError(f"{name} {told(value)}: give a number from 0 to 1")
    return number


def domain_names(stored, given, count: int, weights) -> list:
    """The names of the ``count`` domains of the file ``weights``, in the order of their numbers.

    They are those ``given`` by the user, or ``stored`` in the file, or else the numbers. Raises UserError for others
    than the stored ones, and for another count.
    """
    if isinstance(given, str) or (given is not None and not hasattr(given, "__iter__")):
        raise UserError(f"domains is {told(given)}; give a list of names, in the order of their numbers")
    given = None if given is None else [normalize("NFC", str(name)) for name in given]
    if stored and given and list(stored) != list(given):
        raise UserError(f"{weights} has the domains {', '.join(stored)}, and not {', '.join(given)}")
    names = list(given or stored or map(str, range(count)))
    if len(set(names)) != count or len(names) != count:
        raise UserError(f"{weights} has {count} domains, and {', '.join(names)} do not name so many")
    return names


def domain_number(domain, names: list, named: bool, weights) -> int:
    """The number of a domain given by name or number. Raises UserError naming the known ones.

    An int is a number; a text is a name first, since folders may be called 1, 2, 3. Where the domains of the file
    ``weights`` are not ``named``, ``names`` are numbers, and the message says how to name them.
    """
    name = normalize("NFC", str(domain))  # é of a Mac's folder is é
    if name in names and not isinstance(domain, (int, np.integer)):
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    known = ", ".join(names)
    advice = "" if named else "; the file has no names for them: give all of them in that order (--domain-names)"
    raise UserError(f"unknown domain {' '.join(name.split())[:60]}; {weights} has {known}{advice}")
