"""PyTorch checkpoint files, read and written without PyTorch. The samples were written by PyTorch itself."""

from __future__ import annotations

import io
import os
import pickletools
import random
import struct
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from torch_asserts import identical, refusal

from ppstargan.convert.torch_reader import load
from ppstargan.convert.torch_writer import save
from ppstargan.errors import UserError

SAMPLES = Path(__file__).parent / "reference" / "checkpoints"
HARMLESS = ["samples_legacy.ckpt", "samples_zip.ckpt", "samples_optim.ckpt"]


@pytest.mark.parametrize("name", HARMLESS[:2])
def test_samples_equal_what_pytorch_held(name):
    checkpoint, expected = load(SAMPLES / name), np.load(SAMPLES / "samples.npz")
    state = checkpoint["state_dict"]
    assert type(state) is OrderedDict and list(state) == expected.files
    for key, array in state.items():
        assert identical(array, expected[key]), key
    assert np.shares_memory(state["fc.weight"], state["fc.transposed"])
    assert {key: value for key, value in checkpoint.items() if key != "state_dict"} == {
        "epoch": 12, "best": 0.25, "note": "trained elsewhere",
    }  # fmt: skip
    assert type(checkpoint["best"]) is np.float64 and type(checkpoint["epoch"]) is int


def test_optimizer_state():
    checkpoint = load(SAMPLES / "samples_optim.ckpt")
    states, (group,) = checkpoint["generator"]["state"], checkpoint["generator"]["param_groups"]
    assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.0, 0.99), 1e-4)
    assert group["params"] == [0, 1]
    for number, name in enumerate(("weight", "bias")):
        assert states[number]["step"] == 3
        for moment in ("exp_avg", "exp_avg_sq"):
            assert states[number][moment].shape == checkpoint["weights"][name].shape
            assert states[number][moment].dtype == np.float32 and states[number][moment].any()


@pytest.mark.parametrize("name", ["hostile_zip.ckpt", "hostile_legacy.ckpt"])
def test_hostile_samples_are_refused_and_not_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(SAMPLES / name)
    assert "asks for posix.mkdir, which" in message and "nothing was run" in message
    assert not (tmp_path / "opened-by-a-checkpoint").exists()


@pytest.mark.parametrize("name", HARMLESS)
def test_every_truncation_is_refused(name, tmp_path):
    data, path = (SAMPLES / name).read_bytes(), tmp_path / "cut.ckpt"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refusal(path)
    path.write_bytes(data)
    load(path)


def test_damaged_bytes_lead_to_a_result_or_a_refusal(tmp_path):
    chance, path, refused = random.Random(0), tmp_path / "damaged.ckpt", 0
    for number in range(4000):
        data = bytearray((SAMPLES / HARMLESS[number % 3]).read_bytes())
        pickles = len(data) * 2 // 3  # most of what can go wrong is in the first part
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(chance.choice((pickles, len(data))))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            load(path)
        except UserError:
            refused += 1
    assert 1000 < refused < 4000


