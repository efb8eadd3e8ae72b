"""What holds for every system: who steps, resuming, several processes, pieces of a batch, sheets, and the figures."""

import json
import random
import signal
import subprocess
import sys
import time

import every_system
import numpy as np
import paddle
import pytest
import test_ladder
import test_parity
from authors_form import refusal
from every_system import EVERY, ITERATIONS, ROOT, TOYS, configured, made, overrides, plain, state, trained
from PIL import Image
from test_distributed import launch

from ppstargan import checkpoint
from ppstargan.errors import UsageError
from ppstargan.systems.load import names, system_named
from ppstargan.training import distributed, runs
from ppstargan.training.step import copies, follow, iterate
from ppstargan.training.trainer import Trainer


def test_every_system_has_a_toy_configuration():
    found = {every_system.load_config(every_system.CONFIGS / f"{name}.yaml").system for name in TOYS}
    assert found == set(names())


# ---- who steps ----


def switches(system) -> dict:
    nets = {**system.networks, **system.frozen}
    return {(name, key): p.stop_gradient for name, net in nets.items() for key, p in net.named_parameters()}


def reached(system) -> dict:
    """{network: names of its parameters that have a gradient}."""
    nets = {**system.networks, **system.frozen}
    with_gradient = {
        name: {key for key, p in net.named_parameters() if p.grad is not None} for name, net in nets.items()
    }
    return {name: found for name, found in with_gradient.items() if found}


@pytest.mark.parametrize("name", EVERY)
def test_gradients_reach_exactly_the_networks_that_step(data, name):
    """Every parameter of these that is not frozen, and no other; whoever was trainable before is so afterwards."""
    system, drawn = made(configured(name, data))
    frozen = {key: next(iter(dict(net.named_parameters()))) for key, net in system.networks.items()}
    for key, parameter in frozen.items():
        dict(system.networks[key].named_parameters())[parameter].stop_gradient = True
    before, stepped = switches(system), set()
    for i, batch in enumerate(drawn):
        for update in system.updates(batch, i):
            update.loss.backward()
            found = reached(system)
            assert found.keys() == set(update.steps), update.name
            for key, parameters in found.items():
                trainable = {p for p, value in system.networks[key].named_parameters()} - {frozen[key]}
                assert parameters == trainable, (update.name, key)
            stepped |= found.keys()
            for parameter in (p for net in system.networks.values() for p in net.parameters()):
                parameter.clear_gradient(False)  # None, not zeros
        assert switches(system) == before
        broken_off = system.updates(batch, i)
        next(broken_off)
        broken_off.close()  # as an error within an iteration would
        assert switches(system) == before
    assert stepped == system.networks.keys()


@pytest.mark.parametrize("name", EVERY)
def test_exactly_these_networks_change(data, name):
    """By each update; and what they stepped on is gone."""
    system, drawn = made(configured(name, data))
    updates, changes = system.updates, []

    def watched(batch, i):
        for update in updates(batch, i):
            before = weights(system)
            yield update
            after = weights(system)
            changes.append(
                ({key.split("/")[0] for key in after if (before[key] != after[key]).any()}, set(update.steps))
            )
            assert reached(system) == {}, update.name

    system.updates = watched
    reports = [iterate(system, batch, i) for i, batch in enumerate(drawn)]
    assert all(changed == steps for changed, steps in changes) and len(changes) >= ITERATIONS
    assert all(np.isfinite(float(value)) for report in reports for value in report.values())


def weights(system) -> dict:
    parameters = {f"{name}/{key}" for name, net in system.networks.items() for key, _ in net.named_parameters()}
    return {key: value for key, value in state(system).items() if key in parameters}


