"""HDF5 that anndata does not write, but files may have: unusual types, null dataspaces, attributes of wrong types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pandas as pd

from files.case import AS_SMALL, CELL_TYPE, CELLS, TYPES, UMAP, Bad, Case, Col, altered

Change = Callable[[h5py.File], object]


def _timed(file: h5py.File, where: str, shape: tuple[int, ...]) -> None:
    """Write an array of HDF5's time type, which has no equivalent in numpy."""
    if where in file:
        del file[where]
    parent, _, name = where.rpartition("/")
    h5py.h5d.create(file[parent or "/"].id, name.encode(), h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple(shape))


def _instead(where: str, **made: Any) -> Change:
    def change(file: h5py.File) -> None:
        if where in file:
            del file[where]
        file.create_dataset(where, **made)

    return change


def _attribute(where: str, name: str, value: Any) -> Change:
    def change(file: h5py.File) -> None:
        file[where].attrs[name] = value

    return change


def _references(where: str) -> Change:
    def change(file: h5py.File) -> None:
        del file[where]
        file.create_dataset(where, data=[file["obs"].ref] * 6, dtype=h5py.ref_dtype)

    return change


def _named_type(where: str) -> Change:
    def change(file: h5py.File) -> None:
        del file[where]
        file[where] = np.dtype("f4")

    return change


def _strange(where: str, shape: tuple[int, ...]) -> dict[str, Change]:
    return {
        "of times": lambda file: _timed(file, where, shape),
        "of references": _references(where),
        "of lists": _instead(where, shape=shape, dtype=h5py.vlen_dtype(np.int32)),
        "of opaque bytes": _instead(where, data=np.zeros(shape, "V5")),
        "of small arrays": _instead(where, shape=shape, dtype=np.dtype(("f4", (3,)))),
        "of no values": _instead(where, data=h5py.Empty("f4")),
        "a named type": _named_type(where),
    }


_OBS = pd.DataFrame({"n": np.arange(6), "cell_type": pd.Categorical(TYPES)}, index=pd.Index(CELLS))
_NUMBERS = Col("continuous", [0, 1, 2, 3, 4, 5])
_BY_HAND = replace(AS_SMALL, anndata=False)
_BOTH = {"n": _NUMBERS, "cell_type": CELL_TYPE}


def _left_out() -> list[Case]:
    cases = []
    for name, change in _strange("obs/n", (6,)).items():
        expect = replace(_BY_HAND, obs={"cell_type": CELL_TYPE}, warnings=[["'n'", "obs"]])
        cases.append(Case(f"column left out: {name}", altered(change, obs=_OBS), expect))
    for name, change in _strange("obsm/X_bad", (6, 2)).items():
        if name == "of references":
            continue
        expect = replace(_BY_HAND, warnings=[["X_bad"]])
        cases.append(Case(f"embedding left out: {name}", altered(change, obsm={"X_umap": UMAP, "X_bad": UMAP}), expect))
    for name, change in _strange("obs/cell_type/codes", (6,)).items():
        expect = replace(_BY_HAND, obs={"n": _NUMBERS}, unreadable=["cell_type"], warnings=[["'cell_type'", "obs"]])
        cases.append(Case(f"categorical left out: codes {name}", altered(change, obs=_OBS), expect))
    for name, change in _strange("obs/cell_type/categories", (3,)).items():
        if name in {"of references", "of lists", "of opaque bytes", "of small arrays"}:
            continue
        expect = replace(_BY_HAND, obs={"n": _NUMBERS}, unreadable=["cell_type"], warnings=[["'cell_type'", "obs"]])
        cases.append(Case(f"categorical left out: categories {name}", altered(change, obs=_OBS), expect))
    for name, change in _strange("uns/cell_type_colors", (3,)).items():
        colors = np.array(["#000000"] * 3, dtype=object)
        if name == "of references":
            continue
        expect = replace(_BY_HAND, not_colors=["cell_type"], quiet=False)
        cases.append(Case(f"colours refused: {name}", altered(change, uns={"cell_type_colors": colors}), expect))
    for name, change in _strange("uns/title", (1,)).items():
        if name == "of references":
            continue
        cases.append(
            Case(f"title ignored: {name}", altered(change, uns={"title": "A title"}), replace(_BY_HAND, quiet=False))
        )
    return cases


