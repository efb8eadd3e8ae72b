"""Where a file or a folder is missing, the line names the command that brings that one, not another."""

from pathlib import Path

import pytest
from draw_toy import SETS

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.data.dataset import find_domains
from ppstargan.data.landmarks import read_faces
from ppstargan.data.sides import read_sides
from ppstargan.download.wanted import DRAWN, way_to_get
from ppstargan.errors import UserError
from ppstargan.systems.load import load_config

OWN = {"data/lsun"}  # what nothing here brings


def message_of(call, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return str(caught.value)


def test_every_configuration_has_a_command_for_its_data():
    roots = {path.stem: load_config(path).data.root for path in CONFIGS.glob("*.yaml") if path.stem != "common"}
    assert len(roots) > 20
    assert {root for root in roots.values() if not way_to_get(root)} == OWN
    drawn = {f"data/{name}": arguments.split() for name, arguments in DRAWN.items()}
    for root, arguments in drawn.items():
        named = arguments[0] if arguments and not arguments[0].startswith("--") else "stargan_v2"
        out = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else SETS[named].out
        assert out == Path(root)
    assert {str(each.out) for each in SETS.values()} <= set(drawn)


@pytest.mark.parametrize(
    "read, root, command",
    [
        (lambda root: find_domains(root / "train"), "celeba_hq", "python tools/download.py celeba_hq brings"),
        (lambda root: find_domains(root / "train"), "mnist", "python tools/download.py mnist brings"),
        (lambda root: find_domains(root / "train"), "toy_people", "python tools/draw_toy.py faces draws"),
        (read_sides, "toy_cats_lions", "python tools/draw_toy.py ugatit draws"),
        (read_sides, "selfie2anime", "python tools/download.py selfie2anime says how to get"),
        (read_faces, "wflw", "python tools/download.py wflw says how to get"),
    ],
)
def test_a_missing_dataset(tmp_path, read, root, command):
    message = message_of(read, tmp_path / root)
    assert f"; {command} " in message and message.count("python tools/") == 1


def test_missing_weights_that_are_published(tmp_path):
    message = message_of(checkpoint.load, tmp_path / "celeba_hq_ema.pdparams")
    start = f"no weights at {tmp_path / 'celeba_hq_ema.pdparams'}; to get them: python tools/download.py "
    assert message.startswith(f"{start}celeba_hq_network brings the authors' networks for CelebA-HQ")
    assert message.endswith("by --from FILE") and message.count("python tools/") == 1


def test_missing_weights_beside_others(tmp_path):
    for name in ("0000162.pdparams", "0000200.pdparams"):
        (tmp_path / name).touch()
    message = message_of(checkpoint.load, tmp_path / "0000600.pdparams")
    assert "0000600.pdparams; that folder has 0000162.pdparams, 0000200.pdparams; to get others: python " in message
