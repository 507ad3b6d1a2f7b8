"""The file of the demo dataset, written once into the cache folder."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

from starcyte import __version__
from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder


def _write_demo(path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that serves
    # the matrices are small: threads of BLAS wait for each other longer than they work
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # imported here because only this process needs it
    from starcyte.demo.dataset import write_demo

    with contextlib.suppress(OSError):  # told by its absence
        write_demo(path)


def demo_file(settings: Settings) -> Path:
    """Return the path of the demo dataset, made if it was not there.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    path = cache_folder(settings) / f"demo-{__version__}.h5ad"
    if path.exists():
        return path
    try:
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            # in a process of its own, so that its memory (400 MB) is given back
            maker = multiprocessing.get_context("spawn").Process(target=_write_demo, args=(made,), daemon=True)
            maker.start()
            maker.join()
            made.replace(path)
    except OSError as error:
        raise InputError(
            f"The demo dataset cannot be written to {str(path.parent)!r}: {error.strerror or error}.",
            "Choose another folder with --cache-dir.",
        ) from None
    return path
