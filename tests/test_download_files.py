"""MNIST, which is four files: brought from the first mirror that has them, checked, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from file_server import FileServer
from test_download import data, names, records, refused  # noqa: F401  (data is a fixture)
from test_idx import LABELS, NAMES, TEST, TRAIN, mnist, packed

from ppstargan.data import idx
from ppstargan.download.assets import ASSETS, download, overview
from ppstargan.download.fetch import megabytes

CONTENT = {f"{name}.gz": gzip.compress(packed(v), mtime=0) for name, v in zip(NAMES, (TRAIN, LABELS, TEST, LABELS))}
SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class Mirror(FileServer):
    """Serves ``files``, {name: content}, in one folder."""

    def __init__(self, files: dict):
        super().__init__()
        self.files = files

    def answer(self, handler):
        self.content = self.files.get(handler.path.rpartition("/")[2], b"")
        if not self.content:
            return handler.send_error(404)
        return super().answer(handler)


@pytest.fixture
def servers(monkeypatch):
    """Three mirrors of a small set in MNIST's place."""
    found = [Mirror(dict(CONTENT)) for _ in range(3)]
    urls = [server.url + "mnist/" for server in found]
    asset = ASSETS["mnist"]._replace(url=urls[0], mirrors=tuple(urls[1:]), files=SUMS)
    monkeypatch.setitem(ASSETS, "mnist", asset)
    yield found
    for server in found:
        server.close()


def test_what_is_published():
    asset = ASSETS["mnist"]
    assert list(asset.files) == list(CONTENT) and len(set(asset.files.values())) == 4
    assert all(len(digest) == 64 and int(digest, 16) for digest in asset.files.values())
    assert all(url.startswith("https://") and url.endswith("/mnist/") for url in (asset.url, *asset.mirrors))
    assert asset.target == "mnist" and len(asset.mirrors) == 2


def test_four_files_come_and_are_there(servers, data, capsys):  # noqa: F811
    target = download("mnist", data)
    assert target == data / "mnist" and names(target) == sorted(CONTENT)
    assert (idx.read(target).train.images == TRAIN).all() and names(data) == ["downloads.json", "mnist"]
    said = capsys.readouterr().out
    assert "train: 30, test: 30 pictures of 5 x 6 px in 10 classes" in said and said.count(": as known") == 4
    assert records(data) == {} and not servers[1].requests
    asked = len(servers[0].requests)
    assert download("mnist", data) == target and len(servers[0].requests) == asked == 4
    assert "mnist             there" in "\n".join(overview(data))


def test_another_mirror_where_one_lacks_a_file_or_has_another(servers, data, capsys):  # noqa: F811
    first, second, third = list(CONTENT)[:3]
    del servers[0].files[first], servers[0].files[third], servers[1].files[third]
    servers[0].files[second] = CONTENT[second][:-1] + b"x"
    assert names(download("mnist", data)) == sorted(CONTENT)
    assert [server.requests[0][0].rpartition("/")[0] for server in servers] == ["/mnist"] * 3
    assert [len(server.requests) for server in servers] == [4, 3, 1]
    assert capsys.readouterr().out.count("; trying another mirror") == 4


def test_the_last_mirror_says_what_is_wrong_and_the_same_command_goes_on(servers, data):  # noqa: F811
    for server in servers:
        server.files[NAMES[2] + ".gz"] = b"other"
    message = refused("mnist", data)
    assert message.startswith(f"{servers[2].url}mnist/{NAMES[2]}.gz has SHA-256 ") and SUMS[NAMES[2] + ".gz"] in message
    assert names(data) == ["downloads.json", "mnist.part"]  # and no data/mnist
    assert names(data / "mnist.part") == sorted(f"{name}.gz" for name in NAMES[:2])
    arrived = megabytes(sum(len(CONTENT[f"{name}.gz"]) for name in NAMES[:2]))
    assert f"mnist             {arrived} arrived MNIST" in "\n".join(overview(data))

    servers[0].files = dict(CONTENT)
    before = len(servers[0].requests)
    download("mnist", data)
    assert [path for path, _ in servers[0].requests[before:]] == [f"/mnist/{name}.gz" for name in NAMES[2:]]
    assert names(data) == ["downloads.json", "mnist"]


def test_a_file_goes_on_where_it_broke(servers, data, monkeypatch):  # noqa: F811
    monkeypatch.setattr("ppstargan.download.fetch.WAITS", (0,))
    servers[0].cut, servers[0].cuts = 100, 1
    download("mnist", data)
    assert servers[0].requests[1][1]["Range"] == "bytes=100-"


def test_a_mirror_of_ones_own(servers, data):  # noqa: F811
    download("mnist", data, servers[2].url + "else/where/")
    assert not servers[0].requests and servers[2].requests[0][0] == f"/else/where/{NAMES[0]}.gz"
    assert "4 files; give the address of their folder" in refused("mnist", data / "new", servers[2].url + "mnist")


def test_a_folder_that_is_here(data, tmp_path):  # noqa: F811
    mine = mnist(tmp_path / "mine", lambda name: name.replace("-idx", ".idx"))
    (mine / "notes.txt").touch()
    target = download("mnist", data, local=mine)
    assert len(names(target)) == 4 and (idx.read(target).test.images == TEST).all() and len(names(mine)) == 5
    (mine / "train-labels.idx1-ubyte").unlink()
    assert "lacks train-labels-idx1-ubyte.gz" in refused("mnist", tmp_path / "new", local=mine)
    assert "is no folder" in refused("mnist", tmp_path / "new", local=mine / "notes.txt")
    assert not (tmp_path / "new").exists()
