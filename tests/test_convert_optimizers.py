"""Optimisers of the authors' runs, and runs that go on in Paddle."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import paddle
import pytest
from authors_form import SMALL, authors_states, ours, refusal, same
from one_step import state_of

from ppstargan import checkpoint
from ppstargan.convert import torch_reader, torch_writer
from ppstargan.convert.names import names
from ppstargan.convert.optimizers import adam_moments
from ppstargan.convert.weights import convert, convert_file, from_torch
from ppstargan.nets.stargan_v2 import AVERAGED, NETWORKS, Networks
from ppstargan.systems.stargan_v2 import adam_optimizers
from ppstargan.training.state import content as state_content
from ppstargan.training.state import restore

SAMPLE = Path(__file__).parent / "reference" / "checkpoints" / "samples_optim.ckpt"


class Adam:
    """PyTorch's Adam in float64: the weight decay is added to the gradient."""

    def __init__(self, lr, beta1, beta2, weight_decay):
        self.settings, self.t, self.m, self.v = (lr, beta1, beta2, weight_decay), 0, {}, {}

    def step(self, values, gradients):
        (lr, beta1, beta2, weight_decay), self.t = self.settings, self.t + 1
        for key, gradient in gradients.items():
            g = gradient + weight_decay * values[key]
            self.m[key] = beta1 * self.m.get(key, 0.0) + (1 - beta1) * g
            self.v[key] = beta2 * self.v.get(key, 0.0) + (1 - beta2) * g**2
            denominator = np.sqrt(self.v[key] / (1 - beta2**self.t)) + 1e-8
            values[key] = values[key] - lr * self.m[key] / (1 - beta1**self.t) / denominator


SETTINGS = {"lr": 1e-2, "f_lr": 1e-2, "beta1": 0.6, "beta2": 0.9, "weight_decay": 0.1}
IDLE = "decode.2.conv1x1.weight"  # a parameter that never had a gradient, as the shortcuts with w_hpf > 0


def trained(folder, gradients, numbered=lambda i: i, step=lambda t: t):
    """Writes the three files of a run of three steps in the authors' form; returns the weights and optimisers."""
    values, adams, optims = {}, {}, {}
    for net, state in authors_states(SMALL).items():
        values[net] = {key: value.astype("float64") for key, value in state.items()}
        adams[net] = Adam(SETTINGS["lr"], SETTINGS["beta1"], SETTINGS["beta2"], SETTINGS["weight_decay"])
        for _ in range(3):
            adams[net].step(values[net], gradients[net])
        entries = {}
        for i, key in enumerate(values[net]):
            if key in gradients[net]:
                moments = {"exp_avg": adams[net].m[key], "exp_avg_sq": adams[net].v[key]}
                entries[numbered(i)] = {"step": step(3), **{k: v.astype("float32") for k, v in moments.items()}}
        ids = [numbered(i) for i in range(len(values[net]))]
        group = {"betas": (SETTINGS["beta1"], SETTINGS["beta2"]), "params": ids}
        optims[net] = {"state": entries, "param_groups": [group]}
    nets = {net: OrderedDict((k, v.astype("float32")) for k, v in state.items()) for net, state in values.items()}
    torch_writer.save(nets, folder / "000003_nets.ckpt")
    torch_writer.save(authors_states(SMALL, AVERAGED, seed=5), folder / "000003_nets_ema.ckpt")
    torch_writer.save(optims, folder / "000003_optims.ckpt")
    return values, adams


def some_gradients():
    states = authors_states(SMALL)
    assert IDLE in states["generator"]
    return {
        net: {key: np.cos(np.arange(v.size)).reshape(v.shape) * 3 for key, v in state.items() if key != IDLE}
        for net, state in states.items()
    }


