"""The cache folder: what starcyte made and can make again."""

from __future__ import annotations

import fcntl
import os
import shutil
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


def index_folder(settings: Settings) -> Path:
    """Return the folder of the column indexes; it may not be there yet.

    Raises
    ------
    InputError
        If the cache folder cannot be made.
    """
    return cache_folder(settings) / "index"


def make_room(folder: Path, most_bytes: int, keep: str = "") -> None:
    """Remove the indexes not used for longest until the others fit; those in use stay.

    Parameters
    ----------
    folder
        The folder of the indexes; one that was used has a newer time of change.
    most_bytes
        What may stay.
    keep
        The name of one that stays.
    """
    if not folder.is_dir():
        return
    found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name != keep]
    sizes = {p: sum(f.stat().st_size for f in p.iterdir()) for p in found}
    total = sum(sizes.values())
    for path in sorted(found, key=lambda p: p.stat().st_mtime):
        if total <= most_bytes:
            return
        if not _in_use(path):
            shutil.rmtree(path, ignore_errors=True)
            total -= sizes[path]


def _in_use(index: Path) -> bool:
    """Say whether a process reads an index: it holds a lock on its entries."""
    try:
        with (index / "entries.bin").open("rb") as entries:
            fcntl.flock(entries, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


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
