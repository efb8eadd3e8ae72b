"""What tools/sample.py does for StarGAN v2: images in the styles of references, or of seeds in domains."""

from __future__ import annotations

import argparse

import numpy as np

from ppstargan import pictures
from ppstargan.cli import load_model
from ppstargan.data.bad_files import say_left_out, shown
from ppstargan.data.inputs import find_pictures
from ppstargan.data.transforms import FITS
from ppstargan.errors import UsageError
from ppstargan.runtime import choose_device
from ppstargan.translate import sampling, video
from ppstargan.translator import Translator

TAKES = (
    "source", "reference", "domain", "domain_names", "fan", "seed", "latents", "psi", "fit", "background", "columns",
    "rows", "batch_size", "video", "seconds", "fps", "out", "out_dir", "force",
)  # fmt: skip
LATENTS = 4  # for each domain of a sheet or a video
COLUMNS, ROWS, BATCH = 8, 8, 8


def sample(given: argparse.Namespace, content: dict) -> int:
    """Translates as ``given`` with the model of ``content``; returns the exit code. Raises UserError."""
    check(given)
    found = find_pictures(given.source)
    references = find_pictures(given.reference or [])

    print(f"device: {choose_device()}", flush=True)
    batch_size, fit = given.batch_size or BATCH, given.fit or FITS[0]
    model = load_model(given, batch_size, fit=fit, background=given.background, content=content)
    content.clear()  # its arrays are in the networks now
    wanted, references = len(references), sampling.good_ones(model, references)
    bad = wanted - len(references)
    if not given.out_dir:
        wanted, found = len(found), sampling.good_ones(model, found)
        bad += wanted - len(found)
    sources = [picture.path for picture in found]
    styles = find_styles(given, model, references, len(sources) == 1)
    beside = [reference.path for reference in references] or None
    inputs = [given.weights, *sources, *(beside or [])]

    if given.out_dir:
        bad += write_each(given, model, found, styles, inputs)
    elif given.video:
        write_videos(given, model, sources, styles, beside, inputs)
    else:
        write_sheets(given, model, sources, styles, beside, inputs)
    return 1 if bad else 0


def check(given: argparse.Namespace) -> None:
    """Raises UsageError where the arguments do not go together."""
    if not given.source:
        raise UsageError("give --source, the images to translate: files or folders")
    if given.reference:
        of_seeds = [name for name in ("seed", "latents", "psi") if getattr(given, name) is not None]
        if of_seeds:
            raise UsageError(f"--{of_seeds[0]} is for styles from seeds; leave it out, or --reference")
        if given.domain and len(given.domain) > 1:
            raise UsageError("with --reference, --domain is that of all references; give one")
    elif not given.domain:
        raise UsageError("give --reference, or --domain for styles from seeds")


def find_styles(given: argparse.Namespace, model: Translator, references: list, one_source: bool) -> np.ndarray:
    """The style codes [M, style_dim] asked for."""
    if references:
        domains = given.domain * len(references) if given.domain else sampling.reference_domains(model, references)
        return model.style_from_reference([found.path for found in references], domains)
    one = bool(given.out_dir) or (one_source and len(given.domain) == 1 and not given.video)
    count, psi = given.latents or (1 if one else LATENTS), 1.0 if given.psi is None else given.psi
    return np.concatenate([model.style_from_seed(domain, given.seed or 0, count, psi) for domain in given.domain])


def write_each(given: argparse.Namespace, model: Translator, found: list, styles: np.ndarray, inputs: list) -> int:
    """Writes a file for each source and style into --out-dir; returns how many sources are bad, which it names."""
    jobs, bad = sampling.find_jobs(given.source, found, given.out_dir, len(styles)), 0
    sampling.check_there([path for job in jobs for path in job.targets], inputs, given.force)
    for _, path, image in sampling.translate_each(model, jobs, styles):
        if path is None:
            say_left_out(image)
            bad += 1
        else:
            pictures.save_image(image, path)
            print(f"wrote {shown(path)}", flush=True)
    print(f"translated {len(jobs) - bad} of {len(jobs)} pictures into {given.out_dir.absolute()}; {bad} left out")
    return bad


def write_videos(given, model: Translator, sources: list, styles: np.ndarray, beside, inputs: list) -> None:
    """Writes a video for each --columns of the sources, or as many as browsers play."""
    if len(styles) < 2:
        raise UsageError("a video goes from style to style; give two or more references, or --latents 2")
    columns = min(given.columns or COLUMNS, video.most_sources(model.img_size, beside is not None))
    groups = [sources[i : i + columns] for i in range(0, len(sources), columns)]
    fps, steps = video.timing(given.fps, given.seconds)
    for path, group in zip(sampling.free_names(given.out, len(groups), inputs, given.force), groups):
        frames = video.style_frames(model, group, styles, steps, beside)
        video.write_telling(frames, steps * len(styles), fps, path)


def write_sheets(given, model: Translator, sources: list, styles: np.ndarray, beside, inputs: list) -> None:
    """Writes the sheets, or just the translation of one source in one style."""
    columns, rows = given.columns or COLUMNS, given.rows or ROWS
    if len(sources) == len(styles) == 1:
        count, images = 1, map(np.asarray, model.translate(sources, styles))
    else:
        count = -(-len(sources) // columns) * -(-len(styles) // rows)
        images = sampling.sheets(model, sources, styles, columns, rows, beside)
    for path, image in zip(sampling.free_names(given.out, count, inputs, given.force), images):
        pictures.save_image(image, path)
        print(f"wrote {path}", flush=True)
