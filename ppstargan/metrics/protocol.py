"""The paper's measurement (Choi et al., CVPR 2020, section 4 and appendix): FID and LPIPS of every pair of domains.

Each source image of ``val`` is translated ``outputs`` times into each other domain, by latents or by references from
``val``. LPIPS is the mean over the pairs among the outputs for one source, then over sources. FID, and beside it KID,
precision, recall, density and coverage, compare all outputs of a pair of domains with the target's ``train`` images.

As in the authors' code: sources and references are whole images at the model's size, latents are standard normal,
references are taken in a random order, all before any comes again; LPIPS sees the outputs as they are, FID sees them
rounded to 8 bits. Other than there: the ten references of a source are consecutive ones of that order, and LPIPS
weighs all sources alike, where theirs is a mean of the means of batches, whose last may be smaller.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan.data.batches import load_batch
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError
from ppstargan.metrics import figures, inputs, store
from ppstargan.metrics.frechet import statistics
from ppstargan.metrics.judges import Judge, Judges, digest_of, prepare, preprocessing
from ppstargan.metrics.lpips import group_mean
from ppstargan.nets.stargan_v2 import AVERAGED, Networks
from ppstargan.pictures import save_image, to_uint8
from ppstargan.runtime import Progress

MODES = ("latent", "reference")
VERSION = 1  # raise it when figures change for the same input: earlier results are not reused


class Task(NamedTuple):
    """One measurement."""

    mode: str
    seed: int
    source: str  # domains
    target: str

    def __str__(self) -> str:
        return f"{self.mode} {self.source} to {self.target}, seed {self.seed}"


class Settings(NamedTuple):
    """What is measured, and how; the values are the authors'."""

    modes: tuple = MODES
    outputs: int = 10  # for each source
    sources: int | None = None  # at most, of each domain's val images, evenly over the sorted files; None: all
    seeds: tuple = (777,)
    batch_size: int = 8
    workers: int = 4  # threads that read and resize images
    keep_images: bool = False
    max_bad_share: float = 0.0  # of the files of train, and of val


def figure_names(judges: Judges, real: int, generated: int) -> tuple:
    """The names of a measurement's figures, each with its network: FID, KID and KID's standard error, LPIPS, the rest.

    So many ``real`` and ``generated`` images have these; of few there is no KID, or neither precision and the like.
    """
    found = figures.names(judges.inception.name, real, generated)
    first = [name for name in found if name.startswith(("fid", "kid"))]
    return (*first, f"lpips_{judges.lpips.name}", *found[len(first) :])


def left_out(train_images: dict, val_images: dict, settings: Settings) -> list:
    """Which figures ``measure`` leaves out, and why, a line each. Raises UserError with too few images for FID, too."""
    return inputs.left_out(*_counted(train_images, val_images, settings))


def _counted(train_images: dict, val_images: dict, settings: Settings) -> tuple:
    """How many real images each domain has, and how many are generated from it."""
    generated = {
        domain: len(choose(paths, settings.sources)) * settings.outputs for domain, paths in val_images.items()
    }
    return {domain: len(train_images[domain]) for domain in val_images}, generated


def without_features(train_images: dict, judge: Judge, cache, img_size: int) -> dict:
    """Those of ``train_images`` whose features are not in ``cache``: {domain: paths}."""
    return {d: paths for d, paths in train_images.items() if not _features(cache, judge, img_size, d, paths).exists()}


def _features(cache, judge: Judge, img_size: int, domain: str, paths: list) -> Path:
    """The file of the features of a domain's images, whether it is there or not."""
    parts = {"inception": judge.digest, "files": store.digest_of_files(paths)}
    parts["preprocessing"] = preprocessing(judge, img_size)
    return store.entry(cache, f"inception_{judge.name}_{domain}", parts, ".npz")


