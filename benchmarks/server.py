"""A server under measurement: started, asked, stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process import Memory, Watch, stop
from benchmarks.questions import Question, Unable

_START_SECONDS = 600
PATIENT_SECONDS = 180.0
_STALE = (ConnectionError, http.client.BadStatusLine)


@dataclass(frozen=True)
class Request:
    """One request to a server."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


class Server:
    """Base of the servers: a subclass says how it is started and what it is asked.

    Parameters
    ----------
    watch
        What samples its memory.
    seconds
        An answer that takes longer is not waited for.
    """

    name = ""
    layout = "csr"
    health = "/"
    # bytes of memory it takes for each byte of X, at most, while it starts
    appetite = 0.0

    def __init__(self, watch: Watch, seconds: float = PATIENT_SECONDS) -> None:
        self._watch, self._seconds = watch, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self.port = 0
        self.memory = Memory()
        self.lost = ""

    @property
    def pid(self) -> int:
        """The process; raise Unable where it does not run."""
        if self._process is None:
            raise Unable(self.lost or "not running")
        return self._process.pid

    def command(self, file: Path, scratch: Path, port: int) -> Sequence[str]:
        """Return the command that starts it."""
        raise NotImplementedError

    def requests(self, question: Question) -> Sequence[Request]:
        """Return the requests that answer a question; raise Unable where there are none."""
        raise NotImplementedError

    def start(self, file: Path, scratch: Path) -> float:
        """Start it, and return the seconds until it answered for the first time."""
        scratch.mkdir(parents=True, exist_ok=True)
        self.port, self.lost = free_port(), ""
        command = self.command(file, scratch, self.port)
        log = (scratch / f"{self.name.replace(' ', '-')}.log").open("wb")
        begin = time.perf_counter()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=scratch)
        log.close()
        self.memory = self._watch.add(self._process.pid)
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._exchange(Request(self.health))[0] == 200:
                    return time.perf_counter() - begin
            self._check()
            if time.perf_counter() - begin > _START_SECONDS:
                self.stop()
                raise Unable(f"no answer {_START_SECONDS} s after its start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop it; return when it is gone."""
        if self._connection:
            self._connection.close()
            self._connection = None
        if self._process:
            self._watch.remove(self._process.pid)
            stop(self._process.pid)
            self._process.wait()
            self._process = None

    def ask(self, question: Question) -> tuple[float, int]:
        """Return the seconds until the whole answer was there, and its bytes."""
        requests = self.requests(question)
        if self._process is None:
            raise Unable(self.lost or "not running")
        begin, size = time.perf_counter(), 0
        for request in requests:
            size += len(self.answer(request))
        return time.perf_counter() - begin, size

    def answer(self, request: Request) -> bytes:
        """Return the body of one answer, asked for again while the server says that it is not ready."""
        deadline = time.monotonic() + self._seconds
        # a server may have closed a connection that was not used for a while, as it may
        reused = self._connection is not None
        while True:
            try:
                status, body = self._exchange(request)
            except TimeoutError:
                self._drop(f"no answer in {self._seconds:.0f} s")
            except (OSError, http.client.HTTPException) as error:
                if reused and isinstance(error, _STALE):
                    reused = False
                    continue
                self._check()
                self._drop(f"connection lost: {type(error).__name__}")
            if status < 400 and body:
                return body
            if status != 503 or time.monotonic() > deadline:
                raise Unable(f"status {status}, {len(body)} bytes")
            time.sleep(0.005)

    def _exchange(self, request: Request) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._seconds)
        try:
            body = None if request.body is None else json.dumps(request.body)
            kind = {} if body is None else {"Content-Type": "application/json", "X-Starcyte-Client": "benchmark"}
            self._connection.request(request.method, request.path, body, request.headers | kind)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise

    def _check(self) -> None:
        """Raise Unable if the process has ended."""
        if self._process and self._process.poll() is not None:
            status = self._process.returncode
            if self.memory.killed:
                self._drop(f"killed at {self.memory.killed / 1e9:.0f} GB: the machine had no more memory")
            self._drop(f"ended with status {status}")

    def _drop(self, why: str) -> None:
        self.stop()
        self.lost = why
        raise Unable(why)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(server: Server, file: Path, scratch: Path) -> Iterator[float]:
    """Run a server, and give the seconds until its first answer."""
    try:
        yield server.start(file, scratch)
    finally:
        server.stop()
