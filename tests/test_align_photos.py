import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import skimage.data
from paddle.nn import functional as F
from PIL import Image

from ppstargan import checkpoint
from ppstargan.errors import UsageError, UserError
from ppstargan.face import find, photos
from ppstargan.face.align import align_face
from ppstargan.face.draw import PANEL, debug_sheet
from ppstargan.face.find import Face, Square
from ppstargan.face.mean import mean_landmarks
from ppstargan.face.weights import load_fan
from ppstargan.nets.fan import FAN, HEATMAP_SIZE
from ppstargan.pictures import GAP

ROOT = Path(__file__).parent.parent


def ellipse(x, y, width, height, count, start=0.0, stop=2 * np.pi):
    angles = np.linspace(start, stop, count, endpoint=False)
    return np.stack([x + width * np.cos(angles), y + height * np.sin(angles)], axis=1)


# A mean face in a 256-pixel image: its outline, brows, nose, eyes, mouth and pupils, in the order of WFLW.
MEAN = np.concatenate(
    [
        ellipse(128, 128, 72, 100, 33, np.pi, 0),
        ellipse(98, 104, 20, 4, 9),
        ellipse(158, 104, 20, 4, 9),
        ellipse(128, 145, 14, 20, 9),
        ellipse(98, 121, 14, 6, 8),
        ellipse(158, 121, 14, 6, 8),
        ellipse(128, 190, 26, 13, 12, np.pi, -np.pi),
        ellipse(128, 190, 20, 6, 8),
        [(98, 121), (158, 121)],
    ]
)


def drawn(width, height, side, centre, degrees=0.0):
    """A photograph with a square "face" in it, that a program can see: red says how far right a pixel lies in the
    aligned image, green how far down, and blue is 1 around the face."""
    angle = np.deg2rad(degrees)
    rows, columns = np.mgrid[:height, :width] + 0.5
    x, y = columns - centre[0], rows - centre[1]
    u, v = (np.cos(angle) * x + np.sin(angle) * y) / side + 0.5, (np.cos(angle) * y - np.sin(angle) * x) / side + 0.5
    inside = (abs(u - 0.5) < 0.5) & (abs(v - 0.5) < 0.5)
    picture = np.stack([u * inside, v * inside, ~inside], axis=2)
    return Image.fromarray(np.round(picture * 255).astype(np.uint8))


class Seer(FAN):
    """A FAN that sees the landmarks of MEAN on the faces of ``drawn``, ``peak`` high."""

    def __init__(self, peak=1.0):
        super().__init__()
        self.peak = peak

    def heatmaps(self, x):
        u, v, blue = (F.adaptive_avg_pool2d(x, HEATMAP_SIZE).numpy()[0] + 1) / 2
        inside = (blue < 0.1) & (u + v > 0)  # not black either, which is beyond the photograph
        points = MEAN / 256
        squares = (u - points[:, 0, None, None]) ** 2 + (v - points[:, 1, None, None]) ** 2
        maps = self.peak * np.exp(-squares / 0.002) * inside
        return paddle.to_tensor(maps[None].astype(np.float32))


@pytest.fixture(scope="module")
def fan():
    return Seer()


