"""StarGAN's page: switches and colours of hair, classes, and what anybody may send to it."""

import argparse

import numpy as np
import paddle
import pytest
from page_visitor import META, visiting
from PIL import Image

from ppstargan import checkpoint
from ppstargan.nets.gans import build
from ppstargan.translate import demo, demo_attributes, labels

NAMES = ["Black_Hair", "Male", "Blond_Hair", "Smiling"]
SIZES = {"img_size": 16, "num_domains": 4, "g_width": 4, "g_blocks": 1, "d_width": 4, "d_layers": 2}


def page_of(folder, names=NAMES, exclusive=False, judge=True):
    architecture = {**SIZES, "num_domains": len(names), "exclusive": exclusive}
    paddle.seed(0)
    nets = build("stargan", architecture)
    for net in nets.values():
        for parameter in net.parameters():
            parameter.set_value(parameter * 3)
    values = {name: checkpoint.arrays(net) for name, net in nets.items() if judge or name == "generator"}
    content = {"system": "stargan", "architecture": architecture, "domains": names, "nets": values}
    given = argparse.Namespace(weights=folder / "w.pdparams", domain_names=None)
    return demo_attributes.page(given, content)


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    path = tmp_path_factory.mktemp("face") / "face.png"
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((20, 24), Image.Resampling.BICUBIC).save(path)
    return path


def test_fields_and_labels(tmp_path):
    page = page_of(tmp_path)
    model = page.model
    assert demo_attributes.alternatives(model) == ["", "Black_Hair", "Blond_Hair"]
    assert demo_attributes.switches(model) == ["Male", "Smiling"]
    for values, label in (
        (["Blond_Hair", True, False], [0, 1, 1, 0]),
        (["", False, True], [0, 0, 0, 1]),
        (["Black_Hair", False, False], [1, 0, 0, 0]),
    ):
        np.testing.assert_array_equal(demo_attributes.label_of(model, values), label)
        assert demo_attributes.fields_of(model, np.array(label)) == values
    one = page_of(tmp_path, ["Black_Hair", "Male"]).model  # which excludes nothing
    assert demo_attributes.alternatives(one) == [] and demo_attributes.switches(one) == ["Black_Hair", "Male"]
    assert demo_attributes.fields_of(one, np.array([1, 0])) == [True, False]


def test_a_face_gets_what_is_asked_for_and_no_more(tmp_path, face):
    page = page_of(tmp_path)
    ready = page.model.prepare(page.model.read(face))
    wish = labels.of_words(["hair=blond", "male=no", "smile=yes"], NAMES)
    expected = page.model.render(ready, wish)[0]
    np.testing.assert_array_equal(np.asarray(page.redraw(face, "Blond_Hair", False, True)), expected)
    assert (np.asarray(page.redraw(face, "Black_Hair", False, True)) != expected).any()
    alone = page_of(tmp_path, judge=False)  # every label is asked for, so nothing needs to be told of the face
    np.testing.assert_array_equal(np.asarray(alone.redraw(face, "Blond_Hair", False, True)), expected)


def test_a_new_face_sets_the_fields_to_what_it_is_taken_for(tmp_path, face):
    page = page_of(tmp_path)
    label = page.model.label_of(page.model.read(face)[0])
    for values in (["", False, False], ["Blond_Hair", True, True]):
        assert page.look(face, *values) == demo_attributes.fields_of(page.model, label)
        assert page.look(None, *values) == values
        assert page_of(tmp_path, judge=False).look(face, *values) == values


def test_classes(tmp_path, face):
    page = page_of(tmp_path, ["angry", "happy"], exclusive=True)
    label = page.model.label_of(page.model.read(face)[0])
    assert page.look(face, "angry") == ["angry", "happy"][label.argmax()]
    wish = labels.each(["angry", "happy"], True, ["happy"])[0]
    expected = page.model.render(page.model.prepare(page.model.read(face)), wish)[0]
    np.testing.assert_array_equal(np.asarray(page.redraw(face, "happy")), expected)
    with pytest.raises(demo.UserError, match="Choose a class / 请选择类别: angry, happy"):
        page.redraw(face, "")


def test_what_anybody_may_send(tmp_path, face, capfd):
    page = page_of(tmp_path)
    with visiting(page, tmp_path / "uploads") as visitor:
        source = {"path": visitor.upload(face), **META}
        found = visitor.picture("redraw", source, "Blond_Hair", False, True)
        np.testing.assert_array_equal(found, np.asarray(page.redraw(face, "Blond_Hair", False, True)))
        for values, message in (
            (["Gray_Hair", False, False], "Choose a colour of hair / 请选择发色: Black_Hair, Blond_Hair"),
            ([None, False, False], "Choose a colour of hair"),
            (["Male", False, False], "Choose a colour of hair"),
            (["", 1, False], "Switch Male on or off / 请打开或关闭 Male"),
            (["", False, "yes"], "Switch Smiling on or off"),
            (["", None, False], "Switch Male on or off"),
        ):
            assert (visitor.call("redraw", source, *values) or "").startswith(message), values
        secret = {"path": str(face), **META}
        assert visitor.call("redraw", secret, "", False, False) == demo.NOT_UPLOADED
        assert visitor.call("redraw", source, secret, False, False) == demo.NOT_OF_THE_PAGE
        assert visitor.call("redraw", source, "", False) == demo.NOT_OF_THE_PAGE
        assert visitor.call("redraw", None, "", False, False).startswith("Give a source picture first")
        assert visitor.event(1, source, "", False, False) == (True, page.look(face, "", False, False))
        assert visitor.event(1, None, "Blond_Hair", True, False) == (True, ["Blond_Hair", True, False])
        assert visitor.event(1, secret, "", False, False) == (False, demo.NOT_UPLOADED)
        good, message = visitor.event(1, None, "x", True, False)
        assert not good and message.startswith("Choose a colour of hair")
    assert "Traceback" not in capfd.readouterr().err
