"""Tables as programs in R write them, made by hand, and categorical indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from files.case import AS_SMALL, CELL_TYPE, CELLS, DENSE, GENES, TYPES, Case, Col, Mat, altered, save, small
from files.legacy import write_0_7

NA = -(2**31)
_BY_HAND = replace(AS_SMALL, anndata=False)


def _seurat_disk(path: Path) -> None:
    """Write what SeuratDisk does: factors without a reference to their levels, no types of elements."""
    write_0_7("csr")(path)
    with h5py.File(path, "r+") as file:
        obs = file["obs"]
        for name in ("cell_type", "stage"):
            codes = obs[name][:].astype(np.int32)
            codes[codes < 0] = NA
            del obs[name], obs[f"__categories/{name}"].attrs["ordered"]
            obs.create_dataset(name, data=codes)
        for name, values in {
            "n": [0, 1, 2, 3, NA, 5],
            "marked": [1, 0, 0, 1, 0, 1],
            "maybe": [1, 0, 2, 0, 1, 0],
            "batch": [1, 2, 1, 2, 1, 2],
        }.items():
            if name in obs:
                del obs[name]
            obs.create_dataset(name, data=np.array(values, np.int32))
        obs.attrs["column-order"] = np.array(
            ["cell_type", "stage", "n", "marked", "maybe", "batch", "note"], dtype=object
        )
        file["var"].create_dataset("variable", data=np.array([1, 0, 2, 0, 1], np.int32))
        file["var"].attrs["column-order"] = np.array(["variable"], dtype=object)


_OF_SEURAT_DISK = {
    "cell_type": Col("categorical", TYPES, ["B", "NK", "T"]),
    "stage": Col("categorical", ["30", "4", "100", None, "30", "30"], ["30", "4", "100"]),
    "n": Col("continuous", [0, 1, 2, 3, None, 5]),
    "marked": Col("boolean", [True, False, False, True, False, True]),
    "maybe": Col("boolean", [True, False, None, False, True, False]),
    "batch": Col("continuous", [1, 2, 1, 2, 1, 2]),
    "note": Col("string", ["one", "two", "three", "four", "five", "six"]),
}


def _column(values: Any, attributes: dict[str, Any] | None = None, dtype: Any = None) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        made = file["obs"].create_dataset("it", data=np.asarray(values), dtype=dtype)
        made.attrs.update(attributes or {})
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    return change


def _columns() -> list[Case]:
    logical = h5py.enum_dtype({"FALSE": 0, "TRUE": 1, "NA": 2}, np.uint8)
    factor = h5py.enum_dtype({"NK": 1, "T": 2, "B": 3}, np.uint8)
    mark = {"storage.mode": np.array([b"logical"])}
    logicals = Col("boolean", [True, False, None, False, True, False])
    given = {
        "enumeration of logicals": (_column([1, 0, 2, 0, 1, 0], dtype=logical), logicals),
        "enumeration of levels": (
            _column([2, 3, 1, 0, 2, 2], dtype=factor),
            Col("categorical", ["T", "B", "NK", None, "T", "T"], ["NK", "T", "B"]),
        ),
        "logicals of rhdf5": (_column(np.array([1, 0, -128, 0, 1, 0], np.int8), mark), logicals),
        "logicals of rhdf5, 32 bits": (_column(np.array([1, 0, NA, 0, 1, 0], np.int32), mark), logicals),
        "missing integers": (
            _column(np.array([NA, 1, 2, NA, 4, 5], np.int32)),
            Col("continuous", [None, 1, 2, None, 4, 5]),
        ),
        "missing integers, 64 bits": (
            _column(np.array([NA, 1, 2, NA, 4, 5], np.int64)),
            Col("continuous", [None, 1, 2, None, 4, 5]),
        ),
        "integers 0 to 2 that no mark makes logical": (
            _column(np.array([0, 1, 2, 0, 1, 2], np.int32)),
            Col("continuous", [0, 1, 2, 0, 1, 2]),
        ),
    }
    return [
        Case(f"R: {name}", altered(change), replace(_BY_HAND, obs={"cell_type": CELL_TYPE, "it": column}))
        for name, (change, column) in given.items()
    ]


def _indexes() -> list[Case]:
    def write(axis: str) -> Callable[[Path], None]:
        def act(path: Path) -> None:
            dataset = small()
            if axis == "raw/var":
                dataset.raw = dataset.copy()
            save(dataset, path)
            names = CELLS if axis == "obs" else GENES
            codes = pd.Categorical(names)
            with h5py.File(path, "r+") as file:
                del file[axis]["_index"]
                made = file[axis].create_group("_index")
                made.attrs["encoding-type"], made.attrs["ordered"] = "categorical", False
                made.create_dataset("codes", data=codes.codes)
                made.create_dataset("categories", data=codes.categories.to_numpy(object), dtype=h5py.string_dtype())

        return act

    raw = {"X": Mat("csr", DENSE), "raw/X": Mat("csr", DENSE)}
    return [
        Case("categorical index of obs", write("obs"), _BY_HAND),
        Case("categorical index of var", write("var"), _BY_HAND),
        Case("categorical index of raw/var", write("raw/var"), replace(_BY_HAND, matrices=raw, raw_genes=GENES)),
    ]


R_WRITERS = [
    Case(
        "SeuratDisk",
        _seurat_disk,
        replace(_BY_HAND, obs=_OF_SEURAT_DISK, matrices={"X": Mat("csr", DENSE)}),
    ),
    *_columns(),
    *_indexes(),
]
