"""obsm: arrays, tables and sparse matrices, of any number of columns and with odd coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from files.case import AS_SMALL, CELLS, UMAP, Array, Case, altered, put, write_small


def _case(name: str, obsm: dict[str, Any], embeddings: dict[str, Array], *warnings: list[str]) -> Case:
    return Case(name, write_small(obsm=obsm), replace(AS_SMALL, embeddings=embeddings, warnings=warnings))


def _shapes() -> list[Case]:
    wide = np.arange(300, dtype=np.float64).reshape(6, 50) / 7
    one = UMAP[:, :1]
    cases = [
        _case("embedding of 1 column", {"one": one}, {"one": one}),
        _case("embedding of 3 columns", {"X_umap_3d": wide[:, :3]}, {"X_umap_3d": wide[:, :3]}),
        _case("embedding of 50 columns", {"X_pca": wide}, {"X_pca": wide}),
        _case("embedding that is a table", {"X_t": _table(UMAP)}, {"X_t": UMAP}),
        _case(
            "embedding of nullable numbers",
            {"X_t": _table(UMAP).astype({"b": "Float64"}).astype({"b": "float32"})},
            {"X_t": UMAP},
        ),
        _case(
            "several embeddings",
            {"X_pca": wide, "X_umap": UMAP, "spatial": one},
            {"X_pca": wide, "X_umap": UMAP, "spatial": one},
        ),
        _case("no embedding", {}, {}, ["embedding"]),
        _case(
            "sparse embedding is left out",
            {"X_umap": UMAP, "motifs": sp.csr_matrix(wide)},
            {"X_umap": UMAP},
            ["motifs"],
        ),
        _case("only a sparse embedding", {"motifs": sp.csr_matrix(wide)}, {}, ["motifs"], ["embedding"]),
        _case(
            "table with texts is left out",
            {"X_umap": UMAP, "notes": pd.DataFrame({"a": pd.Categorical(list("abcabc"))}, index=CELLS)},
            {"X_umap": UMAP},
            ["notes"],
        ),
        _case(
            "embedding without columns is left out",
            {"X_umap": UMAP, "none": np.zeros((6, 0))},
            {"X_umap": UMAP},
            ["none"],
        ),
        _case(
            "embedding of three axes is left out",
            {"X_umap": UMAP, "cube": np.zeros((6, 2, 2))},
            {"X_umap": UMAP},
            ["cube"],
        ),
    ]
    for dtype in ("f2", "f8", "i1", "i8", "u4", "?"):
        values = np.abs(UMAP).round().astype(dtype)
        cases.append(
            _case(f"embedding of {np.dtype(dtype).name}", {"X_umap": values}, {"X_umap": values.astype(float)})
        )
    return cases


def _table(values: Array) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.Index(CELLS), columns=["a", "b"])


def _odd_coordinates() -> list[Case]:
    cases = []
    for name, value, bad in (
        ("NaN", np.nan, [1]),
        ("infinite", np.inf, [1]),
        ("negative infinite", -np.inf, [1]),
        ("too large for float32", 1e300, [1]),
    ):
        embeddings = UMAP.astype(np.float64)
        embeddings[bad, 0] = value
        drawn = UMAP.copy()
        drawn[bad] = np.nan
        cases.append(
            _case(f"embedding with {name} coordinates", {"X_umap": embeddings}, {"X_umap": drawn}, ["X_umap", "1 "])
        )
    nowhere = np.full((6, 2), np.nan)
    cases.append(_case("embedding of NaN alone", {"X_umap": nowhere}, {"X_umap": nowhere}, ["X_umap", "6 "]))
    same = np.ones((6, 2))
    cases.append(_case("all cells in one place", {"X_umap": same}, {"X_umap": same}))
    return cases


def _damaged() -> list[Case]:
    def plain_group(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        file["obsm"].create_group("X_bad")

    def soft(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        file["obsm/X_bad"] = h5py.SoftLink("/nowhere")

    def external(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        file["obsm/X_bad"] = h5py.ExternalLink("elsewhere.h5", "/X")

    def cycle(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        file["obsm/X_bad"] = file["/"]

    def virtual(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        layout = h5py.VirtualLayout((6, 2), "f4")
        layout[:] = h5py.VirtualSource("/etc/hostname", "data", (6, 2))
        file["obsm"].create_virtual_dataset("X_bad", layout)

    def outside(file: h5py.File) -> None:
        del file["obsm/X_bad"]
        file["obsm"].create_dataset("X_bad", (6, 2), "u1", external=[("/etc/passwd", 0, 12)])

    def scalar(file: h5py.File) -> None:
        put(file, "obsm/X_bad", 3.0)

    changes: dict[str, Callable[[h5py.File], object]] = {
        "too short": lambda f: put(f, "obsm/X_bad", np.zeros((5, 2))),
        "too long": lambda f: put(f, "obsm/X_bad", np.zeros((7, 2))),
        "turned": lambda f: put(f, "obsm/X_bad", np.zeros((2, 6))),
        "of texts": lambda f: put(f, "obsm/X_bad", np.full((6, 2), b"x")),
        "of complex numbers": lambda f: put(f, "obsm/X_bad", np.zeros((6, 2), complex)),
        "a plain group": plain_group,
        "soft link to nothing": soft,
        "external link": external,
        "a cycle": cycle,
        "virtual, of another file": virtual,
        "stored in another file": outside,
        "a single number": scalar,
    }
    expect = replace(AS_SMALL, embeddings={"X_umap": UMAP}, warnings=[["X_bad"]], anndata=False)
    return [
        Case(f"embedding left out: {name}", altered(change, obsm={"X_umap": UMAP, "X_bad": UMAP}), expect)  # type: ignore[arg-type]
        for name, change in changes.items()
    ]


EMBEDDINGS = [*_shapes(), *_odd_coordinates(), *_damaged()]
