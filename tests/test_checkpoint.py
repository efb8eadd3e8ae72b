"""Files of weights: whole or not at all, nothing run on loading, and the optimisers' states by name."""

import os
import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest
from one_step import averages_of, state_of

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS, Networks
from ppstargan.systems.stargan_v2 import adam_optimizers
from ppstargan.training import state

ARCHITECTURE = {
    "num_domains": 2,
    "img_size": 32,
    "style_dim": 8,
    "latent_dim": 4,
    "hidden_dim": 16,
    "w_hpf": 0,
    "channel_base": 64,
    "max_channels": 8,
}


def small(seed, **changes):
    paddle.seed(seed)
    return Networks(**{**ARCHITECTURE, **changes})


def step(nets, optimizers):
    """One Adam step of every network on the sum of its parameters' squares."""
    for name in NETWORKS:
        sum((p * p).sum() for p in getattr(nets, name).parameters()).backward()
        optimizers[name].step()
        optimizers[name].clear_grad()


def weights(nets):
    return {f"{name}/{k}": v for name in NETWORKS for k, v in checkpoint.arrays(getattr(nets, name)).items()}


def written(path, source, domains=("cat", "dog"), **parts):
    content = {"architecture": ARCHITECTURE, "domains": list(domains)}
    for part, names in parts.items():
        content[part] = {name: checkpoint.arrays(getattr(source, name)) for name in names}
    checkpoint.save(content, path)
    return path


def test_a_restored_run_goes_on_bit_for_bit(tmp_path):
    nets = small(0)
    optimizers = adam_optimizers(nets.trained)
    averages = averages_of(nets)
    step(nets, optimizers)
    stored = state.content(state_of(nets, averages, optimizers), iteration=1)
    checkpoint.save(stored, tmp_path / "a.pdparams")
    other = small(1)
    other_optimizers = adam_optimizers(other.trained)
    content = checkpoint.load(tmp_path / "a.pdparams")
    state.restore(content, state_of(other, averages_of(other), other_optimizers), "a.pdparams")
    for each, optimiser in ((nets, optimizers), (other, other_optimizers)):
        step(each, optimiser)
        step(each, optimiser)
    ours, theirs = weights(nets), weights(other)
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
    assert not np.array_equal(ours["generator/from_rgb.weight"], weights(small(0))["generator/from_rgb.weight"])


def test_paddle_reads_the_file_too(tmp_path):
    path = written(tmp_path / "a.pdparams", small(0), nets=NETWORKS)
    content = paddle.load(str(path), return_numpy=True)
    expected = checkpoint.load(path)["nets"]["generator"]["from_rgb.weight"]
    np.testing.assert_array_equal(content["nets"]["generator"]["from_rgb.weight"], expected)


def test_damaged_and_foreign_files(tmp_path):
    whole = written(tmp_path / "a.pdparams", small(0), nets=["mapping_network"]).read_bytes()
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "b.pdparams").write_bytes(whole[:cut])
        with pytest.raises(UserError, match="damaged or no weights"):
            checkpoint.load(tmp_path / "b.pdparams")
    for torch_file in sorted((Path(__file__).parent / "reference" / "checkpoints").glob("samples_*.ckpt")):
        with pytest.raises(UserError, match=r"no weights of ppstargan's \((?!.*codec).*convert_torch_weights"):
            checkpoint.load(torch_file)
    (tmp_path / "c.pdparams").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UserError, match="holds a list: no weights"):
        checkpoint.load(tmp_path / "c.pdparams")
    with pytest.raises(UserError, match=f"no weights at {tmp_path}/d.pdparams"):
        checkpoint.load(tmp_path / "d.pdparams")


def test_a_flipped_bit_anywhere_is_noticed(tmp_path):
    whole = written(tmp_path / "a.pdparams", small(0), nets=["mapping_network"]).read_bytes()
    for position in (*range(0, len(whole), len(whole) // 50), *range(len(whole) - 24, len(whole))):
        changed = bytearray(whole)
        changed[position] ^= 1
        (tmp_path / "b.pdparams").write_bytes(changed)
        with pytest.raises(checkpoint.Damaged, match="damaged or no weights"):
            checkpoint.load(tmp_path / "b.pdparams")


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_files_without_a_checksum_load_too(tmp_path, protocol):
    """Those of earlier versions, and of paddle.save; arrays in any order of memory, and big-endian ones."""
    rng = np.random.default_rng(0)
    square = rng.standard_normal((3, 4)).astype("float32")
    arrays = {"c": square, "f": square.T, "steps": square[::2, ::3], "number": np.full((), 2, "float32"),
              "empty": square[:0], "big": square.astype(">f4"), "flags": square > 0, "long": np.arange(3)}  # fmt: skip
    content = {"architecture": {}, "nets": {"generator": arrays}}
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(content, protocol))
    found = checkpoint.load(tmp_path / "a.pdparams")["nets"]["generator"]
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert type(found[name]) is np.ndarray and found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)
    checkpoint.save({"architecture": {}, "nets": {"generator": found}}, tmp_path / "b.pdparams")
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "b.pdparams")["nets"]["generator"]["big"], arrays["big"])


