"""What cannot be used, given to the Translator: one clear line each."""

from pathlib import Path

import numpy as np
import pytest
import small_model
from authors_form import refusal
from PIL import Image

from ppstargan.translator import Translator

FACE = np.full((32, 32, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks())


@pytest.fixture(scope="module")
def model(weights):
    return Translator(weights)


@pytest.mark.parametrize("seed", [1.5, 2.0, "3", None, float("inf"), float("nan"), -1, True, [1], np.arange(9999)])
def test_seeds(model, seed):
    said = refusal(model.style_from_seed, "dog", seed)
    assert said.startswith("seed ") and said.endswith(": the seed must be 0 or more, a whole number")
    assert len(said) < 120


@pytest.mark.parametrize("count", [-1, 0, 1.5, "2", None, float("inf"), np.ones(3)])
def test_counts(model, count):
    said = refusal(model.style_from_seed, "dog", 0, count)
    assert said.startswith("count ") and said.endswith(" must be 1 or more, a whole number")


def test_more_latents_than_memory(model):
    assert "no memory for so many latents" in refusal(model.style_from_seed, "dog", 0, 10**17)
    assert "no memory for so many latents" in refusal(model.style_from_seed, "dog", 0, 10**30)


@pytest.mark.parametrize("psi", [None, "0.5", float("nan"), float("inf"), -0.1, 1.1, [0.5, 1], 1j])
def test_psi(model, psi):
    said = refusal(model.style_from_seed, "dog", 0, 1, psi)
    assert said.startswith("psi ") and said.endswith(": give a number from 0 to 1")


def test_numbers_of_numpy_are_numbers(model):
    want = model.style_from_seed("dog", 3, 2, 0.5)
    found = model.style_from_seed("dog", np.int64(3), np.uint8(2), np.float32(0.5))
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("size", [0, -1, 1.5, "8", None, float("inf")])
def test_batch_sizes(weights, size):
    assert refusal(lambda: Translator(weights, batch_size=size)).endswith(" must be 1 or more, a whole number")


@pytest.mark.parametrize("path", [None, 3, [], np.zeros(3)])
def test_paths(path):
    said = refusal(Translator, path)
    assert said.startswith("weights is ") and said.endswith("give the path of a file")


@pytest.mark.parametrize("domains", ["cat dog lion", 3, True])
def test_names_of_domains(weights, domains):
    assert "give a list of names, in the order of their numbers" in refusal(Translator, weights, domains)


def test_names_of_domains_that_are_numbers(tmp_path):
    unnamed = small_model.save(tmp_path / "w.pdparams", small_model.networks(), domains=None)
    assert Translator(unnamed, [7, 8, 9]).domain_number("8") == 1
    assert "do not name so many" in refusal(Translator, unnamed, [7, 8])


@pytest.mark.parametrize("domain", [None, 1.0, True, [], ("cat",), np.zeros((40, 40)), "cat\n"])
def test_domains(model, domain):
    said = refusal(model.domain_number, domain)
    assert said.startswith("unknown domain ") and "has cat, dog, lion" in said and "\n" not in said


def test_an_array_of_domains_is_one_for_each(model):
    found = model.style_from_reference([FACE, FACE], np.array([0, 2]))
    np.testing.assert_allclose(found, model.style_from_reference([FACE, FACE], ["cat", "lion"]))


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_pictures_without_pixels(model, shape):
    for image in (np.zeros(shape, np.uint8), Image.new("RGB", shape[1::-1]), Image.new("RGBA", shape[1::-1])):
        said = refusal(model.read, image)
        assert said == f"an image of {shape[1]} x {shape[0]} pixels is empty; give one with pixels"
    assert "is empty" in refusal(model.translate, np.zeros(shape, np.uint8), np.ones((1, 8)))


@pytest.mark.parametrize("images", [None, 5, 1.5, object()])
def test_what_is_no_list_of_pictures(model, images):
    for function in (model.read, model.prepare, lambda given: model.style_from_reference(given, "cat")):
        assert "images are paths, PIL images or uint8 arrays, or a list of them, not " in refusal(function, images)


def test_no_pictures_at_all(model):
    for nothing in ([], (), np.zeros((0, 32, 32, 3), np.uint8)):
        assert "no images in the list given" in refusal(model.read, nothing)
    assert "no prepared images in the list given" in refusal(model.render, [], np.ones((1, 8)))


def test_a_folder_is_no_picture(model, tmp_path):
    assert str(tmp_path) in refusal(model.read, Path(tmp_path))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_styles_that_are_not_finite(model, value):
    style = np.ones((2, 8))
    style[1, 3] = value
    for images in (FACE, [FACE, FACE]):
        assert "a style code holds NaN or infinity" in refusal(model.translate, images, style)
    assert "a style code holds NaN or infinity" in refusal(model.render, model.prepare([FACE] * 2), style)


@pytest.mark.parametrize("styles", [[[1, 2], [3]], "x", ["x"] * 8, {}, object(), [None, "a"]])
def test_what_is_no_style(model, styles):
    assert refusal(model.translate, FACE, styles).startswith("a style is the array that ")


@pytest.mark.parametrize("shape", [(), (7,), (0, 8), (2, 3, 8), (3, 7)])
def test_styles_of_other_shapes(model, shape):
    assert "do not fit 1 images; give [1 or 1, 8]" in refusal(model.translate, FACE, np.ones(shape))