def _attributes() -> list[Case]:

    def order(*names: str) -> Any:
        return np.array(names, dtype=object)

    changes: dict[str, tuple[Change, dict[str, Col] | None]] = {
        "column listed twice": (_attribute("obs", "column-order", order("n", "cell_type", "n")), _BOTH),
        "column order of bytes": (_attribute("obs", "column-order", np.array([b"n", b"cell_type"])), _BOTH),
        "column order of one text": (_attribute("obs", "column-order", "n"), {"n": _NUMBERS}),
        "column order leads out": (
            _attribute("obs", "column-order", order("n", "cell_type", "..", "/X", "", ".")),
            _BOTH,
        ),
        "column order of numbers": (_attribute("obs", "column-order", np.arange(3)), {}),
        "column order of nothing": (_attribute("obs", "column-order", h5py.Empty("f8")), None),
        "ordered is a text": (_attribute("obs/cell_type", "ordered", "no"), None),
        "ordered is an array": (_attribute("obs/cell_type", "ordered", np.array([True, False])), None),
        "encoding is a number": (_attribute("obs/n", "encoding-type", 3), None),
        "encoding of obs is an array": (_attribute("obs", "encoding-type", np.array([1, 2])), _BOTH),
        "encoding of embedding is an array": (_attribute("obsm/X_umap", "encoding-type", np.array([1, 2])), _BOTH),
        "title is hostile": (_instead("uns/title", data=b"<b>\xff\x1b[2J</b>"), _BOTH),
        "uns is an array": (lambda f: (f.__delitem__("uns"), f.create_dataset("uns", data=3)), _BOTH),
        "layers is an array": (lambda f: (f.__delitem__("layers"), f.create_dataset("layers", data=3)), _BOTH),
        "obsm is an array": (lambda f: (f.__delitem__("obsm"), f.create_dataset("obsm", data=3)), _BOTH),
        "raw is an array": (lambda f: f.create_dataset("raw", data=3), _BOTH),
        "raw is an empty group": (lambda f: f.create_group("raw"), _BOTH),
        "uns holds the root": (lambda f: f["uns"].__setitem__("loop", f["/"]), _BOTH),
    }
    return [
        Case(f"odd: {name}", altered(change, obs=_OBS), replace(_BY_HAND, obs=obs, embeddings=None, quiet=False))
        for name, (change, obs) in changes.items()
    ]


def _nullable_categories() -> list[Case]:
    """Categories as nullable strings of pandas, a group with a mask."""

    def change(file: h5py.File) -> None:
        del file["obs/cell_type/categories"]
        made = file["obs/cell_type"].create_group("categories")
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "nullable-string-array", "0.1.0"
        made.attrs["na-value"] = "NA"
        made.create_dataset("values", data=np.array(["B", "NK", "T"], dtype=object), dtype=h5py.string_dtype())
        made.create_dataset("mask", data=np.zeros(3, bool))
        for name, kind in (("values", "string-array"), ("mask", "array")):
            made[name].attrs["encoding-type"], made[name].attrs["encoding-version"] = kind, "0.2.0"

    def index(axis: str) -> Change:
        def act(file: h5py.File) -> None:
            names = file[f"{axis}/_index"][()]
            del file[f"{axis}/_index"]
            made = file[axis].create_group("_index")
            made.attrs["encoding-type"], made.attrs["encoding-version"] = "nullable-string-array", "0.1.0"
            made.attrs["na-value"] = "NA"
            made.create_dataset("values", data=names, dtype=h5py.string_dtype())
            made.create_dataset("mask", data=np.zeros(len(names), bool))
            for name, kind in (("values", "string-array"), ("mask", "array")):
                made[name].attrs["encoding-type"], made[name].attrs["encoding-version"] = kind, "0.2.0"

        return act

    return [
        Case("categorical with nullable texts as categories", altered(change), AS_SMALL),
        Case("index of cells of nullable texts", altered(index("obs")), AS_SMALL),
        Case("index of genes of nullable texts", altered(index("var")), AS_SMALL),
    ]


def _unusable() -> list[Bad]:
    cases = []
    for where, shape, patterns in (
        ("X", (6, 5), "X"),
        ("X/data", (8,), "X"),
        ("X/indices", (8,), "X"),
        ("X/indptr", (7,), "X"),
        ("obs/_index", (6,), "obs"),
        ("var/_index", (5,), "var"),
        ("obs", (6,), "obs"),
    ):
        for name, change in _strange(where, shape).items():
            # as X these are no matrix, which is a warning
            if name == "of references" or (where == "X" and name in {"of no values", "a named type"}):
                continue
            # values with a text can be names
            if where.endswith("_index") and name in {"of lists", "of opaque bytes", "of small arrays"}:
                continue
            cases.append(Bad(f"{where} is {name}", altered(change), [patterns]))
    attributes: dict[str, Change] = {
        "shape is a text": _attribute("X", "shape", "6 x 5"),
        "shape is nothing": _attribute("X", "shape", h5py.Empty("i8")),
        "shape is of floats that are not whole": _attribute("X", "shape", [6.5, 5.0]),
        "encoding is an array": _attribute("X", "encoding-type", np.array([1, 2])),
        "encoding is nothing": _attribute("X", "encoding-type", h5py.Empty("S4")),
    }
    return cases + [Bad(f"X: {name}", altered(change), ["X"]) for name, change in attributes.items()]


ODD = [*_left_out(), *_attributes(), *_nullable_categories()]
ODD_REFUSED = [bad for bad in _unusable() if not bad.id.startswith("X")]
ODD_INCONSISTENT = [bad for bad in _unusable() if bad.id.startswith("X")]
