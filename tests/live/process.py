"""A running viewer: the command in a new process, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

# generous, for the machine is shared: what takes longer hangs
PATIENCE = 240


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "starcyte", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Viewer:
    """``starcyte launch`` as a context manager, which waits for the ready file, and stops the process in the end.

    Parameters
    ----------
    folder
        For its ready file and what it prints.
    *arguments
        More of the command line.
    program
        What to run in place of ``-m starcyte``.
    command
        What it is to do.
    access
        Mode of access of `launch`, unless the arguments have one; empty: the default.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        program: tuple[str, ...] = ("-m", "starcyte"),
        command: str = "launch",
        access: str = "none",
    ) -> None:
        self._ready_file = folder / "ready.json"
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        self._command = [
            sys.executable,
            *program,
            command,
            *map(str, arguments),
            f"--ready-file={self._ready_file}",
        ]
        if not any(str(a).startswith("--port") for a in arguments):
            self._command.append("--port=0")
        if command == "launch" and access and not any(str(a).startswith("--access") for a in arguments):
            self._command.append(f"--access={access}")
        self.process: subprocess.Popen[bytes]
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Viewer:
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(self._command, stdout=out, stderr=err)
        try:
            self.wait_until(self._ready_file.exists)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.ready = json.loads(self._ready_file.read_text())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def out(self) -> str:
        """What it has printed."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it has printed on standard error."""
        return self._err.read_text()

    def wait_until(self, holds: Any) -> None:
        """Wait until something holds, for as long as the process lives."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, f"the viewer ended: {self.err}"
            assert time.monotonic() < end, f"the viewer hangs: {self.err}"
            time.sleep(0.02)

    def opened(self) -> Viewer:
        """Wait until the dataset is open, or cannot be opened."""
        self.wait_until(lambda: self.json("health")["state"] != "loading")
        return self

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.ready["port"]), timeout=PATIENCE)

    def client(self) -> http.client.HTTPConnection:
        """Return an HTTP client of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.ready["port"], timeout=PATIENCE)

    def get(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Return status and body of one request."""
        client = self.client()
        try:
            headers = {"X-Starcyte-Client": "test"} | headers
            client.request(method, path if path.startswith("/") else f"/api/v1/{path}", body, headers)
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()

    def json(self, path: str) -> Any:
        """Return the answer to one request."""
        status, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    def ask(self, request: bytes) -> bytes:
        """Send bytes, and return what comes back until the connection is closed or half a second is silent."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.settimeout(0.5)
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except (TimeoutError, ConnectionError):
                pass
            return answer

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def descriptors(self) -> int:
        """Return how many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def threads(self) -> int:
        """Return how many threads it has."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/task").iterdir())
