"""Several processes, one on each device, started by ``python -m paddle.distributed.launch``; alone, all does nothing.

Every process computes its share of each batch with the same weights, and steps on the mean of all gradients. The
mean is our own, over one flat tensor an update: the reducer of ``paddle.DataParallel`` would run during the backward
pass, and R1 has a second one inside.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import paddle
from paddle import distributed

from ppstargan.errors import UserError
from ppstargan.training import hosts
from ppstargan.training.peers import GRACE, Gone, Peers, connect

_peers: Peers | None = None  # what this process knows of the others, where there are any
READY = "PPSTARGAN_READY"  # in the environment of a second process: the pipe by which it says that it will join


def start() -> None:
    """Joins the processes that the launcher started; NCCL connects them on GPUs, gloo on CPUs.

    Raises UserError where they do not come together, or where a host's name stands for an address of its own alone.
    """
    if launched() and not distributed.is_initialized():
        if READY in os.environ:  # this is the second of ``beside``
            with open(int(os.environ.pop(READY)), "wb") as pipe:
                pipe.write(b"!")
        hosts.check_master()
        try:
            store = paddle.base.core.create_or_get_global_tcp_store()
        except RuntimeError as error:
            said = next((line for line in str(error).splitlines() if "Error" in line), "").strip()
            what = "the processes of this training do not find each other"
            raise UserError(f"{what} at {hosts.master()} within a quarter of an hour: {said}") from None
        _join(store)
        with _together():
            distributed.init_parallel_env()


def _join(store) -> None:
    """Learns of the others by Paddle's ``store``. Raises UserError where gloo could not connect all."""
    global _peers
    own, many = int(os.environ["PADDLE_TRAINER_ID"]), int(os.environ["PADDLE_TRAINERS_NUM"])
    _peers = connect(own, many, store, hosts.master().split(":")[0])
    said = _peers.exchange([socket.gethostname(), hosts.unreachable()])
    _peers.names = {i: f"process {i} on {host}" for i, (host, _) in enumerate(said)}
    for name, (_, problem) in zip(_peers.names.values(), said):
        if problem:
            raise UserError(f"{name}: {problem}")


def launched() -> bool:
    """Whether this is one of several processes that train together, joined already or not."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1")) > 1


@contextlib.contextmanager
def beside(command: list):
    """Makes this process the first of two of this machine, as the launcher would; ``command`` is run as the second.

    It prints nothing, and knows by ``is_second`` what it is. On leaving, it has ended or is ended. Raises UserError
    where it ends before its time, as where memory runs out.
    """
    with contextlib.ExitStack() as ports:  # all at once, or both may get the same
        free = [ports.enter_context(socket.socket()) for _ in range(3)]
        for port in free:
            port.bind(("127.0.0.1", 0))
        master, *both = (f"127.0.0.1:{port.getsockname()[1]}" for port in free)
    common = {
        "PADDLE_DISTRI_BACKEND": "gloo",
        "PADDLE_TRAINERS_NUM": "2",
        "PADDLE_TRAINER_ENDPOINTS": ",".join(both),
        "PADDLE_MASTER": master,
    }
    first, second = (
        {**common, "PADDLE_TRAINER_ID": str(i), "PADDLE_CURRENT_ENDPOINT": own} for i, own in enumerate(both)
    )
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    ready, say = os.pipe()
    second[READY] = str(say)
    process = subprocess.Popen(command, env={**os.environ, **second}, pass_fds=[say], **silent)
    os.close(say)
    try:
        with open(ready, "rb") as pipe:
            if not pipe.read(1):  # it is closed without a word; to join would be to wait for a quarter of an hour
                process.wait()
                raise UserError(_gone(process))
        os.environ.update(first)
        with _no_remarks():
            start()
        yield
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        pass
    except (RuntimeError, Gone):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        if not process.returncode:
            raise
        raise UserError(_gone(process)) from None
    finally:
        process.kill()
        process.wait()


def _gone(process: subprocess.Popen) -> str:
    """What to say where the other process has ended."""
    code = process.returncode
    why = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return (
        f"the second of two processes {why}, as where memory runs out; go on by the same command with --resume, "
        "where a checkpoint was written"
    )


@contextlib.contextmanager
def _no_remarks():
    """Within it nothing reaches stderr, where Paddle and gloo remark on what they connect."""
    sys.stderr.flush()
    before = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


def is_second() -> bool:
    """Whether another process of several than the first is this one."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0")) > 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0; 0 alone writes files and lines."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def exchange(value=None) -> list:
    """The values of all processes, once all have called this, however long one takes; JSON's values, on no device.

    Raises Gone where one has ended instead.
    """
    return _peers.exchange(value) if _peers else [value]


