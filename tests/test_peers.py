"""What processes of one training know of each other: here each is a thread, and their connections are socket pairs."""

import os
import socket
import threading

import paddle
import pytest

from ppstargan.training import distributed, peers
from ppstargan.training.peers import Gone, Peers, connect


@pytest.fixture
def three(monkeypatch):
    """Three processes; none of them ends this one."""
    monkeypatch.setattr(peers, "GRACE", 10**6)
    pairs = {rank: socket.socketpair() for rank in (1, 2)}
    made = [Peers(0, {rank: pair[0] for rank, pair in pairs.items()}), *(Peers(r, {0: pairs[r][1]}) for r in (1, 2))]
    for one in made:
        one.names = {rank: f"process {rank} on host-{'abc'[rank]}" for rank in range(3)}
    yield made
    for one in made:
        one._raised = True  # closing wakes those at the other ends, and they find the real GRACE and os._exit by then
    for pair in pairs.values():
        for end in pair:
            end.close()


def at_once(*calls) -> list:
    """What each call returns or raises, of calls that wait for each other; None where it waits in vain."""
    found = [None] * len(calls)

    def one(i, function, *given):
        try:
            found[i] = function(*given)
        except Gone as error:
            found[i] = error

    threads = [threading.Thread(target=one, args=(i, *call), daemon=True) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def kill(process: Peers) -> None:
    """The kernel closes what a killed process had open, and it says no more."""
    process._tell_all = lambda message: None
    for connection in process.sockets.values():
        connection.shutdown(socket.SHUT_RDWR)


def test_all_learn_what_each_says_in_the_order_of_the_processes(three):
    for turn in range(50):
        found = at_once(*((one.exchange, [turn, one.rank]) for one in three[::-1]))
        assert found == [[[turn, 0], [turn, 1], [turn, 2]]] * 3


def test_who_was_killed_is_named_by_all_others(three):
    at_once(*((one.exchange,) for one in three))
    kill(three[2])
    found = at_once((three[0].exchange,), (three[1].exchange,))
    assert [type(error) for error in found] == [Gone, Gone]
    assert {str(error) for error in found} == {
        "process 2 on host-c was killed or has crashed; its own output may say more"
    }


def test_where_the_first_is_killed_all_others_say_so(three):
    kill(three[0])
    found = at_once((three[1].exchange,), (three[2].exchange,))
    assert all(isinstance(error, Gone) and "process 0 on host-a was killed" in str(error) for error in found)


def test_who_ends_by_itself_says_why_to_those_who_wait(three):
    waiting = threading.Event()

    def ends():
        waiting.wait(20)
        three[0].leave("cannot write here: No space left on device")
        kill(three[0])

    def meets(one):
        waiting.set()
        return one.exchange()

    *found, _ = at_once((meets, three[1]), (meets, three[2]), (ends,))
    said = {"process 0 on host-a ended: cannot write here: No space left on device"}
    assert all(isinstance(error, Gone) for error in found) and {str(error) for error in found} == said


def test_who_is_done_before_the_others_disturbs_only_who_waits_for_it(three):
    at_once(*((one.exchange,) for one in three))
    three[1].leave()
    kill(three[1])
    assert three[0].gone(0.5) is None or "ended before this one" in str(three[0].gone(0))
    found = at_once((three[0].exchange,), (three[2].exchange,))
    assert {str(error) for error in found} == {"process 1 on host-b ended before this one"}


def test_who_waits_in_gloo_for_one_that_is_gone_ends_when_its_own_work_is_done(three, monkeypatch, capfd):
    """A checkpoint is written to its end, and what is there is said. NCCL, and gloo for half a minute, would wait."""
    ended = threading.Event()

    def end(code):
        assert code == 1
        ended.set()
        threading.Event().wait()

    monkeypatch.setattr(peers, "GRACE", 0.3)
    monkeypatch.setattr(os, "_exit", end)
    for one in three[:2]:
        one.advice = lambda: "the newest checkpoint is here"
    three[0].busy = three[1].busy = three[2].busy = 1
    kill(three[2])
    assert not ended.wait(1)
    three[1].busy = 0
    assert ended.wait(20)
    said = "process 2 on host-c was killed or has crashed; its own output may say more; the newest checkpoint is here"
    assert capfd.readouterr().err == f"error: {said}\n"


class Store(dict):
    """Paddle's store, as far as it is used."""

    def __init__(self):
        super().__init__()
        self.there = threading.Event()

    def set(self, key, value):
        self[key] = value
        self.there.set()

    def get(self, key):
        assert self.there.wait(20)
        return self[key].encode()


def test_a_stranger_at_the_port_is_no_process_of_the_training(monkeypatch):
    store = Store()
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")

    def stranger_then_ours():
        port = int(store.get(peers.KEY).split()[0])
        with socket.create_connection(("127.0.0.1", port)) as strange:
            strange.sendall(b"GET / HTTP/1.1\n")
            return connect(1, 2, store, "127.0.0.1").exchange("ours")

    monkeypatch.setattr(peers, "GRACE", 10**6)
    found = at_once((lambda: connect(0, 2, store, "127.0.0.1").exchange("first"),), (stranger_then_ours,))
    assert found == [["first", "ours"]] * 2


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_all_meet_before_gloo_which_waits_for_half_a_minute_alone(device, monkeypatch):
    """The first may evaluate for hours meanwhile."""
    done = []
    monkeypatch.setattr(distributed, "count", lambda: 2)
    monkeypatch.setattr(distributed, "exchange", lambda: done.append("met"))
    monkeypatch.setattr(paddle, "get_device", lambda: device)
    for name in ("all_reduce", "broadcast", "all_gather"):
        monkeypatch.setattr(distributed.distributed, name, lambda *given, name=name: done.append(name))
    one = paddle.ones([1])
    distributed.mean_over_processes([one])
    distributed.from_first([one])
    monkeypatch.setattr(paddle, "concat", lambda parts: parts)
    distributed.gathered(one)
    together = ["all_reduce", "broadcast", "all_gather"]
    assert done == ([what for name in together for what in ("met", name)] if device == "cpu" else together)


def test_what_breaks_in_gloo_is_one_line_and_what_breaks_elsewhere_stays(monkeypatch):
    monkeypatch.setattr(distributed, "GRACE", 0)
    with pytest.raises(Gone, match=r"^the connection to another process broke \(Connection closed by peer"):
        with distributed._together():
            raise RuntimeError("[/paddle/third_party/gloo/pair.cc:534] Connection closed by peer [10.0.0.2]:1234")
    with pytest.raises(RuntimeError, match="a shape"), distributed._together():
        raise RuntimeError("a shape")


@pytest.mark.parametrize("rank, order", [(0, ["own", "met"]), (1, ["met", "own"])])
def test_the_first_goes_first(rank, order, monkeypatch):
    done = []
    monkeypatch.setattr(distributed, "rank", lambda: rank)
    monkeypatch.setattr(distributed, "exchange", lambda: done.append("met"))
    with distributed.first_goes_first():
        done.append("own")
    assert done == order
