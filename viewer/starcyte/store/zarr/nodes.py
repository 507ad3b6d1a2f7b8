"""Groups of Zarr, untrusted: no name and no link leads out of the store, and no object is unpickled."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from starcyte.errors import DatasetInvalid
from starcyte.store.nodes import DAMAGED, Group, Node, reading
from starcyte.store.zarr.array import ZarrArray
from starcyte.store.zarr.attributes import Attributes
from starcyte.store.zarr.container import METADATA_BYTES, Store, join
from starcyte.store.zarr.metadata import array_layout, parse


class ZarrGroup(Group):
    """A group of a Zarr store."""

    def __init__(self, store: Store, key: str, attributes: Any, most_bytes: int = sys.maxsize) -> None:
        super().__init__(f"/{key}")
        self._store, self._key, self._most_bytes = store, key, most_bytes
        self._attributes = Attributes(attributes)

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return self._attributes.first(*names)

    def members(self) -> list[str]:
        """Return the names of the members, sorted."""
        with reading(self.name):
            found = self._store.folders(self._key)
            # names that are not UTF-8 are shown with replacement characters, and are not found
            names = [name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in found]
            return [name for name in names if _has_metadata(self._store, join(self._key, name))]

    def file(self, name: str) -> bytes | None:
        """Return the content of a file of another format in the folder of the group; None if it does not exist."""
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            return None
        key = join(self._key, name)
        with reading(f"/{key}"):
            size = self._store.size(key)
            if size is not None and size > self._most_bytes:
                raise DatasetInvalid(
                    f"/{key} has {size:,} bytes. The limit is {self._most_bytes:,} (max_array_bytes).", ""
                )
            return self._store.read(key)

    def child(self, path: str) -> Node | None:
        """Return a member; names that lead out of the store are not found."""
        parts = path.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            return None
        with reading(join(self.name.rstrip("/"), path)):
            found = open_node(self._store, join(self._key, path), self._most_bytes)
            if found is None and "\\" in path:
                # zarr-python writes a backslash in a name as a slash, and slashes in a row as one
                return self.child("/".join(part for part in path.replace("\\", "/").split("/") if part))
            return found


def _has_metadata(store: Store, key: str) -> bool:
    return any(store.size(f"{key}/{name}") is not None for name in ("zarr.json", ".zarray", ".zgroup"))


def _metadata(store: Store, key: str, name: str) -> dict[str, Any] | None:
    path = join(key, name)
    size = store.size(path)
    if size is not None and size > METADATA_BYTES:
        raise DatasetInvalid(f"The metadata /{path} have {size:,} bytes, over {METADATA_BYTES:,}.", DAMAGED)
    raw = None if size is None else store.read(path, 0, METADATA_BYTES + 1)
    return None if raw is None else parse(raw, f"/{path}")


def open_node(store: Store, key: str, most_bytes: int) -> Node | None:
    """Return the group or the array at a key; None if there is none, or it is anndata's null.

    Raises
    ------
    DatasetInvalid
        If its metadata are invalid.
    FilterMissing
        If it is compressed with an unknown codec.
    """
    metadata, version = _metadata(store, key, "zarr.json"), 3
    if metadata is None:
        metadata, version = _metadata(store, key, ".zarray"), 2
        is_array = metadata is not None
        if metadata is None:
            metadata = _metadata(store, key, ".zgroup")
        if metadata is None:
            return None
        attributes: Any = _metadata(store, key, ".zattrs") or {}
    else:
        is_array, attributes = metadata.get("node_type") == "array", metadata.get("attributes") or {}
        if metadata.get("node_type") not in {"array", "group"}:
            raise DatasetInvalid(f"The metadata of /{key} are invalid: node_type is missing.", DAMAGED)
    if metadata.get("zarr_format") != version:
        raise DatasetInvalid(f"The metadata of /{key} are invalid: zarr_format is not {version}.", DAMAGED)
    if not is_array:
        return ZarrGroup(store, key, attributes, most_bytes)
    if isinstance(attributes, Mapping) and attributes.get("encoding-type") == "null":
        return None
    metadata_key = join(key, "zarr.json" if version == 3 else ".zarray")
    return ZarrArray(store, key, array_layout(metadata, version, f"/{key}"), attributes, metadata_key, most_bytes)
