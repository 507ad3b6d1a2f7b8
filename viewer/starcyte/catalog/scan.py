"""The datasets in a folder or below a prefix of an object store, found by content and not by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from starcyte.errors import DatasetInvalid, DatasetMissing, InputError, StarcyteError
from starcyte.store.fingerprint import FileState, file_state
from starcyte.store.names import has_dataset_name
from starcyte.store.open import START_BYTES, detect_format, is_dataset, is_dataset_folder


@dataclass(frozen=True)
class FoundFile:
    """A file or a folder that is HDF5 or Zarr, or has the name of a dataset.

    Parameters
    ----------
    path
        The file or the folder.
    place
        Its path relative to the folder that is scanned, with slashes.
    state
        Its state.
    problem
        The error, if it has the name of a dataset and is neither.
    """

    path: Path
    place: str
    state: FileState
    problem: StarcyteError | None = None


class FolderScan:
    """Scans a folder repeatedly; a file that has not changed is not opened again.

    Links to folders are not followed, nor links to files outside the folder. Hidden files and folders are skipped.

    Parameters
    ----------
    root
        The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.refused_links: list[str] = []
        "Links that lead out of the folder, as of the last scan."
        self._known: dict[str, tuple[FileState, StarcyteError | bool | None]] = {}

    def __call__(self) -> Iterator[FoundFile]:
        """Yield the files in the order of their paths.

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
                if not self.contains(Path(folder, name)):
                    refused.append(str(Path(folder, name)))
            # a store of Zarr is one dataset: what is in it is not looked at
            stores = [name for name in folders if is_dataset_folder(Path(folder, name))]
            folders[:] = [name for name in folders if name not in stores]
            for name in sorted([*names, *stores]):
                path = Path(folder, name)
                if name.startswith("."):
                    continue
                if path.is_symlink() and not self.contains(path):
                    refused.append(str(path))
                    continue
                state = file_state(path)
                if state is None or not (name in stores or path.is_file()):
                    continue
                place = path.relative_to(self.root).as_posix()
                before = known.get(place)
                verdict = before[1] if before and before[0] == state else _verdict(path)
                self._known[place] = (state, verdict)
                if verdict is not False:
                    yield FoundFile(path, place, state, verdict if isinstance(verdict, StarcyteError) else None)
        self.refused_links = refused

    def contains(self, path: Path) -> bool:
        """Return whether a path, with links resolved, is in the folder."""
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def _verdict(path: Path) -> StarcyteError | bool | None:
    """Return None for HDF5 or Zarr, the error of another file with the name of a dataset, else False."""
    try:
        detect_format(path)
    except (DatasetInvalid, DatasetMissing) as error:
        return error if has_dataset_name(path.name) else False
    return None


@dataclass(frozen=True)
class FoundObject:
    """An object of a store that begins with the signature of HDF5, or has the name of a dataset.

    Parameters
    ----------
    url
        Its URL.
    place
        Its path below the prefix.
    size
        Its size in bytes.
    version
        The ETag or checksum of its content.
    """

    url: str
    place: str
    size: int
    version: str


class ObjectScan:
    """Scans the objects below a prefix repeatedly; an object that has not changed is not requested again.

    Parameters
    ----------
    url
        The prefix, such as ``s3://bucket/atlas/``.
    most
        The largest number of objects to look at.
    """

    def __init__(self, url: str, most: int) -> None:
        self._url, self._most = url.rstrip("/") + "/", most
        self._known: dict[str, tuple[str, bool]] = {}

    def __call__(self) -> Iterator[FoundObject]:
        """Yield the objects in the order of their names.

        Raises
        ------
        InputError
            If the store does not answer.
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
                    start = store.cat_file(name, start=0, end=START_BYTES) if info.get("size") else b""
                    before = self._known[name] = (version, is_dataset(start))
                if before[1] or has_dataset_name(place):
                    yield FoundObject(f"{scheme}://{name}", place, int(info.get("size") or 0), version)
        except Exception as error:  # each store's package has an exception hierarchy of its own
            raise InputError(
                f"{self._url} cannot be listed: {type(error).__name__}: {error}.", "Check the prefix and the keys."
            ) from None
