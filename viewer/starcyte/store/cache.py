"""The cache folder: what starcyte made and can make again."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

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


def make_room(folder: Path, most_bytes: int, keep: str = "", lock: str = "entries.bin") -> None:
    """Remove the folders not used for longest until the others fit; those in use stay. Remove what is half made.

    Parameters
    ----------
    folder
        The folder of the folders (indexes, or downloads); one that was used has a newer time of change.
    most_bytes
        What may stay.
    keep
        The name of one that stays; it counts.
    lock
        The file in each that is locked by those who use it.
    """
    total, found = 0, []
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith("."):
            _remove_left(path)
        else:
            with suppress(OSError):  # another process has just removed it
                used, size = path.stat().st_mtime, sum(f.stat().st_size for f in path.iterdir())
                total += size
                found += [(used, path, size)] if path.name != keep else []
    for _, path, size in sorted(found):
        if total <= most_bytes:
            return
        if _remove(path, path / lock, if_no_locks=True):
            total -= size


def _remove_left(path: Path) -> None:
    """Remove what a builder that was killed has left: nobody holds its lock any more."""
    name, part, _ = path.name.rpartition(".part-")
    if part:
        _remove(path, path.with_name(f"{name}.lock"), if_no_locks=False)


def _remove(folder: Path, lock: Path, if_no_locks: bool) -> bool:
    """Remove a folder unless a process holds its lock, which is kept meanwhile; say whether it is gone."""
    with ExitStack() as stack:
        try:
            # to be written, though it is not: NFS locks nothing else
            held = stack.enter_context(lock.open("r+b"))
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            pass  # it is broken: nobody can read it
        except OSError:
            if not if_no_locks:
                return False
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
