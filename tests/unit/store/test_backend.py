"""The AnnData specification on a second backend: groups and arrays in memory, as narrow as the interface allows.

Like Zarr it has neither object references nor links; its attributes are plain values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files import CASES, Case
from starcyte.errors import StarcyteError
from starcyte.settings import Settings
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.hdf5.file import HDF5File
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.nodes import Array, Container, Group, Node, Selection
from starcyte.store.open import open_dataset

# encodings vary by element, so that a part of the cases has each of them
SOME = [case for case in CASES[::6] if case.needs is None]
ATTRIBUTES = (
    "encoding-type",
    "encoding-version",
    "h5sparse_format",
    "h5sparse_shape",
    "shape",
    "_index",
    "column-order",
    "ordered",
    "storage.mode",
)


class MemoryGroup(Group):
    def __init__(self, source: Group) -> None:
        super().__init__(source.name)
        self._attributes = attributes_of(source)
        self._members: dict[str, Node | StarcyteError | None] = {}
        for name in source.members():
            try:
                self._members[name] = copied(source.child(name))
            except StarcyteError as error:
                self._members[name] = error

    def attribute(self, *names: str) -> Any:
        return next((self._attributes[name] for name in names if name in self._attributes), None)

    def members(self) -> list[str]:
        return list(self._members)

    def child(self, path: str) -> Node | None:
        first, _, rest = path.partition("/")
        found = self._members.get(first)
        if isinstance(found, StarcyteError):
            raise found
        if rest:
            return found.child(rest) if isinstance(found, Group) else None
        return found


class MemoryArray(Array):
    def __init__(self, source: Array) -> None:
        super().__init__(source.name, source.shape, source.dtype)
        self._attributes = attributes_of(source)
        if source.attribute("categories") is not None:
            self._attributes["categories"] = f"__categories/{source.name.rsplit('/')[-1]}"
        names = source.dtype.names or ()
        self._enumerations = {name: source.enumeration(name) for name in names} | {None: source.enumeration()}
        self._text = {name: source.is_text(name) for name in names} | {None: not names and source.is_text()}
        self._values: Any
        try:
            self._values = np.asarray(source.read(), source.dtype)
        except StarcyteError as error:
            self._values = error

    def attribute(self, *names: str) -> Any:
        return next((self._attributes[name] for name in names if name in self._attributes), None)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        return (2,) * self.ndim if self.ndim and self.size else None

    def is_text(self, field: str | None = None) -> bool:
        return self._text[field]

    def enumeration(self, field: str | None = None) -> Mapping[str, int] | None:
        return self._enumerations[field]

    def _read(self, selection: Selection, field: str | None) -> Any:
        if isinstance(self._values, StarcyteError):
            raise self._values
        return (self._values if field is None else self._values[field])[selection]


class Memory(Container):
    kind = "memory"

    def __init__(self, path: Path) -> None:
        file = HDF5File(path)
        super().__init__(MemoryGroup(file.root))
        self._fingerprint = file.fingerprint()
        file.close()

    def fingerprint(self) -> tuple[str, str]:
        return self._fingerprint

    def close(self) -> None:
        pass


def attributes_of(source: Node) -> dict[str, Any]:
    given = {name: source.attribute(name) for name in ATTRIBUTES}
    return {name: value for name, value in given.items() if value is not None}


def copied(source: Node | None) -> Node | None:
    if isinstance(source, Group):
        return MemoryGroup(source)
    return None if source is None else MemoryArray(source)


def content(dataset: StoredDataset) -> dict[str, Any]:
    """Return all that can be read of a dataset, errors included."""
    reads: dict[str, Any] = {"description": dataset.describe, "genes": lambda: list(dataset.genes().names)}
    for info in dataset.obs:
        reads[f"obs {info.name}"] = lambda name=info.name: dataset.obs_column(name).as_text()
    for embedding in dataset.embeddings:
        reads[f"obsm {embedding.name}"] = lambda e=embedding: dataset.embedding(e.name, range(e.dims))
    for matrix in dataset.matrices:
        for gene in range(matrix.shape[1]):
            reads[f"{matrix.name} {gene}"] = lambda m=matrix, j=gene: m.column(j).dense()
    for name in dataset.describe()["obsp"]:
        reads[f"obsp {name}"] = lambda name=name: dataset.obsp_row(name, 1).dense()
    found = {}
    for name, read in reads.items():
        try:
            value = read()
            found[name] = value.tolist() if isinstance(value, np.ndarray) else value
        except StarcyteError as error:
            found[name] = error.message
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", SOME, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_a_second_backend_reads_the_same(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    case.write(path)
    settings = Settings(block_bytes=64)
    hdf5 = open_dataset(path, settings)
    memory = AnnDataDataset(path, settings, Memory(path))
    try:
        found, expected = content(memory), content(hdf5)
        assert (found["description"].pop("container"), expected["description"].pop("container")) == ("memory", "HDF5")
        np.testing.assert_equal(found, expected)
    finally:
        hdf5.close()


def test_messages_name_the_container(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    replace(CASES[0]).write(path)
    container = Memory(path)
    del container.root._members["obs"]  # type: ignore[attr-defined]
    with pytest.raises(StarcyteError, match="is memory but not AnnData"):
        AnnDataDataset(path, Settings(), container)
