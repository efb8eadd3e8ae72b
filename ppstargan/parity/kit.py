"""Reading a parity kit: its manifest, its figures, and the weights and inputs that both sides make from names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import paddle

from ppstargan.convert.names import in_paddle, names, torch_shape
from ppstargan.errors import UserError
from ppstargan.parity import fill

KEPT = (4096, 2048, 1024, 512, 256, 128, 64, 32)  # figures that a kit keeps of an array, by the kind of array


@dataclass(frozen=True)
class Check:
    """One row of the report: ``error`` must not exceed ``tolerance``."""

    case: str
    quantity: str
    error: float
    tolerance: float
    ours: np.ndarray = field(repr=False)  # the figures compared, for a report
    reference: np.ndarray = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return bool(self.error <= self.tolerance)  # False for NaN


class Case:
    """One case of a kit: ``settings`` from the manifest, figures under their keys, and inputs by name."""

    def __init__(self, folder: Path, prefix: str, name: str, settings: dict):
        self.folder, self.name = folder, name
        self.settings = settings
        self.prefix = f"{prefix}/{name}"
        self.figures = _figures(folder / f"{name}.npz")

    def keys(self, start: str) -> list:
        """Keys of the stored arrays that begin with ``start``, without their ``.shape``, ``.l2``, ``.mean``."""
        return [k for k in self.figures if k.startswith(start) and not k.endswith((".shape", ".l2", ".mean"))]

    def batch(self, step: str = "") -> dict:
        """The inputs of a training batch: images [n, 3, size, size] float32, labels int64, latents [n, 16]."""
        n, size, domains = (self.settings[k] for k in ("batch", "img_size", "num_domains"))
        prefix = f"{self.prefix}/{step}" if step else self.prefix
        batch = {k: fill.image(f"{prefix}/{k}", (n, 3, size, size)) for k in ("x_src", "x_ref", "x_ref2")}
        batch.update({k: fill.normal(f"{prefix}/{k}", (n, 16)) for k in ("z_trg", "z_trg2")})
        index = np.arange(n, dtype=np.int64)
        batch.update(y_src=index % domains, y_trg=(2 * index + 1) % domains)
        return batch

    def sample(self, key: str, value) -> np.ndarray:
        """The elements of ``value`` that the reference under ``key`` keeps, float64 [K]."""
        reference, value = self.figures[key], np.asarray(value, np.float64)
        shape = tuple(self.figures.get(key + ".shape", reference.shape))
        if value.shape != shape:
            raise UserError(f"case {self.name}, {key}: shape {value.shape}, and the reference has {shape}")
        if value.size == reference.size:
            return value.reshape(-1)
        strides = (max(1, value.size // keep) for keep in KEPT)
        stride = next((s for s in strides if -(-value.size // s) == reference.size), None)
        if stride is None:
            raise UserError(f"case {self.name}, {key}: {reference.size} figures are no sample of shape {shape}")
        return value.reshape(-1)[::stride]

    def array(self, key: str, value, tolerance: float, floor: float = 0.0) -> Check:
        """Compares an array with the one stored under ``key``, by the sample and by the norm of the whole.

        Passes while the norm of the difference is at most ``tolerance * norm + floor``.
        """
        reference, ours = self.figures[key].reshape(-1).astype(np.float64), self.sample(key, value)
        norm = np.linalg.norm(reference)
        errors = [(np.linalg.norm(ours - reference), norm)]
        if key + ".l2" in self.figures:
            expected = float(self.figures[key + ".l2"])
            errors.append((abs(np.linalg.norm(np.asarray(value, np.float64)) - expected), expected))
        # NumPy's maximum keeps a NaN, which then fails.
        worst = np.max([difference / (norm + floor / tolerance + 1e-30) for difference, norm in errors])
        return Check(self.name, key, float(worst), tolerance, ours, reference)

    def largest(self, key: str, value, tolerance: float) -> Check:
        """Compares an array with the one stored under ``key`` by the largest absolute difference."""
        reference, ours = self.figures[key].reshape(-1).astype(np.float64), self.sample(key, value)
        return Check(self.name, key, float(np.abs(ours - reference).max(initial=0.0)), tolerance, ours, reference)

    def scalar(self, key: str, value: float, tolerance: float) -> Check:
        """Compares a number with the one stored under ``key``, relative to it."""
        reference, ours = float(self.figures[key]), float(value)
        error = abs(ours - reference) / abs(reference)
        return Check(self.name, key, error, tolerance, np.array([ours]), np.array([reference]))


def _figures(path: Path) -> dict:
    try:
        with np.load(path, allow_pickle=False) as figures:
            return dict(figures)
    except FileNotFoundError:
        raise UserError(f"the kit's manifest names a case whose file {path.absolute()} is missing") from None
    except Exception as error:  # NumPy raises nearly anything on a damaged file
        raise UserError(f"{path.absolute()} is no .npz file, or a damaged one ({error})") from None


def read_manifest(folder) -> dict:
    """The manifest of the kit in ``folder``. Raises UserError where there is none."""
    path = Path(folder) / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for settings in manifest["cases"].values():  # a case's own prefix, or the one of all
            settings["kind"], settings.setdefault("prefix", manifest.get("prefix"))
    except FileNotFoundError:
        what = "give --reference DIR, such as a clone's tests/reference/ladder; no wheel has the kits"
        raise UserError(f"no parity kit: {path.absolute()} is missing; {what}") from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path.absolute()} is not a kit's manifest ({error!r})") from None
    return manifest


def read_case(folder, name: str) -> Case:
    """Case ``name`` of the kit in ``folder``."""
    manifest = read_manifest(folder)
    if name not in manifest["cases"]:
        raise UserError(f"no case {name!r} in {folder}; it has {', '.join(manifest['cases'])}")
    settings = manifest["cases"][name]
    return Case(Path(folder), settings["prefix"], name, settings)


def fill_weights(net: paddle.nn.Layer, kind: str) -> None:
    """Gives every parameter and buffer of ``net`` the kit's value for the network ``kind``."""
    state = net.state_dict()
    rows = [name for name in names(net) if not name.torch.endswith("num_batches_tracked")]  # which a kit does not fill
    arrays = {n.torch: fill.weight(kind, n.torch, torch_shape(n, state[n.paddle].shape)) for n in rows}
    for key, value in in_paddle(rows, arrays).items():
        state[key].set_value(value.astype(str(state[key].dtype).split(".")[-1]))
