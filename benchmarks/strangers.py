"""Clients that harm: they ask for much and read nothing, or promise a body and send it byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence

# of a body, a byte every so many seconds
_BYTE_SECONDS = 1.0
_PIPELINED = 160


class Strangers:
    """Clients that a thread keeps connected: as many that read nothing as send slowly.

    Parameters
    ----------
    port : int
        Where the server listens.
    each : int
        How many clients of each kind.
    roots : sequence of str
        Paths of the datasets that are asked for.
    names : sequence of str
        Users in whose name every second one asks (header X-User); the others are nobody.

    Attributes
    ----------
    connected : int
        Connections made, those made anew after the server closed one among them.
    """

    def __init__(self, port: int, each: int, roots: Sequence[str], names: Sequence[str]) -> None:
        self.connected = 0
        self._address = ("127.0.0.1", port)
        self._roots, self._names = roots, names
        self._open: dict[int, socket.socket] = {}
        self._deaf, self._slow = range(each), range(each, 2 * each)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep them connected meanwhile."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()
            for client in self._open.values():
                client.close()

    def _play(self) -> None:
        due = 0.0
        while not self._over.wait(0.05):
            for number in [*self._deaf, *self._slow]:
                if number not in self._open or _is_closed(self._open[number], number in self._slow):
                    self._connect(number)
            if time.monotonic() >= due:
                due = time.monotonic() + _BYTE_SECONDS
                for number in self._slow:
                    with contextlib.suppress(OSError, KeyError):
                        self._open[number].send(b" ")

    def _connect(self, number: int) -> None:
        if number in self._open:
            self._open.pop(number).close()
        client = socket.socket()
        if number in self._deaf:  # a small window, so that answers stay with the server
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.5)
        try:
            client.connect(self._address)
            client.sendall(self._said(number))
        except OSError:
            client.close()
            return
        client.setblocking(False)
        self._open[number] = client
        self.connected += 1

    def _said(self, number: int) -> bytes:
        root = self._roots[number % len(self._roots)].rstrip("/")
        head = "Host: localhost\r\nX-Starcyte-Client: stranger\r\n"
        if number % 2:
            head += f"X-User: {self._names[number % len(self._names)]}\r\n"
        if number in self._deaf:
            asked = (
                f"GET {root}/api/v1/embeddings/X_umap HTTP/1.1\r\n{head}\r\n"
                if number % 4
                else f"GET {root}/ HTTP/1.1\r\n{head}\r\n"
            )
            return (asked * _PIPELINED).encode()
        head += "Content-Type: application/json\r\nContent-Length: 900000\r\n"
        return f"POST {root}/api/v1/annotations/mine/assign HTTP/1.1\r\n{head}\r\n{{".encode()


def _is_closed(client: socket.socket, reads: bool) -> bool:
    """Return whether the server closed a connection; what it sent is left unread but for one that may be refused."""
    try:
        seen = client.recv(65536) if reads else client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not seen
