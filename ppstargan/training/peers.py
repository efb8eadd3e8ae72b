"""What the processes of one training know of each other: each has a connection to process 0, beside gloo's or NCCL's.

Over it they meet before what all do together, for as long as one of them takes, where gloo waits for half a minute;
they agree on small things without a device; and they hear who has ended, and why.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import json
import os
import secrets
import selectors
import socket
import threading
import time

from ppstargan.errors import UserError

KEY = "ppstargan/peers"  # in Paddle's store: where process 0 listens, and what a process says first
COME = 120  # seconds within which all connect, which know of each other by then
LOST = 30  # seconds after which a host that does not answer counts as gone
GRACE = 10  # seconds from the end of another to ours, where gloo or NCCL waits for it


class Gone(UserError):
    """Another process of the training has ended, and so this one has to. Its networks may be amid a step."""


class Peers:
    """The other processes, as seen from this one; ``exchange`` and ``gone`` are for the main thread."""

    def __init__(self, rank: int, sockets: dict):
        """``sockets`` are {rank: socket}: those of all others in process 0, and that of process 0 in the others."""
        self.rank, self.sockets = rank, sockets
        self.names = {other: f"process {other}" for other in (*sockets, rank)}
        self.advice = lambda: ""  # what to say besides, where the main thread hangs
        self.busy = 0  # with work of our own, which is not to be ended
        self._inbox = {other: collections.deque() for other in sockets}
        self._ended, self._news = {}, ""  # rank -> why; of whom we wait for in vain
        self._changed = threading.Condition()
        self._raised = False
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.leave)

    def exchange(self, value=None) -> list:
        """The values of all processes, in their order, once all have called this. They are what JSON takes.

        Raises Gone where one has ended instead.
        """
        if self.rank:
            self._say(0, {"value": value})
        with self._changed:
            self._changed.wait_for(lambda: all(self._inbox.values()) or self._missing())
            if not all(self._inbox.values()):
                self._news = self._news or self._missing()
                self._tell_all({"gone": self._news})
                raise self._error()
            found = {other: inbox.popleft() for other, inbox in self._inbox.items()}
        if self.rank:
            return found[0]
        values = [value, *(found[other] for other in sorted(found))]
        self._tell_all({"value": values})
        return values

    def gone(self, seconds: float) -> Gone | None:
        """The error of whoever has ended, where that becomes known within ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._ended, seconds)
            self._news = self._news or self._missing()
            return self._error() if self._news else None

    def leave(self, why: str = "") -> None:
        """Says to the others that this process ends, and why, as they will say it."""
        self._tell_all({"ends": "" if self._news else why})  # news come from whom they are of

    def _missing(self) -> str:
        return self._news or next((why for other, why in self._ended.items() if not self._inbox[other]), "")

    def _error(self) -> Gone:
        self._raised = True
        return Gone(self._news)

    def _say(self, other: int, message: dict) -> None:
        with contextlib.suppress(OSError):  # it is gone, as the listening thread finds out
            self.sockets[other].sendall(json.dumps(message).encode() + b"\n")

    def _tell_all(self, message: dict) -> None:
        for other in self.sockets:
            self._say(other, message)

    def _listen(self) -> None:
        rests = dict.fromkeys(self.sockets, b"")
        with selectors.DefaultSelector() as waiting:
            for other, connection in self.sockets.items():
                waiting.register(connection, selectors.EVENT_READ, other)
            while waiting.get_map():
                for key, _ in waiting.select():
                    data, why = b"", "was killed or has crashed; its own output may say more"
                    try:
                        data = key.fileobj.recv(2**16)
                    except ConnectionResetError:
                        pass
                    except OSError:
                        why = "does not answer any more: its host or the network is gone"
                    *lines, rests[key.data] = (rests[key.data] + data).split(b"\n")
                    with self._changed:
                        for line in lines:
                            self._heard(key.data, json.loads(line))
                        if not data:
                            waiting.unregister(key.fileobj)
                            self._lost(key.data, why)
                        self._changed.notify_all()

    def _heard(self, other: int, message: dict) -> None:
        if "value" in message:
            self._inbox[other].append(message["value"])
        elif "ends" in message:
            why = message["ends"]
            self._ended[other] = f"{self.names[other]} ended{f': {why}' if why else ' before this one'}"
            if why:
                self._end_soon(self._ended[other])
        else:
            self._end_soon(message["gone"])

    def _lost(self, other: int, why: str) -> None:
        """The connection is closed: a process that ends by itself has said so before."""
        if other not in self._ended:
            self._ended[other] = f"{self.names[other]} {why}"
            self._end_soon(self._ended[other])

    def _end_soon(self, news: str) -> None:
        """The main thread hears it where it meets the others. Where it does not get there, this ends the process."""
        if not self._news:
            self._news = news
            self._tell_all({"gone": news})
            threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            time.sleep(0.1)
            until = time.monotonic() + GRACE if self.busy else until
        if not self._raised:  # within gloo or NCCL, which wait for the one that is gone
            with contextlib.suppress(OSError):
                os.write(2, f"error: {'; '.join(filter(None, (self._news, self.advice())))}\n".encode())
            os._exit(1)


def connect(rank: int, count: int, store, master: str) -> Peers:
    """Connects this process of ``count``; ``store`` is Paddle's, and ``master`` the host of process 0.

    Raises UserError where that fails.
    """
    try:
        return Peers(rank, _joined(store, master) if rank else _gathered(count, store, master))
    except OSError as error:
        raise UserError(
            f"the processes of this training do not reach process 0 at {master} ({error.strerror or error}): "
            "does a firewall keep its ports closed?"
        ) from None


def _gathered(count: int, store, master: str) -> dict:
    """In process 0: the sockets of the others."""
    sockets, until = {}, time.monotonic() + COME
    with socket.create_server(("127.0.0.1" if is_loopback(master) else "", 0), backlog=count) as server:
        word = secrets.token_hex(16)  # others than our processes may find the port
        store.set(KEY, f"{server.getsockname()[1]} {word}")
        while len(sockets) < count - 1:
            server.settimeout(max(until - time.monotonic(), 0.01))
            connection, _ = server.accept()
            connection.settimeout(5)
            with contextlib.suppress(OSError, ValueError):
                said, other = _line(connection).split()
                if secrets.compare_digest(said, word):
                    sockets[int(other)] = _lasting(connection)
                    continue
            connection.close()
    return sockets


def _joined(store, master: str) -> dict:
    """In another process: the socket of process 0."""
    port, word = store.get(KEY).decode().split()
    connection = socket.create_connection((master, int(port)), timeout=COME)
    rank = int(os.environ["PADDLE_TRAINER_ID"])
    connection.sendall(f"{word} {rank}\n".encode())
    return {0: _lasting(connection)}


def _line(connection: socket.socket) -> str:
    """The first line that comes, of at most 100 bytes; what follows stays."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 100:
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line.decode("ascii")


def _lasting(connection: socket.socket) -> socket.socket:
    """``connection`` without a timeout, and such that the kernel finds out where the other host is gone."""
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    times = {"TCP_KEEPIDLE": LOST // 3, "TCP_KEEPINTVL": LOST // 6, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": LOST * 1000}
    for name, value in times.items():
        if hasattr(socket, name):  # Linux has them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def is_loopback(address: str) -> bool:
    """Whether an address or a name is of this host alone, such as 127.0.0.1."""
    return address.startswith("127.") or address in ("localhost", "::1")