def two_more_steps(content, gradients):
    """Restores the content of a checkpoint and makes two steps of Paddle's Adam on every network; its arrays."""
    nets, average = Networks(**content["architecture"]), Networks(**content["architecture"])
    optimizers = adam_optimizers(nets.trained, **SETTINGS)
    restore(content, state_of(nets, average, optimizers), "run")
    same(checkpoint.arrays(average.generator), ours(authors_states(SMALL, AVERAGED, seed=5)["generator"]))
    for net in NETWORKS:
        wanted = {key: paddle.to_tensor(np.ascontiguousarray(g), "float32") for key, g in ours(gradients[net]).items()}
        for _ in range(2):
            sum((p * wanted[k]).sum() for k, p in getattr(nets, net).named_parameters() if k in wanted).backward()
            optimizers[net].step()
            optimizers[net].clear_grad()
    return {net: checkpoint.arrays(getattr(nets, net)) for net in NETWORKS}


def assert_close(found, states):
    for net, state in states.items():
        for key, value in ours(state).items():
            np.testing.assert_allclose(found[net][key], value, rtol=2e-6, atol=1e-6, err_msg=f"{net}, {key}")


@pytest.mark.parametrize("old", [False, True])
def test_training_goes_on(tmp_path, old):
    """Three files become one, from which Paddle's Adam makes the same steps as PyTorch's."""
    gradients = some_gradients()
    form = {"numbered": lambda i: 140213 - 7 * i} if old else {"step": lambda t: np.array(t, np.float32)}
    values, adams = trained(tmp_path, gradients, **form)
    lines = convert_file(tmp_path / "000003_optims.ckpt", tmp_path / "run.pdparams")
    assert "iteration: 3" in lines
    content = checkpoint.load(tmp_path / "run.pdparams")
    assert content["iteration"] == 3 and IDLE not in content["optimizers"]["generator"]
    for net in NETWORKS:
        for _ in range(2):
            adams[net].step(values[net], gradients[net])
    assert_close(two_more_steps(content, gradients), values)


def test_training_goes_on_from_pytorch_itself(tmp_path):
    torch = pytest.importorskip("torch")
    gradients, parameters, adams = some_gradients(), {}, {}
    trained(tmp_path, gradients)
    for net, state in authors_states(SMALL).items():
        parameters[net] = {key: torch.nn.Parameter(torch.tensor(value)) for key, value in state.items()}
        betas, decay = (SETTINGS["beta1"], SETTINGS["beta2"]), SETTINGS["weight_decay"]
        adams[net] = torch.optim.Adam(parameters[net].values(), SETTINGS["lr"], betas, weight_decay=decay)
        for key, gradient in gradients[net].items():
            parameters[net][key].grad = torch.tensor(gradient, dtype=torch.float32)

    def step(times):
        for _ in range(times):
            for adam in adams.values():
                adam.step()

    step(3)
    legacy = {"_use_new_zipfile_serialization": False}
    tensors = {net: {key: value.detach() for key, value in state.items()} for net, state in parameters.items()}
    torch.save(tensors, tmp_path / "000003_nets.ckpt", **legacy)
    torch.save({net: adam.state_dict() for net, adam in adams.items()}, tmp_path / "000003_optims.ckpt", **legacy)
    content, _ = convert(tmp_path / "000003_optims.ckpt")
    step(2)
    final = {net: {key: v.detach().numpy() for key, v in state.items()} for net, state in parameters.items()}
    assert_close(two_more_steps(content, gradients), final)


def test_moments_are_stored_as_paddle_stores_them(tmp_path):
    trained(tmp_path, some_gradients())
    converted = convert(tmp_path / "000003_optims.ckpt")[0]["optimizers"]["mapping_network"]
    nets = Networks(**SMALL)
    optimizers = adam_optimizers(nets.trained, **SETTINGS)
    for _ in range(3):
        sum(p.sum() for p in nets.mapping_network.parameters()).backward()
        optimizers["mapping_network"].step()
    own = state_content(state_of(nets, nets, optimizers))["optimizers"]["mapping_network"]
    assert converted.keys() == own.keys()
    for name, entries in own.items():
        for key, value in entries.items():
            assert (converted[name][key].shape, converted[name][key].dtype) == (value.shape, value.dtype)
            if "pow" in key:
                np.testing.assert_allclose(converted[name][key], value, rtol=1e-6)


