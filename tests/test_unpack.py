"""Data sets in zip archives: the layouts that are published, and archives that mean harm."""

from __future__ import annotations

import os
import random
import stat
import zipfile

import pytest

from ppstargan.download import unpack as module
from ppstargan.download.unpack import unpack_dataset
from ppstargan.errors import UserError

DOMAINS = ("cat", "dog")


def images(*parts, top=""):
    """{name in the archive: bytes} of two images for each domain of each part."""
    rng = random.Random(1)
    return {f"{top}{p}/{d}/{i}.jpg": rng.randbytes(500) for p in parts for d in DOMAINS for i in range(2)}


def pack(path, entries, **more):
    """Writes a zip archive; ``entries`` has names or ZipInfos as keys."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in {**entries, **more}.items():
            file.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive, *words):
    """Refuses in one line, and leaves nothing behind, here or anywhere near."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(UserError) as caught:
        unpack_dataset(archive, archive.parent / "data" / "set", DOMAINS)
    message = str(caught.value)
    assert "\n" not in message and str(archive) in message
    for word in words:
        assert word in message, message
    after = [path for path in archive.parent.rglob("*") if path != archive.parent / "data"]
    assert sorted(after) == [path for path in before if path != archive.parent / "data"]


@pytest.mark.parametrize("top", ["", "afhq/", "some/where/"])
@pytest.mark.parametrize("val", ["val", "test"])
def test_published_layouts(tmp_path, top, val):
    entries = images("train", val, top=top)
    junk = {f"{top}README.txt": b"hello", f"{top}train/cat/.0.jpg": b"x", f"__MACOSX/{top}train/cat/._0.jpg": b"x"}
    archive = pack(tmp_path / "a.zip", {**junk, **entries, f"{top}train/cat/deep/er/9.PNG": b"png", "cover.jpg": b"x"})
    (tmp_path / "set").mkdir()  # empty: as good as none
    counts = unpack_dataset(archive, tmp_path / "set", DOMAINS)
    assert counts == {("train", "cat"): 3, ("train", "dog"): 2, ("val", "cat"): 2, ("val", "dog"): 2}
    expected = {name[len(top) :].replace("test/", "val/", 1): content for name, content in entries.items()}
    assert files(tmp_path / "set") == {**expected, "train/cat/deep/er/9.PNG": b"png"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "set"]


def test_val_goes_before_test(tmp_path):
    archive = pack(tmp_path / "a.zip", images("train", "val", "test"))
    assert sum(unpack_dataset(archive, tmp_path / "set", DOMAINS).values()) == 8


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.jpg", "train/cat/../../../evil.jpg", "/tmp/evil.jpg", "train\\..\\evil.jpg", "C:evil.jpg", "../x"),
        *(
            "C:\\evil.jpg",
            "C:/train/cat/evil.jpg",
            "\\evil.jpg",
            "\\\\server\\share\\train\\cat\\evil.jpg",
            "..\\evil.jpg",
        ),
        *("train\\cat/..\\../../evil.jpg", "a/train/cat/..\\evil.jpg"),
    ],
)
def test_names_outside(tmp_path, name):
    archive = pack(tmp_path / "a.zip", images("train", "val"), **{name: b"evil"})
    refused(archive, "outside itself")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    entry = zipfile.ZipInfo("train/cat/link.jpg")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    refused(pack(tmp_path / "a.zip", {**images("train", "val"), entry: b"/etc/passwd"}), "link.jpg", "no plain file")


def test_link_as_a_folder(tmp_path):
    """A link first, and then a file through it: what would write outside, if links were made."""
    entry = zipfile.ZipInfo("train/cat/out")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    refused(pack(tmp_path / "a.zip", {entry: b"/tmp", **images("train", "val"), "train/cat/out/x.jpg": b"evil"}))


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 10_000)
    entries = images("train", "val")
    refused(pack(tmp_path / "a.zip", entries, **{"train/cat/big.bmp": bytes(1_000_000)}), "1.0 MB", "photographs")
    # The same without saying so: the directory tells of 100 bytes.
    archive = pack(tmp_path / "a.zip", entries, **{"train/cat/big.bmp": bytes(1_000_000)})
    told = archive.read_bytes().replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    archive.write_bytes(told)
    refused(archive, "damaged")
    pack(archive, entries, **{"train/cat/fine.bmp": bytes(5_000)})
    unpack_dataset(archive, tmp_path / "set", DOMAINS)


def test_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "need_room", lambda count, folder: (_ for _ in ()).throw(UserError(f"{count}")))
    archive = pack(tmp_path / "a.zip", images("train", "val"))
    with pytest.raises(UserError, match="4000"):
        unpack_dataset(archive, tmp_path / "set", DOMAINS)
    assert os.listdir(tmp_path) == ["a.zip"]


