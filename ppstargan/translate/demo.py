"""The page behind tools/demo.py: a picture in other domains and styles, in a browser. Gradio (``.[demo]``) serves it.

Its functions raise UserError for what a visitor gets wrong, and the page shows that as a message. What they are given
comes from anybody: a request can hold other things than the page's fields give, so all of it is checked here.
"""

from __future__ import annotations

import math
import os
import socket
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from ppstargan.data.bad_files import BadImage
from ppstargan.data.toy import DOMAINS, draw_face
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError
from ppstargan.translator import Translator

STYLES = 8  # in the gallery
LARGEST_UPLOAD = "10mb"
KEPT, SWEPT_EVERY = 3600, 600  # seconds that pictures stay on the disk, and between two looks for older ones
LARGEST_TOY = 64  # px; the drawn faces are for models that learnt them
EXAMPLES = 2  # of each domain
EXAMPLE_SIZE = 128  # px
BUTTONS = ["download", "fullscreen"]  # none that shares pictures with a site
NOT_UPLOADED = "There is no such upload on this page: upload the picture again / 本页没有这个上传的图片, 请重新上传"
NOT_OF_THE_PAGE = "The page cannot read this request: reload the page / 无法识别该请求, 请刷新页面"
CSS = ".result img {width: 100%; height: 100%; object-fit: contain}"  # else 32 px are shown as 32 px
FONTS = ("system-ui", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")


def uploaded(file, folder: str) -> str:
    """The path that ``file`` names, {"path": …} as Gradio's requests do: of a file in ``folder``, a real path.

    A request may name any file of the server. All that is not an upload gets one answer, in a UserError, whether it
    exists or not. The disk is looked at for names in ``folder`` alone: a way there by ``..`` or a link would tell of
    what lies on it.
    """
    path = file.get("path") if isinstance(file, dict) else None
    try:
        if isinstance(path, str) and path.startswith(folder + os.sep) and os.path.normpath(path) == path:
            if os.path.realpath(path) == path and os.path.isfile(path):
                return path
    except ValueError:  # a name that no file can have, as with NUL in it
        pass
    raise UserError(NOT_UPLOADED)


def read(path, what: str) -> Image.Image:
    """The upload at ``path`` as an 8-bit RGB image. Raises UserError where there is none, or it cannot be read."""
    if not path:
        raise UserError(f"Give a {what} first / 请先上传图片")
    try:
        return load_rgb(path)
    except BadImage as error:
        name = Path(path).name  # the visitor's own; the server's folders are not theirs to see
        raise UserError(f"The {what} {name} cannot be read / 无法读取图片 {name}: {error.reason}") from None


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole_seed(seed) -> int:
    """A seed from a request, where 3 may come as 3.0. Raises UserError for all but whole numbers from 0 on."""
    if _is_number(seed) and math.isfinite(seed) and seed >= 0 and seed == int(seed):
        return int(seed)
    raise UserError("Give a seed, a whole number, 0 or more / 请填写种子 (0 或更大的整数)")


def share(value, what: str, in_chinese: str) -> float:
    """A slider's number from a request. Raises UserError for all but numbers from 0 to 1."""
    if _is_number(value) and 0 <= value <= 1:
        return float(value)
    raise UserError(f"Give {what}, a number from 0 to 1 / 请填写{in_chinese} (0 到 1)")


def known_domain(model: Translator, domain) -> str:
    """A domain's name from a request. Raises UserError for others, without a word on where the weights lie."""
    if isinstance(domain, str) and domain in model.domains:
        return domain
    raise UserError(f"Choose a domain / 请选择目标域: {', '.join(model.domains)}")


def style(model: Translator, domain, seed, psi) -> np.ndarray:
    """The style code [1, style_dim] of a seed (a whole number from 0 on) in a domain, truncated by ``psi``."""
    return model.style_from_seed(domain, whole_seed(seed), psi=share(psi, "psi", " psi"))


def translate(model: Translator, source, domain, reference, seed, psi) -> Image.Image:
    """The file ``source`` in the style of the file ``reference``, of that domain, or without one in that of a seed."""
    domain, image = known_domain(model, domain), read(source, "source picture")
    if reference:
        code = model.style_from_reference(read(reference, "reference picture"), domain)
    else:
        code = style(model, domain, seed, psi)
    return model.translate(image, code)


def gallery(model: Translator, source, domain, seed, psi) -> list:
    """The file ``source`` in the styles of ``STYLES`` seeds from ``seed`` on: pairs of an image and its caption."""
    domain, image, first = known_domain(model, domain), read(source, "source picture"), whole_seed(seed)
    seeds = range(first, first + STYLES)
    codes = np.concatenate([style(model, domain, number, psi) for number in seeds])
    return [(picture, f"seed / 种子 {number}") for picture, number in zip(model.translate(image, codes), seeds)]


def morph(model: Translator, source, domain, seed, other_seed, position, psi) -> Image.Image:
    """The file ``source`` in the style at ``position``: 0 is that of ``seed``, 1 that of ``other_seed``."""
    domain, image = known_domain(model, domain), read(source, "source picture")
    position = share(position, "a place between A and B", " A 到 B 的位置")
    start, end = (style(model, domain, number, psi) for number in (seed, other_seed))
    return model.translate(image, (1 - position) * start + position * end)


def draw_examples(model: Translator, folder) -> list[str]:
    """Writes drawn faces into ``folder`` where the model has learnt them, and returns their paths; else none."""
    if model.domains != list(DOMAINS) or model.img_size > LARGEST_TOY:
        return []
    paths = []
    for number in range(EXAMPLES):
        for domain in DOMAINS:
            paths.append(str(Path(folder, f"{domain}_{number}.png")))
            Image.fromarray(draw_face(domain, EXAMPLE_SIZE, np.random.default_rng(number))).save(paths[-1])
    return paths


def import_gradio():
    """Gradio 6 without telemetry or a history of runs. Raises UserError where there is none, or an older one."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported, and later too
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"  # it calls its own server at the start: by no proxy
    advice = 'pip install -e ".[demo]" brings it, for Python 3.10 or later'
    try:
        import gradio
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise UserError(f"the page needs Gradio; {advice}") from None
    if int(gradio.__version__.split(".")[0]) < 6:
        raise UserError(f"the page needs Gradio 6, and {gradio.__version__} is installed; {advice}")
    return gradio


def build_page(gr, model: Translator, examples: list):
    """The page as Gradio's Blocks. ``gr`` is the module that ``import_gradio`` returns, ``examples`` are paths.

    Uploads and examples lie in GRADIO_TEMP_DIR, which names a real path, no link; no other file is read.
    """
    folder = os.path.realpath(gr.utils.get_upload_folder())

    class Page(gr.Blocks):
        async def preprocess_data(self, block_fn, inputs, *rest, **more):
            """Gradio's, for what the page's fields give. It would copy files, and fetch addresses, that others name."""
            try:
                for i, field in enumerate(block_fn.inputs):
                    if isinstance(field, gr.Image) and inputs[i]:
                        inputs[i] = {"path": uploaded(inputs[i], folder), "meta": {"_type": "gradio.FileData"}}
                    elif isinstance(inputs[i], (dict, list)) or (isinstance(field, gr.Dataset) and inputs[i] is None):
                        raise UserError(NOT_OF_THE_PAGE)
                return await super().preprocess_data(block_fn, inputs, *rest, **more)
            except UserError as error:
                raise gr.Error(str(error), print_exception=False) from None
            except Exception:  # it raises nearly anything for too few values, and for those of other types
                raise gr.Error(NOT_OF_THE_PAGE, print_exception=False) from None

    def shown(function):
        """``function`` of the model, with its UserErrors as messages on the page."""

        def call(*values):
            try:  # with paths in place of files, checked again: Gradio might call preprocess_data otherwise some day
                values = [uploaded(value, folder) if isinstance(value, dict) else value for value in values]
                return function(model, *values)
            except UserError as error:
                raise gr.Error(str(error), print_exception=False) from None

        return call

    def upload(label, value=None):
        sources = ["upload", "clipboard"]
        return gr.Image(label=label, value=value, type="filepath", sources=sources, height=280, buttons=BUTTONS)

    def output():
        options = {"format": "png", "height": 280, "interactive": False, "elem_classes": "result"}
        return gr.Image(label="Result / 结果", buttons=BUTTONS, **options)

    def number(label, value):
        return gr.Number(label=label, value=value, precision=0, minimum=0)

    # Raw values: Gradio would open files itself, round 1.5 to 2, and fail with a trace on an empty slider.
    options = {"preprocess": False, "concurrency_id": "model", "concurrency_limit": 1}
    with Page(title="StarGAN v2", delete_cache=(SWEPT_EVERY, KEPT)) as page:
        gr.Markdown(f"## StarGAN v2\n{model.weights.name}, {model.img_size} px")
        with gr.Row():
            with gr.Column(scale=2):
                source = upload("Source / 源图", examples[0] if examples else None)
                domain = gr.Radio(model.domains, value=model.domains[-1], label="Domain / 目标域")
                psi = gr.Slider(0, 1, 1, step=0.05, label="psi: variety of seeds / 种子风格的多样性")
                if examples:
                    gr.Examples(examples, source, label="Examples / 示例")
            with gr.Column(scale=3):
                with gr.Tab("One style / 单个风格"):
                    with gr.Row():
                        reference = upload("Reference, or none / 参考图, 可不填")
                        result = output()
                    seed = number("Seed, without a reference / 种子 (无参考图时)", 0)
                    go = gr.Button("Translate / 转换", variant="primary")
                    inputs = [source, domain, reference, seed, psi]
                    go.click(shown(translate), inputs, result, api_name="translate", **options)
                with gr.Tab("Gallery / 多种风格"):
                    first = number("First seed / 起始种子", 0)
                    go = gr.Button(f"Draw {STYLES} styles / 生成 {STYLES} 种风格", variant="primary")
                    results = gr.Gallery(
                        label="Results / 结果", columns=4, format="png", object_fit="contain", buttons=BUTTONS
                    )
                    inputs = [source, domain, first, psi]
                    go.click(shown(gallery), inputs, results, api_name="gallery", **options)
                with gr.Tab("Morph / 渐变"):
                    with gr.Row():
                        start, end = number("Seed A / 种子 A", 0), number("Seed B / 种子 B", 1)
                    position = gr.Slider(0, 1, 0, step=0.02, label="From A to B / 从 A 到 B")
                    go = gr.Button("Draw / 生成", variant="primary")
                    morphed = output()
                    inputs, draw = [source, domain, start, end, position, psi], shown(morph)
                    go.click(draw, inputs, morphed, api_name="morph", **options)
                    # Of the places that a drag passes, only the last is drawn when the model is free again.
                    live = {"trigger_mode": "always_last", "show_progress": "hidden", "api_visibility": "private"}
                    position.change(draw, inputs, morphed, **live, **options)
    return page


def listen_once(host: str, port: int | None) -> str:
    """Sees whether a server can listen there, and returns the host as Gradio wants it. Raises OSError where not.

    Gradio would try a host that is not ours for minutes. An IPv6 address it wants in brackets, as addresses of pages
    have it.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    family = socket.getaddrinfo(bare, port or 0, type=socket.SOCK_STREAM)[0][0]
    with socket.create_server((bare, port or 0), family=family):
        return f"[{bare}]" if ":" in bare else bare


def wait(page) -> None:
    """Until a signal raises KeyboardInterrupt here."""
    while page.is_running:
        time.sleep(0.2)


def serve(gr, model: Translator, host: str, port: int | None) -> None:
    """Serves the page until Ctrl-C or another signal; then nothing that visitors uploaded is left.

    ``port`` None is the first free one from 7860 on. Raises UserError where the host or the port cannot be had, and
    KeyboardInterrupt when it is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="ppstargan-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder = os.path.realpath(folder)
        page = build_page(gr, model, draw_examples(model, folder))
        look = gr.themes.Default(font=FONTS, font_mono=("ui-monospace", "monospace"))  # no fonts from the internet
        options = {"share": False, "quiet": True, "theme": look, "css": CSS, "max_file_size": LARGEST_UPLOAD}
        try:
            name = listen_once(host, port)
            _, url, _ = page.launch(server_name=name, server_port=port, prevent_thread_lock=True, **options)
        except (OSError, UnicodeError) as error:  # the latter for what can be no name
            where, reason = f"{host}, port {port or 'from 7860 on'}", getattr(error, "strerror", None) or "no free port"
            raise UserError(f"cannot serve at {where}: {reason}; choose another --host or --port") from None
        try:
            print(f"open {url.replace('[::]', '[::1]')} (Ctrl-C stops)", flush=True)
            wait(page)
        finally:
            page.close(verbose=False)
