"""What anybody may send to the page, past its fields: files of the server, and values that no field gives."""

import os
import shutil

import pytest
import small_model
from authors_form import refusal
from page_visitor import META, visiting

from ppstargan.translate import demo, demo_styles
from ppstargan.translator import Translator


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    shutil.copy(small_model.faces(folder / "toy")["cat"][0], folder / "secret.png")
    return folder


@pytest.fixture(scope="module")
def model(place):
    return Translator(small_model.save(place / "w.pdparams", small_model.networks()))


@pytest.fixture(scope="module")
def visitor(place, model):
    with visiting(demo_styles.Page(model), place / "uploads") as found:
        yield found


def test_an_upload_is_the_only_file_that_is_read(visitor, place, capfd):
    mine = visitor.upload(place / "secret.png")
    good = {"path": mine, **META}
    assert visitor.call("translate", good, "dog", None, 0, 1) is None
    assert visitor.call("translate", {"path": mine}, "dog", good, 0, 1) is None
    assert visitor.call("gallery", good, "dog", 0, 1) is visitor.call("morph", good, "dog", 0, 1, 0.5, 1) is None

    up = os.path.dirname(mine)
    link, absent = f"{up}/link.png", f"{up}/absent.png"
    os.symlink(place / "secret.png", link)
    os.symlink(up, place / "way")
    secret = str(place / "secret.png")
    others = [secret, str(place / "absent.png"), str(place), up, link, absent, f"{place}/way/mine.png"]
    others += [f"{up}/../../../secret.png", f"{up}/../{os.path.basename(up)}/mine.png", os.path.relpath(mine)]
    others += ["/etc/passwd", "/proc/self/environ", f"/proc/self/root{mine}", f"{mine}\0", "", "secret.png"]
    others += ["http://127.0.0.1:9/x.png", f"file://{mine}", None, 3, [mine], "\ud800"]
    bad = [{"path": path, **more} for path in others for more in ({}, META)]
    bad += [{"url": f"file://{secret}"}, {"url": secret, **META}, secret, mine, [good], [secret], 5]
    for file in bad:
        for call in (["translate", file, "dog", None, 0, 1], ["translate", good, "dog", file, 0, 1]):
            assert visitor.call(*call) == demo.NOT_UPLOADED, call
    for call in (["gallery", bad[0], "dog", 0, 1], ["morph", bad[0], "dog", 0, 1, 0, 1]):
        assert visitor.call(*call) == demo.NOT_UPLOADED
    # Gradio would fetch or copy what is named anywhere in a request.
    for at in ("dog", 0, 1):
        values = [{"path": secret, **META} if value == at else value for value in ("dog", None, 0, 1)]
        assert visitor.call("translate", good, *values) == demo.NOT_OF_THE_PAGE
    nested = {"path": mine, "orig_name": {"path": secret, **META}, **META}
    assert visitor.call("translate", nested, "dog", None, 0, 1) is None  # only its path counts
    assert "Traceback" not in capfd.readouterr().err


def test_a_check_remains_where_gradio_would_not_ask_for_the_first(model, place):
    folder = os.path.realpath(place)
    assert demo.uploaded({"path": f"{folder}/secret.png"}, folder) == f"{folder}/secret.png"
    assert refusal(demo.uploaded, {"path": f"{folder}/secret.png"}, f"{folder}/sec") == demo.NOT_UPLOADED
    assert refusal(demo.uploaded, {"path": folder}, folder) == demo.NOT_UPLOADED


NUMBERS = {
    "seed": ("Give a seed, a whole number, 0 or more / 请填写种子", [None, 1.5, "3", -1, True, 1e400, -1e400, "nan"]),
    "psi": ("Give psi, a number from 0 to 1 / 请填写 psi", [None, "x", "0.5", 2, -0.1, True, float("nan"), 1e400]),
    "position": ("Give a place between A and B, a number from 0 to 1 / 请填写 A 到", [None, "", 1.01, float("nan")]),
    "domain": ("Choose a domain / 请选择目标域: cat, dog, lion", [None, "bird", 0, True, ""]),
}


@pytest.mark.parametrize("which", NUMBERS)
def test_values_that_no_field_should_give(which, visitor, place, capfd):
    source = {"path": visitor.upload(place / "secret.png"), **META}
    message, values = NUMBERS[which]
    for value in values:
        given = {"domain": "dog", "seed": 0, "psi": 1, "position": 0.5, which: value}
        domain, seed, psi = given["domain"], given["seed"], given["psi"]
        calls = [["morph", source, domain, 0, seed, given["position"], psi]]
        if which != "position":
            calls += [["translate", source, domain, None, seed, psi], ["gallery", source, domain, seed, psi]]
        for call in calls:
            assert (visitor.call(*call) or "").startswith(message), call
    assert visitor.call("translate", source, "dog", None, 3.0, 0) is None
    assert "Traceback" not in capfd.readouterr().err


def test_requests_of_another_form(visitor, place, capfd):
    source = {"path": visitor.upload(place / "secret.png"), **META}
    examples = [["load_example", 99], ["load_example", None]]
    for call in [["translate"], ["translate", source], ["morph", source, "dog", [0], 1, 0, 1], *examples]:
        assert visitor.call(*call) == demo.NOT_OF_THE_PAGE, call
    assert "Traceback" not in capfd.readouterr().err
