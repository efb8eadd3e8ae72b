"""What a face alignment network finds: points in photographs (tools/sample.py), and its figures on a test set."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ppstargan import pictures
from ppstargan.data import landmarks as faces_of
from ppstargan.data.bad_files import BadFiles, BadImage, say_left_out
from ppstargan.data.inputs import find_pictures
from ppstargan.data.reading import background_colour
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UsageError, UserError
from ppstargan.face.find import Square, find_face, frontal_faces, see
from ppstargan.face.weights import fan_of
from ppstargan.files import replaced
from ppstargan.metrics import landmarks as figures
from ppstargan.runtime import choose_device
from ppstargan.translate import sampling
from ppstargan.translate.evaluate import name_of

TAKES = ("source", "background", "columns", "out", "force")
MEASURES = ("count",)  # options of tools/evaluate.py
SHOWN, LEAST_SHOWN = 8, 192  # faces across a sheet; px of each
AROUND = 1.344  # the side of the square that the network is trained on, over that of the face's box
RED, GREEN = (255, 40, 40), (0, 220, 0)


def sheet(x: np.ndarray, points: np.ndarray, maps: np.ndarray, true: np.ndarray | None = None) -> np.ndarray:
    """A column for each face, uint8 [H, W, 3]: its points in red, over the true ones in green; heatmaps; boundary."""
    scale = -(-LEAST_SHOWN // x.shape[3])
    size = scale * x.shape[3]
    layers = [(points, RED)] if true is None else [(true, GREEN), (points, RED)]
    images = dotted(pictures.to_uint8(2 * np.asarray(x, np.float32) - 1), layers, scale)
    highest = maps[:, :-1].max(axis=1)
    rows = [[_grey(one, size) for one in part] for part in (highest, maps[:, -1])]
    return pictures.grid([images, *rows])


def dotted(images: np.ndarray, layers: list, scale: int) -> list:
    """Images uint8 [N, S, S, 3], made ``scale`` times as large, with ``layers`` of (points [N, P, 2], colour)."""
    size = scale * images.shape[2]
    drawn = [cv2.resize(one, (size, size)) for one in images]
    for points, colour in layers:
        for image, places in zip(drawn, points):
            for place in places:
                centre = tuple(round(float(at)) for at in (place + 0.5) * scale - 0.5)
                cv2.circle(image, centre, max(1, size // 160), colour, -1)
    return drawn


def _grey(one: np.ndarray, size: int) -> np.ndarray:
    level = cv2.resize(np.uint8(255 * one.clip(0, 1)), (size, size))
    return np.repeat(level[:, :, None], 3, axis=2)


def look_at(net, photo: Image.Image, decoding: str) -> tuple:
    """(the face as the network sees it [1, 3, S, S] in [0, 1], its part of the photograph, points there, heatmaps).

    The face is found as tools/align.py finds one, in the whole picture where the cascade sees none. Then it is looked
    at once more as large as the network is trained on faces.
    """
    face = find_face(net, photo, frontal_faces(photo))
    low, high = face.landmarks.min(axis=0), face.landmarks.max(axis=0)
    side = max(2, round(AROUND * float((high - low).mean())))
    left, top = np.round((low + high - side) / 2).astype(int)
    best = None
    for view in (face.view, Square(int(left), int(top), side)):
        x, view = see(photo, view, net.img_size)
        x = x.numpy() * 0.5 + 0.5
        points, maps = figures.found(net, x, decoding)
        height = float(np.median(maps[:, :-1].max(axis=(2, 3))))
        if best is None or height > best[0]:
            best = (height, x, view, points, maps)
    return best[1:]


def sample(given: argparse.Namespace, content: dict) -> int:
    """Points of the faces in --source, drawn on a sheet, and as a CSV beside it. Returns the exit code.

    Raises UsageError without a source, and UserError for files that cannot be read or written.
    """
    if not given.source:
        raise UsageError("give --source, the photographs of faces: files or folders")
    there = find_pictures(given.source)
    print(f"device: {choose_device()}", flush=True)
    net, decoding = fan_of(content, given.weights), content["architecture"].get("decoding", "peaks")
    print(f"weights: {given.weights}: fan, {net.points} points, {net.stacks} stacks, {net.img_size} px", flush=True)
    columns, rows, bad = given.columns or SHOWN, [], 0
    background, seen = background_colour(given.background), []
    for picture in there:
        try:
            photo = load_rgb(picture.path, background)
        except BadImage as error:
            say_left_out(error)
            bad += 1
            continue
        x, view, points, maps = look_at(net, photo, decoding)
        seen.append((x, points, maps))
        places = points[0] * (view.side / net.img_size) + (view.left, view.top)
        heights = maps[0, :-1].max(axis=(1, 2))
        rows += [[picture.path, i, *place, height] for i, (place, height) in enumerate(zip(places, heights))]
    if not seen:
        raise UserError("no photograph could be read")
    inputs = [given.weights, *(picture.path for picture in there)]
    targets = sampling.free_names(given.out, -(-len(seen) // columns), inputs, given.force)
    table = targets[0].with_suffix(".csv")
    sampling.check_there([table], inputs, given.force)
    for path, first in zip(targets, range(0, len(seen), columns)):
        parts = map(np.concatenate, zip(*seen[first : first + columns]))
        pictures.save_image(sheet(*parts), path)
        print(f"wrote {path}", flush=True)
    write_points(rows, table)
    print(f"wrote {table}", flush=True)
    return 1 if bad else 0


def write_points(rows: list, path: Path) -> None:
    """A CSV of (picture, point's number from 0, x, y in its pixels, how high the heatmap is), with a headline."""
    with replaced(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("picture", "point", "x", "y", "height"))
        writer.writerows([name, i, f"{x:.2f}", f"{y:.2f}", f"{height:.3f}"] for name, i, x, y, height in rows)


def measured(net, faces: list, decoding: str, batch_size: int = 8, bad: BadFiles | None = None) -> tuple:
    """(predicted points [N, P, 2], true ones, attributes [N, 6]) of the faces of a list, in pixels of the network's.

    A picture that cannot be used is counted by ``bad``, which names it; without, it raises BadImage.
    """
    places, true, attributes = [], [], []
    for first in range(0, len(faces), batch_size):
        images = []
        for face in faces[first : first + batch_size]:
            try:
                image, points = faces_of.opened(face, net.img_size)
            except BadImage as error:
                if bad is None:
                    raise
                bad.add([error])
                continue
            images.append(image.transpose(2, 0, 1).astype(np.float32) / np.float32(255))
            true.append(points)
            attributes.append(face.attributes)
        if images:
            places.append(figures.found(net, np.stack(images), decoding)[0])
    if not places:
        raise UserError("no face of the test list could be read")
    return np.concatenate(places), np.stack(true), np.array(attributes)


def evaluate(config, weights, content: dict, count=None, batch_size: int = 8, to=None) -> list:
    """Lines of the figures on ``data.root``'s test list, or the first ``count`` of it; and writes them.

    Into the folder ``to``: figures.json, errors.csv (a line for each face), and curve.png, the share of faces by their
    error. Raises UserError where there is no test list, or too many pictures are bad.
    """
    data = faces_of.read_faces(config.data.root, config.model.points)
    if not data.val:
        raise UserError(f"{config.data.root} has no list of test faces; {faces_of.HELP}")
    faces = data.val[faces_of.POOL][:count]
    net = fan_of(content, weights)
    if net.points != config.model.points:
        raise UserError(f"{weights} finds {net.points} points, and {config.data.root} has {config.model.points}")
    bad = BadFiles(len(faces), config.data.max_bad_share, "test faces")
    predicted, true, attributes = measured(
        net, faces, content["architecture"].get("decoding", "peaks"), batch_size, bad
    )
    norms = figures.NORMS if net.points == 98 else ("box",)
    nme = {norm: figures.errors(predicted, true, norm) for norm in norms}
    report = {norm: figures.by_subset(values, attributes) for norm, values in nme.items()}
    folder = Path(to) if to else Path(config.output) / "evaluation" / name_of(Path(weights))
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / "figures.json") as partial:
        Path(partial).write_text(json.dumps({"faces": len(true), **report}, indent=1), encoding="utf-8")
    pictures.save_image(figures.curve_picture(nme[norms[0]]), folder / "curve.png")
    names = {"eye_corners": "outer eye corners", "pupils": "pupils", "box": "box of the points"}
    lines = [f"{len(true)} faces of {config.data.root}, {net.points} points"]
    for norm, parts in report.items():
        lines.append(f"NME by the {names[norm]}:")
        lines += [
            f"  {part:<13} NME {values['nme']:7.2%}  FR {values['fr']:7.2%}  AUC {values['auc']:.4f}"
            for part, values in parts.items()
        ]
    return [*lines, f"wrote {folder / 'figures.json'} and curve.png"]
