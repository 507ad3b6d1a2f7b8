"""Strings that are markup, paths, commands or nonsense, as every kind of string of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd

from files.case import (
    AS_SMALL,
    CELL_TYPE,
    CELLS,
    DENSE,
    GENES,
    TYPES,
    UMAP,
    Case,
    Col,
    Mat,
    Write,
    altered,
    write_small,
)

TEXTS: Mapping[str, str] = {
    "markup": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert(1)</script>",
    "quotes": "\"'`",
    "backslash": "a\\b\\",
    "path": "../../etc/passwd",
    "dots": "..",
    "dot": ".",
    "command": "$(touch /tmp/x); rm -rf ~ | cat",
    "address": "javascript:alert(1)",
    "query": "a?b=c&d=e#f",
    "percent": "%2e%2e%2f%00",
    "formula": "=HYPERLINK(A1)",
    "template": "{{7*7}} ${7*7} %s %(x)s {0}",
    "newline": "two\nlines\r\nand\ta tab",
    "control": "bell\x07 escape\x1b[31m delete\x7f",
    "long": "x" * 10_000,
    "empty": "",
    "blank": "  ",
    "unicode": "naïve ζ 细胞 🧬",
    "combining": "e\u0301 is not \u00e9",
    "right to left": "\u202etxt.exe",
    "line separators": "a\u2028b\u2029c",
    "prototype": "__proto__",
    "constructor": "constructor",
    "null": "null",
    "not a number": "NaN",
    "true": "true",
    "zero": "0",
    "negative": "-1",
    "slash": "CD4/CD8",
    "comma": "a,b;c\td",
    "byte order mark": "\ufeffname",
}


def _can_be_a_key(text: str) -> bool:
    """Return whether a text can be the name of an HDF5 object: slashes and dots are paths."""
    return text not in {"", ".", ".."} and "/" not in text


def _keyed(kind: str, text: str) -> Case | None:
    """A case with the text as the name of an HDF5 object."""
    numbers = Col("continuous", [0, 1, 2, 3, 4, 5])
    if kind == "column":
        obs = pd.DataFrame({"cell_type": pd.Categorical(TYPES), text: np.arange(6)}, index=pd.Index(CELLS))
        return Case("", write_small(obs=obs), replace(AS_SMALL, obs={"cell_type": CELL_TYPE, text: numbers}))
    if kind == "embedding":
        embeddings = {"X_umap": UMAP, text: UMAP * 2}
        return Case("", write_small(obsm=embeddings), replace(AS_SMALL, embeddings=embeddings))
    if kind == "layer":
        return Case(
            "",
            write_small(layers={text: DENSE * 2}),
            replace(AS_SMALL, matrices={"X": Mat("csr", DENSE), f"layers/{text}": Mat("dense", DENSE * 2)}),
        )
    return None


def _valued(kind: str, text: str) -> Case:
    """A case with the text as a value."""
    if kind == "gene":
        genes = [text, *GENES[1:]]
        return Case(
            "",
            write_small(var=pd.DataFrame(index=pd.Index(genes))),
            replace(AS_SMALL, genes=genes if text else None, quiet=False),
        )
    if kind == "cell":
        cells = [text, *CELLS[1:]]
        obs = pd.DataFrame({"cell_type": pd.Categorical(TYPES)}, index=pd.Index(cells))
        return Case("", write_small(obs=obs), replace(AS_SMALL, cells=cells))
    if kind == "category":
        values = [text, "T", text, "B", "T", text]
        column = pd.Categorical(values, [text, "T", "B"])
        return Case(
            "",
            write_small(obs=pd.DataFrame({"it": column}, index=pd.Index(CELLS))),
            replace(AS_SMALL, obs={"it": Col("categorical", values, [text, "T", "B"])}),
        )
    if kind == "title":
        return Case("", write_small(uns={"title": text}), AS_SMALL)
    values = [text, "b", "c", "d", "e", "f"]
    return Case(
        "",
        write_small(obs=pd.DataFrame({"it": pd.Series(values, dtype=object).to_numpy()}, index=pd.Index(CELLS))),
        replace(AS_SMALL, obs={"it": Col("string", values)}),
    )


def _cases() -> list[Case]:
    cases = []
    for name, text in TEXTS.items():
        for kind in ("gene", "cell", "category", "text", "title"):
            cases.append(replace(_valued(kind, text), id=f"{kind}: {name}"))
        for kind in ("column", "embedding", "layer"):
            case = _keyed(kind, text)
            if case is not None and _can_be_a_key(text):
                cases.append(replace(case, id=f"{kind}: {name}"))
    return cases


def _mimics() -> list[Case]:
    """Elements with the names of other elements."""
    numbers = Col("continuous", [0, 1, 2, 3, 4, 5])

    def with_column(name: str) -> Write:
        return write_small(obs=pd.DataFrame({name: np.arange(6)}, index=pd.Index(CELLS, name="cells")))

    cases = [
        Case(f"column called {name}", with_column(name), replace(AS_SMALL, obs={name: numbers}))
        for name in ("n_obs", "X", "X_umap", "obs", "name", "cell", "label", "toString", "hasOwnProperty")
    ]

    # anndata refuses to write a column called _index; older files have them.
    def underscore(file: h5py.File) -> None:
        obs = file["obs"]
        obs.move("_index", "cells")
        obs.attrs["_index"] = "cells"
        obs.create_dataset("_index", data=np.arange(6))
        obs.attrs["column-order"] = np.array(["_index"], dtype=object)

    def slash(file: h5py.File) -> None:
        # Written by anndata before 0.11, a slash in a name makes a group of it.
        file["obs"].create_group("CD4")
        file["obs/CD4"].create_dataset("CD8", data=np.arange(6))
        file["obs"].attrs["column-order"] = np.array(["cell_type", "CD4/CD8"], dtype=object)

    cases += [
        Case("column called _index", altered(underscore), replace(AS_SMALL, obs={"_index": numbers}, anndata=False)),
        Case(
            "column with a slash in its name",
            altered(slash),
            replace(AS_SMALL, obs={"cell_type": CELL_TYPE, "CD4/CD8": numbers}, anndata=False),
        ),
        Case(
            "layer called X",
            write_small(layers={"X": DENSE * 2}),
            replace(AS_SMALL, matrices={"X": Mat("csr", DENSE), "layers/X": Mat("dense", DENSE * 2)}),
        ),
        Case("embedding called obs", write_small(obsm={"obs": UMAP}), replace(AS_SMALL, embeddings={"obs": UMAP})),
        Case(
            "gene called index",
            write_small(var=pd.DataFrame(index=pd.Index(["index", "X", "0", "1", "None"]))),
            replace(AS_SMALL, genes=["index", "X", "0", "1", "None"]),
        ),
        Case(
            "gene and column of one name",
            write_small(obs=pd.DataFrame({"CD3D": np.arange(6)}, index=pd.Index(CELLS))),
            replace(AS_SMALL, obs={"CD3D": numbers}),
        ),
    ]
    return cases


def _not_utf8() -> list[Case]:
    def change(file: h5py.File) -> None:
        made = file["obs"].create_dataset("it", data=np.array([b"caf\xe9", b"b", b"c", b"d", b"e", b"f"]))
        made.attrs["encoding-type"], made.attrs["encoding-version"] = "string-array", "0.2.0"
        file["obs"].attrs["column-order"] = np.array(["cell_type", "it"], dtype=object)

    expected = Col("string", ["caf\ufffd", "b", "c", "d", "e", "f"])
    return [
        Case(
            "text that is not UTF-8",
            altered(change),
            replace(AS_SMALL, obs={"cell_type": CELL_TYPE, "it": expected}, anndata=False),
        )
    ]


HOSTILE = [*_cases(), *_mimics(), *_not_utf8()]
