import copy
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml
from paddle.nn import functional as F

from ppstargan import checkpoint
from ppstargan.errors import UserError
from ppstargan.nets import generator, resample
from ppstargan.nets.blocks import AdaIN
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.translate import export as ex
from ppstargan.translate.inference_forms import forms_for_inference
from ppstargan.translator import Translator

ROOT = Path(__file__).parent.parent
SMALL = {"img_size": 32, "hidden_dim": 16, "channel_base": 256, "max_channels": 16}
FACES = {"img_size": 64, "hidden_dim": 16, "channel_base": 512, "max_channels": 16, "w_hpf": 1.0}


def write_weights(path, **architecture):
    """A file of random weights in which no bias and no norm is as it was initialised."""
    paddle.seed(0)
    nets = Networks(3, **architecture)
    for name in AVERAGED:
        for parameter in getattr(nets, name).parameters():
            if parameter.ndim == 1:
                parameter.set_value(parameter + 0.1 * paddle.randn(parameter.shape))
    parts = {"fan": checkpoint.arrays(nets.fan)} if nets.fan is not None else {}
    averages = {name: checkpoint.arrays(getattr(nets, name)) for name in AVERAGED}
    content = {"architecture": nets.architecture, "domains": ["cat", "dog", "wild"], "nets": parts}
    checkpoint.save({**content, "averages": averages}, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def model(folder):
    return Translator(write_weights(folder / "small.pdparams", **SMALL))


@pytest.fixture(scope="module")
def tool(folder, model):
    """What tools/export.py prints; it writes to ``folder`` / exported."""
    command = [sys.executable, "tools/export.py", "--weights", model.weights, "--out", folder / "exported"]
    command += ["--batch-size", "2", "--repeats", "2"]
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=100)


def translated(model, guide, inputs):
    """By the networks themselves."""
    x, given, y = map(paddle.to_tensor, inputs.values())
    with paddle.no_grad():
        style = model.nets.style_from_latent if guide == "latent" else model.nets.style_from_reference
        return model.nets.translate(x, style(given, y)).numpy()


# ---- the files ----


@pytest.mark.parametrize("guide", ex.GUIDES)
def test_the_written_models_translate_any_number_of_images(folder, model, tool, guide):
    assert tool.returncode == 0, tool.stderr
    loaded = paddle.jit.load(str(folder / "exported" / guide))
    for count in (1, 2, 5):
        inputs = ex.random_inputs(model, guide, count, seed=count)
        found = loaded(*map(paddle.to_tensor, inputs.values())).numpy()
        assert found.shape == (count, 3, 32, 32)
        np.testing.assert_allclose(found, translated(model, guide, inputs), atol=1e-4)


@pytest.mark.parametrize("guide", ex.GUIDES)
def test_every_input_counts(folder, model, tool, guide):
    run = ex.paddle_runner(folder / "exported" / guide, onednn=True)
    inputs = ex.random_inputs(model, guide, 1)
    before = run(inputs)
    for name in inputs:
        changed = inputs[name] * 0.5 if name != "y" else (inputs[name] + 1) % 3
        assert np.abs(run({**inputs, name: changed.astype(inputs[name].dtype)}) - before).max() > 0.01


def test_the_tool_says_how_the_models_compare(folder, tool):
    lines = tool.stdout.splitlines()
    for guide in ex.GUIDES:
        (compared,) = [line for line in lines if line.startswith(f"{guide}, Paddle inference: largest")]
        assert float(re.search(r"graph (\S+), of outputs", compared)[1]) < 1e-4
        rates = [line for line in lines if line.startswith(guide) and "images/s" in line]
        assert [line.split(":")[0] for line in rates] == [f"{guide}, dynamic graph", f"{guide}, Paddle inference"]
        assert all("batches of 2" in line for line in rates)
    assert lines[-1] == f"wrote {folder / 'exported'}"


def test_the_inputs_are_told_beside_the_models(folder, tool):
    told = yaml.safe_load((folder / "exported" / "model.yaml").read_text(encoding="utf-8"))
    assert told["inputs"]["latent"] == {"x": "float32 [N, 3, 32, 32]", "z": "float32 [N, 16]", "y": "int64 [N]"}
    assert list(told["inputs"]["reference"]) == ["x", "x_ref", "y"]
    assert told["domains"] == {0: "cat", 1: "dog", 2: "wild"}
    assert told["oneDNN"] == "may be used"
    loaded = paddle.jit.load(str(folder / "exported" / "reference"))
    assert [spec.name for spec in loaded._input_spec()] == ["x", "x_ref", "y"]


# ---- the comparison ----


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda found: found + 0.01, r"latent, Paddle inference: largest difference .* 1\.0e-02, of outputs up to"),
        (lambda found: np.where(np.arange(32) == 5, np.nan, found), "largest difference .* nan"),
        (lambda found: found[:, :, ::2], r"the output is \[1, 3, 16, 32\], not \[1, 3, 32, 32\]"),
    ],
)
def test_a_model_that_differs_is_not_written(tmp_path, model, monkeypatch, wrong, message):
    dynamic = ex.dynamic_runner(model, "latent")
    monkeypatch.setattr(ex, "save_paddle", lambda model, guide, path: path.touch())
    monkeypatch.setattr(ex, "paddle_runner", lambda path, onednn: lambda inputs: wrong(dynamic(inputs)))
    with pytest.raises(UserError, match=message):
        list(ex.export(model, ["latent"], tmp_path / "out", onnx=False, batch_size=1, repeats=0))
    assert list(tmp_path.iterdir()) == []


