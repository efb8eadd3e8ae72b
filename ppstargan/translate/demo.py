"""The pages behind tools/demo.py, in a browser: what all of them share. Gradio (``.[demo]``) serves them.

A system's page is in a file of its own, such as demo_styles.py: a class with ``title``, ``about``, the paths of
pictures to begin with, ``examples(folder)``, and ``fill(parts, examples)``, which puts its fields on the page by
``Parts``. Its functions raise UserError for what a visitor gets wrong, and the page shows that as a message. What they
are given comes from anybody: a request can hold other things than the fields give, and each is checked by the functions
below.
"""

from __future__ import annotations

import math
import os
import socket
import tempfile
import time
from pathlib import Path
from typing import Callable

from ppstargan.data.bad_files import BadImage
from ppstargan.data.transforms import load_rgb
from ppstargan.errors import UserError

LARGEST_UPLOAD = "10mb"
KEPT, SWEPT_EVERY = 3600, 600  # seconds that pictures stay on the disk, and between two looks for older ones
BUTTONS = ["download", "fullscreen"]  # none that shares pictures with a site
NOT_UPLOADED = "There is no such upload on this page: upload the picture again / 本页没有这个上传的图片, 请重新上传"
NOT_OF_THE_PAGE = "The page cannot read this request: reload the page / 无法识别该请求, 请刷新页面"
# Raw values: Gradio would open files itself, round 1.5 to 2, and fail with a trace on an empty slider.
QUEUED = {"preprocess": False, "concurrency_id": "model", "concurrency_limit": 1}
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


def read(path, what: str, load: Callable = load_rgb):
    """The upload at ``path`` as an 8-bit RGB image, or as what ``load`` makes of the path.

    Raises UserError where there is none, or it cannot be read.
    """
    if not path:
        raise UserError(f"Give a {what} first / 请先上传图片")
    try:
        return load(path)
    except BadImage as error:
        name = Path(path).name  # the visitor's own; the server's folders are not theirs to see
        raise UserError(f"The {what} {name} cannot be read / 无法读取图片 {name}: {error.reason}") from None


def is_number(value) -> bool:
    """Whether a request has a number here; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole_seed(seed, most: float = math.inf) -> int:
    """A seed from a request, where 3 may come as 3.0. Raises UserError for all but whole numbers from 0 to ``most``."""
    if is_number(seed) and math.isfinite(seed) and 0 <= seed <= most and seed == int(seed):
        return int(seed)
    if is_number(seed) and seed > most:
        raise UserError(f"Give a smaller seed, at most {most} / 请填写较小的种子 (不大于 {most})")
    raise UserError("Give a seed, a whole number, 0 or more / 请填写种子 (0 或更大的整数)")


def share(value, what: str, in_chinese: str) -> float:
    """A slider's number from a request. Raises UserError for all but numbers from 0 to 1."""
    if is_number(value) and 0 <= value <= 1:
        return float(value)
    raise UserError(f"Give {what}, a number from 0 to 1 / 请填写{in_chinese} (0 到 1)")


def chosen(value, names: list, what: str, in_chinese: str) -> str:
    """One of ``names`` from a request. Raises UserError for others, without a word on where the weights lie."""
    if isinstance(value, str) and value in names:
        return value
    raise UserError(f"Choose {what} / 请选择{in_chinese}: {', '.join(filter(None, names))}")


def switched(value, what: str, in_chinese: str) -> bool:
    """A switch from a request. Raises UserError for all but True and False."""
    if isinstance(value, bool):
        return value
    raise UserError(f"Switch {what} on or off / 请打开或关闭{in_chinese}")


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


