"""Published files: checked, recorded, converted or unpacked; from an address, a mirror and a local file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from authors_form import SMALL, authors_states
from file_server import FileServer
from test_unpack import files, images, pack

from ppstargan import checkpoint
from ppstargan.convert import torch_writer
from ppstargan.convert.recognise import DESCRIPTIONS, OTHERS
from ppstargan.download.assets import ASSETS, download, overview
from ppstargan.errors import UserError
from ppstargan.metrics.lpips import LPIPS
from ppstargan.nets.stargan_v2 import AVERAGED

ROOT = Path(__file__).parents[1]


def landmarks(seed):
    file = io.BytesIO()
    np.savez(file, mean=np.random.default_rng(seed).uniform(0, 256, (98, 2)))
    return file.getvalue()


def lpips_file(path):
    """The file of LPIPS's linear weights, with random ones in it."""
    heads = LPIPS().lpips_weights
    state = {f"lin{i}.model.1.weight": np.random.rand(*h.main[1].weight.shape) for i, h in enumerate(heads)}
    torch_writer.save({key: value.astype("float32") for key, value in state.items()}, path)
    return path.read_bytes()


@pytest.fixture
def server():
    found = FileServer(landmarks(0))
    yield found
    found.close()


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def known(monkeypatch, name, content=None, **changes):
    """Makes ``content`` the published file of ``name``."""
    sums = () if content is None else (hashlib.sha256(content).hexdigest(),)
    monkeypatch.setitem(ASSETS, name, ASSETS[name]._replace(sums=sums, **changes))


