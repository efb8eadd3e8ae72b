"""Translates images with a trained or converted model: into the style of references, or of seeds in a domain.

One source in one style gives just the translation; more give sheets, with the sources across and the styles down, or
by --out-dir a file for each source. --video makes the style move from each to the next. A picture that cannot be read
is named and left out, and the exit code is 1 then."""

import argparse
from datetime import datetime
from pathlib import Path

import checkout  # noqa: F401
import numpy as np

from ppstargan import pictures
from ppstargan.cli import BACKGROUND_HELP, FIT_HELP, add_model, check_numbers, load_model, parser, place, run_tool
from ppstargan.data.bad_files import say_left_out, shown
from ppstargan.data.inputs import find_pictures
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import FITS
from ppstargan.errors import UsageError, UserError
from ppstargan.runtime import choose_device
from ppstargan.translate import sampling, video
from ppstargan.translator import Translator

LATENTS = 4  # for each domain of a sheet or a video
FASTEST = 100  # frames a second, which a GIF can still tell apart
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
    add("--latents", type=int, metavar="N", help=f"styles for each domain [{LATENTS}; 1 for a picture or --out-dir]")
    add("--psi", type=float, help="truncation: from 1, the styles as they are, to 0, the domain's mean style [1]")
    add("--video", action="store_true", help="an .mp4, .gif or .webp in which the styles change")
    add("--seconds", type=float, help=f"with --video: from a style to the next [{SECONDS:g}]")
    add("--fps", type=int, help=f"with --video: frames a second [{FPS}]")
    add("--out", type=place, metavar="PATH", help="file to write; further ones are numbered [a new one in output/]")
    add("--out-dir", type=place, metavar="DIR", help="folder for a file for each source, under the source's name")
    add("--force", action="store_true", help="replace what is there")
    add("--fit", choices=FITS, default=FITS[0], help=FIT_HELP)
    add("--background", metavar="COLOUR", help=BACKGROUND_HELP)
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
    counts = dict.fromkeys(("latents", "columns", "rows", "batch_size"), (1,))
    check_numbers(given, **counts, fps=(1, FASTEST), seed=(0,), psi=(0, 1))
    if given.seconds is not None and not 0 < given.seconds < 3600:
        raise UsageError(f"--seconds is {given.seconds:g}; give more than 0, and less than an hour")
    if given.out_dir and (given.out or given.video):
        other = "--out" if given.out else "--video"
        raise UsageError(f"--out-dir takes a picture of each source, and does not go with {other}; leave one out")
    if given.out_dir and given.out_dir.exists() and not given.out_dir.is_dir():
        raise UsageError(f"--out-dir {given.out_dir} is a file; name a folder")
    background_colour(given.background)
    if given.out and not given.video and given.out.suffix.lower() not in pictures.FORMATS:
        kinds = ", ".join(pictures.FORMATS)
        advice = "a .gif or .mp4 goes with --video, and --out-dir takes a folder"
        raise UsageError(f"--out {given.out}: a picture's name ends in {kinds}; {advice}")


def find_styles(given: argparse.Namespace, model: Translator, references: list, one_source: bool) -> np.ndarray:
    """The style codes [M, style_dim] asked for."""
    if references:
        domains = given.domain * len(references) if given.domain else sampling.reference_domains(model, references)
        return model.style_from_reference([found.path for found in references], domains)
    one = bool(given.out_dir) or (one_source and len(given.domain) == 1 and not given.video)
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


def write_each(given: argparse.Namespace, model: Translator, found: list, styles: np.ndarray, inputs: list) -> int:
    """Writes a file for each source and style into --out-dir; returns how many sources are bad, which it names."""
    jobs, bad = sampling.find_jobs(given.source, found, given.out_dir, len(styles)), 0
    targets = [path for job in jobs for path in job.targets]
    there = [path for path in targets if path.exists()]
    read = {Path(name).resolve() for name in inputs}
    for path in there:
        if path.resolve() in read:
            raise UserError(f"{shown(path)} is one of the files to read; give another --out-dir")
    if there and not given.force:
        what = f"{shown(there[0])} exists, as {len(there)} of {len(targets)} files do"
        raise UserError(f"{what}; give another --out-dir, or --force to replace them")
    for _, path, image in sampling.translate_each(model, jobs, styles):
        if path is None:
            say_left_out(image)
            bad += 1
        else:
            pictures.save_image(image, path)
            print(f"wrote {shown(path)}", flush=True)
    print(f"translated {len(jobs) - bad} of {len(jobs)} pictures into {given.out_dir.absolute()}; {bad} left out")
    return bad


def main() -> int:
    given = read_arguments()
    check(given)
    now = datetime.now()
    out = given.out or Path("output", f"sample-{now:%Y%m%d-%H%M%S}{'.mp4' if given.video else '.png'}")
    write = video.writer(out) if given.video else pictures.save_image
    found = find_pictures(given.source)
    references = find_pictures(given.reference or [])

    print(f"device: {choose_device()}", flush=True)
    model = load_model(given, given.batch_size, fit=given.fit, background=given.background)
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
        return 1 if write_each(given, model, found, styles, inputs) + bad else 0
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
        return 1 if bad else 0
    if len(sources) == len(styles) == 1:
        count, images = 1, map(np.asarray, model.translate(sources, styles))
    else:
        count = -(-len(sources) // given.columns) * -(-len(styles) // given.rows)
        images = sampling.sheets(model, sources, styles, given.columns, given.rows, beside)
    for path, image in zip(names(given, out, count, inputs), images):
        write(image, path)
        print(f"wrote {path}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    run_tool(main)
