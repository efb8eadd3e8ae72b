"""G with F, and G with E, as models for inference: by Paddle, and by ONNX through Paddle2ONNX.

Each takes an image ``x`` [N, 3, S, S] in [-1, 1], what guides it, and labels ``y`` [N], for any N, and gives the
translation [N, 3, S, S]. A latent ``z`` [N, latent_dim] guides by F, a reference ``x_ref`` [N, 3, S, S] of the domain y
by E. With w_hpf > 0 the FAN and the masks are part of the model.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import paddle
import yaml
from paddle import nn
from paddle.static import InputSpec

from ppstargan.errors import UserError
from ppstargan.nets.blocks import SLOPE
from ppstargan.nets.masks import face_masks
from ppstargan.runtime import usable_cores, usable_home
from ppstargan.translate.inference_forms import forms_for_inference
from ppstargan.translator import Translator

GUIDES = {"latent": ("z", "mapping_network"), "reference": ("x_ref", "style_encoder")}  # -> its input, its network
TOLERANCE = 1e-3  # of the largest output: below an eighth of an 8-bit level where outputs are in [-1, 1]
CHECKED_BATCHES = (1, 3)
OPSET = 16  # of ONNX
ONNX_HELP = 'pip install -e ".[onnx]"'


class Translation(nn.Layer):
    """One of the two models: G in the style that F or E gives."""

    def __init__(self, nets, guide: str):
        super().__init__()
        self.generator, self.fan = nets.generator, nets.fan
        self.style = getattr(nets, GUIDES[guide][1])

    def forward(self, x, given, y):
        """x [N, 3, S, S] in [-1, 1], z [N, latent_dim] or x_ref [N, 3, S, S], y int64 [N] -> [N, 3, S, S]."""
        masks = None if self.fan is None else face_masks(self.fan, x)
        return self.generator(x, self.style(given, y), masks)


def _shapes(model: Translator, guide: str) -> dict:
    """Input -> (the shape behind N, the type), in the order of ``Translation.forward``."""
    image = (3, model.img_size, model.img_size)
    given = (model.architecture["latent_dim"],) if guide == "latent" else image
    return {"x": (image, "float32"), GUIDES[guide][0]: (given, "float32"), "y": ((), "int64")}


def random_inputs(model: Translator, guide: str, count: int, seed: int = 0) -> dict:
    """Inputs {name: array} of ``count`` samples: noise, latents, and domains."""
    rng, found = np.random.default_rng(seed), {}
    for name, (shape, kind) in _shapes(model, guide).items():
        if name == "y":
            found[name] = rng.integers(len(model.domains), size=count)
        else:
            draw = rng.standard_normal if name == "z" else lambda size: rng.uniform(-1, 1, size)
            found[name] = draw((count, *shape)).astype(kind)
    return found


# ---- writing ----


def save_paddle(model: Translator, guide: str, path: Path) -> None:
    """Writes ``path``.json (Paddle 2: .pdmodel) and ``path``.pdiparams, for any number of samples at a time."""
    net = copy.deepcopy(Translation(model.nets, guide))  # tracing changes layers, and slows them down on Paddle 2
    net.eval()
    shapes = _shapes(model, guide)
    specs = [InputSpec([None, *shape], kind, name) for name, (shape, kind) in shapes.items()]
    with forms_for_inference(net), usable_home():
        paddle.jit.save(paddle.jit.to_static(net, input_spec=specs, full_graph=True), str(path))


_CONVERT = """
import inspect, sys, zlib
import paddle2onnx
bare = {"optimize_tool": None} if "optimize_tool" in inspect.signature(paddle2onnx.export).parameters else {}
paddle2onnx.export(*sys.argv[1:4], opset_version=int(sys.argv[4]), enable_onnx_checker=True, **bare)
"""


def save_onnx(path: Path) -> None:
    """Writes ``path``.onnx from what ``save_paddle`` wrote. Raises UserError where Paddle2ONNX does not make it."""
    target = path.with_suffix(".onnx")
    # A process of its own, since what Paddle2ONNX cannot convert it aborts on. It would fold constants by a tool that
    # installs packages unasked; there is nothing left to fold.
    command = [sys.executable, "-c", _CONVERT, *map(str, (*_paddle_files(path), target, OPSET))]
    done = subprocess.run(command, capture_output=True, text=True)
    content = None
    if done.returncode == 0 and target.exists():
        import onnx

        content = onnx.load(str(target))
    if content is None or not content.graph.node:  # it also writes empty files, and exits with 0
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        reason = " ".join((said or [f"exit {done.returncode}"])[0].split())
        raise UserError(f"Paddle2ONNX does not convert this model ({reason}); leave --onnx out")
    for node in content.graph.node:
        if node.op_type == "LeakyRelu":  # Paddle2ONNX 2.1.0 leaves it to chance on Paddle 3.3 (its issue 1646)
            del node.attribute[:]
            node.attribute.append(onnx.helper.make_attribute("alpha", SLOPE))
    onnx.save(content, str(target))


def _paddle_files(path: Path) -> tuple[Path, Path]:
    program = path.with_suffix(".json")
    return program if program.exists() else path.with_suffix(".pdmodel"), path.with_suffix(".pdiparams")


# ---- running ----


def dynamic_runner(model: Translator, guide: str) -> Callable[[dict], np.ndarray]:
    """{input: array} -> the translation, as the dynamic graph computes it."""
    net = Translation(model.nets, guide)
    net.eval()

    def run(inputs: dict) -> np.ndarray:
        with paddle.no_grad():
            return net(*map(paddle.to_tensor, inputs.values())).numpy()

    return run


def paddle_runner(path: Path, onednn: bool) -> Callable[[dict], np.ndarray]:
    """{input: array} -> the translation, as Paddle's inference library computes it, on a CPU by oneDNN or without."""
    from paddle import inference

    config = inference.Config(*map(str, _paddle_files(path)))
    config.disable_glog_info()
    if paddle.get_device().startswith("gpu"):
        config.enable_use_gpu(256, 0)  # MB to begin with, and which GPU
    else:
        config.set_cpu_math_library_num_threads(_threads())
        if onednn:
            config.enable_mkldnn()
        else:  # Paddle 3 uses it by default
            config.disable_mkldnn()
    predictor = inference.create_predictor(config)

    def run(inputs: dict) -> np.ndarray:
        for name, array in inputs.items():
            predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(array))
        predictor.run()
        return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()

    return run