@pytest.mark.parametrize("name", ["../cat", "/cat", "..", "", "a\\b", 7])
def test_names_of_domains_lead_to_no_other_folder(tmp_path, name):
    path = written(tmp_path / "a.pdparams", small(0), domains=["dog", name], nets=["mapping_network"])
    with pytest.raises(UserError, match="no plain names"):
        checkpoint.load(path)


@pytest.mark.parametrize("iteration", ["../../x", -1, 1.5, None])
def test_an_iteration_is_a_whole_number(tmp_path, iteration):
    nets = small(0)
    content = {"architecture": ARCHITECTURE, "nets": {}, "averages": {}, "optimizers": {}, "iteration": iteration}
    with pytest.raises(UserError, match="must be a whole number"):
        state.restore(content, state_of(nets, averages_of(nets)), "a.pdparams")


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = written(tmp_path / "a.pdparams", small(0), nets=["mapping_network"])
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save({"architecture": {}}, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_start_from_moving_averages_alone(tmp_path):
    source = small(0)
    path = written(tmp_path / "ema.pdparams", source, averages=AVERAGED)
    nets = small(1)
    average = nets.sharing(averages_of(nets))
    lines = state.initialise(state_of(nets, average), path)
    for name in AVERAGED:
        for net in (nets, average):
            for key, value in checkpoint.arrays(getattr(net, name)).items():
                np.testing.assert_array_equal(value, checkpoint.arrays(getattr(source, name))[key])
    assert "discriminator: not in the file, starts fresh" in lines
    assert any(line.startswith("generator: 5") and "from the file" in line for line in lines), lines


def test_start_from_a_whole_run_gives_networks_and_averages_their_own(tmp_path):
    source, slow, path = small(0), small(2), tmp_path / "run.pdparams"
    checkpoint.save(state.content(state_of(source, slow)), path)
    nets = small(1)
    average = nets.sharing(averages_of(nets))
    state.initialise(state_of(nets, average), path)
    for ours, theirs, kinds in ((nets, source, NETWORKS), (average, slow, AVERAGED)):
        for name in kinds:
            expected = checkpoint.arrays(getattr(theirs, name))
            for key, value in checkpoint.arrays(getattr(ours, name)).items():
                np.testing.assert_array_equal(value, expected[key], err_msg=f"{name}/{key}")


def test_other_domains_keep_the_shared_layers(tmp_path):
    source = small(0)
    path = written(tmp_path / "a.pdparams", source, nets=NETWORKS)
    nets = small(1, num_domains=3)
    fresh = weights(nets)
    lines = state.initialise(state_of(nets, averages_of(nets), names=["cat", "dog", "wild"]), path)
    assert "the file has 2 domains (cat, dog), this run 3 (cat, dog, wild): branches start fresh" in lines
    before, after = weights(source), weights(nets)
    for key, value in after.items():
        branch = "unshared" in key or key.startswith(f"discriminator/main.{len(nets.discriminator.main) - 1}.")
        np.testing.assert_array_equal(value, (fresh if branch else before)[key], err_msg=key)


def test_other_widths_are_refused_with_both_shapes_and_nothing_is_set(tmp_path):
    path = written(tmp_path / "a.pdparams", small(0), nets=NETWORKS)
    nets = small(1, channel_base=32)
    before = weights(nets)
    message = r"shape \(\d.*\) in the file, and shape \(\d.*\) in the network.* -o model\.channel_base=64"
    with pytest.raises(UserError, match=message):
        state.initialise(state_of(nets, averages_of(nets)), path)
    after = weights(nets)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_weights_alone_cannot_be_resumed(tmp_path):
    path = written(tmp_path / "a.pdparams", small(0), nets=NETWORKS)
    nets = small(1)
    with pytest.raises(UserError, match="--init"):
        state.restore(checkpoint.load(path), state_of(nets, averages_of(nets)), str(path))


def test_a_runs_folder_names_its_newest_checkpoint(tmp_path):
    with pytest.raises(UserError, match=rf"{tmp_path} is a folder; name a file in it$"):
        checkpoint.load(tmp_path)
    for age, name in ((20, "0000010"), (10, "0000020")):
        path = tmp_path / "checkpoints" / f"{name}.pdparams"
        checkpoint.save({"architecture": {}}, path)
        os.utime(path, (1e9 - age, 1e9 - age))
    with pytest.raises(UserError, match=rf"name a file, such as {tmp_path}/checkpoints/0000020\.pdparams"):
        checkpoint.load(tmp_path)
