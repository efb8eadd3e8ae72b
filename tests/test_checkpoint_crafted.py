"""Files of weights that somebody made to do harm: nothing in them is run, and nothing that they declare is believed."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from ppstargan import checkpoint
from ppstargan.errors import UserError


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-file",)


def test_nothing_that_a_file_asks_for_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pdparams").write_bytes(pickle.dumps({"architecture": Evil()}))
    with pytest.raises(UserError, match=r"asks for (posix|nt)\.mkdir"):
        checkpoint.load("evil.pdparams")
    assert not (tmp_path / "made-by-a-file").exists()


class Crafted:
    """Pickles as a call of ``function``, with a state for what it returns."""

    def __init__(self, function, *arguments, state=None):
        self.call = (function, arguments, state)

    def __reduce__(self):
        return self.call


RECONSTRUCT, FROM_BUFFER = np.zeros(0).__reduce__()[0], np.zeros(1).__reduce_ex__(5)[0]


def object_array():
    return np.array([{"a": 1}, None], dtype=object)


def objects_from_bytes():
    return Crafted(FROM_BUFFER, b"A" * 16, np.dtype("O"), (2,), "C")


def hidden_pointers():
    """A record of plain bytes whose field is said to hold an object."""
    dtype = Crafted(np.dtype, "V8", False, True, state=(4, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0))
    return Crafted(FROM_BUFFER, b"A" * 16, dtype, (2,), "C")


def fields_on_a_number():
    state = (4, "<", None, ("a",), {"a": (np.dtype("i8"), 0)}, -1, -1, 63)
    return Crafted(FROM_BUFFER, b"A" * 16, Crafted(np.dtype, "f8", False, True, state=state), (2,), "C")


def huge_object_array():
    return Crafted(np.ndarray, (10**11,), np.dtype("O"))


def huge_shape():
    return Crafted(FROM_BUFFER, b"A" * 16, np.dtype("f4"), (10**12,), "C")


def huge_reconstruction():
    return Crafted(RECONSTRUCT, np.ndarray, (10**12,), b"f", state=(1, (10**12,), np.dtype("f4"), False, b"AAAA"))


@pytest.mark.parametrize(
    "craft",
    [object_array, objects_from_bytes, hidden_pointers, huge_object_array, huge_shape, huge_reconstruction],
)
def test_arrays_that_are_no_plain_numbers_or_larger_than_their_bytes_are_refused(tmp_path, craft):
    content = {"architecture": {}, "nets": {"generator": {"weight": craft()}}}
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(content, 5))
    with pytest.raises(checkpoint.Damaged, match="damaged or no weights"):
        checkpoint.load(tmp_path / "a.pdparams")


def test_of_a_type_nothing_is_believed_but_its_name_and_byte_order(tmp_path):
    content = {"architecture": {}, "nets": {"generator": {"weight": fields_on_a_number()}}}
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(content, 5))
    dtype = checkpoint.load(tmp_path / "a.pdparams")["nets"]["generator"]["weight"].dtype
    assert dtype == np.dtype("f8") and dtype.fields is None and not dtype.hasobject


@pytest.mark.parametrize(
    "opcodes",
    [
        b"}r\xff\xff\xff\x0f.",  # room in the unpickler's memory for 2**28 entries
        b"\x96" + (2**40).to_bytes(8, "little") + b"few bytes",
        b"\x8e" + (2**62).to_bytes(8, "little") + b"few bytes",
    ],
)
def test_sizes_that_a_file_only_declares_take_no_memory(tmp_path, opcodes):
    import resource

    (tmp_path / "a.pdparams").write_bytes(b"\x80\x05" + opcodes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"damaged or no weights|more memory than there is"):
        checkpoint.load(tmp_path / "a.pdparams")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # KiB


def test_a_tuple_whose_hash_would_take_the_process_down_is_refused(tmp_path):
    deep = b"\x80\x05}" + b")" + b"\x85" * 200_000 + b"K\x01s."  # {((((…),),),): 1}
    (tmp_path / "a.pdparams").write_bytes(deep)
    code = f"from ppstargan import checkpoint\ncheckpoint.load({str(tmp_path / 'a.pdparams')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.returncode  # and not by a signal
    assert "Damaged" in done.stderr and "tuples in tuples in tuples" in done.stderr