@pytest.mark.parametrize("name", EVERY)
def test_averages_follow_parameters_and_have_the_networks_buffers(data, name):
    system, drawn = made(configured(name, data))
    averages = copies(system.networks, system.averaged)
    before = {key: checkpoint.arrays(net) for key, net in averages.items()}
    for i, batch in enumerate(drawn):
        iterate(system, batch, i)
    follow(averages, system.networks, 0.75)
    assert averages.keys() == set(system.averaged)
    without = ("adain", "pix2pix", "cyclegan", "stargan", "ugatit", "fan")  # as their authors' are
    assert averages or name[: -len("_toy")] in without
    for key, average in averages.items():
        now, values = checkpoint.arrays(system.networks[key]), checkpoint.arrays(average)
        parameters = {parameter for parameter, _ in average.named_parameters()}
        for place, value in values.items():
            expected = 0.75 * before[key][place] + 0.25 * now[place] if place in parameters else now[place]
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6, err_msg=place)
        assert any((now[place] != before[key][place]).any() for place in parameters)
        assert all(parameter.stop_gradient for parameter in average.parameters())


# ---- a killed run ----


@pytest.mark.parametrize("name", EVERY)
def test_a_killed_run_goes_on_bit_by_bit(data, tmp_path, name):
    """Killed at a random moment after its third checkpoint, and gone on with in this process, it ends where a run that
    never stopped ends: with dropout, the optimisers' states and the norms' statistics."""
    killed = overrides(name, data, f"output={tmp_path / 'killed'}", "train.save_every=2", "train.iterations=100000")
    command = [sys.executable, str(ROOT / "tools" / "train.py"), "-c", str(ROOT / "configs" / f"{name}.yaml"), "-o"]
    process = subprocess.Popen([*command, *killed], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    for line in process.stdout:
        said.append(line)
        if line.endswith("0000006.pdparams\n"):  # every network has stepped, and every average is behind
            break
    time.sleep(random.random() / 4)
    process.send_signal(signal.SIGKILL)
    said += process.communicate()[0]
    assert process.returncode == -signal.SIGKILL, "".join(said)

    (run,) = (tmp_path / "killed").iterdir()
    saved = int(runs.checkpoints(run)[-1].stem)
    last = f"train.iterations={saved + 3}"
    resumed = trainer(name, data, f"output={tmp_path / 'killed'}", last)
    resumed.resume(runs.find_checkpoint(resumed.config, ""))
    assert resumed.iteration == saved and resumed.run() == 0 and resumed.folder == run
    whole = trainer(name, data, f"output={tmp_path / 'whole'}", last)
    assert whole.run() == 0
    ours, theirs = (flat(checkpoint.load(runs.checkpoints(one.folder)[-1])) for one in (resumed, whole))
    assert ours.keys() == theirs.keys() and len(ours) > 20
    for key, value in ours.items():
        np.testing.assert_array_equal(value, theirs[key], err_msg=key)


def trainer(name, data, *more) -> Trainer:
    config = configured(name, data, *more)
    return Trainer(config, system_named(config.system))


def flat(values: dict, place="") -> dict:
    """{place: array} of nested dicts."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{place}{key}/"))
        elif isinstance(value, np.ndarray):
            found[place + key] = value
    return found


# ---- processes and pieces ----


@pytest.fixture(scope="module")
def alone(data):
    """{name: what one process finds that computes each batch in two pieces}, kept for both tests below."""
    found = {}
    for name in EVERY:
        with plain(name, data) as (system, drawn):
            found[name] = trained(system, drawn, accumulate=2), every_system.buffers(system), system.across_batch
    return found


def test_two_processes_are_one(data, alone, tmp_path):
    """What looks across a batch looks across a process's share of it: that is a piece, but for its statistics."""
    launch(tmp_path, str(ROOT / "tests" / "every_system.py"), str(data), str(tmp_path))
    for name, (one, own, _) in alone.items():
        first, second = (np.load(tmp_path / f"{name}_{rank}.npz") for rank in range(2))
        assert set(first.files) == set(second.files) == one.keys()
        for key in one.keys() - own:
            np.testing.assert_array_equal(first[key], second[key], err_msg=f"{name}: {key}")
            np.testing.assert_allclose(first[key], one[key], rtol=0, atol=1e-9, err_msg=f"{name}: {key}")
    for rank in range(2):  # a gradient that the second process has not counts as zeros there
        found = np.load(tmp_path / f"halves_{rank}.npz")
        assert found["a/weight"].tolist() == [[-1.0], [-2.5]] and found["b/weight"].tolist() == [[-0.5], [-1.0]]


@pytest.mark.parametrize("name", EVERY)
def test_pieces_are_the_whole_or_refused(data, alone, name):
    if alone[name][2]:
        with pytest.raises(UsageError, match=r"look across the batch.*give train\.accumulate=1$"):
            trainer(name, data, "train.accumulate=2")
        return
    with plain(name, data) as (system, drawn):
        whole = trained(system, drawn)
    assert whole.keys() == alone[name][0].keys()
    # Of an instance norm, since no layer looks across the batch: they follow each piece, and nothing reads them.
    running = {key for key in alone[name][1] if key.endswith(("._mean", "._variance"))}
    assert not running or name == "stargan_toy"
    for key, value in whole.items():
        if key in running:
            continue
        np.testing.assert_allclose(alone[name][0][key], value, rtol=0, atol=1e-9, err_msg=key)


# ---- sheets, figures, and files of another system ----


@pytest.mark.parametrize("name", EVERY)
def test_a_sheet_is_the_same_twice_and_moves_nothing(data, name, monkeypatch):
    system, drawn = made(configured(name, data))
    iterate(system, drawn[0], 0)
    with monkeypatch.context() as other:  # of several processes, which draws no sheets
        other.setattr(distributed, "rank", lambda: 1)
        other.setattr(Image, "open", None)
        system.prepare(set())
    system.prepare(set())
    before, trainable = state(system), switches(system)
    modes = [layer.training for net in system.networks.values() for layer in net.sublayers(include_self=True)]
    sheets = []
    for seed in (1, 2):
        paddle.seed(seed)
        sheets.append({key: np.asarray(sheet) for key, sheet in system.sheets(system.networks).items()})
    assert sheets[0].keys() == sheets[1].keys() and len(sheets[0]) >= 1
    for key, sheet in sheets[0].items():
        assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3 and sheet.std() > 0
        np.testing.assert_array_equal(sheet, sheets[1][key])
    after = state(system)
    for key, value in before.items():
        np.testing.assert_array_equal(value, after[key], err_msg=key)
    assert switches(system) == trainable
    assert modes == [layer.training for net in system.networks.values() for layer in net.sublayers(include_self=True)]


def test_the_losses_of_every_system_are_its_authors():
    """Each has a case of losses and gradients that the authors' code gave, and every case of a kit is run."""
    with_losses = set()
    for module in (test_parity, test_ladder):
        cases = json.loads((module.KIT / "manifest.json").read_text())["cases"]
        assert cases.keys() == module.EXPECTED.keys()
        for name, settings in cases.items():
            if settings["kind"] in ("losses", "grad") and module.EXPECTED[name] > 10:
                system = settings.get("system", "stargan_v2")
                with_losses.add("fan" if system == "wing" else system)
    assert with_losses == set(names())


@pytest.fixture(scope="module")
def trainers(data, tmp_path_factory):
    """{system: a trainer that has done an iteration}."""
    found = {}
    for name in TOYS:
        made = trainer(name, data, f"output={tmp_path_factory.mktemp(name)}", "train.iterations=1")
        if made.config.system not in found:
            assert made.run() == 0
            found[made.config.system] = made
    return found


@pytest.mark.parametrize("system", names())
def test_files_of_another_system_are_refused_in_one_line(trainers, system):
    """Resuming is refused always; --init but where the networks are the same, and then a line says so."""
    path = runs.checkpoints(trainers[system].folder)[-1]
    ours = trainers[system].system.architecture
    for other, theirs in trainers.items():
        if other == system:
            continue
        before, theirs_too = state(theirs.system), theirs.system.architecture
        wrong = f"{path} is of a run of {system}, and this is {other}; give its configuration"
        assert refusal(theirs.resume, path) == wrong
        if theirs_too.keys() == ours.keys():
            if any(theirs_too[name] != ours[name] for name in ("network", "img_size") if name in ours):
                continue  # refused by name and shape: test_checkpoint.py
            assert f"the file is of {system}, this run of {other}" in trainers[other].initialise(path)
            continue
        wrong = f"and this trains {other}, whose networks are others; give weights of {other}, or another -c"
        assert refusal(theirs.initialise, path) == f"{path} is of {system}, {wrong}"
        after = state(theirs.system)
        assert all(np.array_equal(value, after[key]) for key, value in before.items())
