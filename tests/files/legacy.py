"""Files in the formats of anndata 0.6 and 0.7, written by h5py: current versions of anndata do not write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from files.case import CELLS, DENSE, GENES, TYPES, UMAP, Array, Case, Col, Expect, Mat, Write

CATEGORIES = ["B", "NK", "T"]
CODES = np.array([CATEGORIES.index(name) for name in TYPES], np.int8)
NOTES = ["one", "two", "three", "four", "five", "six"]
MARKED = [True, False, False, True, False, True]
RAW_GENES = [*GENES, "HBB"]
RAW = np.concatenate([DENSE * 2, np.full((6, 1), 3, np.float32)], axis=1)


def _compound(**columns: Any) -> Array:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    arrays = {name: a.astype("S") if a.dtype.kind == "U" else a for name, a in arrays.items()}
    table = np.zeros(len(next(iter(arrays.values()))), [(name, a.dtype, a.shape[1:]) for name, a in arrays.items()])
    for name, values in arrays.items():
        table[name] = values
    return table


def _h5sparse(file: h5py.File, where: str, dense: Array, layout: str) -> None:
    matrix = {"csr": sp.csr_matrix, "csc": sp.csc_matrix}[layout](dense)
    group = file.create_group(where)
    group.attrs["h5sparse_format"] = layout
    group.attrs["h5sparse_shape"] = dense.shape
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(matrix, name), maxshape=(None,))


def write_0_6(
    layout: str = "csr", *, raw: bool = False, flat: bool = False, index: str = "index", missing: bool = False
) -> Write:
    """Return a function that writes the format of anndata 0.6: frames as compound arrays, categories in uns.

    `flat` is X of a single gene, which it wrote without a second axis.
    """
    codes = CODES.copy()
    if missing:
        codes[1] = -1

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            if flat:
                file["X"] = DENSE[:, 0]
            elif layout == "dense":
                file["X"] = DENSE
            else:
                _h5sparse(file, "X", DENSE, layout)
            columns = {
                "cell_type": codes,
                "n": np.arange(6),
                "score": UMAP[:, 0],
                "marked": np.array(MARKED),
                "note": NOTES,
            }
            file["obs"] = _compound(**{index: CELLS}, **columns)
            genes = GENES[:1] if flat else GENES
            file["var"] = _compound(**{index: genes}, n_cells=np.arange(len(genes)))
            file["obsm"] = _compound(X_umap=UMAP, X_pca=np.arange(18.0).reshape(6, 3))
            file["varm"] = _compound(PCs=np.zeros((len(genes), 3)))
            uns = file.create_group("uns")
            text = h5py.string_dtype()
            uns.create_dataset("cell_type_categories", data=np.array(CATEGORIES, dtype=object), dtype=text)
            uns.create_dataset("cell_type_colors", data=np.array([b"#1f77b4", b"#ff7f0e", b"#2ca02c"]))
            if raw:
                _h5sparse(file, "raw.X", RAW, "csr")
                file["raw.var"] = _compound(index=RAW_GENES, n_cells=np.arange(6))

    return write


def write_0_7(layout: str = "csr", *, raw: bool = False) -> Write:
    """Return a function that writes the format of anndata 0.7: frames as groups, references to `__categories`."""

    def frame(file: h5py.File, where: str, index: list[str]) -> h5py.Group:
        group = file.create_group(where)
        group.attrs["encoding-type"], group.attrs["encoding-version"] = "dataframe", "0.1.0"
        group.attrs["_index"] = "index"
        group.create_dataset("index", data=np.array(index, dtype=object), dtype=h5py.string_dtype())
        return group

    def sparse(file: h5py.File, where: str, dense: Array, kind: str) -> None:
        matrix = {"csr": sp.csr_matrix, "csc": sp.csc_matrix}[kind](dense)
        group = file.create_group(where)
        group.attrs["encoding-type"], group.attrs["encoding-version"] = f"{kind}_matrix", "0.1.0"
        group.attrs["shape"] = dense.shape
        for name in ("data", "indices", "indptr"):
            group.create_dataset(name, data=getattr(matrix, name))

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            if layout == "dense":
                file["X"] = DENSE
            else:
                sparse(file, "X", DENSE, layout)
            obs = frame(file, "obs", CELLS)
            obs.attrs["column-order"] = np.array(["cell_type", "stage", "n", "marked", "note"], dtype=object)
            kept = obs.create_group("__categories")
            kept.create_dataset("cell_type", data=np.array(CATEGORIES, dtype=object), dtype=h5py.string_dtype())
            kept["cell_type"].attrs["ordered"] = np.False_
            kept.create_dataset("stage", data=np.array([30, 4, 100]))
            kept["stage"].attrs["ordered"] = np.True_
            for name, codes in (("cell_type", CODES), ("stage", np.array([0, 1, 2, -1, 0, 0], np.int8))):
                obs.create_dataset(name, data=codes)
                obs[name].attrs["categories"] = kept[name].ref
            obs.create_dataset("n", data=np.arange(6))
            obs.create_dataset("marked", data=np.array(MARKED))
            obs.create_dataset("note", data=np.array(NOTES, dtype=object), dtype=h5py.string_dtype())
            var = frame(file, "var", GENES)
            var.attrs["column-order"] = np.array([], dtype=np.float64)
            file.create_dataset("obsm/X_umap", data=UMAP)
            file.create_group("uns")
            file.create_group("layers")
            if raw:
                sparse(file, "raw/X", RAW, "csr")
                frame(file, "raw/var", RAW_GENES).attrs["column-order"] = np.array([], dtype=np.float64)
                file.create_group("raw/varm")

    return write


_OBS_0_6 = {
    "cell_type": Col("categorical", TYPES, CATEGORIES),
    "n": Col("continuous", [0, 1, 2, 3, 4, 5]),
    "score": Col("continuous", UMAP[:, 0].tolist()),
    "marked": Col("boolean", MARKED),
    "note": Col("string", NOTES),
}
_OBS_0_7 = {
    "cell_type": Col("categorical", TYPES, CATEGORIES),
    "stage": Col("categorical", ["30", "4", "100", None, "30", "30"], ["30", "4", "100"], ordered=True),
    "n": _OBS_0_6["n"],
    "marked": _OBS_0_6["marked"],
    "note": _OBS_0_6["note"],
}
_COLORS = {"cell_type": ["#1f77b4", "#ff7f0e", "#2ca02c"]}
_PLACES_0_6 = {"X_umap": UMAP, "X_pca": np.arange(18.0).reshape(6, 3)}
_0_6 = Expect(obs=_OBS_0_6, embeddings=_PLACES_0_6, genes=GENES, names_from="index", cells=CELLS, colors=_COLORS)
_0_7 = Expect(obs=_OBS_0_7, embeddings={"X_umap": UMAP}, genes=GENES, names_from="index", cells=CELLS)


def _legacy() -> list[Case]:
    cases = []
    for layout in ("csr", "csc", "dense"):
        mat = {"X": Mat(layout, DENSE)}
        cases.append(Case(f"anndata 0.6, {layout}", write_0_6(layout), replace(_0_6, matrices=mat)))
        cases.append(Case(f"anndata 0.7, {layout}", write_0_7(layout), replace(_0_7, matrices=mat)))
        both = mat | {"raw/X": Mat("csr", RAW)}
        cases.append(
            Case(
                f"anndata 0.6, {layout}, with raw",
                write_0_6(layout, raw=True),
                replace(_0_6, matrices=both, raw_genes=RAW_GENES),
            )
        )
        cases.append(
            Case(
                f"anndata 0.7, {layout}, with raw",
                write_0_7(layout, raw=True),
                replace(_0_7, matrices=both, raw_genes=RAW_GENES),
            )
        )
    with_missing = dict(_OBS_0_6) | {"cell_type": Col("categorical", ["T", None, *TYPES[2:]], CATEGORIES)}
    return [
        *cases,
        Case("anndata 0.6, missing categories", write_0_6(missing=True), replace(_0_6, obs=with_missing)),
        Case("anndata 0.6, index of another name", write_0_6(index="barcodes"), _0_6),
        Case(
            "anndata 0.6, X of one gene without a second axis",
            write_0_6(flat=True),
            replace(_0_6, n_vars=1, genes=GENES[:1], matrices={"X": Mat("dense", DENSE[:, :1])}, anndata=False),
        ),
    ]


LEGACY = _legacy()