def test_missing_files_folders_and_pipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"there is no file {tmp_path / 'none.ckpt'}; "):
        load("none.ckpt")
    assert "is a folder" in refusal(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "no ordinary file" in refusal(tmp_path / "pipe")


# What PyTorch can hold and we can write, of every kind.
SIGNED = ("f2", "f4", "f8", "i1", "i2", "i4", "i8")
VALUE = {
    "weights": OrderedDict((kind, np.arange(-3, 9).reshape(3, 4).astype(kind)) for kind in SIGNED),
    "bytes": np.arange(256, dtype="u1"),
    "mask": np.array([True, False, True]),
    "nothing": np.empty((0, 3), "f4"),
    "number": np.array(2.5, "f8"),
    "columns": np.asfortranarray(np.arange(6, dtype="f4").reshape(2, 3)),
    "every other": np.arange(10, dtype="i8")[::-2],
    "plain": [1, -(2**31), 2**31, -(2**70), 0.1, float("inf"), "é\n", "", True, False, None],
    "nested": ((), [], {}, (1, [2, {"a": ({},)}])),
    7: OrderedDict(),
}


def test_what_is_written_is_read(tmp_path):
    save(VALUE, tmp_path / "a.ckpt")
    assert identical(load(tmp_path / "a.ckpt"), VALUE)
    assert os.listdir(tmp_path) == ["a.ckpt"]
    foreign = {"big": np.arange(3, dtype=">f4"), "scalar": np.float32(0.5), "flag": np.bool_(True)}
    save(foreign, str(tmp_path / "a.ckpt"))
    read = load(tmp_path / "a.ckpt")
    assert identical(read, {"big": np.arange(3, dtype="f4"), "scalar": 0.5, "flag": True})


def test_one_array_met_twice_is_stored_once(tmp_path):
    weight = np.zeros(100_000, "f4")
    save({"a": weight, "b": weight}, tmp_path / "a.ckpt")
    assert (tmp_path / "a.ckpt").stat().st_size < 1.1 * weight.nbytes
    read = load(tmp_path / "a.ckpt")
    assert np.shares_memory(read["a"], read["b"])


def test_layout_of_what_is_written(tmp_path):
    save(VALUE, tmp_path / "a.ckpt")
    data = (tmp_path / "a.ckpt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
        pickle = archive.read("archive/data.pkl")
        assert archive.read("archive/byteorder") == b"little"
        assert archive.read("archive/version") == b"3\n"
        assert archive.read("archive/data/7") == bytes(range(256))
    names = [entry.filename for entry in entries]
    assert names[0] == "archive/data.pkl"  # PyTorch takes the name of the folder from the first record
    data_names = [f"data/{number}" for number in range(13)]
    assert sorted(names[1:]) == sorted(f"archive/{name}" for name in ["byteorder", "version", *data_names])
    for entry in entries:
        name_size, extra_size = struct.unpack_from("<HH", data, entry.header_offset + 26)
        start = entry.header_offset + 30 + name_size + extra_size
        assert entry.compress_type == zipfile.ZIP_STORED and start % 64 == 0
        assert extra_size == 4 + struct.unpack_from("<H", data, start - extra_size + 2)[0]
    asked, used = set(), set()
    for opcode, argument, _ in pickletools.genops(pickle):
        used.add(opcode.name)
        if opcode.name == "GLOBAL":
            asked.add(argument)
    kinds = ["Half", "Float", "Double", "Char", "Short", "Int", "Long", "Byte", "Bool"]
    storages = [f"torch {kind}Storage" for kind in kinds]
    assert asked == {"torch._utils _rebuild_tensor_v2", "collections OrderedDict", *storages}
    # PyTorch's weights_only reader knows all of these, and few others.
    assert used == {
        "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BINPERSID", "EMPTY_DICT", "EMPTY_LIST", "SETITEMS",
        "APPENDS", "TUPLE", "EMPTY_TUPLE", "BINUNICODE", "BININT", "LONG1", "BINFLOAT", "NEWTRUE", "NEWFALSE",
        "NONE",
    }  # fmt: skip


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value, words",
    [
        ({"a": [np.ones(2), {1, 2}]}, r"obj\['a'\]\[1\] is a set"),
        ({"a": np.array([None])}, "an array of object"),
        ({"a": np.ones(2, "u2")}, "an array of uint16"),
        ({"a": {(1, 2): 3}}, r"a key in obj\['a'\] is a tuple"),
        ([threading.Lock()], r"obj\[0\] is a lock"),
        (LOOP, "nested in itself"),
        (2**3000, "more than 2039 bits"),
    ],
)
def test_what_cannot_be_stored_leaves_the_older_file(value, words, tmp_path):
    save({"kept": 1}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=f"a.ckpt cannot be written: .*{words}"):
        save(value, tmp_path / "a.ckpt")
    assert load(tmp_path / "a.ckpt") == {"kept": 1} and os.listdir(tmp_path) == ["a.ckpt"]


def test_a_failure_while_writing_leaves_nothing(tmp_path, monkeypatch):
    save({"kept": 1}, tmp_path / "a.ckpt")
    for name, error in (("fsync", OSError(28, "No space left on device")), ("replace", KeyboardInterrupt())):

        def fail(*_, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(UserError if name == "fsync" else KeyboardInterrupt):
                save({"new": np.ones(1000)}, tmp_path / "a.ckpt")
        assert load(tmp_path / "a.ckpt") == {"kept": 1} and os.listdir(tmp_path) == ["a.ckpt"]
    with pytest.raises(UserError, match="no folder"):
        save({}, tmp_path / "none" / "a.ckpt")
    with pytest.raises(UserError, match="is a folder"):
        save({}, tmp_path)


def test_pytorch_reads_ours_and_we_read_pytorch(tmp_path):
    torch = pytest.importorskip("torch")

    def turned(value, change, array):
        """`value` with every array or tensor changed."""
        if isinstance(value, array):
            return change(value)
        if isinstance(value, dict):
            return type(value)((key, turned(item, change, array)) for key, item in value.items())
        if isinstance(value, (list, tuple)):
            return type(value)(turned(item, change, array) for item in value)
        return value

    save(VALUE, tmp_path / "ours.ckpt")
    for mapped in (False, True):
        read = torch.load(tmp_path / "ours.ckpt", weights_only=True, mmap=mapped)
        assert identical(turned(read, torch.Tensor.numpy, torch.Tensor), VALUE)

    tensors = turned(VALUE, lambda array: torch.from_numpy(array.copy()), np.ndarray)
    # One type each: PyTorch cannot save two types that share a storage.
    tensors["transposed"] = torch.arange(12.0).reshape(3, 4).T[1:]
    tensors["parameter"] = torch.nn.Parameter(torch.ones(2, 2))
    tensors["brain"] = torch.tensor([1.5, -2.0, float("nan")], dtype=torch.bfloat16)
    tensors["complex"] = torch.tensor([1 + 2j])
    layer = torch.nn.Linear(3, 2)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    adam.step()
    tensors.update(layer=layer.state_dict(), adam=adam.state_dict(), size=torch.Size([2, 3]))

    def array(tensor):
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()

    expected = turned(tensors, array, torch.Tensor)
    expected["size"] = (2, 3)
    for zipped in (False, True):
        torch.save(tensors, tmp_path / "theirs.pt", _use_new_zipfile_serialization=zipped)
        read = load(tmp_path / "theirs.pt")
        assert np.isnan(read["brain"][2])
        read["brain"], expected["brain"] = read["brain"][:2], expected["brain"][:2]
        assert identical(read, expected)
