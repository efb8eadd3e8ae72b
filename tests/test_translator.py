"""Pictures through a trained model: what the networks give, whatever the form of the input and the batch size."""

import numpy as np
import paddle
import pytest
import small_model
from authors_form import refusal, same
from PIL import Image

from ppstargan import checkpoint
from ppstargan.data.batches import load_batch
from ppstargan.pictures import to_uint8
from ppstargan.translator import Translator


@pytest.fixture(scope="module")
def nets():
    return small_model.networks()


@pytest.fixture(scope="module")
def weights(nets, tmp_path_factory):
    parts = {"averages": small_model.values(nets), "nets": small_model.values(small_model.networks(1))}
    return small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", nets, **parts)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return small_model.faces(tmp_path_factory.mktemp("faces") / "toy")


def expected(nets, paths, codes):
    with paddle.no_grad():
        return to_uint8(nets.translate(paddle.to_tensor(load_batch(paths, 32)), paddle.to_tensor(codes)))


def test_any_number_of_images_comes_out_as_the_networks_give_them(nets, weights, faces):
    sources, references = faces["cat"] + faces["lion"], faces["dog"] + faces["lion"]
    model = Translator(weights, batch_size=4)
    codes = model.style_from_reference(references, ["dog"] * 3 + [2] * 3)
    with paddle.no_grad():
        y = paddle.to_tensor([1, 1, 1, 2, 2, 2])
        ours = nets.style_from_reference(paddle.to_tensor(load_batch(references, 32)), y).numpy()
    np.testing.assert_allclose(codes, ours, atol=1e-5)
    want = expected(nets, sources, codes)
    assert want.std(axis=(0, 1, 2)).min() > 10  # the networks of the test draw something
    found = model.translate(sources, codes)
    assert len(found) == 6 and all(image.size == (32, 32) and image.mode == "RGB" for image in found)
    assert np.abs(np.stack(found).astype(int) - want).max() <= 1  # a batch of another size rounds in another way


def test_one_style_for_many_and_many_for_one(nets, weights, faces):
    model = Translator(weights, batch_size=2)
    codes = model.style_from_seed("dog", count=5)
    sources = faces["cat"]
    same = np.repeat(codes[:1], 3, axis=0)
    assert np.abs(np.stack(model.translate(sources, codes[0])).astype(int) - expected(nets, sources, same)).max() <= 1
    gallery = model.translate(sources[0], codes)
    assert np.abs(np.stack(gallery).astype(int) - expected(nets, sources[:1] * 5, codes)).max() <= 1
    prepared = model.prepare(sources)
    np.testing.assert_array_equal(model.render(prepared, codes[:3]), np.stack(model.translate(sources, codes[:3])))


def test_the_networks_are_taken_where_there_are_no_averages(nets, faces, tmp_path):
    path = small_model.save(tmp_path / "w.pdparams", nets, nets=small_model.values(nets))
    codes = np.ones((3, 8), np.float32)
    found = Translator(path).translate(faces["cat"], codes)
    assert np.abs(np.stack(found).astype(int) - expected(nets, faces["cat"], codes)).max() <= 1


def test_an_image_may_come_in_any_form(weights, faces):
    model = Translator(weights)
    path, codes = faces["cat"][0], model.style_from_seed("dog")
    want = model.translate(path, codes)
    assert isinstance(want, Image.Image)
    image = Image.open(path)
    turned = image.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be turned by 270 degrees to the left
    for form in (str(path), image, image.convert("RGBA"), np.asarray(image), turned):
        np.testing.assert_array_equal(model.translate(form, codes), want)
    pair = np.stack([np.asarray(image)] * 2)
    for several in (pair, list(pair), [path, image]):
        found = model.translate(several, codes)
        assert len(found) == 2 and np.abs(np.asarray(found[1]).astype(int) - want).max() <= 1
    assert isinstance(model.translate([path], codes), list)
    np.testing.assert_array_equal(model.read(model.read(path)), model.read(path))


def test_a_seed_is_a_style_in_each_domain(nets, weights):
    model = Translator(weights)
    codes = model.style_from_seed("dog", seed=3, count=4)
    assert codes.shape == (4, 8) and codes.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(model.style_from_seed(1, seed=3), codes[:1], rtol=1e-5)
    assert np.abs(model.style_from_seed("dog", seed=4) - codes[:1]).max() > 1e-3
    assert np.abs(model.style_from_seed("lion", seed=3) - codes[:1]).max() > 1e-3


def test_a_seed_is_the_same_latents_in_all_domains(weights, monkeypatch):
    model = Translator(weights)
    monkeypatch.setattr(model.nets, "style_from_latent", lambda z, *_: z)
    cat, lion = (model.style_from_seed(domain, seed=3, count=2000) for domain in ("cat", "lion"))
    np.testing.assert_array_equal(cat, lion)
    assert abs(cat.mean()) < 0.05 and abs(cat.std() - 1) < 0.03


