"""An HTTP server on this machine whose faults a test chooses."""

from __future__ import annotations

import contextlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves ``content`` at every path, and notes the headers of each request in ``requests``.

    ``etag`` and ``date`` are its validators. It heeds ``Range`` and ``If-Range`` by ``ranges`` and ``if_range``, tells
    the length by ``length``, breaks the connection after ``cut`` bytes of the body for the next ``cuts`` answers,
    answers with the next of ``statuses`` while there are any, and holds back what is after ``cut`` bytes until
    ``gate`` is set, where there is a gate.
    """

    def __init__(self, content: bytes = b""):
        self.content, self.etag, self.date = content, '"1"', None
        self.ranges = self.if_range = self.length = True
        self.kind = "application/octet-stream"
        self.cut, self.cuts, self.statuses, self.gate = 0, 0, [], None
        self.requests = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append((self.path, dict(self.headers)))
                with contextlib.suppress(ConnectionError):  # the client went away, which some tests want
                    server.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        if self.gate:
            self.gate.set()
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler) -> None:
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if not self.ranges or (self.if_range and handler.headers.get("If-Range") not in (self.etag, self.date)):
            asked = None
        start = int(asked[1]) if asked else 0
        if asked and start >= len(self.content):
            handler.send_error(416)
            return
        body = self.content[start:]
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        for name, value in (("ETag", self.etag), ("Last-Modified", self.date), ("Content-Type", self.kind)):
            if value:
                handler.send_header(name, value)
        if self.length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.cuts or self.gate:
            handler.wfile.write(body[: self.cut])
            handler.wfile.flush()
            if self.cuts:
                self.cuts -= 1
                return
            self.gate.wait(30)
            body = body[self.cut :]
        handler.wfile.write(body)
