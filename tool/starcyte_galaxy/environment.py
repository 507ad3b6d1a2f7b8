"""The environment that the viewer runs in: what Galaxy gave the job, fitted to what the viewer understands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

#: What a viewer takes that reads no matrix: Python, the libraries and the tables of a million cells.
BASE_MB = 300
#: What a core takes while it indexes or compares, for blocks of a matrix of the viewer's default size.
CORE_MB = 100
#: The viewer's default size of a block; smaller ones are read where there is no room for even one core.
BLOCK_BYTES = 20 << 20
LEAST_BLOCK_BYTES = 2 << 20


def viewer_environment(environ: Mapping[str, str], working: Path) -> dict[str, str]:
    """Return the environment to run the viewer in.

    Parameters
    ----------
    environ
        The job's own.
    working
        The job's working folder, used as a home where there is no other that can be written to: a job may run under a
        uid that has no passwd entry.

    Returns
    -------
    dict of str to str
        The job's own, settings of the viewer (``STARCYTE_...``) that an administrator gives the destination included.
    """
    env = dict(environ)
    # the name arrives as UTF-8, whatever locale the job has
    env["PYTHONUTF8"] = "1"
    # a lock on Galaxy's file store fails where that is NFS or read-only
    env["HDF5_USE_FILE_LOCKING"] = "FALSE"
    if not os.access(env.get("HOME") or "/nonexistent", os.W_OK):
        env["HOME"] = str(working)
    if not os.access(env.get("TMPDIR") or "/nonexistent", os.W_OK):
        env["TMPDIR"] = tempfile.gettempdir()
    # the column index goes with the job, unless the administrator gives a folder that all jobs of a dataset share
    env.setdefault("STARCYTE_CACHE_DIR", str(working / "cache"))
    workers, block_bytes = room(_number(env, "GALAXY_MEMORY_MB"), _number(env, "GALAXY_SLOTS") or 1)
    for name in ("STARCYTE_WORKERS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        env.setdefault(name, str(workers))
    if block_bytes != BLOCK_BYTES:
        env.setdefault("STARCYTE_BLOCK_BYTES", str(block_bytes))
    return env


def room(memory_mb: int, slots: int) -> tuple[int, int]:
    """Return how many cores to compute with, and in blocks of which size, so that the job keeps within its memory.

    Parameters
    ----------
    memory_mb
        What the job may use; 0 if Galaxy did not say.
    slots
        The cores that it may use.

    Returns
    -------
    workers, block_bytes
        No more cores than slots, and at least one.
    """
    if not memory_mb:
        return slots, BLOCK_BYTES
    free = max(memory_mb - BASE_MB, 0)
    if free >= CORE_MB:
        return min(slots, free // CORE_MB), BLOCK_BYTES
    return 1, max(BLOCK_BYTES * free // CORE_MB, LEAST_BLOCK_BYTES)


def _number(env: Mapping[str, str], name: str) -> int:
    text = env.get(name, "").strip()
    return int(text) if text.isdecimal() else 0
