"""The data sets of pix2pix, CycleGAN and U-GAT-IT: fetched, taken from what a user has, and archives that mean harm."""

import contextlib
import gzip
import hashlib
import io
import re
import tarfile

import numpy as np
import pytest
from file_server import FileServer
from PIL import Image
from test_download import known, names, records, refused
from test_unpack import files, pack

from ppstargan.data.sides import read_sides
from ppstargan.download import cityscapes
from ppstargan.download import unpack as module
from ppstargan.download.assets import ASSETS, download, overview
from ppstargan.download.unpack import unpack_folders
from ppstargan.errors import UserError

PARTS, SIDES = ("train", "val", "test"), ("trainA", "trainB", "testA", "testB")


def images(folders, top=""):
    """{name in the archive: bytes} of two images for each folder."""
    rng = np.random.default_rng(1)
    return {f"{top}{folder}/{i}.jpg": rng.bytes(500) for folder in folders for i in range(2)}


def tar(path, entries, *members):
    """Writes a tar.gz of {name: bytes}, and ``members``, which have no content."""
    with tarfile.open(path, "w:gz") as file:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        for member in members:
            file.addfile(member)
    return path


@pytest.fixture
def server():
    found = FileServer()
    yield found
    found.close()


def test_facades_are_fetched_in_parts(server, tmp_path, monkeypatch, capsys):
    """As the authors pack them: facades/train/1.jpg … in a tar.gz, whose sum is recorded; begun, it goes on."""
    data, entries = tmp_path / "data", images(PARTS, "facades/")
    archive = tar(tmp_path / "facades.tar.gz", {**entries, "facades/README": b"x", "facades/train/._1.jpg": b"x"})
    server.content = archive.read_bytes()
    server.cut, server.cuts = 900, 99
    monkeypatch.setattr("ppstargan.download.fetch.WAITS", ())
    assert "the connection broke" in refused("facades", data, server.url)
    server.cuts = 0
    assert download("facades", data, server.url) == data / "facades"
    assert server.requests[-1][0] == "/facades.tar.gz" and "Range" in server.requests[-1][1]
    assert files(data / "facades") == {name[len("facades/") :]: content for name, content in entries.items()}
    assert names(data) == ["downloads.json", "facades"]
    assert records(data)["facades"]["sha256"] == hashlib.sha256(server.content).hexdigest()
    assert "train: 2, val: 2, test: 2 images" in capsys.readouterr().out
    asked = len(server.requests)
    download("facades", data, server.url)
    assert "there already" in capsys.readouterr().out and len(server.requests) == asked


def test_horse2zebra_has_a_known_sum(server, tmp_path, monkeypatch):
    archive = pack(tmp_path / "horse2zebra.zip", images(SIDES, "horse2zebra/"))
    server.content = archive.read_bytes()
    message = refused("horse2zebra", tmp_path / "data", server.url)
    assert ASSETS["horse2zebra"].sums[0] in message and not (tmp_path / "data/horse2zebra").exists()
    known(monkeypatch, "horse2zebra", server.content)
    download("horse2zebra", tmp_path / "data", server.url)
    assert files(tmp_path / "data/horse2zebra") == images(SIDES)
    assert [len(read_sides(tmp_path / "data/horse2zebra").train[side]) for side in "AB"] == [2, 2]


def test_selfie2anime_is_got_by_hand(server, tmp_path):
    data, page = tmp_path / "data", "https://www.kaggle.com/datasets/arnaud58/selfie2anime"
    message = refused("selfie2anime", data)
    assert message.startswith(f"selfie2anime cannot be fetched from here: sign in and get it at {page}, or ")
    assert message.endswith("give --from FILE.zip") and not data.exists()
    archive = pack(tmp_path / "archive.zip", images(SIDES))  # its folders lie at the top
    download("selfie2anime", data, local=archive)
    assert files(data / "selfie2anime") == images(SIDES) and archive.exists()
    server.content = archive.read_bytes()
    download("selfie2anime", tmp_path / "other", server.url)  # whoever has a mirror has an address
    assert server.requests[-1][0] == "/selfie2anime.zip" and names(tmp_path / "other/selfie2anime") == sorted(SIDES)
    assert any(page in line and "--from" in line for line in overview(data))


@pytest.mark.parametrize(
    "entries, words",
    [
        (images(SIDES[:3]), "holds no images in testB: trainA, trainB, testA, testB are needed"),
        ({**images(SIDES, "a/"), **images(SIDES, "b/")}, "with trainA/*.jpg, and holds 2 folders with one"),
        (images(PARTS), "with trainA/*.jpg, and holds none"),
        ({**images(SIDES), "trainA/../../evil.jpg": b"x"}, "names a place outside itself"),
        ({**images(SIDES), "trainA/./0.jpg": b"x"}, "two files for trainA/0.jpg"),
    ],
)
@pytest.mark.parametrize("write", [pack, tar])
def test_other_layouts(write, entries, words, tmp_path):
    archive = write(tmp_path / "a.zip", entries)
    with pytest.raises(UserError, match=re.escape(words)):
        unpack_folders(archive, tmp_path / "set", SIDES)
    assert names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(kind, tmp_path):
    member = tarfile.TarInfo("train/link.jpg")
    member.type, member.linkname = kind, "/etc/passwd"
    archive = tar(tmp_path / "a.tar.gz", images(PARTS), member)
    with pytest.raises(UserError, match=r"holds 'train/link\.jpg', a link or no plain file"):
        unpack_folders(archive, tmp_path / "set", PARTS)
    assert names(tmp_path) == ["a.tar.gz"]


