"""The page: what its functions give and refuse, without Gradio; and the page itself where Gradio is installed."""

import builtins
import os
import runpy
import socket
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest
import small_model
from authors_form import refusal
from PIL import Image

from ppstargan.translate import demo, demo_styles
from ppstargan.translator import Translator

TOOL = Path(__file__).parents[1] / "tools" / "demo.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = small_model.save(tmp_path_factory.mktemp("weights") / "w.pdparams", small_model.networks())
    return Translator(path)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return small_model.faces(tmp_path_factory.mktemp("faces") / "toy")


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.png"
    path.write_text("no picture")
    return path


def alike(image, other):
    assert np.abs(np.asarray(image).astype(int) - np.asarray(other)).max() <= 1


def differ(image, other):
    assert np.abs(np.asarray(image).astype(int) - np.asarray(other)).max() > 5


def test_a_reference_comes_before_the_seed(model, faces):
    source, reference = faces["cat"][0], faces["dog"][0]
    by_seed = demo_styles.translate(model, source, "dog", None, 3, 0.7)
    alike(by_seed, model.translate(source, model.style_from_seed("dog", seed=3, psi=0.7)))
    by_reference = demo_styles.translate(model, source, "dog", reference, 3, 0.7)
    alike(by_reference, model.translate(source, model.style_from_reference(reference, "dog")))
    differ(by_reference, by_seed)
    alike(demo_styles.translate(model, source, "dog", reference, None, 1), by_reference)  # whatever the seed


def test_psi_0_is_the_mean_style_whatever_the_seed(model, faces):
    mean = model.translate(faces["cat"][0], model.mean_style("lion"))
    for seed in (1, 2):
        alike(demo_styles.translate(model, faces["cat"][0], "lion", None, seed, 0), mean)
        differ(demo_styles.translate(model, faces["cat"][0], "lion", None, seed, 1), mean)


def test_the_gallery_shows_seeds_that_the_other_tabs_know(model, faces):
    source = faces["lion"][0]
    found = demo_styles.gallery(model, source, "cat", 5, 0.8)
    assert len(found) == demo_styles.STYLES == 8
    for seed, (image, caption) in enumerate(found, 5):
        assert caption.endswith(str(seed))
        alike(image, demo_styles.translate(model, source, "cat", None, seed, 0.8))


def test_a_morph_begins_at_one_style_and_ends_at_the_other(model, faces):
    source = faces["cat"][0]
    start, end = (demo_styles.translate(model, source, "dog", None, seed, 1) for seed in (0, 1))
    alike(demo_styles.morph(model, source, "dog", 0, 1, 0, 1), start)
    alike(demo_styles.morph(model, source, "dog", 0, 1, 1, 1), end)
    middle = demo_styles.morph(model, source, "dog", 0, 1, 0.5, 1)
    codes = model.style_from_seed("dog", 0), model.style_from_seed("dog", 1)
    alike(middle, model.translate(source, (codes[0] + codes[1]) / 2))
    differ(start, end)


def test_what_a_visitor_gets_wrong_is_said_in_both_languages(model, faces, bad):
    source = faces["cat"][0]
    for said in (
        refusal(demo_styles.translate, model, bad, "dog", None, 0, 1),
        refusal(demo_styles.gallery, model, bad, "dog", 0, 1),
    ):
        assert "source picture bad.png cannot be read / 无法读取图片 bad.png: not an image" in said
        assert str(bad.parent) not in said
    said = refusal(demo_styles.translate, model, source, "dog", bad, 0, 1)
    assert "reference picture bad.png cannot be read" in said
    assert "Give a source picture first / 请先上传" in refusal(demo_styles.morph, model, None, "dog", 0, 1, 0.5, 1)
    calls = (demo_styles.translate, [None, None]), (demo_styles.gallery, [None]), (demo_styles.morph, [0, None, 0.5])
    for call, seeds in calls:
        assert "Give a seed" in refusal(call, model, source, "dog", *seeds, 1)
    assert "Give a seed" in refusal(demo_styles.gallery, model, source, "dog", -1, 1)
    said = refusal(demo_styles.gallery, model, source, "bird", 0, 1)
    assert said == "Choose a domain / 请选择目标域: cat, dog, lion"  # not where the weights lie


