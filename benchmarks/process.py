"""What the processes that are measured take: memory of whole trees, sampled while they work."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.05
_LOOK_EVERY = 10  # samples: how often new children are looked for, which costs more than to sample
_FLOOR = 4 << 30  # of the machine's memory: below, the largest of ours has to go
_LARGE = 384 << 20  # from here on smaps_rollup takes the kernel so long that reading it would slow the process


@dataclass
class Memory:
    """Bytes of one tree of processes: anonymous, and resident with the pages of files.

    ``killed`` says how much it had when it was ended because the machine had no more.
    """

    anonymous: int = 0
    resident: int = 0
    anonymous_peak: int = 0
    resident_peak: int = 0
    killed: int = 0

    def begin(self) -> None:
        """Forget the peaks."""
        self.anonymous_peak, self.resident_peak = self.anonymous, self.resident


class Watch:
    """Samples every process that is added, every 50 ms, until closed."""

    def __init__(self) -> None:
        self._memory: dict[int, Memory] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def add(self, pid: int) -> Memory:
        """Watch a process, with its children from now on."""
        with self._lock:
            return self._memory.setdefault(pid, Memory())

    def remove(self, pid: int) -> None:
        """Watch a process no more."""
        with self._lock:
            self._memory.pop(pid, None)

    def _run(self) -> None:
        turn, trees = 0, dict[int, list[int]]()
        while not self._closed.wait(INTERVAL):
            with self._lock:
                watched = dict(self._memory)
            turn += 1
            for pid, memory in watched.items():
                if pid not in trees or turn % _LOOK_EVERY == 0:
                    trees[pid] = tree(pid)
                parts = [_of_process(p, memory.anonymous) for p in trees[pid]]
                memory.anonymous = sum(a for a, _ in parts)
                memory.resident = sum(r for _, r in parts)
                memory.anonymous_peak = max(memory.anonymous_peak, memory.anonymous)
                memory.resident_peak = max(memory.resident_peak, memory.resident)
            if watched and available_memory() < _FLOOR:
                pid, memory = max(watched.items(), key=lambda item: item[1].anonymous)
                memory.killed = max(memory.anonymous, 1)
                self.remove(pid)
                stop(pid, at_once=True)


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for process in found:
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _of_process(pid: int, before: int) -> tuple[int, int]:
    """Return anonymous and resident bytes."""
    name, keys = ("smaps_rollup", ("Anonymous", "Rss")) if before < _LARGE else ("status", ("RssAnon", "VmRSS"))
    try:
        rows = dict(line.partition(":")[::2] for line in Path(f"/proc/{pid}/{name}").read_text().splitlines())
    except OSError:
        return 0, 0
    anonymous, resident = (int(rows.get(key, "0 kB").split()[0]) * 1024 for key in keys)
    return anonymous, resident


def available_memory() -> int:
    """Return the bytes that the machine could still give."""
    rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(rows["MemAvailable"].split()[0]) * 1024


def stop(pid: int, at_once: bool = False, patience: float = 10.0) -> None:
    """End a process and its descendants, politely first."""
    everyone = tree(pid)
    _signal([pid], signal.SIGKILL if at_once else signal.SIGTERM)
    deadline = time.monotonic() + (0 if at_once else patience)
    while time.monotonic() < deadline and any(_alive(p) for p in everyone):
        time.sleep(0.02)
    _signal([p for p in everyone if _alive(p)], signal.SIGKILL)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
