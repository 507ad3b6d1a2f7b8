"""A limit on the memory of processes: a control group, where this machine lets us make one."""

from __future__ import annotations

import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
# version 1, and the one hierarchy of version 2: the limit, the highest use, how often the kernel had to kill
_FILES = {
    "memory": ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"),
    "": ("memory.max", "memory.peak", "memory.events"),
}


class Limit:
    """A control group with that much memory, pages of files included; the kernel takes those back when it is full.

    Parameters
    ----------
    size
        Bytes.

    Raises
    ------
    OSError
        If none can be made here.
    """

    def __init__(self, size: int) -> None:
        version_1 = (_ROOT / "memory" / _FILES["memory"][0]).exists()
        self._names = _FILES["memory" if version_1 else ""]
        base = _ROOT / "memory" if version_1 else _ROOT
        if not version_1:
            (base / "cgroup.subtree_control").write_text("+memory")
        self.folder = base / f"starcyte-bench-{os.getpid()}"
        self.folder.mkdir()
        try:
            (self.folder / self._names[0]).write_text(str(size))
        except OSError:
            self.folder.rmdir()
            raise

    def command(self, command: list[str]) -> list[str]:
        """Return a command that runs another within the limit, with all its children."""
        script = 'echo $$ > "$0" && exec "$@"'
        return ["sh", "-c", script, str(self.folder / "cgroup.procs"), *command]

    @property
    def highest(self) -> int:
        """The most bytes that were in use, pages of files included; 0 where the kernel does not say."""
        path = self.folder / self._names[1]
        return int(path.read_text()) if path.exists() else 0

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed because the limit was reached."""
        rows = dict(row.split() for row in (self.folder / self._names[2]).read_text().splitlines())
        return int(rows.get("oom_kill", 0))

    def close(self) -> None:
        """Remove it; its processes must have ended."""
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:
                time.sleep(0.1)