def test_examples_are_for_the_drawn_domains_and_small_models(model, tmp_path):
    paths = demo_styles.draw_examples(model, tmp_path)
    assert len(paths) == 6 and [Path(path).name[:3] for path in paths[:3]] == ["cat", "dog", "lio"]
    assert len({Path(path).read_bytes() for path in paths}) == 6
    nets = small_model.networks()
    others = Translator(small_model.save(tmp_path / "w.pdparams", nets, domains=["a", "b", "c"]))
    assert demo_styles.draw_examples(others, tmp_path / "none") == []
    large = Translator(small_model.save(tmp_path / "w.pdparams", small_model.networks(img_size=128)))
    assert demo_styles.draw_examples(large, tmp_path / "none") == []


@pytest.fixture
def tool(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tools/demo.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOL), run_name="__main__")
        return ended.value.code, capsys.readouterr().err

    return run


def test_a_call_that_cannot_work_is_one_line(tool, model, monkeypatch):
    code, said = tool()
    assert code == 2 and said.count("\n") == 1 and "--weights" in said and "tools/quickstart.py" in said
    code, said = tool("--weights", model.weights, "--port", 70000)
    assert code == 2 and said == "error: --port is 70000; give one from 1 to 65535\n"

    real = builtins.__import__

    def without_gradio(name, *rest):
        if name == "gradio":
            raise ModuleNotFoundError("No module named 'gradio'", name="gradio")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_gradio)
    code, said = tool("--weights", model.weights)
    assert code == 1 and said.count("\n") == 1 and 'pip install -e ".[demo]"' in said


@pytest.fixture
def gradio(monkeypatch, tmp_path):
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "False")  # import_gradio sets them: so they are as before at the end
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    pytest.importorskip("gradio")
    return demo.import_gradio()


def test_an_address_that_cannot_be_had_is_one_line(model, gradio):
    page = demo_styles.Page(model)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(demo.serve, gradio, page, "127.0.0.1", port)
    assert f"127.0.0.1, port {port}: Address already in use" in said
    assert "cannot serve at 203.0.113.5, port from 7860 on: " in refusal(demo.serve, gradio, page, "203.0.113.5", None)
    for host in ("no host", "x" * 70):
        assert f"cannot serve at {host}, port 7999: " in refusal(demo.serve, gradio, page, host, 7999)


@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
def test_hosts_of_ipv6(host, model, gradio, monkeypatch, capsys):
    """The page is served there, and stopped it leaves no upload and no server."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    monkeypatch.setenv("NO_PROXY", "*")

    def visit(page):
        url = capsys.readouterr().out.split()[1]
        with build_opener(ProxyHandler({})).open(url, timeout=30) as answer:
            seen.extend([url, answer.status, os.environ["GRADIO_TEMP_DIR"]])
        raise KeyboardInterrupt

    seen = []
    monkeypatch.setattr(demo, "wait", visit)
    with pytest.raises(KeyboardInterrupt):
        demo.serve(gradio, demo_styles.Page(model), host, None)
    assert seen[0].startswith("http://[::1]:") and seen[1] == 200 and not os.path.exists(seen[2])


def test_the_page_answers_and_shows_messages(model, faces, bad, gradio, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody is there
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    page = demo.build_page(gradio, demo_styles.Page(model), demo_styles.draw_examples(model, tmp_path))
    try:
        _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False)
        client = Client(url, verbose=False, download_files=str(tmp_path / "client"), analytics_enabled=False)
        source, reference = (handle_file(str(path)) for path in (faces["cat"][0], faces["dog"][0]))
        found = client.predict(source, "dog", reference, 0, 1, api_name="/translate")
        with Image.open(found) as image:
            alike(image, demo_styles.translate(model, faces["cat"][0], "dog", faces["dog"][0], 0, 1))
        assert len(client.predict(source, "lion", 0, 1, api_name="/gallery")) == demo_styles.STYLES
        found = client.predict(source, "dog", 0, 1, 1.0, 1, api_name="/morph")
        with Image.open(found) as image:
            alike(image, demo_styles.translate(model, faces["cat"][0], "dog", None, 1, 1))
        with pytest.raises(AppError, match=r"cannot be read / 无法读取图片 bad\.png"):
            client.predict(handle_file(str(bad)), "dog", None, 0, 1, api_name="/translate")
        with pytest.raises(AppError, match="Give a source picture first"):
            client.predict(None, "dog", None, 0, 1, api_name="/translate")
    finally:
        page.close()
