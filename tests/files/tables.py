"""obs and var: every kind of column that anndata writes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pandas as pd

from files.case import AS_SMALL, CELL_TYPE, CELLS, TYPES, Case, Col, altered, small, write_small

_STAMPS = [
    "2021-03-04T05:06:07",
    "1969-12-31T23:59:59",
    None,
    "2024-02-29T00:00:00",
    "2030-01-01T12:00:00.5",
    "2000-01-01",
]


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index(CELLS))


def _column(name: str, values: Any, expected: Col) -> Case:
    return Case(name, write_small(obs=_frame(it=values)), replace(AS_SMALL, obs={"it": expected}))


def _categoricals() -> list[Case]:
    mixed = ["b", None, "a", "b", None, "a"]
    many = [f"clone {i}" for i in range(300)]
    return [
        _column("categorical", pd.Categorical(TYPES), CELL_TYPE),
        _column(
            "categorical in its own order",
            pd.Categorical(TYPES, ["T", "NK", "B"]),
            Col("categorical", TYPES, ["T", "NK", "B"]),
        ),
        _column(
            "categorical, ordered",
            pd.Categorical(["low", "high", "mid"] * 2, ["low", "mid", "high"], ordered=True),
            Col("categorical", ["low", "high", "mid"] * 2, ["low", "mid", "high"], ordered=True),
        ),
        _column("categorical with missing values", pd.Categorical(mixed), Col("categorical", mixed, ["a", "b"])),
        _column(
            "categorical, all missing",
            pd.Categorical([None] * 6, ["a", "b"]),
            Col("categorical", [None] * 6, ["a", "b"]),
        ),
        _column(
            "categorical without categories",
            pd.Categorical([None] * 6, pd.Index([], dtype=object)),
            Col("categorical", [None] * 6, []),
        ),
        _column(
            "categorical with unused categories",
            pd.Categorical(TYPES, ["B", "never", "NK", "T"]),
            Col("categorical", TYPES, ["B", "never", "NK", "T"]),
        ),
        _column(
            "categorical with integer categories in their own order",
            pd.Categorical([10, 2, 10, 33, 2, 10], [33, 2, 10]),
            Col("categorical", ["10", "2", "10", "33", "2", "10"], ["33", "2", "10"]),
        ),
        _column(
            "categorical with float categories",
            pd.Categorical([0.5, 1.5, 0.5, 0.25, 1.5, 0.5]),
            Col("categorical", ["0.5", "1.5", "0.5", "0.25", "1.5", "0.5"], ["0.25", "0.5", "1.5"]),
        ),
        _column(
            "categorical with boolean categories, true first",
            pd.Categorical([True, False, True, None, False, True], [True, False]),
            Col("categorical", ["True", "False", "True", None, "False", "True"], ["True", "False"]),
        ),
        _column(
            "categorical with one category",
            pd.Categorical(["all"] * 6),
            Col("categorical", ["all"] * 6, ["all"]),
        ),
        _column(
            "categorical with more categories than int8 holds",
            pd.Categorical([many[i] for i in (299, 0, 128, 127, 255, 256)], many),
            Col("categorical", [many[i] for i in (299, 0, 128, 127, 255, 256)], many),
        ),
    ]


def _numbers() -> list[Case]:
    cases = []
    for dtype in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        # the least integer of 32 bits is R's missing one
        least = np.iinfo(dtype).min + (np.dtype(dtype) == np.int32)
        values = np.array([0, 1, 2, 3, np.iinfo(dtype).max, least], dtype)
        # those that a float does not hold are identifiers
        found = (
            Col("string", list(map(str, values.tolist()))) if dtype[1] == "8" else Col("continuous", values.tolist())
        )
        cases.append(_column(f"column of {np.dtype(dtype).name}", values, found))
    for dtype in ("f2", "f4", "f8"):
        values = np.array([0, -1.5, np.nan, 65504, 0.1, 3], dtype)
        cases.append(_column(f"column of {np.dtype(dtype).name}", values, Col("continuous", values.tolist())))
    return [
        *cases,
        _column("column, all NaN", np.full(6, np.nan), Col("continuous", [np.nan] * 6)),
        _column(
            "column with infinity",
            np.array([1, np.inf, -np.inf, np.nan, 2, 3]),
            Col("continuous", [1, np.inf, -np.inf, np.nan, 2, 3]),
        ),
        _column("column with one value", np.full(6, 7.5), Col("continuous", [7.5] * 6)),
        _column(
            "column of booleans",
            np.array([1, 0, 0, 1, 1, 0], bool),
            Col("boolean", [True, False, False, True, True, False]),
        ),
        _column(
            "nullable integers",
            pd.array([1, None, 3, -4, None, 2**40], dtype="Int64"),
            Col("continuous", [1, None, 3, -4, None, 2**40]),
        ),
        _column(
            "nullable integers, none missing",
            pd.array([1, 2, 3, 4, 5, 6], dtype="UInt8"),
            Col("continuous", [1, 2, 3, 4, 5, 6]),
        ),
        _column(
            "nullable booleans",
            pd.array([True, None, False, True, None, False], dtype="boolean"),
            Col("boolean", [True, None, False, True, None, False]),
        ),
    ]


def _texts() -> list[Case]:
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]

    def nullable(file: h5py.File) -> None:
        made = file["obs"].create_group("it")
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "nullable-string-array", "0.1.0"
        made.attrs["na-value"] = "NA"
        for part, values in (
            ("values", ["x", "", "", "x", "y", ""]),
            ("mask", [False, True, False, False, False, True]),
        ):
            kind = h5py.string_dtype() if part == "values" else np.dtype(bool)
            made.create_dataset(part, data=np.array(values, dtype=object if part == "values" else bool), dtype=kind)
            made[part].attrs["encoding-type"] = "string-array" if part == "values" else "array"
            made[part].attrs["encoding-version"] = "0.2.0"
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    # anndata writes repeated texts as a categorical, and distinct ones as texts
    def opaque_dates(file: h5py.File) -> None:
        stamps = np.array([stamp or "NaT" for stamp in _STAMPS], "datetime64[ns]")
        file["obs"].create_dataset("it", data=stamps.astype(h5py.opaque_dtype(stamps.dtype)))
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    def repeated(file: h5py.File) -> None:
        made = file["obs"].create_dataset("it", data=np.array(TYPES, dtype=object), dtype=h5py.string_dtype())
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "string-array", "0.2.0"
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    def fixed_width(file: h5py.File) -> None:
        file["obs"].create_dataset("it", data=np.array([name.encode() for name in names]))
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    days = [datetime.date(2024, 1, day).isoformat() for day in range(1, 7)]
    with_it = {"cell_type": CELL_TYPE}
    return [
        _column("column of texts", pd.Series(names, index=CELLS), Col("string", names)),
        _column("texts that repeat become a categorical", pd.Series(TYPES, index=CELLS), CELL_TYPE),
        Case("texts that repeat", altered(repeated), replace(AS_SMALL, obs=with_it | {"it": Col("string", TYPES)})),
        Case(
            "texts of fixed width",
            altered(fixed_width),
            replace(AS_SMALL, obs=with_it | {"it": Col("string", names)}, anndata=False),
        ),
        _column("dates as anndata keeps them, in text", pd.Series(days, index=CELLS), Col("string", days)),
        Case(
            "dates as opaque numbers",
            altered(opaque_dates),
            replace(AS_SMALL, obs=with_it | {"it": Col("datetime", _STAMPS)}, anndata=False),
        ),
        Case(
            "nullable texts",
            altered(nullable),
            replace(AS_SMALL, obs=with_it | {"it": Col("string", ["x", None, "", "x", "y", None])}),
        ),
    ]


def _shapes() -> list[Case]:
    def in_order(file: h5py.File) -> None:
        file["obs"].attrs["column-order"] = np.array(["b", "a", "cell_type"], dtype=object)

    def without_order(file: h5py.File) -> None:
        del file["obs"].attrs["column-order"]

    def named(axis: str) -> Mapping[str, pd.DataFrame]:
        index = pd.Index(CELLS if axis == "obs" else small().var_names, name="my names")
        return {axis: pd.DataFrame({"n": np.arange(len(index), dtype=np.int32)}, index=index)}

    numbers = Col("continuous", [0, 1, 2, 3, 4, 5])
    return [
        Case("no columns", write_small(obs=pd.DataFrame(index=pd.Index(CELLS))), replace(AS_SMALL, obs={})),
        Case("named index of cells", write_small(**named("obs")), replace(AS_SMALL, obs={"n": numbers})),
        Case("named index of genes", write_small(**named("var")), AS_SMALL),
        Case(
            "index named as a column is",
            write_small(
                obs=pd.DataFrame({"n": pd.Series(CELLS, dtype=object).to_numpy()}, index=pd.Index(CELLS, name="n"))
            ),
            # anndata lists the index a second time, as a column
            replace(AS_SMALL, obs={}, anndata=False),
        ),
        Case(
            "column called index",
            write_small(obs=pd.DataFrame({"index": np.arange(6)}, index=pd.Index(CELLS, name="barcode"))),
            replace(AS_SMALL, obs={"index": numbers}),
        ),
        Case(
            "columns in the order the file gives",
            altered(in_order, obs=_frame(a=np.arange(6), b=np.arange(6), cell_type=pd.Categorical(TYPES))),
            replace(AS_SMALL, obs={"b": numbers, "a": numbers, "cell_type": CELL_TYPE}),
        ),
        Case(
            "no order of columns given",
            altered(without_order, obs=_frame(b=np.arange(6), a=np.arange(6))),
            replace(AS_SMALL, obs={"a": numbers, "b": numbers}, anndata=False),
        ),
        Case(
            "many columns",
            write_small(obs=pd.DataFrame({f"column {i}": np.arange(6) for i in range(100)}, index=pd.Index(CELLS))),
            replace(AS_SMALL, obs={f"column {i}": numbers for i in range(100)}),
        ),
    ]


def _damaged() -> list[Case]:
    def short(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs"].create_dataset("n", data=np.arange(5))

    def deep(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs"].create_dataset("n", data=np.zeros((6, 2)))

    def codes(values: list[int]) -> Any:
        def change(file: h5py.File) -> None:
            file["obs/cell_type/codes"][...] = np.array(values, np.int8)

        return change

    def short_codes(file: h5py.File) -> None:
        del file["obs/cell_type/codes"]
        file["obs/cell_type"].create_dataset("codes", data=np.zeros(4, np.int8))

    def no_categories(file: h5py.File) -> None:
        del file["obs/cell_type/categories"]

    def group(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs"].create_group("n")

    def listed(file: h5py.File) -> None:
        del file["obs/n"]

    def soft(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs/n"] = h5py.SoftLink("/nowhere")

    def external(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs/n"] = h5py.ExternalLink("elsewhere.h5", "/n")

    def compound(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs"].create_dataset("n", data=np.zeros(6, [("a", "i4"), ("b", "f4")]))

    def complex_numbers(file: h5py.File) -> None:
        del file["obs/n"]
        file["obs"].create_dataset("n", data=np.zeros(6, complex))

    def short_mask(file: h5py.File) -> None:
        del file["obs/n"]
        made = file["obs"].create_group("n")
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "nullable-integer", "0.1.0"
        made.create_dataset("values", data=np.arange(6))
        made.create_dataset("mask", data=np.zeros(3, bool))

    obs = _frame(n=np.arange(6), cell_type=pd.Categorical(TYPES))
    left = replace(AS_SMALL, anndata=False)
    without_n = replace(left, obs={"cell_type": CELL_TYPE}, warnings=[["'n'", "obs"]])
    numbers = Col("continuous", [0, 1, 2, 3, 4, 5])
    cases = [
        Case(f"column left out: {name}", altered(change, obs=obs), without_n)
        for name, change in {
            "too short": short,
            "two-dimensional": deep,
            "a plain group": group,
            "listed but not there": listed,
            "soft link to nothing": soft,
            "external link": external,
            "a compound array": compound,
            "complex numbers": complex_numbers,
            "mask too short": short_mask,
        }.items()
    ]
    wrong = {
        "code too large": codes([0, 1, 2, 3, 0, 1]),
        "code far too large": codes([0, 1, 2, 127, 0, 1]),
        "code below -1": codes([0, 1, 2, -2, 0, 1]),
        "codes too short": short_codes,
        "no categories": no_categories,
    }
    return cases + [
        Case(
            f"categorical left out: {name}",
            altered(change, obs=obs),
            replace(left, obs={"n": numbers}, unreadable=["cell_type"], warnings=[["'cell_type'", "obs"]]),
        )
        for name, change in wrong.items()
    ]


TABLES = [*_categoricals(), *_numbers(), *_texts(), *_shapes(), *_damaged()]