def onnx_runner(path: Path) -> Callable[[dict], np.ndarray]:
    """{input: array} -> the translation, as ONNX Runtime computes it, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3  # errors; it warns of each constant that it drops
    session = onnxruntime.InferenceSession(str(path.with_suffix(".onnx")), options, ["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or usable_cores())


# ---- all of it ----


def _onednn(model: Translator) -> bool:
    # Where a mask multiplies the features of several images, Paddle 3.3.1's errs or crashes.
    return model.nets.fan is None


def export(model: Translator, guides, out, onnx: bool, batch_size: int, repeats: int) -> Iterator[str]:
    """Writes the models ``guides`` (of GUIDES) into a new folder ``out``; yields lines that say how they compare.

    Each is first compared with the dynamic graph, for one sample and for three, and timed in turn with it:
    ``repeats`` runs on ``batch_size`` samples. Only when all are done does ``out`` appear. Raises UserError where it
    is there already, where an output differs by more than TOLERANCE, and where a library is missing or fails.
    """
    out = Path(out).absolute()
    if out.exists():
        raise UserError(f"{out} exists; name another folder")
    try:
        str(out).encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"Paddle writes to no folder whose name is no text, as in {out}; name another") from None
    if onnx and not all(map(importlib.util.find_spec, ("paddle2onnx", "onnxruntime"))):
        raise UserError(f"--onnx needs Paddle2ONNX and ONNX Runtime: {ONNX_HELP}")
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        for guide in guides:
            save_paddle(model, guide, partial / guide)
            runners = {"Paddle inference": paddle_runner(partial / guide, _onednn(model))}
            if onnx:
                save_onnx(partial / guide)
                runners["ONNX Runtime on the CPU"] = onnx_runner(partial / guide)
            dynamic = dynamic_runner(model, guide)
            for name, run in runners.items():
                yield f"{guide}, {name}: {_compare(model, guide, dynamic, run, name)}"
            if repeats:
                inputs = random_inputs(model, guide, batch_size)
                yield from _rates(guide, {"dynamic graph": dynamic, **runners}, inputs, batch_size, repeats)
        described = yaml.safe_dump(describe(model, guides), sort_keys=False, allow_unicode=True)
        (partial / "model.yaml").write_text(described, encoding="utf-8")
        partial.rename(out)
    except OSError as error:
        file = f" ({error.filename})" if error.filename else ""  # it may be a library's own, elsewhere
        raise UserError(f"cannot write {out}: {error.strerror or error}{file}; choose another place") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compare(model: Translator, guide: str, dynamic: Callable, run: Callable, name: str) -> str:
    """The largest difference of ``run`` from ``dynamic``, in words. Raises UserError where it is above TOLERANCE."""
    difference, largest = 0.0, 0.0
    for seed, count in enumerate(CHECKED_BATCHES):
        inputs = random_inputs(model, guide, count, seed)
        expected, found = dynamic(inputs), run(inputs)
        if expected.shape != found.shape:
            raise UserError(f"{guide}, {name}: the output is {list(found.shape)}, not {list(expected.shape)}")
        difference = np.maximum(difference, np.abs(found - expected).max())  # keeps a NaN
        largest = max(largest, float(np.abs(expected).max()))
    said = f"largest difference from the dynamic graph {difference:.1e}, of outputs up to {largest:.2f}"
    if not difference <= TOLERANCE * largest:
        raise UserError(f"{guide}, {name}: {said}; more than {TOLERANCE:g} of it, so nothing is written")
    return said


def _rates(guide: str, runners: dict, inputs: dict, batch_size: int, repeats: int) -> Iterator[str]:
    """A line on each of ``runners``, which run in turn so that what else the machine does falls on all."""
    seconds: dict = {name: [] for name in runners}
    for round_ in range(repeats + 1):
        for name, run in runners.items():
            begun = time.perf_counter()
            run(inputs)
            if round_:  # the first one prepares for this number of samples
                seconds[name].append(time.perf_counter() - begun)
    for name, values in seconds.items():
        median, spread = statistics.median(values), f"{min(values):.3f} to {max(values):.3f} s"
        yield f"{guide}, {name}: {batch_size / median:.3f} images/s ({median:.3f} s, {spread}, batches of {batch_size})"


def describe(model: Translator, guides) -> dict:
    """What a user of the files has to know, for model.yaml beside them."""
    inputs = {
        guide: {
            name: f"{kind} {['N', *shape]}".replace("'", "") for name, (shape, kind) in _shapes(model, guide).items()
        }
        for guide in guides
    }
    return {
        "inputs": inputs,
        "oneDNN": "may be used"
        if _onednn(model)
        else "errs on it: config.disable_mkldnn() where Paddle runs it on a CPU",
        "output": f"float32 [N, 3, {model.img_size}, {model.img_size}]",
        "images": "RGB in [-1, 1]; clip the output",
        "z": "standard normal",
        "y": "number of the domain to translate to, which is that of x_ref",
        "domains": dict(enumerate(model.domains)),
    }
