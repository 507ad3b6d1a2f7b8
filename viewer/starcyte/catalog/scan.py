"""What there is in a folder, or below a prefix of an object store, by content and not by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from starcyte.errors import DatasetInvalid, DatasetMissing, InputError, StarcyteError
from starcyte.store.fingerprint import FileState, file_state
from starcyte.store.hdf5.signature import SIGNATURE, check_signature


@dataclass(frozen=True)
class Found:
    """A file that is a dataset, or is called one.

    Parameters
    ----------
    path
        The file.
    place
        Its path from the folder that was walked through, with slashes.
    state
        Its state.
    problem
        Why it cannot be one, though it is called so.
    """

    path: Path
    place: str
    state: FileState
    problem: StarcyteError | None = None


class Walk:
    """Goes through a folder, time and again; a file that has not changed is not opened again.

    Links to folders are not followed, nor are links to files that lie outside; hidden files and folders are left out.

    Parameters
    ----------
    root
        The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.refused: list[str] = []
        "Links that lead out of the folder, as found last."
        self._known: dict[str, tuple[FileState, StarcyteError | bool | None]] = {}

    def __call__(self) -> Iterator[Found]:
        """Find the files, in the order of their paths.

        Raises
        ------
        InputError
            If the folder itself cannot be read.
        """
        known, self._known, refused = self._known, {}, []
        try:
            os.scandir(self.root).close()
        except OSError as error:
            raise InputError(
                f"The folder {str(self.root)!r} cannot be read: {error.strerror}.", "Check the path."
            ) from None
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in [n for n in folders if Path(folder, n).is_symlink()]:
                folders.remove(name)
                if not self.holds(Path(folder, name)):
                    refused.append(str(Path(folder, name)))
            for name in sorted(names):
                path = Path(folder, name)
                if name.startswith("."):
                    continue
                if path.is_symlink() and not self.holds(path):
                    refused.append(str(path))
                    continue
                state = file_state(path)
                if state is None or not path.is_file():
                    continue
                place = path.relative_to(self.root).as_posix()
                before = known.get(place)
                verdict = before[1] if before and before[0] == state else _verdict(path)
                self._known[place] = (state, verdict)
                if verdict is not False:
                    yield Found(path, place, state, verdict if isinstance(verdict, StarcyteError) else None)
        self.refused = refused

    def holds(self, path: Path) -> bool:
        """Say whether a path, links followed, lies within the folder."""
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def is_called_dataset(place: str) -> bool:
    """Say whether a file's name says that it is a dataset."""
    return place.lower().endswith(".h5ad")


def _verdict(path: Path) -> StarcyteError | bool | None:
    """Return False for a file that is none, why it cannot be one if it is called so, or None for one that may be."""
    try:
        check_signature(path)
    except (DatasetInvalid, DatasetMissing) as error:
        return error if is_called_dataset(path.name) else False
    return None


@dataclass(frozen=True)
class FoundObject:
    """An object of a store that begins as HDF5 does.

    Parameters
    ----------
    url
        Its URL.
    place
        Its path below the prefix.
    size
        Its bytes.
    version
        What tells this content of it from another.
    """

    url: str
    place: str
    size: int
    version: str


class ObjectWalk:
    """Goes through what lies below a prefix of an object store; an object that has not changed is not asked for again.

    Parameters
    ----------
    url
        The prefix, such as ``s3://bucket/atlas/``.
    most
        Objects that are looked at, at most.
    """

    def __init__(self, url: str, most: int) -> None:
        self._url, self._most = url.rstrip("/") + "/", most
        self._known: dict[str, tuple[str, bool]] = {}

    def __call__(self) -> Iterator[FoundObject]:
        """Find the objects, in the order of their names.

        Raises
        ------
        InputError
            If the store cannot be asked.
        """
        import fsspec

        try:
            store, root = fsspec.core.url_to_fs(self._url, use_listings_cache=False)
            root = root.rstrip("/")
            listed: dict[str, dict[str, Any]] = store.find(root, detail=True)
            scheme = self._url.partition("://")[0]
            for name, info in sorted(listed.items())[: self._most]:
                place = name[len(root) :].lstrip("/")
                parts = PurePosixPath(place).parts
                if info.get("type") != "file" or any(part.startswith(".") for part in parts):
                    continue
                version = str(next((info[k] for k in ("ETag", "etag", "md5Hash", "LastModified") if info.get(k)), ""))
                before = self._known.get(name)
                if before is None or before[0] != version or not version:
                    begin = store.cat_file(name, start=0, end=len(SIGNATURE)) if info.get("size") else b""
                    before = self._known[name] = (version, begin == SIGNATURE)
                if before[1] or is_called_dataset(place):
                    yield FoundObject(f"{scheme}://{name}", place, int(info.get("size") or 0), version)
        except Exception as error:  # each store's package has a tree of its own
            raise InputError(
                f"{self._url} cannot be listed: {type(error).__name__}: {error}.", "Check the prefix and the keys."
            ) from None