def check_aligned(aligned, tolerance):
    """The coordinates that the inner part of the aligned image shows are its own."""
    size = aligned.shape[0]
    inner = slice(size // 8, -size // 8)
    expected = np.mgrid[:size, :size][::-1].transpose(1, 2, 0) / size
    np.testing.assert_allclose(aligned[inner, inner, :2] / 255, expected[inner, inner], atol=tolerance)
    assert aligned[inner, inner, 2].max() < 30


# ---- from the photograph to the aligned face ----


@pytest.mark.parametrize(
    ("width", "height", "side", "centre", "degrees"),
    [
        (256, 256, 250, (128, 128), 0),
        (1200, 500, 420, (800, 240), 12),  # wide: squashed to a square, it would lean and be narrow
        (420, 1300, 380, (210, 900), -30),
        (1300, 1200, 1000, (650, 600), 160),  # more than twice the FAN's size, and upside down
    ],
)
def test_a_face_of_any_size_place_and_turn(fan, width, height, side, centre, degrees):
    photo = drawn(width, height, side, centre, degrees)
    face = find.find_face(fan, photo, [])
    assert face.height > 0.7
    aligned = photos.align_photo(photo, face.landmarks, MEAN, 128)
    assert aligned.shape == (128, 128, 3) and aligned.dtype == np.uint8
    check_aligned(aligned, 0.03)


def test_a_small_face_is_seen_by_the_box_around_it(fan):
    photo = drawn(1500, 900, 150, (1200, 300))
    assert find.find_face(fan, photo, []).height < find.find_face(fan, photo, [Square(1150, 260, 95)]).height
    face = find.find_face(fan, photo, [Square(1150, 260, 95)])
    check_aligned(photos.align_photo(photo, face.landmarks, MEAN, 128), 0.02)


def test_the_view_is_not_squashed_and_black_beyond_the_borders():
    photo = Image.fromarray(np.tile(np.linspace(50, 250, 2100).astype(np.uint8)[None, :, None], (700, 1, 3)))
    x, view = find.see(photo, find.whole(photo))
    factor = 4
    assert all(value % factor == 0 for value in view) and abs(view.top + 700) < factor and view.left == 0
    x = (x.numpy()[0, 0] + 1) * 127.5
    first, last = (round(row * 256 / view.side) for row in (-view.top, 700 - view.top))
    assert x[: first - 1].max() == 0 and x[last + 1 :].max() == 0
    np.testing.assert_allclose(
        x[first + 1 : last - 1], np.tile(np.linspace(50, 250, 256), (last - first - 2, 1)), atol=2
    )


def test_the_view_around_a_box_shows_it_as_celeba_hq_shows_faces():
    view = find.view_of(Square(1000, 500, 630))
    assert view == Square(815, 260, 1000)


def test_the_view_around_landmarks_shows_them_as_wide_as_in_celeba_hq():
    landmarks = np.array([(110.0, 300), (220, 330), (150, 388)])
    assert find.view_around(landmarks) == Square(65, 244, 200)  # 110 is 0.55 of it, around (165, 344)


# ---- where faces are ----


def test_the_cascade_finds_the_face_in_a_photograph_and_none_in_a_cup():
    astronaut = Image.fromarray(skimage.data.astronaut())
    (box,) = find.frontal_faces(astronaut)
    assert box.left < 200 < 245 < box.left + box.side and box.top < 95 < 145 < box.top + box.side  # eyes to chin
    assert box.side < 150
    assert find.frontal_faces(Image.fromarray(skimage.data.coffee())) == []


def test_the_cascade_counts_faces_and_gives_the_largest_first():
    face = Image.fromarray(skimage.data.astronaut()).crop((130, 20, 320, 210))
    crowd = Image.new("RGB", (1000, 400), (120, 120, 120))
    for side, place in ((200, (30, 60)), (320, (330, 40)), (240, (720, 90))):
        crowd.paste(face.resize((side, side)), place)
    boxes = find.frontal_faces(crowd)
    assert [sum(left < box.left + box.side / 2 for left in (330, 700)) for box in boxes] == [1, 2, 0]


def test_no_cascade_on_an_image_too_small_for_one():
    assert find.frontal_faces(Image.new("RGB", (3000, 20))) == []


def test_a_small_face_without_a_box_is_looked_at_from_near(fan):
    photo, expected = drawn(1500, 900, 200, (1200, 300)), MEAN / 256 * 200 + (1100, 200)
    face, far = find.find_face(fan, photo, []), find.look(fan, photo, find.whole(photo))
    assert face.view.side < 400
    assert np.abs(far.landmarks - expected).max() > 15  # a cell is 23 px
    np.testing.assert_allclose(face.landmarks, expected, atol=8)


@pytest.mark.parametrize(("share", "looks"), [(0.74, 2), (0.76, 1)])
def test_how_small_a_face_is_looked_at_from_near(monkeypatch, share, looks):
    spread, views = np.array([(0, 0), (0.55 * 1000 * share, 100)]), []
    monkeypatch.setattr(find, "look", lambda fan, photo, view: views.append(view) or Face(spread, 0.5, view))
    find.find_face(None, Image.new("RGB", (1000, 600)), [])
    assert len(views) == looks


def test_what_is_no_clearer_from_near_stays(fan, monkeypatch):
    photo = drawn(1500, 900, 200, (1200, 300))
    look = find.look
    views = []

    def dimmer(fan, photo, view):
        views.append(view)
        return look(fan, photo, view)._replace(height=0.9 / len(views))

    monkeypatch.setattr(find, "look", dimmer)
    assert find.find_face(fan, photo, []).view == find.whole(photo)
    assert len(views) == 2


@pytest.mark.parametrize(
    ("heights", "taken"),
    [
        ([0.5, 0.9, 0.9], 0),  # the first that is high enough, though others are higher
        ([0.05, 0.9, 0.9], 1),
        ([0.05, 0.02, 0.9], 2),  # the whole image last
        ([0.05, 0.08, 0.02], 1),  # nowhere: the clearest
        ([0.1, 0.9, 0.9], 0),
        ([float("nan"), 0.2, 0.9], 1),
    ],
)
def test_which_face_is_taken(monkeypatch, heights, taken):
    photo, boxes = Image.new("RGB", (500, 300)), [Square(0, 0, 63), Square(200, 0, 63)]
    views = [*map(find.view_of, boxes), find.whole(photo)]
    wide = np.array([(0, 0), (500, 300)])  # landmarks that fill the view
    monkeypatch.setattr(find, "look", lambda fan, photo, view: Face(wide, heights[views.index(view)], view))
    assert find.find_face(None, photo, boxes, 0.1).view == views[taken]


def test_the_height_is_the_median_of_the_peaks(fan, monkeypatch):
    peaks = np.linspace(0, 1, 98)
    maps = np.zeros((1, 98, 64, 64), np.float32)
    maps[0, np.arange(98), 20, 30] = peaks
    monkeypatch.setattr(fan, "heatmaps", lambda x: paddle.to_tensor(maps))
    assert find.look(fan, Image.new("RGB", (64, 64)), Square(0, 0, 64)).height == pytest.approx(np.median(peaks))


# ---- the warp of photographs ----


def test_a_portrait_comes_out_as_from_align_face():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (200, 240, 3), np.uint8)
    landmarks = MEAN * 0.7 + (30, 10)  # smaller than in the result, so that nothing is made smaller first
    expected = align_face(pixels / np.float32(127.5) - 1, landmarks, MEAN, 256)
    aligned = photos.align_photo(Image.fromarray(pixels), landmarks, MEAN, 256)
    np.testing.assert_allclose(aligned, (expected + 1) * 127.5, atol=0.51)


