"""What the check of a machine makes of a card, which is not here: its versions as they would be told, and TF32, whose
rounding is done by hand."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from ppstargan.gpu import machine, parity
from ppstargan.gpu.plan import CARD, CPU, LEFT_OUT, OK, WRONG
from ppstargan.parity.kit import Check, read_case

KIT = CPU.kits[0]


@pytest.fixture
def tf32(monkeypatch):
    """Products round their factors to the 11 bits of TF32."""

    def rounded(x):
        if x.dtype != paddle.float32:
            return x
        with paddle.no_grad():
            high = x * (2.0**13 + 1)
            step = high - (high - x) - x
        return x + step.detach()

    def rounding(product):
        def call(x, weight=None, *rest, y=None, **options):
            return product(rounded(x), rounded(y if weight is None else weight), *rest, **options)

        return call

    for module, name in ((F, "conv2d"), (F, "conv2d_transpose"), (F, "linear"), (paddle, "matmul")):
        monkeypatch.setattr(module, name, rounding(getattr(module, name)))


def forward(tf32):
    return parity.compare(CPU._replace(cases=("forward_small",)), tf32)


OFF = "no more than the rounding of float32: something switches TF32 off"


def test_tf32_has_tolerances_of_its_own(tf32):
    found = forward(tf32=True)
    assert found.verdict == OK and OFF not in found.lines, found
    assert found.lines[1].split()[:3] == ["forward_small", "tf32", "33"]
    assert 1e-3 < float(found.lines[1].split()[3]) < 1e-2
    assert forward(tf32=False).verdict == WRONG  # where it should have been off


def test_tf32_that_is_off_is_told():
    found = forward(tf32=True)
    assert found.verdict == OK and found.lines[-1] == OFF


def test_losses_are_computed_in_float32_too_and_with_tf32_in_it_alone(tf32):
    (row,) = parity.run(read_case(KIT, "losses_small"), True, True)
    assert row.precision == "tf32" and all(check.passed for check in row.found)
    assert [check.tolerance for check in row.found] == [parity.TF32] * 18 + [parity.TF32_GRADIENTS] * 6
    assert 1e-2 < max(check.error for check in row.found[18:]) < 0.1  # of all gradients of a network together


def test_a_network_without_gradients_does_not_pass_with_tf32():
    case = SimpleNamespace(settings={"kind": "losses"})
    good, none = (Check("c", f"d/grad/net/{i}", 0.0, 1.0, np.ones(4) * i, np.ones(4)) for i in (1, 0))
    (joined,) = parity.with_tf32_tolerances(case, [good, none])
    assert joined.quantity == "d/grad/net" and joined.error == pytest.approx(0.5**0.5) and not joined.passed
    (joined,) = parity.with_tf32_tolerances(case, [good, good])
    assert joined.error == 0 and joined.passed


def test_the_peaks_of_the_fan_are_not_compared_with_tf32():
    case = SimpleNamespace(settings={"kind": "fan"})
    names = ("landmarks", "mask0", "small/mask1", "heatmaps")
    checks = [Check("fan", name, 0.1, 0.0, np.ones(1), np.ones(1)) for name in names]
    passing = {check.quantity: check.passed for check in parity.with_tf32_tolerances(case, checks)}
    assert passing == {"mask0": True, "small/mask1": True, "heatmaps": False}


def test_a_card_without_tf32_leaves_it_out(monkeypatch):
    monkeypatch.setattr(paddle.device.cuda, "get_device_capability", lambda: (7, 0))
    assert parity.with_tf32(CARD).verdict == LEFT_OUT


NVIDIA_SMI = """\
0, NVIDIA GeForce RTX 3090, 24576, 312, 535.183.01
1, Tesla V100-SXM2-32GB, 32768, 0, 535.183.01
2, NVIDIA Graphics Device, [N/A], [N/A], 535.183.01
Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error
"""


def test_what_nvidia_smi_says():
    assert machine.cards(NVIDIA_SMI) == [
        "card 0: NVIDIA GeForce RTX 3090, 24576 MiB, 312 of them in use, driver 535.183.01",
        "card 1: Tesla V100-SXM2-32GB, 32768 MiB, 0 of them in use, driver 535.183.01",
        "card 2: NVIDIA Graphics Device, memory unknown to the driver, driver 535.183.01",
    ]
    assert machine.cards("") == []


def test_the_versions_with_a_card(monkeypatch):
    card = SimpleNamespace(name="Card", major=8, minor=6, total_memory=24 * 2**30, multi_processor_count=82)
    cuda = {"device_count": lambda: 1, "get_device_properties": lambda index: card}
    for name, answer in cuda.items():
        monkeypatch.setattr(paddle.device.cuda, name, answer)
    for name, answer in {"get_cublas_switch": True, "get_cudnn_switch": False}.items():
        monkeypatch.setattr(machine.core, name, lambda answer=answer: answer, raising=False)
    monkeypatch.setattr(machine, "choose_device", lambda device: f"GPU (Card, {device})")
    monkeypatch.setattr(machine, "nvidia_smi", lambda: NVIDIA_SMI)
    monkeypatch.setattr(paddle.device, "get_cudnn_version", lambda: 8905)
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: True)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    found = machine.look(CARD)
    assert (found.verdict, found.summary) == (OK, "GPU (Card, gpu); cards: 1")
    for line in (
        f"Paddle {paddle.__version__}, built for CUDA {paddle.version.cuda()} and cuDNN {paddle.version.cudnn()}",
        "card 0: NVIDIA GeForce RTX 3090, 24576 MiB, 312 of them in use, driver 535.183.01",
        "cuDNN that is loaded: 8905",
        "Paddle's gpu:0: Card, compute capability 8.6, 24.0 GiB, 82 multiprocessors",
        "bfloat16: yes",
        "NVIDIA_TF32_OVERRIDE=0",
        "TF32 as Paddle begins: cuBLAS True, cuDNN False",
    ):
        assert line in found.lines, line