def test_damaged_tars_and_bombs(tmp_path, monkeypatch):
    archive = tar(tmp_path / "a.tar.gz", images(PARTS))
    whole = archive.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:200] + bytes(20) + whole[220:], gzip.compress(b"no tar" * 500)):
        archive.write_bytes(damaged)
        with pytest.raises(UserError, match=r"no archive \(zip, tar.gz\), or a damaged one"):
            unpack_folders(archive, tmp_path / "set", PARTS)
    monkeypatch.setattr(module, "SMALL", 100_000)
    tar(archive, {**images(PARTS), "big.txt": bytes(200_000)})  # counts too: all of it is read
    with pytest.raises(UserError, match=r"would unpack to more than 100\.0 kB, far more than photographs do"):
        unpack_folders(archive, tmp_path / "set", PARTS)
    assert names(tmp_path) == ["a.tar.gz"]


# ---- Cityscapes ----


def scene(source, part, name, colours=((200, 30, 40), (10, 90, 250))):
    """A photograph and its labels, each of one colour."""
    for (folder, end), colour in zip((cityscapes.PHOTO, cityscapes.LABELS), colours):
        path = source / folder / part / name.split("_")[0] / f"{name}{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 32), colour).save(path)
        (path.parent / f"{name}_gtFine_labelIds.png").touch()  # not read
    return path


@pytest.fixture
def source(tmp_path):
    for part, name in (("train", "aachen_0_19"), ("train", "bremen_7_19"), ("val", "lindau_0_19")):
        scene(tmp_path / "mine", part, name)
    return tmp_path / "mine"


def test_cityscapes_becomes_pairs(source, tmp_path, capsys):
    data = tmp_path / "data"
    message = refused("cityscapes", data)
    assert "gtFine_trainvaltest.zip" in message and "leftImg8bit_trainvaltest.zip" in message
    assert message.endswith("give --from FOLDER, of which the pairs are made")
    assert refused("cityscapes", data, "http://127.0.0.1/") == message and not data.exists()
    assert download("cityscapes", data, local=source) == data / "cityscapes"
    assert "train: 2, val: 1 pairs of a photograph and its labels" in capsys.readouterr().out
    expected = ["train/aachen_0_19.png", "train/bremen_7_19.png", "val/lindau_0_19.png"]
    assert sorted(files(data / "cityscapes")) == expected and names(data) == ["cityscapes"]
    pixels = np.asarray(Image.open(data / "cityscapes" / expected[0]))
    assert pixels.shape == (256, 512, 3)
    assert (pixels[:, :256] == (200, 30, 40)).all() and (pixels[:, 256:] == (10, 90, 250)).all()


def test_cityscapes_in_folders_of_the_archives(source, tmp_path):
    for folder in ("gtFine", "leftImg8bit"):
        (tmp_path / "unpacked" / f"{folder}_trainvaltest").mkdir(parents=True)
        (source / folder).rename(tmp_path / "unpacked" / f"{folder}_trainvaltest" / folder)
    download("cityscapes", tmp_path / "data", local=tmp_path / "unpacked")
    assert len(files(tmp_path / "data/cityscapes")) == 3


def test_cityscapes_that_is_not_whole(source, tmp_path):
    data, labels = tmp_path / "data", scene(source, "val", "lindau_1_19")
    content = labels.read_bytes()
    labels.write_bytes(content[:-40])
    assert f"cannot read image {labels}" in refused("cityscapes", data, local=source)
    labels.unlink()
    photo = source / "leftImg8bit/val/lindau/lindau_1_19_leftImg8bit.png"
    assert refused("cityscapes", data, local=source).startswith(f"{photo} and 0 more have no labels")
    labels.write_bytes(content)
    photo.unlink()
    assert refused("cityscapes", data, local=source).startswith(f"{labels} and 0 more have no photograph")
    (source / "gtFine").rename(source / "elsewhere")
    assert "holds no gtFine/train/CITY/*_gtFine_color.png; unpack" in refused("cityscapes", data, local=source)
    assert "holds no leftImg8bit/train" in refused("cityscapes", data, local=photo)
    assert not (data / "cityscapes").exists() and not names(data)


def test_an_interrupted_pairing_leaves_nothing(source, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(cityscapes, "_write", lambda job: (_ for _ in ()).throw(KeyboardInterrupt))
        with contextlib.suppress(KeyboardInterrupt):
            download("cityscapes", tmp_path / "data", local=source)
    assert not names(tmp_path / "data")
    (tmp_path / "data/.cityscapes.partial/train").mkdir(parents=True)  # of a run that was killed
    download("cityscapes", tmp_path / "data", local=source)
    assert names(tmp_path / "data") == ["cityscapes"]
