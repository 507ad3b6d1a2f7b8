"""Consolidated metadata: those of all groups and arrays of a store in one file, read with distrust."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from starcyte.errors import DatasetInvalid
from starcyte.store.nodes import DAMAGED
from starcyte.store.zarr.container import METADATA_NAMES, MOST_MEMBERS, Store

_MOST_FILES = 200_000
_MOST_DEPTH = 64
_LONGEST_KEY = 4096


def of_version_2(found: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of metadata that ``.zmetadata`` has, by their keys.

    Raises
    ------
    DatasetInvalid
        If they are no such metadata, or too many.
    """
    given = found.get("metadata")
    if not isinstance(given, dict):
        raise DatasetInvalid("The consolidated metadata (.zmetadata) have no metadata.", DAMAGED)
    files = {key: value for key, value in given.items() if key.rpartition("/")[2] in METADATA_NAMES}
    return _files(files)


def of_version_3(found: Mapping[str, Any]) -> dict[str, bytes] | None:
    """Return the files of metadata that the root's ``zarr.json`` has, by their keys; None if it has no others.

    Raises
    ------
    DatasetInvalid
        If they are no such metadata, or too many.
    """
    consolidated = found.get("consolidated_metadata")
    if not isinstance(consolidated, dict) or consolidated.get("kind", "inline") != "inline":
        return None
    given = consolidated.get("metadata")
    if not isinstance(given, dict):
        raise DatasetInvalid("The consolidated metadata (zarr.json) have no metadata.", DAMAGED)
    root = {name: value for name, value in found.items() if name != "consolidated_metadata"}
    return _files({"zarr.json": root} | {f"{key}/zarr.json": value for key, value in given.items()})


def _files(given: Mapping[str, Any]) -> dict[str, bytes]:
    if len(given) > _MOST_FILES:
        raise DatasetInvalid(f"The consolidated metadata have over {_MOST_FILES:,} entries.", "Write the store again.")
    for key, value in given.items():
        parts = key.split("/")
        if len(key) > _LONGEST_KEY or len(parts) > _MOST_DEPTH or any(part in {"", ".", ".."} for part in parts):
            raise DatasetInvalid(f"The consolidated metadata have an invalid key: {key!r:.100}.", DAMAGED)
        if not isinstance(value, dict):
            raise DatasetInvalid(f"The consolidated metadata of {key!r:.100} are not a JSON object.", DAMAGED)
    return {key: json.dumps(value).encode() for key, value in given.items()}


class ConsolidatedStore(Store):
    """A store whose metadata are known.

    Parameters
    ----------
    inner
        The store of the chunks; closed with this one.
    files
        The files of metadata by their keys: there are no others.
    """

    def __init__(self, inner: Store, files: Mapping[str, bytes]) -> None:
        self._inner, self.files = inner, files
        self.is_remote = inner.is_remote
        self._folders: dict[str, set[str]] = {}
        for key in files:
            folder = key.rpartition("/")[0]
            while folder:
                above, _, name = folder.rpartition("/")
                known = self._folders.setdefault(above, set())
                if name in known:
                    break
                known.add(name)
                folder = above

    @property
    def notes(self) -> list[str]:
        """The parts of the store that cannot be seen."""
        return self._inner.notes

    def _is_metadata(self, key: str) -> bool:
        return key.rpartition("/")[2] in METADATA_NAMES

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of a file, or a part of them."""
        if not self._is_metadata(key):
            return self._inner.read(key, start, length)
        found = self.files.get(key)
        return None if found is None else found[start:][:length]

    def size(self, key: str) -> int | None:
        """Return the bytes of a file."""
        if not self._is_metadata(key):
            return self._inner.size(key)
        found = self.files.get(key)
        return None if found is None else len(found)

    def tail(self, key: str, length: int) -> bytes | None:
        """Return the last bytes of a file."""
        return self._inner.tail(key, length)

    def stored_size(self, key: str) -> int:
        """Return the bytes of a file, which is not read as a whole."""
        return self._inner.stored_size(key)

    def ahead(self, wanted: Sequence[tuple[str, int, int | None]]) -> None:
        """Begin to read parts of files that are needed soon."""
        self._inner.ahead([one for one in wanted if not self._is_metadata(one[0])])

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder."""
        found = sorted(self._folders.get(key, ()))
        if len(found) > MOST_MEMBERS:
            raise DatasetInvalid(f"/{key} has over {MOST_MEMBERS:,} members.", "Write the store again.")
        return found

    def stored_bytes(self, key: str) -> int | None:
        """Return the bytes of all files below a folder; None if they are unknown."""
        return self._inner.stored_bytes(key)

    def state(self, key: str) -> Hashable:
        """Return whether there is a file: that it was written again is noticed as it is read."""
        return key in self.files or None

    def arrays(self) -> Iterator[str]:
        """Yield the keys of the arrays."""
        for key, content in self.files.items():
            folder, _, name = key.rpartition("/")
            if name == ".zarray" or (name == "zarr.json" and b'"node_type": "array"' in content):
                yield folder

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the store."""
        return self._inner.fingerprint()

    def close(self) -> None:
        """Close the store."""
        self._inner.close()
