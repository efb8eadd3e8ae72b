"""The generators that make a picture of another, as layers for a program of one's own, and by ``paddle.hub``."""

from pathlib import Path

import numpy as np
import paddle
import pytest
from command_files import CYCLEGAN, PIX2PIX, UGATIT

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets.gans import build
from ppstargan.translate.generator import generator

ROOT = str(Path(__file__).parents[1])
CASES = {  # system -> its architecture, {direction: network}
    "cyclegan": (CYCLEGAN, {"AtoB": "G_A", "BtoA": "G_B"}),
    "pix2pix": (PIX2PIX, {"BtoA": "generator"}),
    "ugatit": (UGATIT, {"AtoB": "genA2B", "BtoA": "genB2A"}),
}


def save(path, system, names, part="nets"):
    """Writes the networks ``names``, with random values; returns them in eval mode."""
    paddle.seed(0)
    nets = build(system, CASES[system][0])
    held = {name: checkpoint.arrays(nets[name]) for name in names}
    checkpoint.save({"system": system, "architecture": CASES[system][0], "domains": None, part: held}, path)
    for net in nets.values():
        net.eval()
    return nets


@pytest.mark.parametrize("system", CASES)
def test_each_direction_is_the_network_of_the_file(system, tmp_path):
    ways, x = CASES[system][1], paddle.uniform([2, 3, 32, 32], min=-1.0, max=1.0)
    nets = save(tmp_path / "a.pdparams", system, ways.values())
    first = next(iter(ways))
    for direction, name in (*ways.items(), (None, ways[first])):
        hub = paddle.hub.load(
            ROOT, "picture_generator", source="local", weights=tmp_path / "a.pdparams", direction=direction
        )
        wanted = nets[name](x)
        for net in (generator(tmp_path / "a.pdparams", direction), hub):
            made = net(x)
            assert not net.training and isinstance(made, tuple) == (system == "ugatit")
            for got, want in zip(made, wanted) if isinstance(made, tuple) else [(made, wanted)]:
                np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_it_is_written_for_inference_of_any_size(tmp_path):
    nets = save(tmp_path / "a.pdparams", "cyclegan", ["G_B"])
    net, x = generator(str(tmp_path / "a.pdparams")), paddle.uniform([1, 3, 32, 32], min=-1.0, max=1.0)
    paddle.jit.save(net, str(tmp_path / "model"), input_spec=[paddle.static.InputSpec([None, 3, None, None])])
    written = paddle.jit.load(str(tmp_path / "model"))
    assert np.abs(written(x).numpy() - nets["G_B"](x).numpy()).max() < 1e-5


def test_it_trains_on(tmp_path):
    save(tmp_path / "a.pdparams", "cyclegan", ["G_B"])
    net = generator(str(tmp_path / "a.pdparams"))
    net(paddle.uniform([1, 3, 32, 32], min=-1.0, max=1.0)).mean().backward()
    assert all(value.grad is not None for value in net.parameters())


def test_what_cannot_be_used_is_one_line(tmp_path):
    save(tmp_path / "a.pdparams", "cyclegan", ["G_A"])
    save(tmp_path / "d.pdparams", "cyclegan", ["D_A"])
    for given, told in (
        ((tmp_path / "a.pdparams", "BtoA"), f"direction 'BtoA': {tmp_path}/a.pdparams goes AtoB$"),
        ((tmp_path / "a.pdparams", "A2B"), f"direction 'A2B': {tmp_path}/a.pdparams goes AtoB$"),
        ((tmp_path / "d.pdparams",), "holds D_A, and no generator"),
        ((tmp_path / "none",), f"no weights at {tmp_path}/none; "),
        ((Path(ROOT, "assets", "showcase.pdparams"),), "is of stargan_v2, and this needs cyclegan or pix2pix or "),
        ((3,), "weights is 3; give the path of a file"),
    ):
        with pytest.raises(UserError, match=told) as caught:
            generator(*given)
        assert "\n" not in str(caught.value)
