"""Checkpoint files put together byte by byte: forms that the samples lack, lies, attacks, and large ones."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from torch_asserts import identical, refusal

from ppstargan.convert import torch_pickle
from ppstargan.convert.torch_reader import LEGACY_MAGIC, load
from ppstargan.convert.torch_writer import save

HOOKS = b"\x89ccollections\nOrderedDict\n)R"


def code(value) -> bytes:
    """The pickle instructions that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def storage(kind="Float", key="0", count=6, view=b"") -> bytes:
    kind = f"ctorch\n{kind}Storage\n".encode()
    return b"(" + code("storage") + kind + code(key) + code("cuda:3") + code(count) + view + b"tQ"


def tensor(of: bytes, offset=0, shape=(2, 3), strides=(3, 1), metadata=b"") -> bytes:
    place = code(offset) + code(shape) + code(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + of + place + HOOKS + metadata + b"tR"


def legacy_bytes(body: bytes, storages: dict[str, np.ndarray]) -> bytes:
    parts = [pickle.dumps(LEGACY_MAGIC, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    parts += [b"\x80\x02" + body + b".", pickle.dumps(sorted(storages), 2)]
    parts += [struct.pack("<q", storages[key].size) + storages[key].tobytes() for key in sorted(storages)]
    return b"".join(parts)


def zip_bytes(body: bytes, storages: dict[str, np.ndarray], **records) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + body + b".")
        for key, array in storages.items():
            archive.writestr(f"a/data/{key}", array.tobytes())
        for name, data in records.items():
            archive.writestr(f"a/{name}", data)
    return file.getvalue()


SIX = {"0": np.arange(6, dtype="f4")}


@pytest.fixture(params=[legacy_bytes, zip_bytes])
def loaded(request, tmp_path):
    """A function from the body of a pickle and its storages to what is read, tried in both formats."""

    def read(body: bytes, storages=SIX, refused=None):
        path = tmp_path / "made.ckpt"
        path.write_bytes(request.param(body, storages))
        if refused is None:
            return load(path)
        message = refusal(path)
        assert refused in message, message
        return None

    return read


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not written by torch.save"),
        (b"some text\n" * 50, "not written by torch.save"),
        (b"\n<!DOCTYPE html>\n<html>Not found</html>", "is a web page"),
        (pickle.dumps({"weight": [1.0]}, 2), "not written by torch.save"),
        (pickle.dumps({"weight": np.ones(3)}, 4), "not written by torch.save"),
        (bytes(257) + b"ustar" + bytes(1000), "tar archive"),
        (zip_bytes(b"N", {}).replace(b"data.pkl", b"info.pkl"), "no data.pkl"),
        (zip_bytes(b"N", {}, **{"constants.pkl": b""}), "TorchScript"),
        (zip_bytes(b"N", {}, byteorder=b"mixed"), "byte order"),
        (pickle.dumps(LEGACY_MAGIC, 2) + pickle.dumps(1002, 2) + pickle.dumps({}, 2), "protocol"),
    ],
)
def test_other_files_are_refused(data, words, tmp_path):
    path = tmp_path / "file.ckpt"
    path.write_bytes(data)
    assert words in refusal(path)


def test_views_parameters_and_older_forms(loaded):
    expected = np.arange(6, dtype="f4")
    assert identical(loaded(tensor(storage(), 1, (2, 2), (1, 3))), expected[np.array([[1, 4], [2, 5]])])
    repeated = loaded(tensor(storage(), 2, (2, 3), (0, 0)))
    assert identical(repeated, np.full((2, 3), 2, "f4"))
    assert identical(loaded(tensor(storage(), 5, (1, 1), (2**40, 2**40))), expected[5:].reshape(1, 1))
    old = tensor(storage(), 0, (6,), (1,)).replace(b"_v2", b"").replace(HOOKS, b"")
    assert identical(loaded(old), expected)
    parameter = b"ctorch.nn.parameter\nParameter\n" + old + b"\x85R" + code((True, False, None)) + b"b"
    assert identical(loaded(parameter), expected)
    part = storage(view=b"(" + code("part") + code(2) + code(3) + b"t")
    assert identical(loaded(tensor(part, 1, (2,), (1,))), expected[3:5])
    assert loaded(b"ctorch\nSize\n" + code([2, 3]) + b"\x85R", {}) == (2, 3)


