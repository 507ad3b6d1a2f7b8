"""A Zarr store as a container of groups and arrays."""

from __future__ import annotations

import sys
from pathlib import Path

from starcyte.errors import DatasetInvalid
from starcyte.store.nodes import Container, reading
from starcyte.store.zarr.container import Store
from starcyte.store.zarr.folder import FolderStore
from starcyte.store.zarr.nodes import ZarrGroup, open_node
from starcyte.store.zarr.zip_file import LocalBytes, ZipStore


class ZarrFile(Container):
    """An open Zarr store: a folder, or a zip file of one.

    Parameters
    ----------
    path
        The folder or the file.
    most_bytes
        Of ``Array.most_bytes``.
    store
        The store, in place of that at the path; closed with the file.

    Raises
    ------
    DatasetInvalid
        If its root is not a group.
    """

    kind = "Zarr"

    def __init__(self, path: Path, most_bytes: int = sys.maxsize, store: Store | None = None) -> None:
        self._path = path
        if store is None:
            store = FolderStore(path) if path.is_dir() else ZipStore(LocalBytes(path), most_bytes)
        self._store, self.is_remote = store, store.is_remote
        try:
            with reading(repr(path.name)):
                root = open_node(self._store, "", most_bytes)
            if not isinstance(root, ZarrGroup):
                raise DatasetInvalid(
                    f"{path.name!r} is Zarr, but not a group of arrays.", "Give a store written by anndata."
                )
        except BaseException:
            self._store.close()
            raise
        super().__init__(root)

    @property
    def notes(self) -> list[str]:
        """What of it cannot be seen, for the user."""
        return self._store.notes

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the store."""
        with reading(repr(self._path.name)):
            return self._store.fingerprint()

    def close(self) -> None:
        """Close the store."""
        self._store.close()
