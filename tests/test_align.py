from pathlib import Path

import numpy as np
import pytest

from ppstargan.errors import UserError
from ppstargan.face.align import _pad, align_face, similarity
from ppstargan.parity import fill
from ppstargan.parity.align import align
from ppstargan.parity.kit import read_case

REFERENCE = Path(__file__).parent / "reference" / "parity"
MEAN = read_case(REFERENCE, "align").figures["mean_landmarks"]


def image(height, width):
    return fill.image(f"{height}x{width}", (1, 3, height, width))[0].transpose(1, 2, 0)


def turned(points, degrees=0.0, scale=1.0, shift=(0.0, 0.0)):
    """Points [N, 2] turned about the middle of a 256-pixel image, scaled about it, and moved."""
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * (points - 128) @ rotation.T + 128 + shift


def apply(matrix, points):
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def test_equal_to_the_reference():
    checks = list(align(read_case(REFERENCE, "align")))
    assert [check.quantity for check in checks] == ["matrix", "aligned"]
    assert [check for check in checks if not check.passed] == []
    assert checks[1].error < 1e-4  # far better than it must: the margins are a small part of the image


# ---- the transform ----


@pytest.mark.parametrize("degrees", [0, 17, -90, 179, 180])
@pytest.mark.parametrize("scale", [0.2, 1, 3])
def test_similarity_undoes_a_similarity(degrees, scale):
    landmarks = turned(MEAN, degrees, scale, (31, -7))
    matrix = similarity(landmarks, MEAN)
    np.testing.assert_allclose(apply(matrix, landmarks), MEAN, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(matrix[:2, :2]), scale**-2)
    np.testing.assert_array_equal(matrix[2], [0, 0, 1])


def test_centres_meet_even_where_the_faces_differ():
    landmarks = MEAN + 5 * fill.normal("landmarks", (98, 2))
    matrix = similarity(landmarks, MEAN)
    np.testing.assert_allclose(apply(matrix, landmarks).mean(axis=0), MEAN.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(matrix[0, :2], [matrix[1, 1], -matrix[1, 0]])


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.full((98, 2), 0.1), "no face was found"),
        (np.zeros((68, 2)), r"\[98, 2\] of \(x, y\), not \[68, 2\]"),
        (np.full((98, 2), np.nan), "NaN"),
    ],
)
def test_landmarks_that_are_no_face(landmarks, message):
    with pytest.raises(UserError, match=message):
        similarity(landmarks, MEAN)
    with pytest.raises(UserError, match=message):
        align_face(image(32, 32), landmarks, MEAN)


# ---- the image ----


@pytest.mark.parametrize("shape", [(256, 256), (199, 301), (64, 64)])
def test_a_face_in_place_stays_as_it_is(shape):
    picture = image(*shape)
    aligned = align_face(picture, MEAN, MEAN)
    assert aligned.shape == (256, 256, 3) and aligned.dtype == np.float32
    height, width = (min(side, 256) for side in shape)
    # The padded image is exact inside; only the mirrored border is an estimate.
    np.testing.assert_allclose(aligned[:height, :width], picture[:height, :width], atol=1e-5)


def test_a_shifted_face_moves_by_whole_pixels():
    picture = image(256, 256)
    aligned = align_face(picture, turned(MEAN, shift=(12, -9)), MEAN)
    np.testing.assert_allclose(aligned[9:, :244], picture[:247, 12:], atol=1e-5)


@pytest.mark.parametrize("size", [128, 512])
def test_the_size_scales_the_mean_face(size):
    """A smooth picture, so that it may be sampled at any size: the planes x, y and x + y."""
    rows, columns = np.mgrid[:256, :256] / 128.0 - 1
    picture = np.stack([columns, rows, (columns + rows) / 2], axis=2)
    landmarks = turned(MEAN, 20, 0.5)
    aligned = align_face(picture, landmarks, MEAN, size)
    assert aligned.shape == (size, size, 3)
    rows, columns = np.mgrid[:size, :size]
    inverse = np.linalg.inv(similarity(landmarks, MEAN * size / 256))
    where = apply(inverse, np.stack([columns, rows], axis=2)) / 128 - 1
    expected = np.concatenate([where, where.mean(axis=2, keepdims=True)], axis=2)
    np.testing.assert_allclose(aligned, expected, atol=1e-3)


