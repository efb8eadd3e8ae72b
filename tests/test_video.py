"""Videos: what their frames show, and what a player finds in the file."""

import itertools
import sys

import numpy as np
import pytest
import small_model
from authors_form import refusal
from PIL import Image

from ppstargan import runtime
from ppstargan.errors import UsageError, UserError
from ppstargan.translate import video
from ppstargan.translator import Translator

ENDINGS = ("mp4", "gif", "webp")
COLOURS = ((220, 40, 30), (30, 200, 60), (20, 60, 230))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Translator(
        small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks()), batch_size=2
    )


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return small_model.faces(tmp_path_factory.mktemp("faces") / "toy")


def test_the_style_starts_and_stops_gently():
    assert [video.ease(t) for t in (0, 0.5, 1)] == [0, 0.5, 1]
    speed = np.diff([video.ease(t) for t in np.linspace(0, 1, 101)])
    assert (speed > 0).all() and speed.argmax() in (49, 50) and speed[[0, -1]].max() < 0.03 * speed.max()


def test_frames_go_from_style_to_style_and_back_to_the_first(model, faces):
    sources, references = faces["cat"], faces["dog"]
    codes = model.style_from_reference(references, "dog")
    frames = list(video.style_frames(model, sources, codes, 4, references))
    assert len(frames) == 12 and {frame.shape for frame in frames} == {(70, 138, 3)}
    pictures, strip = model.read(sources), model.read(references)
    # A quarter of the time is 5/32 of the way, half of it is half: of 32 px and a gap of 2, 5 and 17.
    for i, (step, share, top) in itertools.product(range(3), ((0, 0, 0), (1, 5 / 32, 5), (2, 0.5, 17))):
        frame, j = frames[4 * i + step], (i + 1) % 3
        style = (1 - share) * codes[i] + share * codes[j]
        for column, image in enumerate(model.translate(sources, style), 1):
            np.testing.assert_array_equal(small_model.cell(frame, 0, column), pictures[column - 1])
            assert np.abs(small_model.cell(frame, 1, column).astype(int) - image).max() <= 1
        whole = np.concatenate([strip[i], np.full((2, 32, 3), 255), strip[j]])
        np.testing.assert_array_equal(small_model.cell(frame, 1, 0), whole[top : top + 32])
    assert np.abs(frames[0].astype(int) - frames[2]).mean() > 1  # the styles of the test differ visibly


def test_without_references_there_is_no_strip(model, faces):
    frames = list(video.style_frames(model, faces["cat"][:1], model.style_from_seed("dog", count=2), 3))
    assert len(frames) == 6 and frames[0].shape == (70, 36, 3)


def test_a_frame_is_no_wider_than_browsers_decode():
    for size, with_references, count in ((256, False, 15), (256, True, 14), (1024, True, 2), (1024, False, 3)):
        assert video.most_sources(size, with_references) == count
        columns = count + with_references
        assert columns * (size + 2) + 2 <= 4096 < (columns + 1) * (size + 2) + 2


