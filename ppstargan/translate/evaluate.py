"""The report on a model: FID, KID and LPIPS as JSON and Markdown, or as the curves of a training run."""

from __future__ import annotations

import json
from pathlib import Path

import paddle

from ppstargan.config import Config
from ppstargan.data.folders import check_same_domains, find_domains
from ppstargan.metrics import protocol, store, table
from ppstargan.metrics.frechet import few_samples
from ppstargan.metrics.judges import Judge, Judges, preprocessing
from ppstargan.metrics.protocol import Settings
from ppstargan.nets.stargan_v2 import Networks
from ppstargan.translator import Translator


def evaluate(config: Config, weights, judges: Judges, settings: Settings, folder=None) -> list:
    """Measures the file ``weights`` on the dataset of ``config``; returns the lines of a Markdown report.

    Writes evaluation.json and evaluation.md to ``folder``, by default OUTPUT/evaluation/NAME, beside a file for each
    measurement: the next call with the same inputs goes on from these. Raises UserError where the dataset or an image
    of it cannot be read or has too few images, where train, val and the weights do not have the same domains, where the
    weights are missing, damaged or generate images that are not finite, and where the disk does not take a result.
    """
    root, weights = Path(config.data.root), Path(weights)
    train_images, val_images = find_domains(root / "train"), find_domains(root / "val")
    check_same_domains(root, train_images, val_images)
    model = Translator(weights, domains=list(train_images), fan=config.face.fan)
    folder = Path(folder or Path(config.output) / "evaluation" / _name(weights))
    warnings = _warnings(train_images, val_images, settings)
    for line in warnings:
        print(f"warning: {line}", flush=True)

    cache = Path(config.output) / "features"
    measurements = protocol.measure(model.nets, train_images, val_images, judges, folder, cache, settings)
    facts = {
        "weights": str(model.weights),
        "data": f"{root.absolute()}, {model.img_size} px",
        "FID and KID": f"{_told(judges.inception)}; every image {preprocessing(judges.inception, model.img_size)}",
        "LPIPS": _told(judges.lpips),
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

    ``nets`` are the moving averages; ``folder`` and ``cache`` are those of ``protocol.measure``. No random generator
    of the run is touched.
    """
    return table.scalars(protocol.measure(nets, train_images, val_images, judges, folder, cache, settings))


def _name(weights: Path) -> str:
    """The weights' name in a folder of many: a run's checkpoints are all called by their iteration."""
    return (
        f"{weights.absolute().parents[1].name}_{weights.stem}" if weights.parent.name == "checkpoints" else weights.stem
    )


def _told(judge: Judge) -> str:
    return f"{judge.title} (SHA-256 of its tensors {judge.digest[:12]})"


def _counts(images: dict, most: int | None = None) -> str:
    return ", ".join(f"{domain} {len(protocol.choose(paths, most))}" for domain, paths in images.items())


def _warnings(train_images: dict, val_images: dict, settings: Settings) -> list:
    sources = min(len(protocol.choose(paths, settings.sources)) for paths in val_images.values())
    real, references = (min(map(len, images.values())) for images in (train_images, val_images))
    lines = few_samples({"real images of a domain": real, "generated images of a pair": sources * settings.outputs})
    if "reference" in settings.modes and references < settings.outputs:
        lines.append(
            f"{references} references in val for {settings.outputs} outputs: they repeat among the outputs for one "
            "source, which makes LPIPS small"
        )
    return lines
