"""The environment variables of the viewer, from those of the Galaxy job."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

#: Memory of a viewer without a matrix: Python, the libraries, and the tables of a million cells
BASE_MB = 300
#: Memory of a core that indexes or compares, with the viewer's default block size
CORE_MB = 100
#: The viewer's default block size; smaller if the memory is not enough for one core
BLOCK_BYTES = 20 << 20
MIN_BLOCK_BYTES = 2 << 20
#: Seconds without use after which a session ends. A forgotten one occupies a place of the server, and nothing else ends
#: one whose job Galaxy has lost.
IDLE_TIMEOUT = 12 * 3600


def viewer_environment(environ: Mapping[str, str], working: Path) -> dict[str, str]:
    """Return the environment of the viewer.

    Parameters
    ----------
    environ
        The environment of the job.
    working
        The working folder of the job. It becomes the home folder if HOME is not writable, as for a uid without a
        passwd entry.

    Returns
    -------
    dict of str to str
        The environment of the job, with the settings (``STARCYTE_...``) of its destination.
    """
    env = dict(environ)
    # arguments are UTF-8, whatever the locale of the job
    env["PYTHONUTF8"] = "1"
    # locks fail if Galaxy's file store is on NFS or read-only
    env["HDF5_USE_FILE_LOCKING"] = "FALSE"
    if not os.access(env.get("HOME") or "/nonexistent", os.W_OK):
        env["HOME"] = str(working)
    if not os.access(env.get("TMPDIR") or "/nonexistent", os.W_OK):
        env["TMPDIR"] = tempfile.gettempdir()
    # deleted with the job, unless the administrator sets a folder that all jobs share
    env.setdefault("STARCYTE_CACHE_DIR", str(working / "cache"))
    env.setdefault("STARCYTE_IDLE_TIMEOUT", str(IDLE_TIMEOUT))
    workers, block_bytes = fit_memory(_number(env, "GALAXY_MEMORY_MB"), _number(env, "GALAXY_SLOTS") or 1)
    for name in ("STARCYTE_WORKERS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        env.setdefault(name, str(workers))
    if block_bytes != BLOCK_BYTES:
        env.setdefault("STARCYTE_BLOCK_BYTES", str(block_bytes))
    return env


def fit_memory(memory_mb: int, slots: int) -> tuple[int, int]:
    """Return the number of cores and the block size that fit into the memory of the job.

    Parameters
    ----------
    memory_mb
        The memory of the job; 0 if Galaxy does not limit it.
    slots
        The cores of the job.

    Returns
    -------
    workers, block_bytes
        One to ``slots`` cores, and the bytes of a block.
    """
    if not memory_mb:
        return slots, BLOCK_BYTES
    free = max(memory_mb - BASE_MB, 0)
    if free >= CORE_MB:
        return min(slots, free // CORE_MB), BLOCK_BYTES
    return 1, max(BLOCK_BYTES * free // CORE_MB, MIN_BLOCK_BYTES)


def _number(env: Mapping[str, str], name: str) -> int:
    text = env.get(name, "").strip()
    return int(text) if text.isdecimal() else 0
