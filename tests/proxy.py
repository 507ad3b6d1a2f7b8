"""An HTTP proxy, which forwards http and tunnels https."""

from __future__ import annotations

import http.client
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

_HOP_BY_HOP = {"proxy-authorization", "proxy-connection", "connection", "transfer-encoding"}


class Proxy(ThreadingHTTPServer):
    """Forwards requests, resolving names by its attribute ``hosts`` alone."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: The addresses of names
        self.hosts: dict[str, str] = {}
        #: The required ``user:password``; empty: none
        self.login = ""
        #: Status with which requests are refused; 0: they are not
        self.refusal = 0
        #: Method and target of all requests
        self.requests: list[tuple[str, str]] = []

    def server_bind(self) -> None:
        """Bind without resolving the name of the address, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: clients disconnect early in these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _is_allowed(self) -> bool:
        self.server.requests.append((self.command, self.path))
        status = self.server.refusal
        if self.server.login:
            wanted = f"Basic {b64encode(self.server.login.encode()).decode()}"
            status = 0 if self.headers.get("Proxy-Authorization") == wanted else 407
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return not status

    def do_CONNECT(self) -> None:
        if not self._is_allowed():
            return
        name, _, port = self.path.rpartition(":")
        if name not in self.server.hosts:
            self.send_error(502)
            return
        with socket.create_connection((self.server.hosts[name], int(port))) as target:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(target, self.connection), daemon=True)
            back.start()
            _copy(self.connection, target)
            back.join()
        self.close_connection = True

    def do_GET(self) -> None:
        if not self._is_allowed():
            return
        parts = urlsplit(self.path)
        if parts.hostname not in self.server.hosts:
            self.send_error(502)
            return
        connection = http.client.HTTPConnection(self.server.hosts[parts.hostname], parts.port or 80)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection.request("GET", parts._replace(scheme="", netloc="").geturl(), headers=headers)
        with connection.getresponse() as response:
            body = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        connection.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy during the block."""
    running = Proxy()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
