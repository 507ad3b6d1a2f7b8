"""A relay between a client and a server, which is as bad as it is told to be."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Hands bytes on in both directions; what it does wrong is set by its attributes.

    Parameters
    ----------
    host, port
        The server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = False
        #: Bytes of answers after which the next connections are reset, one for each
        self.resets: list[int] = []
        #: Whether answers are kept back
        self.silent = False
        #: Seconds before each piece of an answer
        self.pause = 0.0
        self.connections = 0
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        left = self.resets.pop(0) if self.resets else -1
        with client, socket.create_connection(self._target) as server:
            asked = threading.Thread(target=_hand_on, args=(client, server), daemon=True)
            asked.start()
            with suppress(OSError):
                while piece := server.recv(1 << 16):
                    while self.silent and not self._closed:
                        time.sleep(0.02)
                    time.sleep(self.pause)
                    if 0 <= left <= len(piece):
                        client.sendall(piece[:left])
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                        # a socket that is read from is not closed until that has ended
                        client.shutdown(socket.SHUT_RD)
                        asked.join()
                        return
                    left -= len(piece) if left >= 0 else 0
                    client.sendall(piece)


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    """Relay for as long as the block runs."""
    running = Relay(host, port)
    try:
        yield running
    finally:
        running.close()
