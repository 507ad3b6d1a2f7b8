"""A web server of the files below a folder, as objects; its faults are set by attributes, and requests are counted."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class ObjectServer(ThreadingHTTPServer):
    """Serves the files below a folder; its attributes set what it does wrong.

    Parameters
    ----------
    folder
        The folder.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        #: Seconds before each answer
        self.latency = 0.0
        #: Statuses of the next answers, which have no body, with their Retry-After
        self.statuses: list[int] = []
        #: Bytes of a body after which the next connections are reset, one for each
        self.cuts: list[int] = []
        #: Whether ranges are answered
        self.ranges = True
        #: The query that a request must have
        self.query = ""
        #: A URL that requests of paths with this word are redirected to, before the path
        self.redirect: tuple[str, str] = ("", "")
        #: The status of what does not exist
        self.missing = 404
        #: What does not exist has this body and status 200
        self.page = b""
        #: What is added to the stated length of a body
        self.lie = 0
        #: Whether a body of a path with this word never ends
        self.endless = ""
        #: Whether a range begins one byte later than it says
        self.shifted = False
        #: Whether answers are said to be compressed
        self.encoding = ""
        #: Bytes of a body at once, and seconds between them
        self.piece, self.pause = 1 << 20, 0.0
        #: Whether there are no ETags
        self.nameless = False
        #: Changes a body before it is sent: (path, body)
        self.edit: Callable[[str, bytes], bytes] = lambda path, body: body
        #: Paths that were asked for, with their ranges, and bytes that were sent
        self.requests: list[tuple[str, str]] = []
        self.sent = 0
        self.connections = 0
        self.lock = threading.Lock()

    def server_bind(self) -> None:
        """Bind without looking up a name for the address, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def reset(self) -> None:
        """Count from zero."""
        self.requests, self.sent = [], 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: clients disconnect early in these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: ObjectServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        server, parts = self.server, urlsplit(self.path)
        path, wanted = unquote(parts.path), self.headers.get("Range") or ""
        with server.lock:
            server.requests.append((path, wanted))
            status = server.statuses.pop(0) if server.statuses else 0
        time.sleep(server.latency)
        word, target = server.redirect
        if status:
            self._empty(status, Retry_After="0")
        elif word and word in path:
            self._empty(302, Location=f"{target}{self.path}")
        elif parts.query != server.query:
            self._empty(403)
        else:
            self._file(path, wanted)

    def _file(self, path: str, wanted: str) -> None:
        server, file = self.server, self.server.folder / path.lstrip("/")
        if not file.is_file():
            if server.page:
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.page)))
                self.end_headers()
                self.wfile.write(server.page)
            else:
                self._empty(server.missing)
            return
        body = server.edit(path, file.read_bytes())
        etag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}-{file.stat().st_mtime_ns:x}"'
        start, stop, size = 0, len(body), len(body)
        given = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
        is_part = bool(given and server.ranges and self.headers.get("If-Range", etag) == etag)
        if given and is_part:
            if given[1]:
                start, stop = int(given[1]), min(int(given[2] or size) + 1, size)
            else:
                start = max(size - int(given[2]), 0)
            if start >= size:
                self._empty(416)
                return
        self.send_response(206 if is_part else 200)
        if is_part:
            self.send_header("Content-Range", f"bytes {start + server.shifted}-{stop - 1}/{size}")
        if not server.nameless:
            self.send_header("ETag", etag)
        if server.encoding:
            self.send_header("Content-Encoding", server.encoding)
        body = body[start:stop]
        is_endless = bool(server.endless) and server.endless in path
        self.send_header("Content-Length", str(1 << 50 if is_endless else len(body) + server.lie))
        self.end_headers()
        self.close_connection = self.close_connection or bool(server.lie)
        while is_endless:
            self.wfile.write(bytes(1 << 16))
            self.wfile.flush()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        for begin in range(0, min(cut, len(body)), server.piece):
            piece = body[begin : min(begin + server.piece, cut)]
            self.wfile.write(piece)
            with server.lock:
                server.sent += len(piece)
            if server.pause:
                self.wfile.flush()
                time.sleep(server.pause)
        if cut < len(body):
            self.close_connection = True


@contextmanager
def object_server(folder: Path) -> Iterator[ObjectServer]:
    """Serve during the block."""
    server = ObjectServer(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
