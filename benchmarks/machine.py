"""The machine, and what it could do at best."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_PIECE = 32 << 20
_MOST = 2 << 30


def describe() -> dict[str, Any]:
    """Return what a reader must know of the machine, in words and numbers."""
    models = (row for row in Path("/proc/cpuinfo").read_text().splitlines() if row.startswith("model name"))
    cpu = next(models, "").partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": cpu or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "commit": commit.stdout.strip(),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "memory_copy_gb_s": round(memory_bandwidth() / 1e9, 1),
    }


def memory_bandwidth() -> float:
    """Return the bytes a second that one core reads and writes in a copy."""
    source = np.ones(256 << 20, np.uint8)
    target = np.empty_like(source)
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - begin)
    return 2 * source.nbytes / min(times)


def read_bandwidth(path: Path) -> float:
    """Return the bytes a second of one sequential read of a file that is in the page cache."""
    buffer = bytearray(_PIECE)
    times = []
    for _ in range(2):
        with path.open("rb", buffering=0) as stream:
            begin, size = time.perf_counter(), 0
            while size < _MOST and (n := stream.readinto(buffer)):
                size += n
            times.append((time.perf_counter() - begin) / size)
    return 1 / min(times)


def plain_read(path: Path) -> float:
    """Return the seconds that h5py takes to read X from one end to the other."""
    begin = time.perf_counter()
    with h5py.File(path, locking=False) as file:
        for name in ("indptr", "indices", "data"):
            array = file["X"][name]
            step = _PIECE // array.dtype.itemsize
            buffer = np.empty(step, array.dtype)
            for first in range(0, array.size, step):
                last = min(first + step, array.size)
                array.read_direct(buffer, np.s_[first:last], np.s_[: last - first])
    return time.perf_counter() - begin


def forget(*folders: Path) -> None:
    """Let the page cache forget files, so that the next read is from the disk."""
    for folder in folders:
        for path in [folder] if folder.is_file() else folder.rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.fdatasync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


class Others:
    """How busy others kept the machine while we measured."""

    def __init__(self) -> None:
        self._begin, self._busy, self._own = time.monotonic(), _busy(), _own()

    def share(self) -> float:
        """Return their share of all cores since the beginning; what we started must have ended."""
        elapsed = (time.monotonic() - self._begin) * (os.cpu_count() or 1)
        return max(_busy() - self._busy - (_own() - self._own), 0.0) / elapsed


def _busy() -> float:
    fields = [int(f) for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