def stripes(count, height=41, width=63):
    """Frames of three colours whose first rows say which frame it is."""
    for k in range(count):
        frame = np.repeat(np.uint8(COLOURS), width // 3, axis=0)[None].repeat(height, axis=0)
        frame[:16] = 10 * k
        yield frame


def from_bt709(frame):
    """A decoded frame as RGB. By hand, since older PyAVs take every video for BT.601."""
    y, u, v = np.split(
        frame.to_ndarray(format="yuv420p").reshape(-1), np.array([4, 5]) * frame.height * frame.width // 4
    )
    u, v = (plane.reshape(frame.height // 2, -1).repeat(2, 0).repeat(2, 1) - 128.0 for plane in (u, v))
    y = (y.reshape(frame.height, -1) - 16.0) * 255 / 219
    return np.stack([y + 1.793 * v, y - 0.213 * u - 0.533 * v, y + 2.112 * u], axis=-1).clip(0, 255)


def read(path):
    if path.suffix == ".mp4":
        import av

        with av.open(str(path)) as container:
            yield from map(from_bt709, container.decode(video=0))
    else:
        with Image.open(path) as image:
            for k in range(image.n_frames):
                image.seek(k)
                yield np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_written_video_shows_its_frames(tmp_path, ending):
    path = tmp_path / "folder" / f"x.{ending}"
    video.writer(path)(stripes(25), 25, 10, path)
    found = list(read(path))
    assert len(found) == 25
    for k, frame in enumerate(found):
        assert frame.shape[0] >= 41 and frame.shape[1] >= 63
        assert np.abs(frame[5, 5].astype(int) - 10 * k).max() <= 3
        for column, colour in zip((10, 31, 52), COLOURS):
            assert np.abs(frame[30, column].astype(int) - colour).max() <= 8
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_mp4_is_one_that_browsers_play(tmp_path):
    import av

    path = tmp_path / "x.mp4"
    video.writer(path)(stripes(25), 25, 10, path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, stream.frames, stream.average_rate) == ("h264", "yuv420p", 25, 10)
        assert (context.width, context.height) == (64, 42)  # H.264 with half the colours has even sizes alone
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)  # BT.709, and it says so
        assert container.duration / 1e6 == pytest.approx(2.5)
    content = path.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    fine = np.zeros((41, 63, 3), np.uint8)
    fine[:, ::2] = 255
    video.writer(path)([fine] * 2, 2, 10, path)
    shown = next(read(path))[:41, :63]
    assert np.abs(shown - fine).max() < 60  # no pixel lies elsewhere: made even by a margin, not by stretching


@pytest.mark.parametrize("ending", ("gif", "webp"))
def test_an_animation_keeps_time_and_goes_on_for_ever(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    video.writer(path)(stripes(24), 24, 24, path)
    shown = []
    with Image.open(path) as image:
        assert image.n_frames == 24 and image.info["loop"] == 0
        for k in range(24):
            image.seek(k)
            image.load()
            shown.append(image.info["duration"])
    assert sum(shown) == 1000 and max(shown) - min(shown) <= 10


@pytest.mark.parametrize("ending", ENDINGS)
def test_memory_does_not_grow_with_the_length(tmp_path, ending):
    resident = []

    def frames(count):
        for k in range(count):
            frame = np.full((256, 1024, 3), 128, np.uint8)
            frame[:, 6 * k : 6 * k + 6] = k, 255 - k, 0
            with open("/proc/self/statm", encoding="ascii") as file:
                resident.append(int(file.read().split()[1]) * 4096)
            yield frame

    video.writer(tmp_path / f"x.{ending}")(frames(160), 160, 25, tmp_path / f"x.{ending}")
    # 80 frames are 60 MiB of RGB, or 20 MiB of a palette's indices. H.264 looks 40 frames ahead, so not from the start.
    assert resident[-1] - resident[79] < 8 << 20


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_video_that_fails_leaves_what_was_there(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(b"old")

    def failing():
        yield from stripes(3)
        raise UserError("bad image")

    assert refusal(video.writer(path), failing(), 9, 25, path) == "bad image"
    assert path.read_bytes() == b"old" and [file.name for file in tmp_path.iterdir()] == [path.name]
    below = path / f"y.{ending}"
    assert f"cannot write {below}" in refusal(video.writer(below), stripes(3), 3, 25, below)


def test_names_that_cannot_be_written_are_told_at_once(monkeypatch):
    with pytest.raises(UsageError, match=r"x\.avi: a video's name ends in \.mp4, \.gif, \.webp"):
        video.writer("x.avi")
    monkeypatch.setitem(sys.modules, "av", None)
    assert 'pip install -e ".[video]"' in refusal(video.writer, "x.mp4")
    assert video.writer("x.GIF")


def test_progress_is_told_now_and_then(monkeypatch, capsys):
    clock = itertools.count(0, 2)
    monkeypatch.setattr(runtime.time, "monotonic", lambda: next(clock))
    assert list(video.telling("abcdef", 6, "x.mp4")) == list("abcdef")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "x.mp4 5/6 | 0.5 frames/s | ETA 0:00:02",
        "x.mp4 6/6 | 0.5 frames/s | ETA 0:00:00",
    ]