def choose(paths: list, count: int | None) -> list:
    """``count`` of the paths, evenly over their order; all where there are no more."""
    if count is None or count >= len(paths):
        return list(paths)
    return [paths[i * len(paths) // count] for i in range(count)]


@paddle.no_grad()
def measure(
    nets: Networks, train_images: dict, val_images: dict, judges: Judges, folder, cache, settings: Settings
) -> list:
    """Measures ``nets`` (the moving averages) on every ordered pair of domains, in each mode and with each seed.

    ``train_images`` and ``val_images`` are {domain: paths} of the domains that the networks know, in that order.
    Returns a dict for each measurement: mode, source, target, seed, sources, generated, real, and the figures by the
    names of ``figure_names``. Each is written to ``folder`` when it is there, and found again by the next call with the
    same inputs; features of the real images are kept in ``cache``. With few images of a domain some figures are
    ``left_out``. Raises UserError for unreadable images, for a domain with one real image, and for outputs that are not
    finite.
    """
    with ThreadPoolExecutor(max(1, settings.workers)) as pool:
        return _Run(nets, train_images, val_images, judges, Path(folder), Path(cache), settings, pool).measure()


class _Run:
    """One call of ``measure``: what its steps share."""

    def __init__(self, nets, train_images, val_images, judges, folder, cache, settings, pool):
        self.nets, self.judges, self.settings, self.pool = nets, judges, settings, pool
        self.real, self.references, self.folder, self.cache = train_images, val_images, folder, cache
        self.sources = {domain: choose(paths, settings.sources) for domain, paths in val_images.items()}
        self.number = {domain: i for i, domain in enumerate(val_images)}
        self.size = nets.architecture["img_size"]
        counts = _counted(train_images, val_images, settings)
        inputs.left_out(*counts)  # or it is refused
        self.names = figure_names(judges, *(min(of_domains.values()) for of_domains in counts))
        self.styles = {}  # target -> style codes of its references [N, style_dim]
        parts = [*AVERAGED, *["fan"] * (nets.fan is not None)]
        self.shared = {  # what every measurement depends on
            "version": VERSION,
            "architecture": nets.architecture,
            "networks": {name: digest_of(getattr(nets, name)) for name in parts},
            "inception": judges.inception.digest,
            "lpips": judges.lpips.digest,
            "preprocessing": preprocessing(judges.inception, self.size),
            "outputs": settings.outputs,
        }
        self.digests = [  # of the files of each domain
            {domain: store.digest_of_files(paths) for domain, paths in images.items()}
            for images in (self.real, self.sources, self.references)
        ]

    def measure(self) -> list:
        domains, s = list(self.number), self.settings
        ends = [(source, target) for target in domains for source in domains if source != target]
        tasks = [Task(mode, seed, *pair) for mode in s.modes for seed in s.seeds for pair in ends]
        found = {task: self._earlier(task) for task in tasks}
        left = [task for task in tasks if found[task] is None]
        if len(left) < len(tasks):
            print(f"{len(tasks) - len(left)} of {len(tasks)} measurements are in {self.folder} already", flush=True)
        real = self._real_features({task.target for task in left})
        gaussians = {target: statistics(features) for target, features in real.items()}
        progress = Progress("generated images", sum(len(self.sources[task.source]) for task in left) * s.outputs)
        for task in left:
            lpips, fake = self._generate(task, progress)
            values = figures.figures(self.names, real[task.target], fake, gaussians[task.target])
            found[task] = {name: values.get(name, lpips) for name in self.names}
            store.write_text(self._entry(task), json.dumps(found[task]) + "\n")
        return [{**task._asdict(), **self._counts(task), **figures} for task, figures in found.items()]

    def _counts(self, task: Task) -> dict:
        sources = len(self.sources[task.source])
        return {"sources": sources, "generated": sources * self.settings.outputs, "real": len(self.real[task.target])}

    # ---- what is there already ----

    def _entry(self, task: Task) -> Path:
        real, sources, references = self.digests
        files = [real[task.target], sources[task.source]]
        if task.mode == "reference":
            files.append(references[task.target])
        numbers = [self.number[task.source], self.number[task.target]]
        parts = {**self.shared, "mode": task.mode, "seed": task.seed, "domains": numbers, "files": files}
        return store.entry(self.folder, f"{task.mode}_{task.source}2{task.target}_seed{task.seed}", parts, ".json")

    def _images_folder(self, task: Task) -> Path:
        return self.folder / "images" / self._entry(task).stem

    def _earlier(self, task: Task):
        if self.settings.keep_images and not self._images_folder(task).is_dir():
            return None
        return store.read_figures(self._entry(task), self.names)

    # ---- real images ----

    def _real_features(self, targets: set) -> dict:
        """{target: features [N, D] of its train images}, from the cache where they are there."""
        judge, found, missing = self.judges.inception, {}, {}
        for target in sorted(targets):
            path = _features(self.cache, judge, self.size, target, self.real[target])
            found[target] = store.read_features(path, len(self.real[target]))
            if found[target] is None:
                missing[target] = path
        progress = Progress("real images", sum(len(self.real[target]) for target in missing))
        for target, path in missing.items():
            batches = []
            for some in _chunks(self.real[target], self.settings.batch_size):
                batches.append(features_of(judge, self.pool.map(load_rgb, some), self.size, self.pool))
                progress.add(len(some), target)
            found[target] = np.concatenate(batches)
            store.write_features(path, found[target])
        return found

    # ---- generated images ----

    def _generate(self, task: Task, progress: Progress):
        """LPIPS and Inception's features [sources * outputs, D] of one task; a source's rows side by side."""
        codes, lpips, features, partial = self._codes(task), [], [], None
        keep = self._images_folder(task)
        if self.settings.keep_images and not keep.is_dir():
            partial = keep.with_name(f"{keep.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed
        try:
            for rows in _chunks(range(len(codes)), self.settings.batch_size):
                distances, images = self._translate(task, [self.sources[task.source][i] for i in rows], codes[rows])
                lpips.append(distances)
                for some in _chunks(images, self.settings.batch_size):
                    pictures = map(Image.fromarray, some)
                    features.append(features_of(self.judges.inception, pictures, self.size, self.pool))
                for i, image in enumerate(images if partial else ()):  # called as the authors call theirs: 0001_01.png
                    row, output = divmod(i, self.settings.outputs)
                    save_image(image, partial / f"{rows[row] + 1:04d}_{output + 1:02d}.png")
                progress.add(len(images), task)
            if partial:
                partial.rename(keep)
        finally:
            if partial:
                shutil.rmtree(partial, ignore_errors=True)
        return float(np.concatenate(lpips).mean()), np.concatenate(features)

    def _translate(self, task: Task, sources: list, codes: np.ndarray):
        """Sources in their style codes [N, outputs, style_dim]: LPIPS [N], and uint8 [N * outputs, S, S, 3]."""
        x_src = paddle.to_tensor(load_batch(sources, self.size))
        content, masks, rounded = self.nets.generator.encode_content(x_src), self.nets.masks(x_src), []

        def outputs():
            for j in range(codes.shape[1]):
                x_fake = self.nets.generator.decode_content(content, paddle.to_tensor(codes[:, j]), masks)
                if not paddle.isfinite(x_fake).all():  # the judges' ReLUs would turn NaN into 0
                    raise UserError(f"images of {task} are not finite; take the weights of another iteration")
                rounded.append(to_uint8(x_fake))
                yield x_fake

        distances = group_mean(self.judges.lpips.net, outputs()).numpy()
        return distances, np.stack(rounded, axis=1).reshape(-1, self.size, self.size, 3)

    def _codes(self, task: Task) -> np.ndarray:
        """Style codes [sources, outputs, style_dim] of a task: a function of it and of the files alone."""
        n, k, number = len(self.sources[task.source]), self.settings.outputs, self.number[task.target]
        rng = np.random.default_rng([task.seed, MODES.index(task.mode), self.number[task.source], number])
        if task.mode == "latent":
            z = rng.standard_normal((n * k, self.nets.architecture["latent_dim"]), "float32")
            codes = self.nets.style_from_latent(paddle.to_tensor(z), paddle.full([n * k], number, "int64")).numpy()
        else:
            styles = self._reference_styles(task.target)
            rounds = range(-(-n * k // len(styles)))
            codes = styles[np.concatenate([rng.permutation(len(styles)) for _ in rounds])[: n * k]]
        return codes.reshape(n, k, -1)

    def _reference_styles(self, target: str) -> np.ndarray:
        """Style codes [N, style_dim] of all references of a domain, computed once."""
        if target not in self.styles:
            batches = []
            for some in _chunks(self.references[target], self.settings.batch_size):
                x, y = load_batch(some, self.size), paddle.full([len(some)], self.number[target], "int64")
                batches.append(self.nets.style_from_reference(paddle.to_tensor(x), y).numpy())
            self.styles[target] = np.concatenate(batches)
        return self.styles[target]


def features_of(judge: Judge, pictures, img_size: int, pool: ThreadPoolExecutor) -> np.ndarray:
    """Inception's features [N, D] of 8-bit RGB images, resized in the threads of ``pool``."""
    x = np.stack(list(pool.map(lambda image: prepare(judge, image, img_size), pictures)))
    return judge.net(paddle.to_tensor(x)).numpy()


def _chunks(items, size: int):
    for start in range(0, len(items), size):
        yield items[start : start + size]