@pytest.mark.parametrize(
    "kind, dtype",
    [("Half", "f2"), ("Float", "f4"), ("Double", "f8"), ("Char", "i1"), ("Short", "i2"), ("Int", "i4"),
     ("Long", "i8"), ("Byte", "u1"), ("Bool", "?"), ("ComplexFloat", "c8"), ("ComplexDouble", "c16")],
)  # fmt: skip
def test_element_types_in_both_byte_orders(kind, dtype, tmp_path):
    values = np.array([0, 1, 100], dtype)
    for order, stored in ((b"little", values.astype(f"<{dtype}")), (b"big", values.astype(f">{dtype}"))):
        path = tmp_path / "types.pt"
        three = tensor(storage(kind, count=3), 0, (3,), (1,))
        path.write_bytes(zip_bytes(three, {"0": stored}, byteorder=order))
        assert identical(load(path), values)


def test_bfloat16_and_bool_bytes(loaded, tmp_path):
    upper = np.array([0x3F80, 0xC020, 0x7FC1], "<u2")  # 1, -2.5 and a NaN
    one = tensor(storage("BFloat16", count=3), 0, (3,), (1,))
    assert loaded(one, {"0": upper}).view(np.uint32).tolist() == [half << 16 for half in upper.tolist()]
    (tmp_path / "big.pt").write_bytes(zip_bytes(one, {"0": upper.byteswap()}, byteorder=b"big"))
    assert load(tmp_path / "big.pt")[:2].tolist() == [1, -2.5]
    odd = loaded(tensor(storage("Bool", count=3), 0, (3,), (1,)), {"0": np.array([0, 2, 255], "u1")})
    assert odd.view(np.uint8).tolist() == [0, 1, 1]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_numpy_values_and_plain_python(loaded, protocol):
    shared = np.arange(6, dtype=">i4").reshape(2, 3)
    columns = np.asfortranarray(shared)
    value = {"n": np.float32(1.5), "t": np.bool_(True), "a": shared, "again": shared, "f": columns}
    value.update({"s": {1, "x"}, "b": b"\x00\xff", "none": b"", "l": [(), 2**70, -1.5, "é"], (1, "k"): None})
    read = loaded(pickle.dumps(value, protocol)[2:-1], {})
    assert read.pop("again") is read["a"] and value.pop("again") is shared
    value["a"] = value["f"] = shared.astype("i4")
    assert identical(read, value)


@pytest.mark.parametrize(
    "offset, shape, strides, words",
    [
        (1, (2, 3), (3, 1), "needs element 6 of a storage of 6"),
        (0, (2, 3), (4, 1), "needs element 6"),
        (0, (2,), (2**61,), "needs element"),
        (6, (), (), "needs element 6"),
        (-1, (2,), (1,), "makes no sense"),
        (5, (2,), (-1,), "makes no sense"),
        (0, (-2, -3), (1, 1), "makes no sense"),
        (0, (2**63,), (0,), "makes no sense"),
        (0, (2**40,), (0,), "more than the file can hold"),
        (0, (1,) * 33, (1,) * 33, "makes no sense"),
        (0, (2, 3), (1,), "strides"),
        (0.0, (2, 3), (3, 1), "makes no sense"),
        (0, "ab", (3, 1), "makes no sense"),
        (0, (2, 3), None, "makes no sense"),
    ],
)
def test_views_beyond_their_storage_are_refused(loaded, offset, shape, strides, words):
    loaded(tensor(storage(), offset, shape, strides), refused=words)


def test_the_stride_of_a_dimension_of_one_may_be_anything(loaded):
    read = loaded(tensor(storage(), 0, (2, 1, 3), (3, 2**61, 1)))
    np.testing.assert_array_equal(read, SIX["0"].reshape(2, 1, 3))


NAMED = "which a checkpoint has no need of"
# A tuple of one tuple twice, and so on: forty levels that would take a terabyte to print.
BOMB = b"]q\x00" + b"".join(b"h%c\x86q%c" % (level, level + 1) for level in range(40))


