"""scanpy with the file in memory: what a script or a notebook gets."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import install
from benchmarks.questions import Comparison, Group, Markers, Question, Unable
from benchmarks.server import Server


class Scanpy(Server):
    """A child that holds the dataset; it serves nobody, but is asked like the servers."""

    name = "scanpy"
    appetite = 1.2

    def start(self, file: Path, scratch: Path) -> float:
        """Read the file, and return the seconds until it is in memory, imports included."""
        python, child = str(install("scanpy") / "python"), str(Path(__file__).with_name("scanpy_child.py"))
        self.lost = ""
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [python, child, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.memory = self._watch.add(self._process.pid)
        self._line()
        return time.perf_counter() - begin

    def ask(self, question: Question) -> tuple[float, int]:
        """Return the seconds that scanpy took, without our talking to it."""
        match question:
            case Comparison(method, a, b):
                asked: dict[str, Any] = {"method": method, "a": _group(a), "b": _group(b)}
            case Markers(method, limit):
                asked = {"method": method, "limit": limit}
            case _:
                raise Unable("has none")
        if self._process is None:
            raise Unable(self.lost or "not running")
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        said = self._line()
        if "error" in said:
            raise Unable(said["error"])
        return said["seconds"], 0

    def _line(self) -> dict[str, Any]:
        assert self._process and self._process.stdout
        begin = time.monotonic()
        late = threading.Timer(self._seconds, self._process.kill)
        late.start()
        line = self._process.stdout.readline()
        late.cancel()
        if not line:
            self._process.wait()
            if time.monotonic() - begin >= self._seconds:
                self._drop(f"no answer in {self._seconds:.0f} s")
            self._check()
        return dict(json.loads(line))


def _group(group: Group | None) -> Any:
    return None if group is None else {"clusters": group.clusters, "cells": group.cells.tolist()}
