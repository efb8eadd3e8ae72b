"""What the tests of PyTorch files ask of what they read."""

import numpy as np
import pytest

from ppstargan.convert.torch_reader import load
from ppstargan.errors import UserError


def refusal(path) -> str:
    """The message with which `path` is refused: one line, that begins with the file's name."""
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and message.isprintable() and len(message) < 500, message
    return message


def identical(a, b) -> bool:
    """Whether two nested values are the same, types, dtypes and shapes included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(identical, a, b))
    return a == b
