"""Files of weights: whole or not at all, nothing run on loading, and the optimisers' states by name."""

import os
import pickle

import numpy as np
import paddle
import pytest

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.phases import adam_optimizers
from ppstargan.stargan_v2 import AVERAGED, NETWORKS, Networks

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
    optimizers = adam_optimizers(nets)
    average = nets.averages()
    step(nets, optimizers)
    state = checkpoint.training_state(nets, average, optimizers, architecture=ARCHITECTURE, iteration=1)
    checkpoint.save(state, tmp_path / "a.pdparams")
    other = small(1)
    other_average, other_optimizers = other.averages(), adam_optimizers(other)
    content = checkpoint.load(tmp_path / "a.pdparams")
    checkpoint.restore(content, other, other_average, other_optimizers, "a.pdparams")
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


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-file",)


def test_nothing_that_a_file_asks_for_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pdparams").write_bytes(pickle.dumps({"architecture": Evil()}))
    with pytest.raises(UserError, match=r"asks for (posix|nt)\.mkdir"):
        checkpoint.load("evil.pdparams")
    assert not (tmp_path / "made-by-a-file").exists()


def test_damaged_and_foreign_files(tmp_path):
    whole = written(tmp_path / "a.pdparams", small(0), nets=["mapping_network"]).read_bytes()
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "b.pdparams").write_bytes(whole[:cut])
        with pytest.raises(UserError, match="damaged or no weights"):
            checkpoint.load(tmp_path / "b.pdparams")
    (tmp_path / "c.pdparams").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UserError, match="holds no weights"):
        checkpoint.load(tmp_path / "c.pdparams")
    with pytest.raises(UserError, match=f"no weights at {tmp_path}/d.pdparams"):
        checkpoint.load(tmp_path / "d.pdparams")


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
    average = nets.averages()
    lines = checkpoint.initialise(nets, average, path, ["cat", "dog"])
    for name in AVERAGED:
        for net in (nets, average):
            for key, value in checkpoint.arrays(getattr(net, name)).items():
                np.testing.assert_array_equal(value, checkpoint.arrays(getattr(source, name))[key])
    assert "discriminator: not in the file, starts fresh" in lines
    assert any(line.startswith("generator: 5") and "from the file" in line for line in lines), lines


def test_other_domains_keep_the_shared_layers(tmp_path):
    source = small(0)
    path = written(tmp_path / "a.pdparams", source, nets=NETWORKS)
    nets = small(1, num_domains=3)
    fresh = weights(nets)
    lines = checkpoint.initialise(nets, nets.averages(), path, ["cat", "dog", "wild"])
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
        checkpoint.initialise(nets, nets.averages(), path, ["cat", "dog"])
    after = weights(nets)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_weights_alone_cannot_be_resumed(tmp_path):
    path = written(tmp_path / "a.pdparams", small(0), nets=NETWORKS)
    nets = small(1)
    with pytest.raises(UserError, match="--init"):
        checkpoint.restore(checkpoint.load(path), nets, nets.averages(), adam_optimizers(nets), str(path))
