"""The report on a StarGAN v2: FID, KID, LPIPS and the rest as JSON and Markdown, or as the curves of a training run."""

from __future__ import annotations

import json
from pathlib import Path

import paddle

from ppstargan.config import Config
from ppstargan.data.dataset import read_dataset
from ppstargan.files import short_name
from ppstargan.metrics import protocol, store, table
from ppstargan.metrics.frechet import few_samples
from ppstargan.metrics.inputs import LEAST_REAL, good_images
from ppstargan.metrics.judges import Judge, Judges, preprocessing
from ppstargan.metrics.protocol import Settings
from ppstargan.nets.stargan_v2 import Networks
from ppstargan.translator import Translator


def evaluate(
    config: Config, weights, judges: Judges, settings: Settings, folder=None, content: dict | None = None
) -> list:
    """Measures the file ``weights`` on the dataset of ``config``; returns the lines of a Markdown report.

    Writes evaluation.json and evaluation.md to ``folder``, by default OUTPUT/evaluation/NAME, beside a file for each
    measurement: the next call with the same inputs goes on from these. ``content`` is that of the file, where it is
    read already. Bad files are left out, as in training. Raises UserError where the dataset cannot be read, has too few
    images or more bad ones than data.max_bad_share, where train, val and the weights do not have the same domains,
    where the weights are missing, damaged or generate images that are not finite, and where the disk does not take a
    result.
    """
    root, weights = Path(config.data.root), Path(weights)
    train_images, val_images = read_dataset(root, LEAST_REAL)
    model = Translator(weights, domains=list(train_images), fan=config.face.fan, content=content)
    folder = Path(folder or Path(config.output) / "evaluation" / name_of(weights))
    cache = Path(config.output) / "features"
    store.need_folder(folder, "name another by --to")
    store.need_folder(cache, "name another by -o output=FOLDER")
    share = config.data.max_bad_share
    train_images, val_images, warnings = _good(train_images, val_images, judges, cache, model.img_size, share)
    warnings += _warnings(train_images, val_images, settings)
    for line in warnings:
        print(f"warning: {line}", flush=True)

    measurements = protocol.measure(model.nets, train_images, val_images, judges, folder, cache, settings)
    facts = {
        "weights": str(model.weights),
        "data": f"{root.absolute()}, {model.img_size} px",
        "FID and KID": f"{told(judges.inception)}; every image {preprocessing(judges.inception, model.img_size)}",
        "LPIPS": told(judges.lpips),
        "generated": f"{settings.outputs} images for each source of val: {_counts(val_images, settings.sources)}",
        "real": f"all images of train: {_counts(train_images)}",
        "seeds": ", ".join(map(str, settings.seeds)) + " (±: deviation over them)" * (len(settings.seeds) > 1),
        "software": f"Paddle {paddle.__version__} on {paddle.device.get_device()}",
    }
    found = table.report(table.title(weights.name, judges), facts, warnings, measurements)
    text = table.markdown(found)
    store.write_text(folder / "evaluation.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    store.write_text(folder / "evaluation.md", text)
    return [text, f"wrote {folder / 'evaluation.json'}\nwrote {folder / 'evaluation.md'}"]


def evaluate_in_training(
    nets: Networks, train_images: dict, val_images: dict, judges: Judges, folder, cache, settings: Settings
) -> dict:
    """{name: value} of the scalars that a training run logs, such as fid_torchvision_latent/mean.

    ``nets`` are the moving averages; ``folder`` and ``cache`` are those of ``protocol.measure``. Bad files are left
    out. No random generator of the run is touched.
    """
    size = nets.architecture["img_size"]
    train_images, val_images, _ = _good(train_images, val_images, judges, cache, size, settings.max_bad_share)
    for why in protocol.left_out(train_images, val_images, settings):
        print(f"warning: {why}", flush=True)
    return table.scalars(protocol.measure(nets, train_images, val_images, judges, folder, cache, settings))


def _good(train_images: dict, val_images: dict, judges: Judges, cache, img_size: int, max_bad_share: float) -> tuple:
    """Both without their bad files, and warnings on these. What has features in ``cache`` was read before."""
    val, of_val = good_images(val_images, "val", max_bad_share)
    unread = protocol.without_features(train_images, judges.inception, cache, img_size)
    read, of_train = good_images(unread, "train", max_bad_share, LEAST_REAL)
    return {**train_images, **read}, val, [line for line in (of_train, of_val) if line]


def name_of(weights: Path) -> str:
    """The weights' name in a folder of many: a run's checkpoints are all called by their iteration."""
    run = f"{weights.absolute().parents[1].name}_" if weights.parent.name == "checkpoints" else ""
    return short_name(run + weights.stem)


def told(judge: Judge) -> str:
    """Which network judges, and of which weights, for a report."""
    return f"{judge.title} (SHA-256 of its tensors {judge.digest[:12]})"


def _counts(images: dict, most: int | None = None) -> str:
    return ", ".join(f"{domain} {len(protocol.choose(paths, most))}" for domain, paths in images.items())


def _warnings(train_images: dict, val_images: dict, settings: Settings) -> list:
    sources = min(len(protocol.choose(paths, settings.sources)) for paths in val_images.values())
    real, references = (min(map(len, images.values())) for images in (train_images, val_images))
    lines = protocol.left_out(train_images, val_images, settings)
    lines += few_samples({"real images of a domain": real, "generated images of a pair": sources * settings.outputs})
    if "reference" in settings.modes and references < settings.outputs:
        lines.append(
            f"{references} references in val for {settings.outputs} outputs: they repeat among the outputs for one "
            "source, which makes LPIPS small"
        )
    return lines