class Parts:
    """What pages are made of: Gradio's fields with their settings, and buttons that run a page's functions."""

    def __init__(self, gr, folder: str):
        self.gr, self.folder = gr, folder

    def upload(self, label: str, value: str | None = None):
        """A picture of the visitor's; functions get its path, or None."""
        sources = ["upload", "clipboard"]
        return self.gr.Image(label=label, value=value, type="filepath", sources=sources, height=280, buttons=BUTTONS)

    def source(self, examples: list):
        """``upload`` of the picture that something is made of, with ``examples`` below it."""
        field = self.upload("Source / 源图", examples[0] if examples else None)
        if examples:
            self.gr.Examples(examples, field, label="Examples / 示例")
        return field

    def output(self, label: str = "Result / 结果"):
        """A picture that a function returns."""
        options = {"format": "png", "height": 280, "interactive": False, "elem_classes": "result"}
        return self.gr.Image(label=label, buttons=BUTTONS, **options)

    def outputs(self, columns: int):
        """Several pictures, with captions."""
        fit = {"format": "png", "object_fit": "contain"}
        return self.gr.Gallery(label="Results / 结果", columns=columns, buttons=BUTTONS, **fit)

    def number(self, label: str, value: int, visible: bool = True):
        """A whole number, 0 or more."""
        return self.gr.Number(label=label, value=value, precision=0, minimum=0, visible=visible)

    def share(self, label: str, value: float, step: float = 0.05):
        """A slider from 0 to 1."""
        return self.gr.Slider(0, 1, value, step=step, label=label)

    def choice(self, label: str, names: list, value: str, visible: bool = True):
        """One of ``names``, which may be pairs of what is shown and what functions get."""
        return self.gr.Radio(names, value=value, label=label, visible=visible)

    def switch(self, label: str, value: bool = False):
        """On or off."""
        return self.gr.Checkbox(value, label=label)

    def button(self, label: str, function: Callable, inputs: list, output, name: str) -> None:
        """A button that puts ``function`` of the ``inputs`` into ``output``; requests know it as /``name``."""
        go = self.gr.Button(label, variant="primary")
        go.click(self.shown(function), inputs, output, api_name=name, **QUEUED)

    def live(self, field, function: Callable, inputs: list, output) -> None:
        """Runs ``function`` at each change of ``field``; of the places that a drag passes, the last alone."""
        how = {"trigger_mode": "always_last", "show_progress": "hidden", "api_visibility": "private"}
        field.change(self.shown(function), inputs, output, **how, **QUEUED)

    def shown(self, function: Callable) -> Callable:
        """``function`` with its UserErrors as messages on the page."""

        def call(*values):
            try:  # with paths in place of files, checked again: Gradio might call preprocess_data otherwise some day
                values = [uploaded(value, self.folder) if isinstance(value, dict) else value for value in values]
                return function(*values)
            except UserError as error:
                raise self.gr.Error(str(error), print_exception=False) from None

        return call


def build_page(gr, page, examples: list):
    """The ``page`` as Gradio's Blocks. ``gr`` is the module that ``import_gradio`` returns, ``examples`` are paths.

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

    with Page(title=page.title, delete_cache=(SWEPT_EVERY, KEPT)) as blocks:
        gr.Markdown(f"## {page.title}\n{page.about}")
        page.fill(Parts(gr, folder), examples)
    return blocks


def listen_once(host: str, port: int | None) -> str:
    """Sees whether a server can listen there, and returns the host as Gradio wants it. Raises OSError where not.

    Gradio would try a host that is not ours for minutes. An IPv6 address it wants in brackets, as addresses of pages
    have it.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    family = socket.getaddrinfo(bare, port or 0, type=socket.SOCK_STREAM)[0][0]
    with socket.create_server((bare, port or 0), family=family):
        return f"[{bare}]" if ":" in bare else bare


def wait(blocks) -> None:
    """Until a signal raises KeyboardInterrupt here."""
    while blocks.is_running:
        time.sleep(0.2)


def serve(gr, page, host: str, port: int | None) -> None:
    """Serves the ``page`` until Ctrl-C or another signal; then nothing that visitors uploaded is left.

    ``port`` None is the first free one from 7860 on. Raises UserError where the host or the port cannot be had, and
    KeyboardInterrupt when it is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="ppstargan-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder = os.path.realpath(folder)
        blocks = build_page(gr, page, page.examples(folder))
        look = gr.themes.Default(font=FONTS, font_mono=("ui-monospace", "monospace"))  # no fonts from the internet
        options = {"share": False, "quiet": True, "theme": look, "css": CSS, "max_file_size": LARGEST_UPLOAD}
        try:
            name = listen_once(host, port)
            _, url, _ = blocks.launch(server_name=name, server_port=port, prevent_thread_lock=True, **options)
        except (OSError, UnicodeError) as error:  # the latter for what can be no name
            where, reason = f"{host}, port {port or 'from 7860 on'}", getattr(error, "strerror", None) or "no free port"
            raise UserError(f"cannot serve at {where}: {reason}; choose another --host or --port") from None
        try:
            print(f"open {url.replace('[::]', '[::1]')} (Ctrl-C stops)", flush=True)
            wait(blocks)
        finally:
            blocks.close(verbose=False)
