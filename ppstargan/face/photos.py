"""Photographs in files -> aligned faces in files of the same relative names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import BadImage, shown
from ppstargan.data.inputs import find_pictures
from ppstargan.data.transforms import load_rgb, to_array
from ppstargan.errors import UsageError, UserError
from ppstargan.face.align import MEAN_SIZE, align_face, similarity
from ppstargan.face.draw import debug_sheet
from ppstargan.face.find import Face, Square, find_face, frontal_faces
from ppstargan.nets.fan import FAN
from ppstargan.pictures import FORMATS, save_image, to_uint8


class Job(NamedTuple):
    """A photograph, the file to write, and its name for the user: the path below the folder that was given."""

    source: Path
    target: Path
    name: Path


def frame(landmarks: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Corners [4, 2] of the aligned image, as (x, y) in the photograph: top left, then clockwise."""
    back = np.linalg.inv(similarity(landmarks, mean))
    corners = np.array([(0, 0), (MEAN_SIZE, 0), (MEAN_SIZE, MEAN_SIZE), (0, MEAN_SIZE)])
    return corners @ back[:2, :2].T + back[:2, 2]


def align_photo(photo: Image.Image, landmarks: np.ndarray, mean: np.ndarray, size: int = 256) -> np.ndarray:
    """``align_face`` for an RGB photograph of any size: uint8 [size, size, 3].

    Of a photograph that is much larger than the face only the surroundings are taken, with half a frame on every side,
    so that the mirrored margins are those of a portrait. A face that is larger than in the result is first made
    smaller by Pillow's Lanczos filter, which averages, as a warp does not. Raises UserError as ``align_face`` does.
    """
    corners = frame(landmarks, mean)
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = (high - low) / 2
    left, top = np.floor((low - reach).clip(0)).astype(int)
    right, bottom = np.ceil((high + reach).clip(max=photo.size)).astype(int)
    if min(right - left, bottom - top) < 2:
        raise UserError("the face lies outside the image")
    scale = min(1.0, size / np.hypot(*(corners[1] - corners[0])))
    part = [max(2, round(side * scale)) for side in (right - left, bottom - top)]
    photo = photo.resize(part, Image.Resampling.LANCZOS, (left, top, right, bottom))
    landmarks = (landmarks - (left, top)) * part / (right - left, bottom - top)
    aligned = align_face(to_array(photo).transpose(1, 2, 0), landmarks, mean, size)
    return to_uint8(aligned.transpose(2, 0, 1)[None])[0]


def find_jobs(inputs, out: Path) -> list[Job]:
    """What is to be done: every image of ``inputs``, files and folders, under its relative name in ``out``.

    Formats that pictures are not written in become .png. Raises UserError where an input is missing or a folder holds
    no images, where two photographs have one name, and where ``out`` is read or a photograph would be replaced.
    """
    jobs: dict[Path, Job] = {}
    out = out.resolve()
    for path in map(Path, inputs):
        if path.is_dir() and path.resolve() in (out, *out.parents):
            raise UsageError(f"--out {out} lies in {path.absolute()}, which is read; name a folder outside it")
    for source, folders in find_pictures(inputs):
        name = Path(*folders[-2::-1], source.name)
        target = out / (name if name.suffix.lower() in FORMATS else name.with_suffix(".png"))
        if target in jobs:
            raise UserError(f"{jobs[target].source} and {source} would both be {target}; give each its own --out")
        if target == source.resolve():
            raise UsageError(f"{source} lies in --out, and would be replaced; name another folder")
        jobs[target] = Job(source, target, name)
    return list(jobs.values())


def align_files(jobs: list[Job], fan: FAN, mean: np.ndarray, size: int, min_height: float, debug=None) -> int:
    """Aligns one after the other and prints a line on each; returns how many could not be aligned, which are left out.

    With the folder ``debug``, a sheet on each photograph that can be read goes there, as NAME.png. Raises UserError
    where the disk does not take a file.
    """
    failed = 0
    for job in jobs:
        aligned = None
        try:
            photo = load_rgb(job.source)
        except BadImage as error:
            problem = str(error)
        else:
            boxes = frontal_faces(photo)
            face = find_face(fan, photo, boxes, min_height)
            aligned, problem = _align(photo, face, mean, size, min_height)
            if debug is not None:
                corners = None if aligned is None else frame(face.landmarks, mean)
                save_image(debug_sheet(fan, photo, boxes, face, corners, aligned), Path(debug, f"{job.name}.png"))
        if aligned is None:
            failed += 1
            print(f"{shown(job.name)}: left out: {problem}", file=sys.stderr, flush=True)
        else:
            save_image(aligned, job.target)
            print(f"{shown(job.name)}: landmarks {face.height:.2f} high{_remark(boxes, face)}", flush=True)
    return failed


def _align(photo: Image.Image, face: Face, mean: np.ndarray, size: int, min_height: float):
    """(the aligned face, None), or (None, what is wrong)."""
    if not face.height >= min_height:  # NaN too
        return None, f"no face: the landmarks are {face.height:.2f} high, and --min-height is {min_height:g}"
    try:
        return align_photo(photo, face.landmarks, mean, size), None
    except UserError as error:
        return None, str(error)


def _remark(boxes: list[Square], face: Face) -> str:
    """What the user should look at, or nothing."""
    if not boxes:
        return "; no upright frontal face seen, so the whole image was searched"
    x, y = face.landmarks.mean(axis=0)
    return f"; {len(boxes)} faces seen, the one around ({x:.0f}, {y:.0f}) is taken" if len(boxes) > 1 else ""