def largest(number: int) -> int:
    """The largest of a number over the processes."""
    return max(exchange(number))


@contextlib.contextmanager
def first_goes_first():
    """Within it is process 0 before the others, which wait for as long as it takes."""
    if rank() > 0:
        exchange()
    yield
    if rank() == 0:
        exchange()


@contextlib.contextmanager
def alone():
    """Within it this process does work of its own, which is done to its end where another process is gone."""
    if _peers:
        _peers.busy += 1
    try:
        yield
    finally:
        if _peers:
            _peers.busy -= 1


def in_the_end(advice) -> None:
    """``advice()`` gives what to say besides where another process is gone, and this one hangs for it."""
    if _peers:
        _peers.advice = advice


def leave(why: str) -> None:
    """Says to the others why this process ends."""
    if _peers:
        _peers.leave(why)


@contextlib.contextmanager
def _together():
    """Within it all processes talk by gloo or NCCL. Raises Gone where one of them is gone.

    gloo waits half a minute for the slowest, so all meet before.
    """
    if paddle.get_device() == "cpu":
        exchange()
    try:
        yield
    except RuntimeError as error:  # of gloo, or of Paddle
        gone = _peers and _peers.gone(GRACE)
        if gone is None and "gloo" in str(error):
            gone = Gone(f"the connection to another process broke ({' '.join(str(error).split()[1:])})")
        if gone is None:
            raise
        raise gone from None


@paddle.no_grad()
def mean_over_processes(tensors) -> None:
    """Replaces each tensor, of one dtype and the same shapes everywhere, by its mean over the processes."""
    tensors = list(tensors)
    if count() > 1 and tensors:
        flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
        with _together():
            distributed.all_reduce(flat)
        flat = flat / count()
        for tensor, part in zip(tensors, flat.split([tensor.size for tensor in tensors])):
            paddle.assign(part.reshape(tensor.shape), tensor)


@paddle.no_grad()
def mean_gradients(parameters) -> None:
    """Replaces the gradient of each parameter by its mean over the processes.

    One that a process has not, counts as zeros there, where another process has it.
    """
    if count() == 1:
        return
    parameters = list(parameters)
    gradients = [paddle.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    had = paddle.to_tensor([float(p.grad is not None) for p in parameters], gradients[0].dtype)
    mean_over_processes([*gradients, had])
    if any(p.grad is None for p in parameters):
        for parameter, gradient, share in zip(parameters, gradients, had.tolist()):
            if parameter.grad is None and share > 0:
                parameter.grad = gradient


@paddle.no_grad()
def from_first(tensors) -> None:
    """Gives each tensor the value that it has in process 0."""
    by_dtype = {}  # a batch norm's counter is a whole number
    for tensor in tensors:
        by_dtype.setdefault(str(tensor.dtype), []).append(tensor)
    for group in by_dtype.values() if count() > 1 else ():
        flat = paddle.concat([tensor.reshape([-1]) for tensor in group])
        with _together():
            distributed.broadcast(flat, 0)
        for tensor, part in zip(group, flat.split([tensor.size for tensor in group])):
            paddle.assign(part.reshape(tensor.shape), tensor)


@paddle.no_grad()
def gathered(tensor: paddle.Tensor) -> paddle.Tensor:
    """``tensor`` [N, …] of every process, one behind another in the order of the processes: [N times their number, …].

    All must have the same shape.
    """
    if count() == 1:
        return tensor
    parts: list = []
    with _together():
        distributed.all_gather(parts, tensor)
    return paddle.concat(parts)
