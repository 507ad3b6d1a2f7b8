"""A Zarr store whose files are the objects below a URL."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from urllib.parse import urlsplit

from starcyte.store.in_place.fetcher import Fetcher
from starcyte.store.remote.objects import Part, Refused
from starcyte.store.zarr.container import METADATA_BYTES, METADATA_NAMES, Store
from starcyte.store.zarr.metadata import parse

# names by which members are looked for where nothing lists them
_USUAL = {
    "obsm": (
        "X_umap", "X_tsne", "X_pca", "spatial", "X_spatial", "X_draw_graph_fa", "X_draw_graph_fr", "X_diffmap",
        "X_phate", "X_force_directed", "X_harmony", "X_pca_harmony", "X_scVI", "X_scANVI", "X_mde", "X_umap_3d",
        "X_wnn", "X_mofa", "X_totalVI",
    ),
    "layers": ("counts", "logcounts", "raw", "data", "normalized", "log1p", "scaled", "spliced", "unspliced"),
}  # fmt: skip
_OF_COLUMN = {
    2: (".zarray", ".zattrs", ".zgroup", "codes/.zarray", "categories/.zarray"),
    3: ("zarr.json", "codes/zarr.json", "categories/zarr.json"),
}


class ObjectsStore(Store):
    """The objects below a URL as the files of a Zarr store.

    Parameters
    ----------
    fetcher
        Reads the objects; closed with the store.
    most_bytes
        Bytes of a chunk, at most.
    """

    is_remote = True

    def __init__(self, fetcher: Fetcher, most_bytes: int) -> None:
        self.fetcher, self._most = fetcher, most_bytes
        self.version = 0
        "The version of Zarr, once it is known: names of metadata of another one are not asked for."
        self._absent: set[str] = set()
        self._expected: set[str] = set()
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """The parts of the store that cannot be seen."""
        return self._notes

    def _most_of(self, key: str) -> int:
        return METADATA_BYTES if _is_metadata(key) else self._most

    def _is_other_version(self, key: str) -> bool:
        name = key.rpartition("/")[2]
        return bool(self.version) and _is_metadata(key) and (name == "zarr.json") != (self.version == 3)

    def _whole(self, key: str) -> bytes | None:
        if key in self._absent or self._is_other_version(key):
            return None
        try:
            found = self.fetcher.read(Part(key), self._most_of(key))
        except Refused:
            # a bucket that may not be listed refuses a key that it does not have
            if not self.version or not _is_metadata(key):
                raise
            found = None
        if found is None and _is_metadata(key):
            self._absent.add(key)
        if found is not None and _is_metadata(key):
            if is_page(found):
                return None
            self._expect_columns(key, found)
        return found

    def _expect_columns(self, key: str, content: bytes) -> None:
        """Begin to read the metadata of the columns of a table."""
        if b'"column-order"' not in content or key in self._expected:
            return
        self._expected.add(key)
        found = parse(content, f"/{key}")
        attributes = found.get("attributes") if self.version == 3 else found
        columns = attributes.get("column-order") if isinstance(attributes, dict) else None
        folder, wanted = key.rpartition("/")[0], list[str]()
        for name in columns if isinstance(columns, list) else []:
            if isinstance(name, str) and "/" not in name and name not in {"", ".", ".."}:
                wanted += [f"{folder}/{name}/{file}" for file in _OF_COLUMN[self.version]]
        self.ahead([(file, 0, None) for file in wanted])

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of an object, or a part of them."""
        if _is_metadata(key) or (start == 0 and length is None):
            found = self._whole(key)
            return None if found is None else found[start:][:length]
        return self.fetcher.read(Part(key, start, length), self._most if length is None else length)

    def size(self, key: str) -> int | None:
        """Return the bytes of metadata, which are read for it; of another object as far as they are known."""
        if not _is_metadata(key):
            return self.fetcher.size(key)
        found = self._whole(key)
        return None if found is None else len(found)

    def tail(self, key: str, length: int) -> bytes | None:
        """Return the last bytes of an object."""
        return self.fetcher.read(Part(key, None, length), length)

    def stored_size(self, key: str) -> int:
        """Return the bytes of an object, of which one is read."""
        return (self.fetcher.size(key) or 0) if self.fetcher.read(Part(key, 0, 1), 1) is not None else 0

    def ahead(self, wanted: Sequence[tuple[str, int, int | None]]) -> None:
        """Begin to read parts of objects that are needed soon."""
        for key, start, length in wanted:
            if key not in self._absent and not self._is_other_version(key):
                most = self._most_of(key) if length is None else length
                self.fetcher.ahead(Part(key, None if start < 0 else start, length), most)

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder; of those that nothing lists, the usual ones."""
        found = self.fetcher.folders(key)
        if found is not None:
            return found
        if not self._notes:
            self._notes.append(
                "The Zarr store has no consolidated metadata, and its server lists no files: embeddings and layers are"
                " found by their usual names only, and uns not at all. Where it lies, run"
                " `python -c \"import zarr; zarr.consolidate_metadata('"
                f"{urlsplit(self.fetcher.shown).path.rstrip('/').rpartition('/')[2]}')\"`."
            )
        names = _USUAL.get(key.rpartition("/")[2], ())
        kinds = ("zarr.json",) if self.version == 3 else (".zarray", ".zgroup")
        self.ahead([(f"{key}/{name}/{kind}", 0, None) for name in names for kind in kinds])
        return sorted(names)

    def stored_bytes(self, key: str) -> int | None:
        """Return None: the sizes of objects are unknown."""
        return None

    def state(self, key: str) -> Hashable:
        """Return True: that an object was written again is noticed as it is read."""
        return True

    def fingerprint(self) -> tuple[str, str]:
        """Raise: it is computed from the metadata of the store, by :func:`fingerprint_of`."""
        raise NotImplementedError

    def close(self) -> None:
        """End all requests."""
        self.fetcher.close()


def is_page(content: bytes) -> bool:
    """Return whether metadata are a page in HTML, which some servers answer for a missing key."""
    return content.lstrip()[:1] == b"<"


def _is_metadata(key: str) -> bool:
    return key.rpartition("/")[2] in METADATA_NAMES
