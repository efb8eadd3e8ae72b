"""A page that is served, and a visitor who talks to it by HTTP alone."""

import io
import json
import os
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest
from PIL import Image

from ppstargan.translate import demo

META = {"meta": {"_type": "gradio.FileData"}}  # what Gradio checks the path of


class Visitor:
    """Who talks to a running page by HTTP alone."""

    def __init__(self, url):
        self.url, self.opener = url.rstrip("/") + "/gradio_api", build_opener(ProxyHandler({}))

    def post(self, path, body, kind="application/json"):
        request = Request(f"{self.url}/{path}", body, {"Content-Type": kind})
        with self.opener.open(request, timeout=60) as answer:
            return json.load(answer)

    def upload(self, path):
        head = '--X\r\nContent-Disposition: form-data; name="files"; filename="mine.png"\r\n\r\n'
        body = head.encode() + Path(path).read_bytes() + b"\r\n--X--\r\n"
        return self.post("upload", body, "multipart/form-data; boundary=X")[0]

    def answer(self, name, *values):
        """(whether there is a result, what was sent of it)."""
        event = self.post(f"call/{name}", json.dumps({"data": values}).encode())["event_id"]
        with self.opener.open(f"{self.url}/call/{name}/{event}", timeout=60) as answer:
            said = answer.read().decode()
        assert said.startswith(("event: complete", "event: error")), said
        return said.startswith("event: complete"), json.loads(said.split("data: ", 1)[1])

    def call(self, name, *values):
        """The message on what is wrong, or None where there is a result."""
        good, found = self.answer(name, *values)
        return None if good else found["error"]

    def event(self, number, *values):
        """What the page's event of this number gives, which has no name: (whether it went well, values or message)."""
        self.post("queue/join", json.dumps({"data": values, "fn_index": number, "session_hash": "me"}).encode())
        with self.opener.open(f"{self.url}/queue/data?session_hash=me", timeout=60) as answer:
            said = [json.loads(line[6:]) for line in answer.read().decode().splitlines() if line.startswith("data: ")]
        (done,) = [one for one in said if one["msg"] == "process_completed"]
        return done["success"], done["output"]["data" if done["success"] else "error"]

    def picture(self, name, *values):
        """The picture that is the result, as an array."""
        good, found = self.answer(name, *values)
        assert good, found
        with self.opener.open(found[0]["url"], timeout=60) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())))


@contextmanager
def visiting(page, uploads):
    """Within it, the page is served to the visitor that this gives; without Gradio, the test is skipped."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "NO_PROXY", "no_proxy"):
            patched.setenv(name, "False")  # import_gradio sets them: so they are as before at the end
        pytest.importorskip("gradio")
        gradio, uploads = demo.import_gradio(), os.path.realpath(uploads)
        patched.setenv("GRADIO_TEMP_DIR", uploads)
        os.makedirs(uploads)
        blocks = demo.build_page(gradio, page, page.examples(uploads))
        try:
            _, url, _ = blocks.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False)
            yield Visitor(url)
        finally:
            blocks.close(verbose=False)