def test_the_margin_mirrors_the_image_and_fades_into_its_blur():
    noise = fill.normal("noise", (256, 256, 3)).clip(-1, 1) / 2
    aligned = align_face(noise, turned(MEAN, shift=(-120, 0)), MEAN)  # the image's left border is now at x = 120
    inside, margin = aligned[:, 120:], aligned[:, :120]
    np.testing.assert_allclose(inside, noise[:, :136], atol=1e-5)
    mirrored = noise[:, 1:121][:, ::-1]
    # White noise has no blur to speak of, so that its strength is the weight: ((128 - pixels from the image) / 128)^4.
    for distance in (1, 30, 60, 100):
        column = margin[:, 120 - distance], mirrored[:, 120 - distance]
        weight = np.vdot(*column) / np.vdot(column[1], column[1])
        assert weight == pytest.approx(((128 - distance) / 128) ** 4, abs=0.03)
    assert 0.002 < margin[:, :10].std() < 0.1 * noise.std()  # the blur is what is left


@pytest.mark.parametrize(("height", "width"), [(300, 181), (180, 301)])
def test_the_blur_is_a_hundredth_of_the_height(height, width):
    """A wave of 40 px, that the mirror goes on with, and that is 20 px long where the padded image is blurred."""
    wave = np.cos(2 * np.pi * np.arange(width) / 40)
    padded, _, left = _pad(np.broadcast_to(wave[:, None], (height, width, 3)).astype(np.float32))
    strength = np.exp(-2 * (np.pi * (height // 100) / 20) ** 2)  # of a wave that a Gaussian went over
    expected = strength * np.cos(2 * np.pi * (np.arange(padded.shape[1]) - left) / 40)
    for row in (padded[0], padded[-1]):  # the outer border is the blur alone
        np.testing.assert_allclose(row[20:-20, 0], expected[20:-20], atol=0.02)


@pytest.mark.parametrize("shape", [(160, 160), (97, 131), (20, 33)])
def test_margins_of_a_plain_image_are_plain_and_black_begins_behind_them(shape):
    picture = np.full((*shape, 3), 0.25, np.float32)
    top, left = shape[0] // 2, shape[1] // 2
    aligned = align_face(picture, turned(MEAN, shift=(-left, -top)), MEAN)  # the padded image from its first pixel
    height, width = shape[0] + 2 * top, shape[1] + 2 * left
    np.testing.assert_allclose(aligned[4 : height - 4, 4 : width - 4], 0.25, atol=1e-5)
    assert (aligned[height + 4 :] == -1).all() and (aligned[:, width + 4 :] == -1).all()


def test_the_callers_arrays_stay_as_they_were():
    picture, landmarks, mean = image(64, 64), turned(MEAN, 5, 0.25), MEAN.copy()
    copies = picture.copy(), landmarks.copy()
    align_face(picture, landmarks, mean, 128)
    np.testing.assert_array_equal(picture, copies[0])
    np.testing.assert_array_equal(landmarks, copies[1])
    np.testing.assert_array_equal(mean, MEAN)


def test_sharp_edges_stay_within_the_range():
    picture = np.where(np.arange(64 * 64).reshape(64, 64, 1) // 4 % 2, 1.0, -1.0) * np.ones(3)
    aligned = align_face(picture, turned(MEAN, 10, 0.25, (-96, -96)), MEAN)
    assert np.abs(aligned).max() == 1


@pytest.mark.parametrize("shape", [(3, 64, 64), (64, 64), (1, 64, 3), (64, 64, 4)])
def test_an_image_of_another_shape(shape):
    with pytest.raises(UserError, match=r"\[height, width, 3\]"):
        align_face(np.zeros(shape), MEAN, MEAN)