def test_a_large_face_is_averaged():
    fine = np.indices((1024, 1024)).sum(axis=0) % 2 * 255  # a warp alone would pick pixels of this chess board
    photo = Image.fromarray(np.repeat(fine[:, :, None], 3, axis=2).astype(np.uint8))
    aligned = photos.align_photo(photo, MEAN * 3.3, MEAN, 256)
    assert abs(aligned[20:-20, 20:-20].astype(float) - 127.5).max() < 6


def test_a_small_face_in_a_large_photograph_takes_little_memory(monkeypatch):
    seen = []
    monkeypatch.setattr(photos, "align_face", lambda image, *rest: seen.append(image.shape) or align_face(image, *rest))
    photo = drawn(1200, 1000, 150, (700, 500), 30)
    landmarks = np.array([(700, 500)]) + (MEAN / 256 - 0.5) * 150 @ np.array([[0.866, 0.5], [-0.5, 0.866]])
    check_aligned(photos.align_photo(photo, landmarks, MEAN, 128), 0.02)
    assert max(seen[0]) < 2.1 * 128 * (0.866 + 0.5)


def test_a_face_beside_the_image():
    with pytest.raises(UserError, match="outside the image"):
        photos.align_photo(Image.new("RGB", (100, 100)), MEAN + 900, MEAN)


# ---- files ----