def test_optimiser_written_by_pytorch():
    content = torch_reader.load(SAMPLE)
    layer = paddle.nn.Linear(3, 2)
    weights = from_torch(content["weights"], layer, "weights")
    found = adam_moments(content["generator"], list(content["weights"]), names(layer), weights, "generator")
    assert np.array_equal(found["weight"]["moment1"], content["generator"]["state"][0]["exp_avg"].T)
    assert np.array_equal(found["bias"]["moment2"], content["generator"]["state"][1]["exp_avg_sq"])
    assert found["bias"]["beta1_pow_acc"] == 0 and found["bias"]["beta2_pow_acc"] == np.float32(0.99**4)


def test_the_numbers_of_the_state_follow_the_file_and_its_moments_become_float32():
    """Weight and bias come in the other order here, with an entry between them that Adam knows nothing of."""
    layer = paddle.nn.Linear(3, 2)
    state = {
        i: {"step": 1, "exp_avg": np.full(shape, i + 0.25), "exp_avg_sq": np.full(shape, i + 0.5)}
        for i, shape in enumerate([(2,), (2, 3)])
    }
    optim = {"state": state, "param_groups": [{"betas": (0.5, 0.75), "params": [0, 1]}]}
    found = adam_moments(optim, ["bias", "constant", "weight"], names(layer), checkpoint.arrays(layer), "x")
    for name, shape, moments in (("bias", (2,), (0.25, 0.5)), ("weight", (3, 2), (1.25, 1.5))):
        for moment, value in zip(("moment1", "moment2"), moments):
            assert found[name][moment].dtype == np.float32 and found[name][moment].shape == shape
            assert (found[name][moment] == value).all()
        assert (found[name]["beta1_pow_acc"], found[name]["beta2_pow_acc"]) == (0.5**2, 0.75**2)


def group(optims):
    return optims["generator"]["param_groups"][0]


def first(optims):
    return optims["generator"]["state"][0]


def branch(optims):
    return list(optims["mapping_network"]["state"].values())[-1]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda o: o.pop("style_encoder"), "but lacks style_encoder"),
        (lambda o: group(o)["params"].pop(), "generator has 55 parameters and states for 55, and the network"),
        (lambda o: group(o).pop("betas"), "no Adam of one parameter group"),
        (lambda o: o["generator"]["param_groups"].append({}), "no Adam of one parameter group"),
        (lambda o: o["generator"]["state"].update({99: {}}), "generator has 56 parameters and states for 56, and"),
        (lambda o: first(o).update(max_exp_avg_sq=1), "from_rgb.weight has the state step, exp_avg, exp"),
        (lambda o: first(o).update(exp_avg=np.zeros((2, 3))), "exp_avg of shape [2, 3], and the network [2, 3, 3, 3]"),
        (lambda o: first(o).update(step=None), "has no number of steps"),
        (lambda o: branch(o).update(step=2), "has made 2 steps, and another domain's 3"),
        (lambda o: o["style_encoder"]["state"].popitem(), "for some domains, and lacks unshared.1.bias"),
    ],
)
def test_wrong_optimisers(tmp_path, change, words):
    trained(tmp_path, some_gradients())
    path = tmp_path / "000003_optims.ckpt"
    optims = torch_reader.load(path)
    change(optims)
    torch_writer.save(optims, path)
    message = refusal(convert, path)
    assert words in message and str(path) in message


def test_files_beside_the_optimisers(tmp_path):
    trained(tmp_path, some_gradients())
    path, nets, ema = (tmp_path / f"000003_{kind}.ckpt" for kind in ("optims", "nets", "nets_ema"))
    renamed = path.replace(tmp_path / "optims.ckpt")
    assert "call it 100000_optims.ckpt" in refusal(convert, renamed)
    renamed.replace(path)
    for file in (path, nets, ema):
        (tmp_path / f"run_2_{file.name.replace('000003', '120000')}").write_bytes(file.read_bytes())
    assert convert(tmp_path / "run_2_120000_optims.ckpt")[0]["iteration"] == 120000
    torch_writer.save(authors_states({**SMALL, "num_domains": 5}, AVERAGED), ema)
    assert "beside" in refusal(convert, path) and "differ" in refusal(convert, path)
    torch_writer.save(authors_states(SMALL), ema)
    assert f"{ema} holds the networks of a training run" in refusal(convert, path)
    nets.unlink()
    assert str(nets) in refusal(convert, path)
