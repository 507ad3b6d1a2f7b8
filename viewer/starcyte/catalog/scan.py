"""The datasets in a folder or below a prefix of an object store, found by content and not by name."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from starcyte.errors import DatasetInvalid, DatasetMissing, InputError, StarcyteError
from starcyte.store.fingerprint import FileState, file_state
from starcyte.store.names import has_dataset_name
from starcyte.store.open import START_BYTES, detect_format, is_dataset, is_dataset_folder
from starcyte.store.remote.objects import Part
from starcyte.store.zarr.container import ROOT_NAMES

if TYPE_CHECKING:
    from starcyte.settings import Settings
    from starcyte.store.remote.bucket import Bucket, Listed

# objects below a prefix for each dataset that may be listed: a store of Zarr has many
_LOOKED_AT = 20


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
    """An object that begins with the signature of HDF5, or has the name of a dataset; or a store of Zarr.

    Parameters
    ----------
    url
        Its URL.
    place
        Its path below the prefix.
    size
        Its size in bytes; None of a store of Zarr, whose objects are not counted.
    version
        The ETag or checksum of its content; of a store of Zarr that of its metadata.
    """

    url: str
    place: str
    size: int | None
    version: str


class ObjectScan:
    """Scans the objects below a prefix repeatedly; an object that has not changed is not requested again.

    Parameters
    ----------
    url
        The prefix, such as ``s3://bucket/atlas/``.
    settings
        ``max_datasets`` is the largest number of objects to look at; ``remote_*`` are used.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._url, self._settings, self._most = url.rstrip("/") + "/", settings, _LOOKED_AT * settings.max_datasets
        self._known: dict[str, tuple[str, bool]] = {}

    def __call__(self) -> Iterator[FoundObject]:
        """Yield the objects in the order of their names; a store of Zarr is one.

        Raises
        ------
        InputError
            If the store does not answer.
        """
        from starcyte.store.remote.bucket import Bucket
        from starcyte.store.remote.source import TransferError

        try:
            bucket = Bucket(self._url, self._settings)
            listed = {
                one.path.removeprefix(bucket.path).lstrip("/"): one
                for one in itertools.islice(bucket.objects(bucket.path), self._most)
            }
            roots = {place.rpartition("/")[0]: one for place, one in listed.items() if _name(place) in ROOT_NAMES}
            if "" in roots:
                raise InputError(
                    f"{self._url} is one dataset.", "`starcyte launch` shows it; `serve` takes its folder."
                )
            stores = set[str]()
            for place, one in sorted(listed.items()):
                if any(part.startswith(".") for part in PurePosixPath(place).parts[:-1]):
                    continue
                # the outermost store that it is in
                store = next((folder for folder in _folders(place) if folder in roots), None)
                if store is not None and store not in stores:
                    stores.add(store)
                    yield FoundObject(f"{self._url}{store}", store, None, roots[store].version)
                elif store is None and not _name(place).startswith(".") and self._is_dataset(bucket, one):
                    yield FoundObject(f"{self._url}{place}", place, one.size, one.version)
        except TransferError as error:
            raise InputError(f"{self._url} cannot be listed: {error}.", "Check the prefix and the keys.") from None

    def _is_dataset(self, bucket: Bucket, listed: Listed) -> bool:
        before = self._known.get(listed.path)
        if before is None or before[0] != listed.version or not listed.version:
            start = bucket.get(listed.path, Part("", 0, START_BYTES), START_BYTES) if listed.size else None
            before = self._known[listed.path] = (listed.version, start is not None and is_dataset(start.body))
        return before[1] or has_dataset_name(listed.path)


def _name(place: str) -> str:
    return place.rpartition("/")[2]


def _folders(place: str) -> Iterator[str]:
    """Yield the folders that an object is in, the outermost first."""
    for at, letter in enumerate(place):
        if letter == "/":
            yield place[:at]
