"""Whether the other hosts of a training can reach this one, found out before they try: they would wait for minutes."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

from ppstargan.errors import UserError
from ppstargan.training.peers import is_loopback

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

INTERFACE = "GLOO_SOCKET_IFNAME"  # where gloo listens; else at the address of the host's name


def master() -> str:
    """The address, host:port, at which process 0 waits for the others."""
    if os.environ.get("MASTER_ADDR") and os.environ.get("MASTER_PORT"):  # as Paddle has it
        return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    return os.environ.get("PADDLE_MASTER") or os.environ.get("PADDLE_TRAINER_ENDPOINTS", "").split(",")[0]


def several() -> bool:
    """Whether the launcher started processes on several hosts."""
    return int(os.environ.get("PADDLE_NNODES", "1")) > 1


def check_master() -> None:
    """Raises UserError where process 0 waits at an address of its host alone."""
    address = master().split(":")[0]
    if several() and is_loopback(address):
        raise UserError(
            f"the first of {os.environ['PADDLE_NNODES']} hosts gave the others {address} as its address, since its "
            "name resolves to that there: put a line with the address by which they reach it, and its name, at the "
            "head of its /etc/hosts, and start again on all"
        )


def unreachable() -> str:
    """Why gloo would listen where no other host reaches this one, and what to set; "" where nothing is wrong."""
    if not several() or os.environ.get("PADDLE_DISTRI_BACKEND") != "gloo":  # NCCL looks for an interface itself
        return ""
    found, chosen = _interfaces(), os.environ.get(INTERFACE)
    address, name = _address_towards(master().split(":")[0]), socket.gethostname()
    right = next((name for name, own in found.items() if own == address), "")
    advice = f"set {INTERFACE}={right} there ({address}), and start again on all" if right else (
        f"set {INTERFACE} there to the interface by which the others reach it, of {', '.join(found)}"
    )  # fmt: skip
    if chosen and chosen not in found:
        return f"{INTERFACE}={chosen}, and no interface of the host is called so; {advice}"
    if chosen:
        where, why = found[chosen], f"{INTERFACE}={chosen}"
    else:
        where, why = _resolved(name), f"the host's name, {name}, resolves to that there"
    if not is_loopback(where):
        return ""
    return f"gloo would listen at {where}, which no other host reaches, since {why}; {advice}"


def _resolved(name: str) -> str:
    """The address at which gloo listens: that of the host's name, or of the host alone where it has none."""
    with contextlib.suppress(OSError):
        return socket.getaddrinfo(name, None)[0][4][0]
    return "127.0.0.1"


def _address_towards(host: str) -> str:
    """The address of this host from which it reaches ``host``; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 1))
        return probe.getsockname()[0]
    return ""


def _interfaces() -> dict:
    """{name: IPv4 address, or ""} of this host's interfaces."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            found[name] = ""
            with contextlib.suppress(OSError, AttributeError):  # it has none
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(any_socket.fileno(), 0x8915, request)  # SIOCGIFADDR
                found[name] = socket.inet_ntoa(answer[20:24])
    return found
