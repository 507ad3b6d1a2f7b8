"""The cache folder: files that can be built or downloaded again."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

from starcyte.errors import InputError
from starcyte.settings import Settings


def cache_folder(settings: Settings) -> Path:
    """Return the cache folder, created if it does not exist.

    Raises
    ------
    InputError
        If it cannot be created.
    """
    base = _base(settings)
    try:
        base.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The cache folder {str(base)!r} cannot be created: {error.strerror}.", "Choose another with --cache-dir."
        ) from None
    return base


def is_in_cache(path: Path, settings: Settings) -> bool:
    """Return whether a file is in the cache folder."""
    return path.resolve().is_relative_to(_base(settings).resolve())


def _base(settings: Settings) -> Path:
    if settings.cache_dir:
        return Path(settings.cache_dir)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starcyte"


def index_folder(settings: Settings) -> Path:
    """Return the folder of the column indexes, which may not exist yet.

    Raises
    ------
    InputError
        If the cache folder cannot be created.
    """
    return cache_folder(settings) / "index"


def make_room(folder: Path, max_bytes: int, keep: str = "", lock: str = "entries.bin") -> None:
    """Remove the least recently used folders until the others fit, and incomplete ones; those in use are kept.

    Parameters
    ----------
    folder
        The folder of the folders (indexes, or downloads); using one updates its time of change.
    max_bytes
        Bytes that may stay.
    keep
        The name of a folder that is kept; its bytes count.
    lock
        The file in each folder that its users lock.
    """
    total, found = 0, []
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith("."):
            _remove_incomplete(path)
        else:
            with suppress(OSError):  # another process has just removed it
                used, size = path.stat().st_mtime, sum(f.stat().st_size for f in path.iterdir())
                total += size
                found += [(used, path, size)] if path.name != keep else []
    for _, path, size in sorted(found):
        if total <= max_bytes:
            return
        if _remove(path, path / lock, if_no_locks=True):
            total -= size


def _remove_incomplete(path: Path) -> None:
    """Remove the folder of a builder that was killed, which no process locks any more."""
    name, part, _ = path.name.rpartition(".part-")
    if part:
        _remove(path, path.with_name(f"{name}.lock"), if_no_locks=False)


def _remove(folder: Path, lock: Path, if_no_locks: bool) -> bool:
    """Remove a folder unless a process holds its lock; hold it meanwhile. Return whether the folder is gone."""
    with ExitStack() as stack:
        try:
            # opened for writing, though it is not written: NFS requires it for a lock
            held = stack.enter_context(lock.open("r+b"))
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            pass  # it is damaged, and no process can use it
        except OSError:
            if not if_no_locks:
                return False
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
