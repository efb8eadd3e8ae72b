"""Sheets of a run: which images they show, in which place, and in whose style."""

import numpy as np
import paddle
import pytest
import small_model
from PIL import Image
from small_model import cell

from ppstargan import pictures
from ppstargan.data.batches import load_batch
from ppstargan.errors import UserError
from ppstargan.translate import sheets


@pytest.fixture(scope="module")
def nets():
    return small_model.networks()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two sources of the domains 0 and 1, and two references of 2 and 0."""
    faces = small_model.faces(tmp_path_factory.mktemp("faces") / "toy")
    x_src, x_ref = ([faces[a][0], faces[b][1]] for a, b in (("cat", "dog"), ("lion", "cat")))
    x_src, x_ref = (paddle.to_tensor(load_batch(paths, 32)) for paths in (x_src, x_ref))
    return x_src, paddle.to_tensor([0, 1]), x_ref, paddle.to_tensor([2, 0])


def near(found, x):
    """A sheet's cell shows the image x [3, H, W] in [-1, 1]; a batch of another size rounds in another way."""
    expected = (x.numpy().clip(-1, 1).transpose(1, 2, 0) + 1) * 127.5
    assert np.abs(found - expected).max() < 1


def test_pixels_are_clipped_and_rounded_to_the_nearest():
    x = np.array([-7, -1, -1 + 0.9 / 127.5, -0.5, 0.99, 1, 1.5], np.float32)
    found = pictures.to_uint8(np.broadcast_to(x, (1, 3, 2, 7)))
    assert found.shape == (1, 2, 7, 3)
    np.testing.assert_array_equal(found[0, 1, :, 2], [0, 0, 1, 64, 254, 255, 255])


def test_a_cycle_sheet_goes_to_the_reference_and_back(nets, images):
    x_src, y_src, x_ref, y_ref = images
    sheet = pictures.cycle_sheet(nets, *images)
    with paddle.no_grad():
        x_fake = nets.translate(x_src, nets.style_from_reference(x_ref, y_ref))
        x_back = nets.translate(x_fake, nets.style_from_reference(x_src, y_src))
    for row, x in enumerate((x_src, x_ref, x_fake, x_back)):
        for column in range(2):
            near(cell(sheet, row, column), x[column])


def test_a_reference_sheet_has_sources_across_and_references_down(nets, images):
    x_src, _, x_ref, y_ref = images
    sheet = pictures.reference_sheet(nets, x_src, x_ref, y_ref)
    with paddle.no_grad():
        codes = nets.style_from_reference(x_ref, y_ref)
        for i in range(2):
            near(cell(sheet, 0, 1 + i), x_src[i])
            near(cell(sheet, 1 + i, 0), x_ref[i])
            for j in range(2):
                near(cell(sheet, 1 + i, 1 + j), nets.translate(x_src, codes[i].expand([2, -1]))[j])
    assert (cell(sheet, 0, 0) == 255).all()


def test_latent_sheets_have_a_row_for_each_domain_and_latent(nets, images):
    x_src, z, many = images[0], paddle.randn([2, 4]), paddle.randn([50, 4])
    means = [nets.mean_style(domain, many) for domain in range(3)]
    found = pictures.latent_sheets(nets, x_src, z, means)
    assert list(found) == [0.5, 0.7, 1.0]
    for psi, sheet in found.items():
        for row, (domain, latent) in enumerate((d, i) for d in range(3) for i in range(2)):
            with paddle.no_grad():
                s = nets.mapping_network(z[latent : latent + 1], domain)
                x = nets.translate(x_src, (psi * s + (1 - psi) * means[domain]).expand([2, -1]))
            for column in range(2):
                near(cell(sheet, 1 + row, column), x[column])


def test_sheets_of_faces_are_drawn_through_their_masks(images, monkeypatch):
    nets, everything = small_model.networks(w_hpf=1), paddle.ones([2, 1, 32, 32])
    monkeypatch.setattr(nets, "masks", lambda x: (everything[: x.shape[0]],) * 2)
    x_src, style = images[0], paddle.ones([1, 8])
    (drawn,) = pictures.translations(nets, x_src, [style])
    with paddle.no_grad():
        expected = nets.translate(x_src, style.expand([2, -1]))
        bare = nets.generator(x_src, style.expand([2, -1]))
    assert np.abs(pictures.to_uint8(bare).astype(int) - pictures.to_uint8(expected)).max() > 10
    for image, x in zip(drawn, expected):
        near(image, x)


# ---- the sheets of a run ----


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Flat images {domain: paths}: red gives the domain, green the number of the image in it."""
    root, found = tmp_path_factory.mktemp("flat"), {}
    for domain, count in enumerate((2, 5, 3)):
        found[f"d{domain}"] = [root / f"{domain}_{number}.png" for number in range(count)]
        for number, path in enumerate(found[f"d{domain}"]):
            Image.new("RGB", (32, 32), (domain * 50, number * 10, 0)).save(path)
    return found


def domain_and_number(x):
    red, green, _ = np.round((x.numpy().mean(axis=(2, 3)) + 1) * 127.5).astype(int).T
    return list(zip(red // 50, green // 10))


def test_sheets_show_the_domains_by_turns_sources_from_the_front_and_references_from_the_end(flat):
    x_src, y_src, x_ref, y_ref = sheets.sheet_images(flat, 32)
    assert domain_and_number(x_src) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 0), (1, 2)]
    assert domain_and_number(x_ref) == [(0, 1), (1, 4), (2, 2), (0, 0), (1, 3), (2, 1), (0, 1), (1, 2)]
    assert y_src.tolist() == y_ref.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]


def test_the_cycles_of_a_run_go_to_another_domain(nets, flat, monkeypatch):
    given = []
    monkeypatch.setattr(pictures, "cycle_sheet", lambda *arguments: given.append(arguments))
    shown = sheets.sheet_images(flat, 32)
    sheets.sample_sheets(nets, shown, 4, seed=0)
    ((average, x_src, y_src, x_ref, y_ref),) = given
    assert average is nets and x_src is shown[0] and y_src is shown[1]
    assert [domain for domain, _ in domain_and_number(x_ref)] == y_ref.tolist() == [1, 2, 0, 1, 2, 0, 1, 0]
    assert all(source != target for source, target in zip(y_src.tolist(), y_ref.tolist()))


@pytest.mark.parametrize(("name", "side"), [("a.webp", 16383), ("a.jpg", 65500)])
def test_a_format_that_holds_no_sheet_as_large(tmp_path, name, side):
    pictures.save_image(np.zeros((2, side, 3), np.uint8), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.size == (side, 2)
    with pytest.raises(UserError, match=rf"would have 2 x {side + 1} px, and a \w+ holds {side} a side; name a \.png"):
        pictures.save_image(np.zeros((side + 1, 2, 3), np.uint8), tmp_path / f"b_{name}")
    assert [path.name for path in tmp_path.iterdir()] == [name]
