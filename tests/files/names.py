"""Names of genes and cells: duplicates, ids with symbols in another column, and colours of categories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from files.case import AS_SMALL, CELLS, GENES, TYPES, Case, Write, altered, save, small, write_small

IDS = ["ENSG00000167286", "ENSG00000156738", "ENSG00000105374", "ENSG00000090382", "ENSG00000163736"]
_SYMBOL_COLUMNS = (
    "feature_name",
    "gene_symbols",
    "gene_symbol",
    "gene_names",
    "gene_name",
    "symbol",
    "Symbol",
    "SYMBOL",
    "hgnc_symbol",
    "gene_short_name",
)


def _var(index: list[str], **columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index(index))


def _genes() -> list[Case]:
    def symbols(name: str, index: list[str], values: object, genes: list[str], source: str, **extra: object) -> Case:
        var = _var(index, **{source if source != "index" else "unlike": values, **extra})
        return Case(name, write_small(var=var), replace(AS_SMALL, genes=genes, names_from=source, quiet=False))

    versioned = [f"{name}.{number}" for number, name in enumerate(IDS, 1)]
    mouse = [
        "ENSMUSG00000032094",
        "ENSMUSG00000024673",
        "ENSMUSG00000004612",
        "ENSMUSG00000069516",
        "ENSMUSG00000029372",
    ]
    cases = [symbols(f"symbols in {column}", IDS, GENES, GENES, column) for column in _SYMBOL_COLUMNS]
    cases += [
        symbols("symbols in a categorical", IDS, pd.Categorical(GENES), GENES, "feature_name"),
        symbols("ids with versions", versioned, GENES, GENES, "gene_name"),
        symbols(
            "ids of a mouse",
            mouse,
            ["Cd3d", "Ms4a1", "Nkg7", "Lyz2", "Ppbp"],
            ["Cd3d", "Ms4a1", "Nkg7", "Lyz2", "Ppbp"],
            "gene_name",
        ),
        symbols("ids and no symbols", IDS, np.arange(5), IDS, "index"),
        symbols("symbols in the index, ids in a column", GENES, IDS, GENES, "index", gene_ids=IDS),
        symbols("symbols column that holds the ids again", IDS, IDS, IDS, "index", gene_symbols=IDS),
        symbols(
            "symbols in the index and other names in a column",
            GENES,
            ["a", "b", "c", "d", "e"],
            GENES,
            "index",
            gene_name=["a", "b", "c", "d", "e"],
        ),
    ]
    return cases


def _duplicates() -> list[Case]:
    twice = ["A", "B", "A", "A", "C"]

    def duplicate_cells(path: Path) -> None:
        dataset = small()
        dataset.obs_names = ["x", "y", "x", "z", "y", "x"]
        save(dataset, path)

    return [
        Case(
            "duplicate genes",
            write_small(var=_var(twice)),
            replace(AS_SMALL, genes=None, warnings=[["gene", "duplicate"]]),
        ),
        Case(
            "duplicate symbols",
            write_small(var=_var(IDS, gene_symbols=["A", "B", "C", "C", "D"])),
            replace(AS_SMALL, genes=None, names_from="gene_symbols", warnings=[["gene", "duplicate"]]),
        ),
        Case(
            "duplicate cells",
            duplicate_cells,
            replace(AS_SMALL, cells=["x", "y", "x", "z", "y", "x"], warnings=[["cell", "duplicate"]]),
        ),
        Case(
            "all genes of one name",
            write_small(var=_var(["same"] * 5)),
            replace(AS_SMALL, genes=None, warnings=[["gene", "duplicate"]]),
        ),
        Case(
            "cells named by numbers",
            write_small(obs=pd.DataFrame(index=[str(i) for i in range(6)])),
            replace(AS_SMALL, obs={}, cells=list("012345")),
        ),
    ]


def _colors() -> list[Case]:
    def with_colors(values: object) -> Write:
        return write_small(uns={"cell_type_colors": values})

    def case(name: str, values: object, expected: list[str]) -> Case:
        return Case(
            f"colours {name}",
            with_colors(np.array(values, dtype=object)),
            replace(AS_SMALL, colors={"cell_type": expected}),
        )

    def refused(name: str, values: object) -> Case:
        given = np.array(values, dtype=object) if isinstance(values, list) else values
        return Case(
            f"colours refused: {name}",
            with_colors(given),
            replace(AS_SMALL, not_colors=["cell_type"], warnings=[["cell_type_colors"]]),
        )

    def quietly(name: str, values: object) -> Case:
        return Case(
            f"colours refused: {name}", with_colors(values), replace(AS_SMALL, not_colors=["cell_type"], quiet=False)
        )

    right = ["#1f77b4", "#ff7f0e", "#2ca02c"]

    def without_colors(name: str, obs: pd.DataFrame, colors: list[str]) -> Case:
        return Case(
            name,
            write_small(obs=obs, uns={"it_colors": np.array(colors, dtype=object)}),
            replace(AS_SMALL, obs=None, quiet=False),
        )

    def group(file: h5py.File) -> None:
        file["uns"].create_group("cell_type_colors")

    return [
        case("right", right, right),
        case("in capitals", ["#1F77B4", "#FF7F0E", "#2CA02C"], right),
        case("by name", ["red", "DarkBlue", "lightgrey"], ["#ff0000", "#00008b", "#d3d3d3"]),
        case("short", ["#f00", "#0F0", "#00f"], ["#ff0000", "#00ff00", "#0000ff"]),
        case("with alpha", [c + "ff" for c in right], right),
        case("more than categories", [*right, "#000000"], right),
        refused("too few", right[:2]),
        refused("none", []),
        refused("no colours", ["#1f77b4", "reddish", "#2ca02c"]),
        refused("empty text", ["#1f77b4", "", "#2ca02c"]),
        refused("bad digits", ["#1f77b4", "#gggggg", "#2ca02c"]),
        refused("markup", ['"><script>alert(1)</script>', *right[1:]]),
        refused("style sheet", ["red;background:url(//example.org/x)", *right[1:]]),
        refused("function", ["url(javascript:alert(1))", *right[1:]]),
        refused("newline after", ["#1f77b4\n;}", *right[1:]]),
        quietly("numbers", np.arange(3)),
        quietly("table of numbers", np.zeros((3, 4))),
        quietly("one text", "#1f77b4"),
        Case("colours refused: a group", altered(group), replace(AS_SMALL, not_colors=["cell_type"], quiet=False)),
        without_colors(
            "colours of a column without categories", pd.DataFrame({"it": np.arange(6)}, index=CELLS), right
        ),
        Case("colours of no column", write_small(uns={"gone_colors": np.array(right, dtype=object)}), AS_SMALL),
        Case(
            "colours of more categories than the palette",
            write_small(
                obs=pd.DataFrame(
                    {"it": pd.Categorical([f"c{i}" for i in range(6)], [f"c{i}" for i in range(150)])}, index=CELLS
                )
            ),
            replace(AS_SMALL, obs=None, not_colors=["it"]),
        ),
    ]


assert len(TYPES) == len(CELLS)
NAMES = [*_genes(), *_duplicates(), *_colors()]