def test_damage(tmp_path):
    archive = pack(tmp_path / "a.zip", images("train", "val"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    refused(archive, "damaged")
    archive.write_bytes(whole[:1000] + bytes(20) + whole[1020:])
    refused(archive, "damaged")
    archive.write_bytes(b"<html>not a zip</html>")
    refused(archive, "damaged")


def test_encrypted(tmp_path):
    archive = pack(tmp_path / "a.zip", images("train", "val"))
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    archive.write_bytes(bytes(content))
    refused(archive, "is encrypted; unpack it yourself")


def test_same_place_twice(tmp_path):
    archive = pack(tmp_path / "a.zip", {**images("train", "val"), "train/./cat/0.jpg": b"another"})
    refused(archive, "two files for train/cat/0.jpg")


@pytest.mark.parametrize(
    "entries, words",
    [
        (images("train"), "train/cat, train/dog"),
        (images("val"), "none"),
        ({**images("train", "val"), "train/lion/1.jpg": b"x"}, "train/lion"),
        ({**images("train", "val", top="a/"), **images("train", "val", top="b/")}, "2 folders"),
        ({"train/1.jpg": b"x", "val/1.jpg": b"x"}, "none"),
    ],
)
def test_other_layouts(tmp_path, entries, words):
    refused(pack(tmp_path / "a.zip", entries), words)


def test_interrupted_leaves_nothing(tmp_path, monkeypatch):
    archive = pack(tmp_path / "a.zip", images("train", "val"))
    copied = []

    def copy(source, target, size):
        target.write(source.read())
        copied.append(target.name)
        if len(copied) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module.shutil, "copyfileobj", copy)
        with pytest.raises(KeyboardInterrupt):
            unpack_dataset(archive, tmp_path / "set", DOMAINS)
    assert len(copied) == 3 and os.listdir(tmp_path) == ["a.zip"]
    (tmp_path / ".set.partial" / "train").mkdir(parents=True)
    (tmp_path / ".set.partial" / "train" / "old.jpg").touch()  # of a run that was killed
    unpack_dataset(archive, tmp_path / "set", DOMAINS)
    assert files(tmp_path / "set") == images("train", "val")


class Entry(zipfile.ZipInfo):
    """Its name has these bytes, and no flag that tells the encoding: Python writes what is no ASCII in UTF-8."""

    def __init__(self, name: bytes):
        super().__init__(name.decode("cp437"))
        self.create_system, self._name = 0, name

    def _encodeFilenameFlags(self):
        return self._name, 0


@pytest.mark.parametrize("top", ["", "afhq\\", "C:\\Users\\me\\afhq\\", "D:/data/", "\\\\server\\share\\afhq\\"])
def test_archives_of_windows(tmp_path, top):
    """Backslashes, and a drive where all was packed with its full path; folders may have entries of their own."""
    entries = {f"{top}{name}".replace("/", "\\"): content for name, content in images("train", "val").items()}
    archive = pack(tmp_path / "a.zip", {f"{top}train\\": b"", **entries})
    assert unpack_dataset(archive, tmp_path / "set", DOMAINS)["train", "cat"] == 2
    assert files(tmp_path / "set") == images("train", "val")


def test_a_colon_in_a_name(tmp_path):
    archive = pack(tmp_path / "a.zip", images("train", "val"), **{"train/cat/10:30.jpg": b"time"})
    unpack_dataset(archive, tmp_path / "set", DOMAINS)
    assert files(tmp_path / "set") == {**images("train", "val"), f"train/cat/{module._on_disk('10:30.jpg')}": b"time"}
    assert module._on_disk("10:30?.jpg", windows=True) == "10_30_.jpg"


@pytest.mark.parametrize(("encoding", "name"), [("gbk", "誠橢乗猫"), ("utf-8", "誠猫"), ("cp437", "é▒à")])
def test_names_without_a_flag(tmp_path, encoding, name):
    """The GBK of these has backslashes and other signs of ASCII in it, which are no signs there."""
    assert (b"\\" in name.encode(encoding)) == (encoding == "gbk")
    entries = {**images("train", "val"), f"train/cat/{name}.jpg": b"cat"}
    packed = {Entry(f"{name}/{path}".encode(encoding)): content for path, content in entries.items()}
    unpack_dataset(pack(tmp_path / "a.zip", packed), tmp_path / "set", DOMAINS)
    assert files(tmp_path / "set") == entries


def test_names_that_become_too_long(tmp_path):
    """127 characters have 254 bytes in GBK, and 381 in UTF-8."""
    names = ["猫" * 120 + ending for ending in ("一.jpg", "二.jpg")]
    packed = {Entry(f"train/cat/{name}".encode("gbk")): name.encode() for name in names}
    unpack_dataset(pack(tmp_path / "a.zip", {**images("train", "val"), **packed}), tmp_path / "set", DOMAINS)
    found = {path.name: path.read_bytes() for path in (tmp_path / "set/train/cat").iterdir()}
    assert len(found) == 4 and {name.encode() for name in names} <= set(found.values())
    assert all(len(os.fsencode(name)) <= 255 and name.endswith(".jpg") for name in found)
    assert sum(name.startswith("猫" * 70) for name in found) == 2
