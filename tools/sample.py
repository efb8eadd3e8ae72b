"""Translates images with a trained or converted model: into the style of references, or of seeds in a domain.

One source in one style gives just the translation; more give sheets, with the sources across and the styles down.
--video makes the style move from each to the next."""

import argparse
from datetime import datetime
from pathlib import Path

import checkout  # noqa: F401
import numpy as np

from ppstargan import pictures, sampling, video
from ppstargan.cli import add_model, load_model, parser, place, run_tool
from ppstargan.errors import UsageError, UserError
from ppstargan.runtime import choose_device
from ppstargan.translator import Translator

LATENTS = 4  # for each domain of a sheet or a video
FPS, SECONDS = 25, 2.0  # 25 a second are whole hundredths, which is what a GIF counts in


def read_arguments() -> argparse.Namespace:
    example = "python tools/sample.py --weights afhq.pdparams --domain-names cat dog wild --source cat.jpg --domain dog"
    arguments = parser(__doc__, example)
    add = arguments.add_argument
    add_model(arguments)
    add("--source", type=place, nargs="+", required=True, metavar="PATH", help="images to translate: files or folders")
    what = "images that give the styles; their folders name the domains"
    add("--reference", type=place, nargs="+", metavar="PATH", help=what)
    add("--domain", nargs="+", metavar="NAME", help="domains of the seeds, or that of the references: names or numbers")
    add("--seed", type=int, help="another seed, other styles [0]")
    add("--latents", type=int, metavar="N", help=f"styles for each domain [1 for one picture, else {LATENTS}]")
    add("--psi", type=float, help="truncation: from 1, the styles as they are, to 0, the domain's mean style [1]")
    add("--video", action="store_true", help="an .mp4, .gif or .webp in which the styles change")
    add("--seconds", type=float, help=f"with --video: from a style to the next [{SECONDS:g}]")
    add("--fps", type=int, help=f"with --video: frames a second [{FPS}]")
    add("--out", type=place, metavar="PATH", help="file to write; further ones are numbered [a new one in output/]")
    add("--force", action="store_true", help="replace what is there")
    add("--columns", type=int, default=8, metavar="N", help="sources across a sheet or a video [%(default)s]")
    add("--rows", type=int, default=8, metavar="N", help="styles down a sheet [%(default)s]")
    add("--batch-size", type=int, default=8, metavar="N", help="images at a time in the networks [%(default)s]")
    return arguments.parse_args()


def check(given: argparse.Namespace) -> None:
    """Raises UsageError where the arguments do not go together."""
    if given.reference:
        of_seeds = [name for name in ("seed", "latents", "psi") if getattr(given, name) is not None]
        if of_seeds:
            raise UsageError(f"--{of_seeds[0]} is for styles from seeds; leave it out, or --reference")
        if given.domain and len(given.domain) > 1:
            raise UsageError("with --reference, --domain is that of all references; give one")
    elif not given.domain:
        raise UsageError("give --reference, or --domain for styles from seeds")
    if not given.video and (given.seconds is not None or given.fps is not None):
        raise UsageError("--seconds and --fps go with --video only")
    for name in ("latents", "columns", "rows", "batch_size", "fps"):
        value = getattr(given, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value}; give 1 or more")
    if given.seed is not None and given.seed < 0:
        raise UsageError(f"--seed is {given.seed}; give 0 or more")
    if given.psi is not None and not 0 <= given.psi <= 1:
        raise UsageError(f"--psi is {given.psi:g}; give a number from 0 to 1")
    if given.seconds is not None and not 0 < given.seconds < 3600:
        raise UsageError(f"--seconds is {given.seconds:g}; give more than 0, and less than an hour")
    if given.out and not given.video and given.out.suffix.lower() not in pictures.FORMATS:
        kinds = ", ".join(pictures.FORMATS)
        raise UsageError(f"--out {given.out}: a picture's name ends in {kinds}; a .gif or .mp4 goes with --video")


def find_styles(given: argparse.Namespace, model: Translator, references: list, one_source: bool) -> np.ndarray:
    """The style codes [M, style_dim] asked for."""
    if references:
        domains = given.domain * len(references) if given.domain else sampling.reference_domains(model, references)
        return model.style_from_reference([found.path for found in references], domains)
    one = one_source and len(given.domain) == 1 and not given.video
    count, psi = given.latents or (1 if one else LATENTS), 1.0 if given.psi is None else given.psi
    return np.concatenate([model.style_from_seed(domain, given.seed or 0, count, psi) for domain in given.domain])


def names(given: argparse.Namespace, out: Path, count: int, inputs: list) -> list:
    """The names of the ``count`` files to write. Raises UserError where one is there already."""
    found = sampling.numbered(out, count)
    for path in found:
        if path.exists() and path.resolve() in {Path(name).resolve() for name in inputs}:
            raise UserError(f"{path.absolute()} is one of the files to read; give another --out")
        if path.exists() and not given.force:
            raise UserError(f"{path.absolute()} exists; give another --out, or --force to replace it")
    return found


def main() -> None:
    given = read_arguments()
    check(given)
    now = datetime.now()
    out = given.out or Path("output", f"sample-{now:%Y%m%d-%H%M%S}{'.mp4' if given.video else '.png'}")
    write = video.writer(out) if given.video else pictures.save_image
    sources = [found.path for found in sampling.find_pictures(given.source)]
    references = sampling.find_pictures(given.reference or [])

    print(f"device: {choose_device()}", flush=True)
    model = load_model(given, given.batch_size)
    styles = find_styles(given, model, references, len(sources) == 1)
    beside = [found.path for found in references] or None
    inputs = [given.weights, *sources, *(beside or [])]

    if given.video:
        if len(styles) < 2:
            raise UsageError("a video goes from style to style; give two or more references, or --latents 2")
        columns = min(given.columns, video.most_sources(model.img_size, beside is not None))
        fps, groups = given.fps or FPS, [sources[i : i + columns] for i in range(0, len(sources), columns)]
        steps = max(1, round(fps * (given.seconds or SECONDS)))
        for path, group in zip(names(given, out, len(groups), inputs), groups):
            frames = video.style_frames(model, group, styles, steps, beside)
            count = steps * len(styles)
            write(video.telling(frames, count, path.name), count, fps, path)
            print(f"wrote {path}: {count} frames, {count / fps:.1f} seconds", flush=True)
        return
    if len(sources) == len(styles) == 1:
        count, images = 1, map(np.asarray, model.translate(sources, styles))
    else:
        count = -(-len(sources) // given.columns) * -(-len(styles) // given.rows)
        images = sampling.sheets(model, sources, styles, given.columns, given.rows, beside)
    for path, image in zip(names(given, out, count, inputs), images):
        write(image, path)
        print(f"wrote {path}", flush=True)


if __name__ == "__main__":
    run_tool(main)