def test_psi_moves_a_style_towards_the_mean_of_its_domain(nets, weights):
    model = Translator(weights)
    z = paddle.to_tensor(np.random.default_rng(5).standard_normal((20000, 4)).astype("float32"))
    with paddle.no_grad():
        many = nets.mapping_network(z, paddle.full([20000], 2, "int64")).numpy()
    mean = model.mean_style("lion")
    np.testing.assert_allclose(mean[0], many.mean(axis=0), atol=many.std() * 0.06)  # five deviations of the mean
    assert np.abs(mean - model.mean_style("cat")).max() > many.std() * 0.5
    np.testing.assert_array_equal(mean, Translator(weights).mean_style("lion"))  # of the same latents
    whole, half, none = (model.style_from_seed("lion", count=2, psi=psi) for psi in (1, 0.5, 0))
    np.testing.assert_allclose(half, (whole + mean) / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(none, np.repeat(mean, 2, axis=0), rtol=1e-4, atol=1e-6)


def test_domains_have_names_and_numbers(nets, weights, tmp_path):
    model = Translator(weights)
    assert [model.domain_number(domain) for domain in ("cat", "lion", 1, "2", np.int64(0))] == [0, 2, 1, 2, 0]
    for domain in ("bird", 3, -1):
        assert f"unknown domain {domain}; {weights} has cat, dog, lion" in refusal(model.domain_number, domain)
    unnamed = small_model.save(tmp_path / "w.pdparams", nets, domains=None)
    assert "has 0, 1, 2; the file has no names for them" in refusal(Translator(unnamed).domain_number, "dog")
    assert Translator(unnamed, domains=["a", "b", "c"]).domain_number("c") == 2
    assert "has 3 domains, and a, b do not name so many" in refusal(Translator, unnamed, ["a", "b"])
    assert "has the domains cat, dog, lion, and not dog, cat, lion" in refusal(
        Translator, weights, ["dog", "cat", "lion"]
    )


def test_faces_take_the_fan_from_the_file_or_from_one_of_its_own(tmp_path, faces):
    nets = small_model.networks(w_hpf=1)
    fan = {"nets": {"fan": checkpoint.arrays(nets.fan)}}
    alone = small_model.save(tmp_path / "alone.pdparams", nets)
    whole = small_model.save(tmp_path / "whole.pdparams", nets, averages=small_model.values(nets), **fan)
    wing = tmp_path / "wing.pdparams"
    message = refusal(Translator, alone, None, wing)
    assert str(wing) in message and "convert_torch_weights.py wing.ckpt" in message
    checkpoint.save({"architecture": {}, "domains": None, **fan}, wing)
    model = Translator(whole, fan=tmp_path / "none")
    codes = np.ones((1, 8), np.float32)
    want = expected(nets, faces["cat"][:1], codes)[0]
    assert np.abs(np.asarray(model.translate(faces["cat"][0], codes)).astype(int) - want).max() <= 1
    same(checkpoint.arrays(Translator(alone, fan=wing).nets.fan), fan["nets"]["fan"])


def test_other_files_are_refused(nets, tmp_path):
    missing = refusal(Translator, tmp_path / "none.pdparams")
    assert f"no weights at {tmp_path / 'none.pdparams'}" in missing and "tools/convert_torch_weights.py" in missing
    other = tmp_path / "alexnet.pdparams"
    checkpoint.save({"architecture": {}, "domains": None, "nets": {"alexnet": {}}}, other)
    assert f"{other} holds alexnet, and translating needs generator, mapping_network" in refusal(Translator, other)
    nets.architecture, kept = {**nets.architecture, "img_size": 64}, nets.architecture
    wrong = small_model.save(tmp_path / "wrong.pdparams", nets)
    nets.architecture = kept
    assert str(wrong) in refusal(Translator, wrong)


def test_what_is_no_image_or_no_style_is_refused(weights, faces, tmp_path):
    model = Translator(weights)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    assert f"cannot read image {tmp_path / 'bad.jpg'}" in refusal(model.read, tmp_path / "bad.jpg")
    for wrong, words in (
        (np.zeros((8, 8, 3)), "not a float64 array [8, 8, 3]"),
        (np.zeros((8, 8), np.uint8), "not a uint8 array [8, 8]"),
        (Image.new("I;16", (8, 8)), "mode I;16"),
        ([None], "not a NoneType"),
        ([], "no images"),
    ):
        assert words in refusal(model.read, wrong)
    assert "give [1 or 3, 8]" in refusal(model.translate, faces["cat"], np.zeros((2, 8)))
    assert "give [1 or 1, 8]" in refusal(model.translate, faces["cat"][0], np.zeros(5))
    assert "3 reference images have 2 domains" in refusal(model.style_from_reference, faces["cat"], ["cat", "dog"])
    assert "psi 1.5" in refusal(model.style_from_seed, "cat", 0, 1, 1.5)
    assert "seed -1" in refusal(model.style_from_seed, "cat", -1)


def test_folders_called_by_numbers_are_names_before_numbers(tmp_path):
    named = small_model.save(tmp_path / "w.pdparams", small_model.networks(), ["1", "2", "0"])
    model = Translator(named)
    plain = Translator(small_model.save(tmp_path / "v.pdparams", small_model.networks(), None))
    for number, name in enumerate(model.domains):
        assert model.domain_number(name) == model.domain_number(number) == number
        assert model.domain_number(np.int64(number)) == number
        for psi in (0, 0.5, 1):
            found = model.style_from_seed(name, 3, psi=psi)
            np.testing.assert_allclose(found, plain.style_from_seed(number, 3, psi=psi), atol=1e-6)
    np.testing.assert_allclose(model.style_from_seed("2", psi=0), model.mean_style("2"), atol=1e-6)


def test_a_path_is_no_style(tmp_path):
    model = Translator(small_model.save(tmp_path / "w.pdparams", small_model.networks()))
    said = refusal(model.translate, np.zeros((32, 32, 3), np.uint8), "dog.png")
    assert said == "a style is the array that style_from_reference or style_from_seed gives"