def test_names_stay_relative(tmp_path):
    for name in ("in/a.jpg", "in/deep/er/b.PNG", "in/deep/c.bmp", "d.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    jobs = photos.find_jobs([tmp_path / "in", tmp_path / "d.webp"], tmp_path / "out")
    names = [job.target.relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert names == ["a.jpg", "deep/c.png", "deep/er/b.PNG", "d.webp"]
    assert [job.name.name for job in jobs] == ["a.jpg", "c.bmp", "b.PNG", "d.webp"]


def test_names_that_would_meet(tmp_path):
    for name in ("in/a.png", "in/a.bmp", "other/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"a\.bmp and .*a\.png would both be .*out/a\.png"):
        photos.find_jobs([tmp_path / "in"], tmp_path / "out")
    with pytest.raises(UsageError, match="lies in --out"):
        photos.find_jobs([tmp_path / "other" / "a.png"], tmp_path / "other")
    with pytest.raises(UsageError, match="outside it"):
        photos.find_jobs([tmp_path / "in"], tmp_path / "in" / "out")


def test_each_photograph_has_its_line_and_bad_ones_are_left_out(tmp_path, fan, capsys, monkeypatch):
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    drawn(300, 200, 190, (150, 100)).save(source / "b.png")
    (source / "a.jpg").write_bytes(b"no image")
    Image.new("RGB", (90, 90), (0, 0, 255)).save(source / "c.png")
    drawn(200, 300, 190, (100, 150)).save(source / "sub" / "d.webp")
    boxes = {300: [Square(50, 0, 190), Square(0, 0, 60)]}
    monkeypatch.setattr(photos, "frontal_faces", lambda photo: boxes.get(photo.width, []))
    jobs = photos.find_jobs([source], tmp_path / "out")
    assert photos.align_files(jobs, fan, MEAN, 64, 0.1, tmp_path / "debug") == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[0].startswith("b.png: landmarks 0.9")
    assert "2 faces seen, the one around (1" in said.out.splitlines()[0]
    assert said.out.splitlines()[1].startswith("sub/d.webp: ") and "no upright frontal face" in said.out
    assert len(said.out.splitlines()) == 2
    assert f"a.jpg: left out: cannot read image {source / 'a.jpg'}" in said.err.splitlines()[0]
    assert said.err.splitlines()[1] == "c.png: left out: no face: the landmarks are 0.00 high, and --min-height is 0.1"
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["b.png", "sub/d.webp"]
    assert sorted(path.name for path in (tmp_path / "debug").rglob("*.*")) == ["b.png.png", "c.png.png", "d.webp.png"]
    check_aligned(np.asarray(Image.open(tmp_path / "out" / "b.png")), 0.03)


def test_a_disk_that_takes_nothing_stops_the_run(tmp_path, fan):
    drawn(200, 200, 190, (100, 100)).save(tmp_path / "a.png")
    (tmp_path / "out").touch()  # a file, where a folder has to be made
    jobs = photos.find_jobs([tmp_path / "a.png"], tmp_path / "out")
    with pytest.raises(UserError, match="cannot write"):
        photos.align_files(jobs, fan, MEAN, 64, 0.1)


def test_the_debug_sheet_shows_landmarks_masks_boxes_and_frame(fan):
    photo = drawn(400, 200, 200, (200, 100))
    face = find.look(fan, photo, find.whole(photo))
    corners = photos.frame(face.landmarks, MEAN)
    np.testing.assert_allclose(corners, [(100, 0), (300, 0), (300, 200), (100, 200)], atol=4)
    aligned = np.full((64, 64, 3), 77, np.uint8)
    sheet = debug_sheet(fan, photo, [Square(140, 40, 120)], face, corners, aligned)
    panels = [sheet[GAP : GAP + PANEL, GAP + i * (PANEL + GAP) :][:, :PANEL].astype(int) for i in range(3)]
    scale = PANEL / 400

    def at(panel, x, y):
        return panel[round(y * scale), round(x * scale)]

    eye = face.landmarks[96]
    assert at(panels[0], *eye).tolist() == at(panels[1], eye[0], eye[1] + 100).tolist() == [255, 40, 40]
    assert at(panels[0], 140, 100).tolist() == [255, 220, 0]
    assert [0, 220, 0] in [at(panels[0], x, 150).tolist() for x in range(294, 307)]
    plain = np.asarray(photo).astype(int)
    below_eye = (176, 122)  # where the mask of eyes lies, between the landmarks
    assert abs(at(panels[0], *below_eye) - plain[122, 176]).max() < 12
    assert at(panels[1], 176, 222)[2] > 80  # tinted: the face itself has no blue
    assert (panels[2] == 77).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"no mean landmarks at /.*celeba_lm_mean\.npz: python tools/download\.py mean_landmarks; or"),
        ({"other": MEAN}, "no .npz file with the array mean"),
        ({"mean": MEAN[:68]}, r"mean is \[68, 2\]"),
        ({"mean": np.full((98, 2), np.nan)}, "98 finite points"),
    ],
)
def test_mean_landmarks_that_are_none(tmp_path, content, message):
    path = tmp_path / "celeba_lm_mean.npz"
    if content:
        np.savez(path, **content)
    with pytest.raises(UserError, match=message):
        mean_landmarks(path)


def test_weights_that_hold_no_fan(tmp_path):
    path = tmp_path / "afhq.pdparams"
    with pytest.raises(UserError, match=r"no weights at /.*download\.py wing.*convert_torch_weights\.py wing\.ckpt /"):
        load_fan(path)
    checkpoint.save({"architecture": {}, "nets": {"generator": {}}}, path)
    with pytest.raises(UserError, match=r"holds no face alignment network; python tools/download\.py wing"):
        load_fan(path)


def test_the_tool(tmp_path):
    """With a FAN of random weights, which sees landmarks everywhere."""
    paddle.seed(0)
    fan = {"architecture": {}, "domains": None, "nets": {"fan": checkpoint.arrays(FAN())}}
    checkpoint.save(fan, tmp_path / "wing.pdparams")
    np.savez(tmp_path / "mean.npz", mean=MEAN)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no image")
    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "in" / "astronaut.png")
    Image.new("RGB", (50, 50)).save(tmp_path / "in" / "there.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "there.png").write_bytes(b"stays")
    command = [sys.executable, "tools/align.py", tmp_path / "in", "--out", tmp_path / "out", "--size", "64"]
    weights = ["--fan", tmp_path / "wing.pdparams", "--mean", tmp_path / "mean.npz"]
    done = subprocess.run(list(map(str, command + weights)), cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "1 of 3 are there already and stay" in done.stdout
    assert done.stdout.splitlines()[-1] == f"aligned 1 of 2 photographs into {tmp_path / 'out'}; 1 left out"
    assert done.stderr.splitlines()[-1].startswith("bad.jpg: left out: cannot read image")
    assert Image.open(tmp_path / "out" / "astronaut.png").size == (64, 64)
    assert (tmp_path / "out" / "there.png").read_bytes() == b"stays"
