"""The cache folder: what starcyte made and can make again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from starcyte import __version__
from starcyte.errors import InputError
from starcyte.settings import Settings


def cache_folder(settings: Settings) -> Path:
    """Return the cache folder, made if it was not there.

    Raises
    ------
    InputError
        If it cannot be made or written to.
    """
    given = settings.cache_dir
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starcyte"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The cache folder {str(base)!r} cannot be made: {error.strerror}.", "Choose another with --cache-dir."
        ) from None
    return base


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
    # imported here because it brings anndata, which only this needs
    from starcyte.store.demo import write_demo

    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            write_demo(made)
            made.replace(path)
    except OSError as error:
        raise InputError(
            f"The demo dataset cannot be written to {str(path.parent)!r}: {error.strerror or error}.",
            "Choose another folder with --cache-dir.",
        ) from None
    return path
