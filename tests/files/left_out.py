"""Matrices that cannot be shown beside an X that can; links, and virtual datasets, within a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from files.case import AS_SMALL, CELLS, DENSE, UMAP, Case, Mat, Write, altered, put, save, small

Change = Callable[[h5py.File], object]

_BY_HAND = replace(AS_SMALL, anndata=False)


def _with_raw(change: Change) -> Write:
    def write(path: Path) -> None:
        dataset = small()
        dataset.raw = dataset.copy()
        save(dataset, path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def _awkward(where: str) -> Change:
    def change(file: h5py.File) -> None:
        if where in file:
            del file[where]
        made = file.create_group(where)
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "awkward-array", "0.1.0"

    return change


def _text(where: str) -> Change:
    return lambda file: put(file, where, np.full((6, 5), b"x"))


def _slash(file: h5py.File) -> None:
    put(file, "layers/CD4/CD8", DENSE)


def _outside(where: str) -> Change:
    def change(file: h5py.File) -> None:
        if where in file:
            del file[where]
        file[where] = h5py.ExternalLink("elsewhere.h5", "/X")

    return change


def _left_out() -> list[Case]:
    given: dict[str, tuple[str, Change]] = {
        "awkward layer": ("layers/it", _awkward("layers/it")),
        "layer of text": ("layers/it", _text("layers/it")),
        "layer of other cells": ("layers/it", lambda file: put(file, "layers/it", DENSE[:5])),
        "layer with a slash in its name": ("layers/CD4", _slash),
        "layer in another file": ("layers/it", _outside("layers/it")),
        "layer that links to nothing": (
            "layers/it",
            lambda file: file["layers"].__setitem__("it", h5py.SoftLink("/nowhere")),
        ),
        "awkward raw/X": ("raw/X", _awkward("raw/X")),
        "raw/X of text": ("raw/X", _text("raw/X")),
        "raw/X of other cells": ("raw/X", lambda file: put(file, "raw/X", DENSE[:5])),
        "raw/X of other genes than raw/var": ("raw/X", lambda file: put(file, "raw/X", DENSE[:, :4])),
        "raw/X in another file": ("raw/X", _outside("raw/X")),
        "raw/X without raw/var": ("raw/X", lambda file: file.__delitem__("raw/var")),
    }
    return [
        Case(
            f"left out: {name}",
            _with_raw(change) if where == "raw/X" else altered(change),
            replace(_BY_HAND, warnings=[[where, "left out"]]),
        )
        for name, (where, change) in given.items()
    ]


def _linked(where: str, link: Any) -> Change:
    def change(file: h5py.File) -> None:
        target = "elsewhere/" + where.replace("/", "_")
        file.create_group("elsewhere")
        file.move(where, target)
        file[where] = link(target) if link is not None else file[target]

    return change


def _relative(file: h5py.File) -> None:
    put(file, "layers/other", DENSE)
    file["layers"]["it"] = h5py.SoftLink("other")


def _virtual(file: h5py.File) -> None:
    put(file, "elsewhere", DENSE)
    del file["X"]
    layout = h5py.VirtualLayout(DENSE.shape, "f4")
    for row in range(len(DENSE)):
        layout[row] = h5py.VirtualSource(".", "elsewhere", DENSE.shape)[row]
    file.create_virtual_dataset("X", layout)


def _inside() -> list[Case]:
    def soft(target: str) -> h5py.SoftLink:
        return h5py.SoftLink("/" + target)

    cases = [
        Case(f"{kind} link to {where}", altered(_linked(where, link)), _BY_HAND)
        for where in ("X", "obs", "obs/cell_type", "obsm/X_umap", "X/data")
        for kind, link in (("soft", soft), ("hard", None))
    ]
    both = {f"layers/{name}": Mat("dense", DENSE) for name in ("other", "it")}
    return [
        *cases,
        Case(
            "relative soft link to a layer",
            altered(_relative),
            replace(_BY_HAND, matrices={"X": Mat("csr", DENSE)} | both),
        ),
        Case(
            "virtual X of the file itself",
            altered(_virtual),
            replace(_BY_HAND, matrices={"X": Mat("dense", DENSE)}),
        ),
    ]


def _table(order: list[int], names: list[str]) -> Write:
    """Write a table in obsm whose rows are those of the cells in another order, under some names."""

    def write(path: Path) -> None:
        table = pd.DataFrame({"a": UMAP[order, 0], "b": UMAP[order, 1]}, index=CELLS)
        save(small(obsm={"X_umap": UMAP, "table": table}), path)
        with h5py.File(path, "r+") as file:
            where = "obsm/table/" + file["obsm/table"].attrs["_index"]
            del file[where]
            file.create_dataset(where, data=np.array(names, object), dtype=h5py.string_dtype())

    return write


def _tables() -> list[Case]:
    shuffled, plain = [3, 0, 5, 1, 4, 2], list(range(6))
    in_place = replace(_BY_HAND, embeddings={"X_umap": UMAP, "table": UMAP})
    lacking = UMAP.copy()
    lacking[2] = np.nan
    repeated = ["cell1", *CELLS[1:]]
    return [
        Case("table in another order", _table(shuffled, [CELLS[i] for i in shuffled]), in_place),
        Case("table with rows 1 to n", _table(plain, [str(i + 1) for i in plain]), in_place),
        Case("table with rows 0 to n - 1", _table(plain, [str(i) for i in plain]), in_place),
        Case(
            "table without one of the cells",
            _table(shuffled, ["other" if i == 2 else CELLS[i] for i in shuffled]),
            replace(
                in_place,
                embeddings={"X_umap": UMAP, "table": lacking},
                warnings=[["'table'", "1 of 6 cells"], ["'table'", "not drawn"]],
                quiet=False,
            ),
        ),
        Case(
            "table with rows of other names",
            _table(plain, list("abcdef")),
            replace(in_place, warnings=[["'table'", "order of the cells"]]),
        ),
        Case(
            "table in another order with duplicates",
            _table(plain, repeated),
            replace(_BY_HAND, warnings=[["'table'", "left out", "duplicates"]]),
        ),
    ]


LEFT_OUT = [*_left_out(), *_tables()]
LINKED = _inside()