def refused(*call, **options):
    with pytest.raises(UserError) as caught:
        download(*call, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def records(data):
    return json.loads((data / "downloads.json").read_text())


def test_table():
    assert len({asset.target for asset in ASSETS.values()}) == len({a.url for a in ASSETS.values()}) == len(ASSETS)
    for asset in ASSETS.values():
        files = {"dataset", "folders", "cityscapes", "arranged", "landmarks", "idx"}
        assert asset.kind in {*files, *DESCRIPTIONS, *OTHERS}
        assert (asset.kind == "idx") == bool(asset.files) and (asset.kind == "folders") == bool(asset.folders)
        assert (asset.kind == "arranged") == bool(asset.places)
        assert asset.url.startswith(("https://", "http://efrosgans.eecs.berkeley.edu/"))  # whose authors have no other
        assert list(asset.domains) == sorted(asset.domains) and asset.url in (asset.by_hand or asset.url)
        for known_sum in asset.sums:
            assert len(known_sum) in (8, 64) and int(known_sum, 16)
            if len(known_sum) == 8 and known_sum == asset.sums[0]:
                assert known_sum in asset.url
    assert ASSETS["wing"].target == "wing.pdparams"  # configs/base.yaml: face.fan
    assert (ASSETS["afhq"].target, ASSETS["celeba_hq"].target) == ("afhq", "celeba_hq")  # data.root


def test_first_sum_is_recorded_and_checked_afterwards(server, data, capsys):
    target = download("mean_landmarks", data, server.url)
    assert target.read_bytes() == server.content and names(data) == ["celeba_lm_mean.npz", "downloads.json"]
    assert server.requests[0][0] == "/celeba_lm_mean.npz"  # a mirror's folder
    first = hashlib.sha256(server.content).hexdigest()
    address = server.url + "celeba_lm_mean.npz"
    assert records(data) == {"mean_landmarks": {"sha256": first, "source": address}}
    assert f"{first}: none to compare with" in capsys.readouterr().out

    assert download("mean_landmarks", data, server.url) == target and len(server.requests) == 1
    target.unlink()
    download("mean_landmarks", data, server.url)
    assert f"{first}: as recorded" in capsys.readouterr().out

    target.unlink()
    server.content, server.etag = landmarks(1), '"2"'
    second = hashlib.sha256(server.content).hexdigest()
    message = refused("mean_landmarks", data, server.url)
    part = data / "mean_landmarks.npz.part"
    assert all(word in message for word in (str(part), first, second, address, "downloads.json"))
    assert names(data) == ["downloads.json", part.name] and part.read_bytes() == server.content

    (data / "downloads.json").write_text(
        json.dumps({"mean_landmarks": {"part": records(data)["mean_landmarks"]["part"]}})
    )
    asked = len(server.requests)
    download("mean_landmarks", data, server.url)  # accepted, and not brought again
    assert target.read_bytes() == server.content and len(server.requests) == asked
    assert records(data)["mean_landmarks"]["sha256"] == second


def test_wrong_sum(server, data, tmp_path, monkeypatch):
    content = lpips_file(tmp_path / "alex.pth")
    known(monkeypatch, "lpips", content, url=server.url + "alex.pth")
    server.content = content[:-1] + bytes([content[-1] ^ 1])
    message = refused("lpips", data)
    assert hashlib.sha256(content).hexdigest() in message and str(data / "lpips.pth.part") in message
    assert "lpips.pdparams" not in names(data) and "sha256" not in records(data)["lpips"]
    (tmp_path / "other.pth").write_bytes(server.content)
    assert "give another file" in refused("lpips", data, local=tmp_path / "other.pth")

    (data / "lpips.pth.part").unlink()
    server.content = content
    target = download("lpips", data)
    assert names(data) == ["downloads.json", "lpips.pdparams"]
    assert list(checkpoint.load(target)["nets"]) == ["lpips"]


def test_beginning_of_a_sum(server, data, monkeypatch):
    digest = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setitem(ASSETS, "mean_landmarks", ASSETS["mean_landmarks"]._replace(sums=("01234567", digest[1:9])))
    assert "01234567..." in refused("mean_landmarks", data, server.url)
    monkeypatch.setitem(ASSETS, "mean_landmarks", ASSETS["mean_landmarks"]._replace(sums=("01234567", digest[:8])))
    download("mean_landmarks", data, server.url)


def test_networks_and_their_domains(data, tmp_path):
    torch_writer.save(authors_states(SMALL, AVERAGED), tmp_path / "100000_nets_ema.ckpt")
    message = refused("afhq_network", data, local=tmp_path / "100000_nets_ema.ckpt")
    assert "2 domains" in message and not data.exists()
    target = download("celeba_hq_network", data, local=tmp_path / "100000_nets_ema.ckpt")
    content = checkpoint.load(target)
    assert content["domains"] == ["female", "male"] and content["architecture"] == SMALL
    assert names(tmp_path) == ["100000_nets_ema.ckpt", "data"]


def test_another_file(server, data, tmp_path):
    server.content = lpips_file(tmp_path / "alex.pth")
    message = refused("wing", tmp_path / "part", server.url)  # a sum is recorded of what has proved right alone
    assert "wing.ckpt.part" in message and "to get it anew, delete it" in message
    assert "sha256" not in records(tmp_path / "part")["wing"]
    assert "linear weights of LPIPS" in refused("wing", data, local=tmp_path / "alex.pth")
    assert "no .npz" in refused("mean_landmarks", data, local=tmp_path / "alex.pth")
    np.savez(tmp_path / "small.npz", mean=np.zeros(3))
    assert "not 98 finite points" in refused("mean_landmarks", data, local=tmp_path / "small.npz")
    np.savez(tmp_path / "pickle.npz", mean=np.array([print] * 196, object))
    assert "no .npz file with the array mean" in refused("mean_landmarks", data, local=tmp_path / "pickle.npz")
    np.savez(tmp_path / "lm.npz", landmarks=np.ones((98, 2)))  # tools/align.py would not take it
    assert "no .npz file with the array mean" in refused("mean_landmarks", data, local=tmp_path / "lm.npz")
    assert "is a folder" in refused("wing", data, local=tmp_path)
    assert "does not exist" in refused("wing", data, local=tmp_path / "none")
    assert not data.exists()


def test_data_set(server, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(ASSETS, "afhq", ASSETS["afhq"]._replace(domains=("cat", "dog")))
    archive = pack(tmp_path / "mine.zip", images("train", "val", top="afhq/"))
    target = download("afhq", data, local=archive)  # packed by others: the sum is told, no more
    told = capsys.readouterr().out
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in told and ASSETS["afhq"].sums[0] in told
    assert "train: cat 2, dog 2\nval: cat 2, dog 2" in told
    assert target == data / "afhq" and files(target) == images("train", "val") and archive.exists()

    server.content = archive.read_bytes()  # from an address the known sum holds
    other = tmp_path / "other"
    assert ASSETS["afhq"].sums[0] in refused("afhq", other, server.url + "any.zip")
    known(monkeypatch, "afhq", server.content)
    asked = len(server.requests)
    assert files(download("afhq", other, server.url + "any.zip")) == images("train", "val")
    assert len(server.requests) == asked and names(other) == ["afhq", "downloads.json"]


def test_overview(server, data, monkeypatch, capsys):
    server.cut, server.cuts = 100, 99
    monkeypatch.setattr("ppstargan.download.fetch.WAITS", ())
    assert "the connection broke" in refused("mean_landmarks", data, server.url)
    lpips_file(data / "lpips.pdparams")
    lines = "\n".join(overview(data))
    assert f"mean_landmarks    100 bytes of {len(server.content) / 1e3:.1f} kB arrived" in lines
    assert "lpips             there" in lines and "afhq              missing" in lines
    for asset in ASSETS.values():
        assert all(word in lines for word in (asset.url, asset.licence, asset.size, str(data / asset.target)))


def test_damaged_records(data):
    data.mkdir()
    part = '{"wing": {"part": {"url": "http://127.0.0.1", "validator": null, "bytes": %s}}}'
    wrong = ['{"wing": 1}', '{"wing": {"part": 5}}', '{"wing": {"part": {"url": "x"}}}', part % '"10"', part % "1.5"]
    wrong += ['{"mnist": {"part": {"a.gz": {"url": "x"}}}}', '{"mnist": {"part": {"a.gz": 1}}}']  # of a set of files
    for content in ("{", "[]", "[" * 100_000, '{"wing": {"sha256": ["a"]}}', '{"wing": {"source": 1}}', *wrong):
        (data / "downloads.json").write_text(content)
        assert str(data / "downloads.json") in refused("wing", data)
        assert (data / "downloads.json").read_text() == content
    (data / "downloads.json").unlink()
    (data / "downloads.json").mkdir()
    assert "downloads.json: Is a directory; make it readable, or delete it" in refused("wing", data)


def test_what_a_killed_call_left_is_removed(server, data):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    data.mkdir()
    left = [f".{name}.140.{gone.pid}.partial" for name in ("downloads.json", "celeba_lm_mean.npz")]
    others = [f".downloads.json.140.{os.getpid()}.partial", f".mine.npz.140.{gone.pid}.partial", "mine.partial"]
    for name in (*left, *others):
        (data / name).touch()
    old = data / f".celeba_lm_mean.npz.140.{os.getpid()}.partial"  # the number was given again since
    old.touch()
    os.utime(old, (0, 0))
    download("mean_landmarks", data, server.url)
    there = [*others, "celeba_lm_mean.npz", "downloads.json"]
    assert names(data) == sorted(there)
    (data / "mean_landmarks.npz.part").touch()  # killed before it was removed: nothing will go on with it
    (data / "wing.ckpt.part").touch()
    download("mean_landmarks", data, server.url)
    assert names(data) == sorted([*there, "wing.ckpt.part"])
    (data / ".afhq.partial" / "train").mkdir(parents=True)
    refused("afhq", data, local=data / "none.zip")
    assert names(data) == sorted([*there, "wing.ckpt.part"])


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "name what to download; the names are afhq, "),
        (["wings"], "unknown name wings; the names are afhq, "),
        (["wing", "afhq", "--from", "a.zip"], "give one name"),
        (["wing", "afhq", "--mirror", "http://127.0.0.1/a.zip"], "give one name"),
        (["wing", "--mirror", "file:///etc/passwd"], "no http:// or https:// address"),
        (["wing", "--mirror", "http://[::1"], "no http:// or https:// address"),
    ],
)
def test_wrong_calls(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tools/download.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "download.py"), run_name="__main__")
    told = capsys.readouterr().err
    assert ended.value.code == 2 and words in told and told.count("\n") == 1


def test_interrupted_and_again(server, data, tmp_path):
    """As a user: Ctrl-C in the middle leaves the .part (and what it is a part of), and the same command goes on."""
    server.cut, server.gate = 700, threading.Event()
    command = [sys.executable, str(ROOT / "tools" / "download.py"), "mean_landmarks", "--mirror", server.url]
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    part = data / "mean_landmarks.npz.part"
    until = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130 and err == "", err
    assert "interrupted" in out and "the same command goes on" in out
    assert names(data) == ["downloads.json", part.name] and 0 < part.stat().st_size < len(server.content)

    server.gate.set()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0 and again.stderr == "", again.stderr
    assert server.requests[-1][1]["Range"] == "bytes=700-" and names(data) == ["celeba_lm_mean.npz", "downloads.json"]
    assert (data / "celeba_lm_mean.npz").read_bytes() == server.content