@pytest.mark.parametrize(
    "body, words",
    [
        (tensor(storage(count=2**40)), "bytes or more"),
        (tensor(storage(count=-6)), "not described"),
        (tensor(storage(count=5), 0, (5,), (1,)), "damaged"),
        (tensor(storage(key="1")), "damaged"),
        (b"]" + tensor(storage()) + b"a" + tensor(storage("Int")) + b"a", "described in two ways"),
        (storage(), "a Storage stands where a value should"),
        (tensor(storage(), metadata=code({"conj": True})), "conjugate"),
        (b"cos\nsystem\n" + code("echo") + b"\x85R", f"asks for os.system, {NAMED}; nothing was run"),
        (code("os") + code("sys\ntem") + b"\x93", "asks for os.sys?tem"),
        (b"cbuiltins\neval\n", "builtins.eval"),
        (b"ctorch.storage\n_load_from_bytes\n", "torch.storage._load_from_bytes"),
        (b"ccollections\nOrderedDict\n", "a Function stands where a value should"),
        (b"ccollections\nOrderedDict\n" + code({"call": 1}) + b"b", "sets the state of a Function"),
        (b"ccollections\nOrderedDict\n)\x81", "instruction NEWOBJ"),
        (b"(icollections\nOrderedDict\n", "instruction INST"),
        (b"c_codecs\nencode\n" + code("x") + code("rot13") + b"\x86R", "codec"),
        (b"cnumpy\ndtype\n" + code("O8") + b"\x85R", "not plain numbers"),
        (b"cnumpy\ndtype\n" + code("f8") + b"\x85R", "a Pending stands"),
        (b"}" + b")" + b"\x85" * 500_000 + b"Ns", "a key is a tuple"),
        (b"}" + code(2**64) + b"Ns", "a key is a int"),
        (b"]" * 500_000 + b"a" * 499_999, "deeper than"),
        (b"]q\x01h\x01a", "nested in themselves"),
        (b"Nr\xff\xff\xff\x7f0", "instruction POP"),  # this memo index alone takes pickle.Unpickler 32 GB
        (b"\x8e" + struct.pack("<Q", 2**42), "larger than a gigabyte"),
        (BOMB + b"h\x00\x93", "damaged"),
        (b"(c_codecs\nencode\nq\x09" + code(("a" * 9999, "latin1")) + b"h\x09h\x02R" * 999 + b"t", "often"),
    ],
)  # fmt: skip
def test_hostile_pickles_are_refused(loaded, body, words):
    loaded(body, refused=words)


def test_a_value_met_many_times_is_read_once(loaded):
    assert type(loaded(BOMB, {})) is tuple


def test_attributes_of_a_state_dict_are_dropped(loaded):
    state = loaded(b"ccollections\nOrderedDict\n)R" + code({"items": 1, "_metadata": {}}) + b"b", {})
    assert state == {} and vars(state) == {}


def test_long_pickles_are_refused(loaded, monkeypatch):
    monkeypatch.setattr(torch_pickle, "MOST_INSTRUCTIONS", 1000)
    assert len(loaded(b"](" + b"N" * 900 + b"e", {})) == 900
    loaded(b"](" + b"N" * 1000 + b"e", {}, refused="more than 1000 instructions")


def test_zip_damage_is_refused(tmp_path):
    path = tmp_path / "zip.pt"
    good = zip_bytes(tensor(storage()), SIX)
    path.write_bytes(good.replace(SIX["0"].tobytes(), SIX["0"][::-1].tobytes()))
    assert "CRC" in refusal(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N.")
    assert "compressed" in refusal(path)


# VmHWM, and not ru_maxrss: the latter is inherited from the process that starts this one.
MEASURE = """
import sys
import numpy as np
from ppstargan.convert.torch_reader import load
from ppstargan.convert.torch_writer import save

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

path, what = sys.argv[1:]
if what == "load":
    before = status("VmRSS")
    value = load(path)
else:
    value = {str(i): np.ones((5000, 2500), "f4") for i in range(4)}
    value["0"] = value["0"].T
    before = status("VmRSS")
    save(value, path)
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory is read from /proc")
@pytest.mark.parametrize("kind", ["legacy", "zip", "written"])
def test_peak_memory_of_200_megabytes(kind, tmp_path):
    arrays = {str(i): np.full((5000, 2500), i, "f4") for i in range(4)}
    path, size = tmp_path / "large.ckpt", sum(array.nbytes for array in arrays.values())
    if kind == "zip":
        save(arrays, path)
    elif kind == "legacy":
        count, shape = 5000 * 2500, ((5000, 2500), (2500, 1))
        tensors = [tensor(storage(key=key, count=count), 0, *shape) for key in arrays]
        path.write_bytes(legacy_bytes(b"(" + b"".join(tensors) + b"t", arrays))
    what = "save" if kind == "written" else "load"
    command, root = [sys.executable, "-c", MEASURE, str(path), what], Path(__file__).parents[1]
    peak = int(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)
    if what == "load":
        assert 0.9 * size < peak < 1.05 * size + 16e6, peak / size
    else:  # a copy of the one array that is not contiguous, a quarter of all
        assert peak < 0.3 * size + 16e6, peak / size
