"""One file over HTTP: ranges, validators, broken connections, and what is told when it cannot work."""

from __future__ import annotations

import random
import shutil
import socket
from collections import namedtuple

import pytest
from file_server import FileServer

from ppstargan.download import fetch as module
from ppstargan.download.fetch import fetch
from ppstargan.errors import UserError

CONTENT = random.Random(1).randbytes(1_000_000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "WAITS", (0, 0, 0))
    found = FileServer(CONTENT)
    yield found
    found.close()


class Part:
    """The file that is fetched, and what is noted about it."""

    def __init__(self, server, path):
        self.server, self.path, self.note = server, path, None

    def fetch(self):
        fetch(self.server.url, self.path, self.note, lambda note: setattr(self, "note", note))

    def holds(self, content, note=None):
        self.path.write_bytes(content)
        self.note = {"url": self.server.url, "validator": '"1"', "bytes": len(CONTENT), **(note or {})}

    def refused(self, *words):
        with pytest.raises(UserError) as caught:
            self.fetch()
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert word in message, message


@pytest.fixture
def part(server, tmp_path):
    return Part(server, tmp_path / "new" / "file.part")


@pytest.fixture
def half(part):
    part.path.parent.mkdir()
    part.holds(CONTENT[:400_000])
    return part


def ranges(server):
    return [(headers.get("Range"), headers.get("If-Range")) for _, headers in server.requests]


def test_whole_file(server, part):
    part.fetch()
    assert part.path.read_bytes() == CONTENT
    assert part.note == {"url": server.url, "validator": '"1"', "bytes": len(CONTENT)}
    assert ranges(server) == [(None, None)]
    part.fetch()  # complete: nobody is asked
    assert len(server.requests) == 1


def test_goes_on_where_it_stopped(server, half, capsys):
    half.fetch()
    assert half.path.read_bytes() == CONTENT
    assert ranges(server) == [("bytes=400000-", '"1"')]
    assert "going on after 400.0 kB" in capsys.readouterr().out


def test_date_is_a_validator_and_a_weak_tag_is_none(server, half):
    server.etag, server.date = 'W/"1"', "Mon, 01 Jan 2024 00:00:00 GMT"
    half.note["validator"] = server.date
    half.fetch()
    assert half.path.read_bytes() == CONTENT and ranges(server) == [("bytes=400000-", server.date)]

    server.date = None
    half.path.unlink()
    server.cut, server.cuts = 500_000, 1
    half.fetch()
    assert half.path.read_bytes() == CONTENT and ranges(server)[1:] == [(None, None)] * 2


def test_broken_connections_are_taken_up_again(server, part):
    server.cut, server.cuts = 150_000, 5  # more than there are waits: progress starts the count anew
    part.fetch()
    assert part.path.read_bytes() == CONTENT
    assert [asked for asked, _ in ranges(server)] == [None] + [f"bytes={150_000 * i}-" for i in range(1, 6)]


def test_server_without_ranges_is_asked_for_all_of_it(server, part, capsys):
    server.ranges, server.cut, server.cuts = False, 600_000, 2
    part.fetch()
    assert part.path.read_bytes() == CONTENT and len(server.requests) == 3
    assert "begun anew" in capsys.readouterr().out


def test_gives_up_without_progress_and_keeps_the_part(server, part):
    server.ranges, server.cut, server.cuts = False, 600_000, 99
    part.refused(server.url, "broke", "600.0 kB", str(part.path), "--mirror", "--from")
    assert len(server.requests) == len(module.WAITS) + 1
    assert part.path.read_bytes() == CONTENT[:600_000]


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("size", [len(CONTENT), 700_000])
def test_file_that_changed_meanwhile_is_not_mixed(server, half, heeds, size):
    server.content, server.etag, server.if_range = CONTENT[::-1][:size], '"2"', heeds
    half.fetch()
    assert half.path.read_bytes() == server.content
    assert half.note["validator"] == '"2"' and half.note["bytes"] == size


def test_other_length_without_a_tag_is_another_file(server, half):
    server.content, server.etag, server.if_range = CONTENT[::-1][:700_000], None, False
    half.fetch()
    assert half.path.read_bytes() == server.content


def test_other_address_begins_anew(server, half):
    half.note["url"] = "http://127.0.0.1:1/other"
    half.fetch()
    assert half.path.read_bytes() == CONTENT and ranges(server) == [(None, None)]


def test_part_longer_than_the_file(server, half):
    half.holds(CONTENT + b"more")
    half.fetch()
    assert half.path.read_bytes() == CONTENT and [asked for asked, _ in ranges(server)] == ["bytes=1000004-", None]


def test_length_that_is_not_told(server, part):
    server.length = False
    part.fetch()
    assert part.path.read_bytes() == CONTENT and part.note["bytes"] is None


@pytest.mark.parametrize("status, name", [(403, "Forbidden"), (404, "Not Found")])
def test_refusals_are_told_at_once(server, half, status, name):
    server.statuses = [status]
    half.refused(server.url, f"HTTP {status} ({name})", "--mirror", "--from")
    assert len(server.requests) == 1 and half.path.read_bytes() == CONTENT[:400_000]


def test_busy_server_is_asked_again(server, half):
    server.statuses = [503, 429, 500]
    half.fetch()
    assert half.path.read_bytes() == CONTENT and len(server.requests) == 4


def test_no_network(server, part):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        part.refused("cannot reach", server.url, "Connection refused", "--mirror")
    assert not part.path.exists()


def test_web_page_is_not_the_file(server, half):
    server.kind, server.if_range = "text/html; charset=utf-8", False
    half.refused(server.url, "web page")
    assert half.path.read_bytes() == CONTENT[:400_000]


def test_full_disk(server, half, part, monkeypatch):
    half.path.unlink()
    half.path.symlink_to("/dev/full")
    half.note = None
    half.refused("is full; make room", str(half.path))
    half.path.unlink()
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(999_999))
    half.refused(" free", "1.0 MB", "--out")
    assert not half.path.exists()