def test_a_difference_in_a_later_batch_counts(tmp_path, model, monkeypatch):
    dynamic = ex.dynamic_runner(model, "latent")
    monkeypatch.setattr(ex, "save_paddle", lambda model, guide, path: path.touch())
    monkeypatch.setattr(ex, "paddle_runner", lambda *_: lambda i: dynamic(i) + 0.1 * (len(i["y"]) == 3))
    with pytest.raises(UserError, match="largest difference"):
        list(ex.export(model, ["latent"], tmp_path / "out", onnx=False, batch_size=1, repeats=0))


def test_a_folder_that_is_there_stays_as_it_is(tmp_path, model):
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"/out exists; name another folder"):
        list(ex.export(model, ["latent"], tmp_path / "out", onnx=False, batch_size=1, repeats=0))
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


# ---- the forms ----


@pytest.mark.parametrize("architecture", [SMALL, FACES])
def test_the_forms_compute_the_same_and_leave_no_trace(tmp_path, architecture):
    model = Translator(write_weights(tmp_path / "weights.pdparams", **architecture))
    inputs = ex.random_inputs(model, "reference", 1)
    originals = (F.interpolate, generator.high_pass, AdaIN.forward, resample.pool, resample.conv_pool)
    expected = translated(model, "reference", inputs)
    net = copy.deepcopy(ex.Translation(model.nets, "reference"))
    with forms_for_inference(net), paddle.no_grad():
        found = net(*map(paddle.to_tensor, inputs.values())).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert originals == (F.interpolate, generator.high_pass, AdaIN.forward, resample.pool, resample.conv_pool)


def test_the_kernels_are_folded(folder, model, tool):
    """The written model holds one 4x4 kernel for each resampling, and not what it was made from."""
    written = paddle.jit.load(str(folder / "exported" / "latent")).state_dict().values()
    shapes = [tuple(value.shape) for value in written if value.ndim == 4]
    blocks = [*model.nets.generator.encode, *model.nets.generator.decode]
    resampling = [b for b in blocks if getattr(b, "downsample", False) or getattr(b, "upsample", False)]
    plain = [p for p in model.nets.generator.parameters() if p.ndim == 4 and p.shape[2] == 3]
    assert sum(shape[2] == 4 for shape in shapes) == len(resampling) == 2
    assert sum(shape[2] == 3 for shape in shapes) == len(plain) - 2  # and the model's own are as they were


@pytest.mark.slow
def test_faces_with_their_masks(tmp_path, monkeypatch):
    monkeypatch.setattr(ex, "CHECKED_BATCHES", (1,))  # two are compared below
    model = Translator(write_weights(tmp_path / "faces.pdparams", **FACES))
    lines = list(ex.export(model, ["reference"], tmp_path / "out", onnx=False, batch_size=1, repeats=0))
    assert len(lines) == 1 and "largest difference" in lines[0]
    inputs = ex.random_inputs(model, "reference", 2)
    found = paddle.jit.load(str(tmp_path / "out" / "reference"))(*map(paddle.to_tensor, inputs.values())).numpy()
    np.testing.assert_allclose(found, translated(model, "reference", inputs), atol=1e-4)
    x, s = paddle.to_tensor(inputs["x"]), model.nets.style_encoder(*map(paddle.to_tensor, list(inputs.values())[1:]))
    assert np.abs(model.nets.generator(x, s).numpy() - found).max() > 0.01  # the masks do something
    assert "errs" in yaml.safe_load((tmp_path / "out" / "model.yaml").read_text())["oneDNN"]


# ---- ONNX ----


def test_onnx_models_translate_any_number_of_images(tmp_path, model):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("paddle2onnx")
    runtime = pytest.importorskip("onnxruntime")
    lines = list(ex.export(model, ex.GUIDES, tmp_path / "out", onnx=True, batch_size=1, repeats=1))
    assert [line.split(":")[0] for line in lines[:2]] == ["latent, Paddle inference", "latent, ONNX Runtime on the CPU"]
    for guide in ex.GUIDES:
        path = str(tmp_path / "out" / f"{guide}.onnx")
        slopes = [node.attribute[0].f for node in onnx.load(path).graph.node if node.op_type == "LeakyRelu"]
        assert slopes and np.allclose(slopes, 0.2)
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for count in (1, 4):
            inputs = ex.random_inputs(model, guide, count, seed=7)
            np.testing.assert_allclose(session.run(None, inputs)[0], translated(model, guide, inputs), atol=1e-4)


def test_what_paddle2onnx_does_not_convert(tmp_path):
    (tmp_path / "latent.json").write_text("{}")
    with pytest.raises(UserError, match=r"Paddle2ONNX does not convert this model .*; leave --onnx out"):
        ex.save_onnx(tmp_path / "latent")


def test_onnx_without_its_packages(tmp_path, model, monkeypatch):
    monkeypatch.setattr(ex.importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(UserError, match=r'pip install -e "\.\[onnx\]"'):
        list(ex.export(model, ["latent"], tmp_path / "out", onnx=True, batch_size=1, repeats=0))
    assert list(tmp_path.iterdir()) == []
