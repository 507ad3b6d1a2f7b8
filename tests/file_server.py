"""A web server with one file, whose faults are set by attributes."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any


class FileServer(ThreadingHTTPServer):
    """Serves ``content``; its attributes set what it does wrong.

    Parameters
    ----------
    content
        The file.
    context
        The TLS context of an https server; None: http.
    """

    daemon_threads = True

    def __init__(self, content: bytes, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = context
        self.content = content
        self.etag = '"one"'
        self.modified = ""
        #: Statuses of the next responses, which have no body
        self.statuses: list[int] = []
        #: Bytes after which the next responses are cut off
        self.cuts: list[int] = []
        #: Called before each request is answered
        self.on_request: Callable[[], None] = lambda: None
        #: Whether a connection is closed after each response, without a header that announces it
        self.closes = False
        #: Connections that were accepted
        self.connections = 0
        self.location = ""
        self.ranges = True
        self.length: int | None = len(content)
        self.encoding = ""
        self.pause = 0.0
        self.piece = 1 << 16
        self.wrong_range = False
        #: Whether Accept-Ranges is sent, though ranges are not answered
        self.promises = False
        #: Whether ranges have no ETag
        self.nameless = False
        #: Whether ranges never end
        self.endless = False
        #: Whether If-Range is ignored
        self.careless = False
        #: Whether responses of more bytes than ``least`` continue after their first piece
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
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/data/cells.h5ad"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Count a connection, and handle its requests, after the TLS handshake."""
        self.connections += 1
        if self._context is None:
            super().finish_request(request, client_address)
            return
        with self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: clients disconnect early in these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        server = self.server
        server.on_request()
        server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.close_connection = self.close_connection or server.closes
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
def file_server(content: bytes, context: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """Serve during the block."""
    server = FileServer(content, context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.is_open.set()
        server.shutdown()
        thread.join()
        server.server_close()
