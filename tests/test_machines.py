"""Several machines: whether they can reach each other is found out before they try; two hosts as network namespaces."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from toy_runs import ROOT

from ppstargan.errors import UserError
from ppstargan.training import hosts

INTERFACES = {"lo": "127.0.0.1", "eth0": "10.0.0.2", "docker0": "172.17.0.1", "wlan0": ""}


@pytest.fixture
def second_host(monkeypatch):
    """This is the second of two hosts, and called two; returns what sets the address that the name stands for."""
    monkeypatch.setenv("PADDLE_NNODES", "2")
    monkeypatch.setenv("PADDLE_MASTER", "10.0.0.1:6170")
    monkeypatch.setenv("PADDLE_DISTRI_BACKEND", "gloo")
    monkeypatch.delenv(hosts.INTERFACE, raising=False)
    monkeypatch.setattr(hosts, "_interfaces", lambda: INTERFACES)
    monkeypatch.setattr(hosts, "_address_towards", {"10.0.0.1": "10.0.0.2"}.get)
    monkeypatch.setattr(socket, "gethostname", lambda: "two")

    def stands_for(address):
        def found(name, port):
            assert name == "two"
            if address is None:
                raise socket.gaierror("Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

        monkeypatch.setattr(socket, "getaddrinfo", found)

    return stands_for


ADVICE = "set GLOO_SOCKET_IFNAME=eth0 there (10.0.0.2), and start again on all"


@pytest.mark.parametrize("address", ["127.0.1.1", "127.0.0.1", "::1", None])
def test_a_name_that_stands_for_the_host_alone_is_said_with_what_to_set(second_host, address):
    second_host(address)
    where = address or "127.0.0.1"
    assert hosts.unreachable() == (
        f"gloo would listen at {where}, which no other host reaches, since the host's name, two, resolves to that "
        f"there; {ADVICE}"
    )


def test_an_interface_that_is_not_there_or_reaches_nobody_is_said(second_host, monkeypatch):
    second_host("127.0.1.1")
    monkeypatch.setenv(hosts.INTERFACE, "eth1")
    assert hosts.unreachable() == f"GLOO_SOCKET_IFNAME=eth1, and no interface of the host is called so; {ADVICE}"
    monkeypatch.setenv(hosts.INTERFACE, "lo")
    assert hosts.unreachable() == (
        f"gloo would listen at 127.0.0.1, which no other host reaches, since GLOO_SOCKET_IFNAME=lo; {ADVICE}"
    )


def test_nothing_is_said_where_nothing_is_wrong(second_host, monkeypatch):
    second_host("10.0.0.2")
    assert hosts.unreachable() == ""
    second_host("127.0.1.1")
    with monkeypatch.context() as chosen:
        chosen.setenv(hosts.INTERFACE, "eth0")
        assert hosts.unreachable() == ""
    with monkeypatch.context() as alone:
        alone.setenv("PADDLE_NNODES", "1")
        assert hosts.unreachable() == ""
    monkeypatch.delenv("PADDLE_DISTRI_BACKEND")  # NCCL, which passes over such addresses
    assert hosts.unreachable() == ""


def test_a_first_host_that_gives_the_others_its_own_loopback_is_one_line(second_host, monkeypatch):
    hosts.check_master()
    monkeypatch.setenv("PADDLE_MASTER", "127.0.1.1:6170")
    with pytest.raises(UserError, match=r"2 hosts gave the others 127\.0\.1\.1 as its address.*head of its /etc/hosts"):
        hosts.check_master()
    monkeypatch.setenv("PADDLE_NNODES", "1")
    hosts.check_master()


def test_the_interfaces_of_this_host_are_found():
    found = hosts._interfaces()
    assert found.keys() == {name for _, name in socket.if_nameindex()}
    if sys.platform == "linux":
        assert found["lo"] in ("127.0.0.1", "")
    assert hosts._address_towards("127.0.0.1") == "127.0.0.1"


# ---- two hosts ----

JOINS = """
import sys
import ppstargan
import paddle
from ppstargan.cli import run_tool
from ppstargan.training import distributed

def main():
    paddle.set_device("cpu")
    distributed.start()
    number = paddle.to_tensor(float(10 + distributed.rank()))
    distributed.mean_over_processes([number])
    print(distributed.count(), float(number), flush=True)

run_tool(main)
"""
NAMES = [f"ppstargan-{os.getpid()}-{i}" for i in range(2)]


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


@pytest.fixture
def namespaces(tmp_path):
    """Two network namespaces, connected by 10.77.7.1 and .2; each is a host, called one and two."""
    if sys.platform != "linux" or os.geteuid() or not (shutil.which("ip") and shutil.which("unshare")):
        pytest.skip("makes network namespaces, as root on Linux")
    try:
        for name in NAMES:
            if ip("netns", "add", name, check=False).returncode:
                pytest.skip("no network namespaces can be made here")
            ip("-n", name, "link", "set", "lo", "up")
        ends = "to-two", "to-one"
        ip("link", "add", ends[0], "netns", NAMES[0], "type", "veth", "peer", "name", ends[1], "netns", NAMES[1])
        for i, (name, end) in enumerate(zip(NAMES, ends)):
            ip("-n", name, "addr", "add", f"10.77.7.{i + 1}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield
    finally:
        for name in NAMES:
            ip("netns", "del", name, check=False)


def both(tmp_path, *extra):
    """Runs JOINS by the launcher on the two hosts, whose names resolve to 10.77.7.1 and to 127.0.1.1; the logs."""
    (tmp_path / "joins.py").write_text(JOINS)
    started = []
    for i, (host, address) in enumerate((("one", "10.77.7.1"), ("two", "127.0.1.1"))):
        known = tmp_path / f"hosts{i}"
        known.write_text(f"127.0.0.1 localhost\n{address} {host}\n")
        launch = [sys.executable, "-m", "paddle.distributed.launch", "--nnodes", "2", "--rank", str(i)]
        launch += ["--master", "10.77.7.1:6170", "--nproc_per_node", "1", "--log_dir", str(tmp_path / f"log{i}")]
        shell = f'hostname {host} && mount --bind {known} /etc/hosts && exec "$@"'
        host_of_its_own = ["ip", "netns", "exec", NAMES[i], "unshare", "--mount", "--uts", "sh", "-c", shell, "sh"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **dict(extra[i : i + 1])}
        command = [*host_of_its_own, *launch, str(tmp_path / "joins.py")]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    try:
        printed = [process.communicate(timeout=300)[0].decode() for process in started]
    finally:
        for process in started:
            process.terminate()
    logs = [(tmp_path / f"log{i}" / "workerlog.0").read_text() for i in range(2)]
    return [process.returncode for process in started], logs, printed


def test_two_hosts_join_or_say_what_to_set(namespaces, tmp_path):
    codes, logs, printed = both(tmp_path)
    said = (
        "error: process 1 on two: gloo would listen at 127.0.1.1, which no other host reaches, since the host's name, "
        "two, resolves to that there; set GLOO_SOCKET_IFNAME=to-one there (10.77.7.2), and start again on all\n"
    )
    assert (codes, logs) == ([1, 1], [said, said]), printed
    (tmp_path / "log0" / "workerlog.0").unlink()
    (tmp_path / "log1" / "workerlog.0").unlink()
    codes, logs, printed = both(tmp_path, ("NOTHING", ""), (hosts.INTERFACE, "to-one"))
    assert codes == [0, 0] and all(log.endswith("2 10.5\n") for log in logs), (logs, printed)
