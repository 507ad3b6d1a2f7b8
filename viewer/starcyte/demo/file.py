"""The file of the demo dataset, which is written into the cache folder once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
from multiprocessing.context import SpawnProcess
from pathlib import Path

from starcyte import __version__
from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder

# raised whenever the dataset changes: files of earlier ones stay in cache folders
_EDITION = 2


def _write_demo(path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the process that serves
    # imported here because only this process needs it
    from starcyte.demo.dataset import write_demo

    with contextlib.suppress(OSError):  # reported by the caller, as the file is missing
        write_demo(path)


def _start(maker: SpawnProcess) -> None:
    """Start a process whose matrix products take one thread: the map depends on the last digit of their sums.

    Set here, as the process imports numpy before its first statement.
    """
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        maker.start()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def demo_file(settings: Settings) -> Path:
    """Return the path of the demo dataset, writing it if it does not exist.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    path = cache_folder(settings) / f"demo-{__version__}-{_EDITION}.h5ad"
    if path.exists():
        return path
    try:
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            # in a new process, to free its memory (400 MB)
            maker = multiprocessing.get_context("spawn").Process(target=_write_demo, args=(made,), daemon=True)
            _start(maker)
            maker.join()
            made.replace(path)
    except OSError as error:
        raise InputError(
            f"The demo dataset cannot be written to {str(path.parent)!r}: {error.strerror or error}.",
            "Choose another folder with --cache-dir.",
        ) from None
    return path
