"""A web server with one file, which behaves as badly as it is told to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any


class FileServer(ThreadingHTTPServer):
    """Serves ``content``; what it does wrong is set by its attributes."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.etag = '"one"'
        self.modified = ""
        #: Statuses of the next answers, in place of an answer
        self.statuses: list[int] = []
        #: Bytes after which the next answers are cut off by a reset, one for each
        self.cuts: list[int] = []
        self.location = ""
        self.ranges = True
        self.length: int | None = len(content)
        self.encoding = ""
        self.pause = 0.0
        self.piece = 1 << 16
        self.wrong_range = False
        #: Whether it says that it sends parts, though it does not
        self.promises = False
        #: Whether parts do not say of which version they are
        self.nameless = False
        #: Whether parts never end
        self.endless = False
        #: Whether If-Range is not looked at
        self.careless = False
        #: Whether answers of more bytes than ``least`` go on after their first piece
        self.least = 1 << 21
        self.is_open = threading.Event()
        self.is_open.set()
        #: Bytes sent
        self.sent = 0
        #: Method, path and headers of all requests
        self.requests: list[tuple[str, dict[str, str]]] = []

    def server_bind(self) -> None:
        """Bind without looking up a name for the address, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data/cells.h5ad"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients leave early here."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        if server.location and self.path.startswith("/data/"):
            self.send_response(302)
            self.send_header("Location", server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if server.statuses:
            self.send_response(server.statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        version = server.etag or server.modified
        if version and version in (self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")):
            self.send_response(304)
            self.end_headers()
            return
        start, stop = 0, len(server.content)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        is_part = bool(wanted and server.ranges and (server.careless or self.headers.get("If-Range") == version))
        if wanted and is_part:
            start = int(wanted[1])
            stop = min(int(wanted[2] or stop) + bool(wanted[2]), stop)
        if start and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[start:stop]
        self.send_response(206 if is_part else 200)
        if is_part and server.endless:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(server.content)}")
            self.send_header("Content-Length", str(1 << 50))
            self.send_header("ETag", server.etag)
            self.end_headers()
            while True:
                self.wfile.write(bytes(1 << 16))
        if is_part:
            first = start + server.wrong_range
            self.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(server.content)}")
        elif server.ranges or server.promises:
            self.send_header("Accept-Ranges", "bytes")
        if server.etag and not (is_part and server.nameless):
            self.send_header("ETag", server.etag)
        if server.modified:
            self.send_header("Last-Modified", server.modified)
        if server.encoding:
            self.send_header("Content-Encoding", server.encoding)
        if server.length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(server.length - start - (len(server.content) - stop)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        for begin in range(0, min(cut, len(body)), server.piece):
            piece = body[begin : min(begin + server.piece, cut)]
            self.wfile.write(piece)
            server.sent += len(piece)
            if len(body) > server.least:
                server.is_open.wait(60)
            if server.pause:
                time.sleep(server.pause)
        if cut < len(body) or (server.length or 0) > len(server.content):
            self.close_connection = True


@contextmanager
def file_server(content: bytes) -> Iterator[FileServer]:
    """Serve for as long as the block runs."""
    server = FileServer(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.is_open.set()
        server.shutdown()
        thread.join()
        server.server_close()
