"""Symbols, ids, colours and embeddings as files name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from files.case import CELLS, GENES, UMAP, save, small
from starcyte.settings import load
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.natural_order import natural_key
from starcyte.store.open import open_dataset

IDS = [f"ENSG00000{i:06}" for i in range(5)]
Open = Callable[..., StoredDataset]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    datasets = []

    def act(dataset: ad.AnnData | None = None, change: Callable[[h5py.File], Any] = lambda file: None) -> StoredDataset:
        path = tmp_path / f"{len(datasets)}.h5ad"
        save(dataset or small(), path)
        with h5py.File(path, "r+") as file:
            change(file)
        datasets.append(open_dataset(path, load({})))
        return datasets[-1]

    yield act
    for dataset in datasets:
        dataset.close()


def with_raw(raw: pd.DataFrame, var: pd.DataFrame) -> ad.AnnData:
    dataset = small(var=var)
    dataset.raw = small(var=raw)
    return dataset


@pytest.mark.parametrize(
    "var",
    [
        pd.DataFrame({"gene_ids": IDS}, index=pd.Index(GENES)),
        pd.DataFrame({"feature_name": GENES}, index=pd.Index(IDS)),
        pd.DataFrame({"gene_ids": [f"{i}.7" for i in IDS]}, index=pd.Index(GENES)),
    ],
    ids=["ids in a column", "ids in the index", "ids with versions"],
)
def test_raw_without_symbols_has_those_of_var(var: pd.DataFrame, opened: Open) -> None:
    order = [3, 0, 4, 1, 2]
    raw = pd.DataFrame(index=pd.Index([IDS[i] for i in order]))
    genes = opened(with_raw(raw, var)).genes("raw/X")
    assert list(genes.names) == [GENES[i] for i in order]
    assert genes.index("CD3D") == genes.index(IDS[0]) == 1


def test_raw_keeps_ids_that_var_does_not_name(opened: Open) -> None:
    var = pd.DataFrame({"gene_ids": IDS}, index=pd.Index(GENES))
    raw = pd.DataFrame(index=pd.Index([*IDS[:4], "ENSG00000999999"]))
    assert list(opened(with_raw(raw, var)).genes("raw/X").names) == [*GENES[:4], "ENSG00000999999"]


def test_raw_with_symbols_borrows_none(opened: Open) -> None:
    var = pd.DataFrame({"gene_ids": IDS}, index=pd.Index(GENES))
    raw = pd.DataFrame(index=pd.Index(["A", "B", "C", "D", "E"]))
    assert list(opened(with_raw(raw, var)).genes("raw/X").names) == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize("text", ["nan", "NaN", "NA", "<NA>", "None", "-", ""])
def test_missing_symbols_are_ids(text: str, opened: Open) -> None:
    var = pd.DataFrame({"gene_symbols": ["CD3D", text, "NKG7", text, "PPBP"]}, index=pd.Index(IDS))
    dataset = opened(small(var=var))
    assert list(dataset.genes().names) == ["CD3D", IDS[1], "NKG7", IDS[3], "PPBP"]
    assert list(dataset.warnings) == []


@pytest.mark.parametrize(
    "ids",
    [
        [f"GRCh38_ENSG00000{i:06}" for i in range(5)],
        [f"mm10___ENSMUSG00000{i:06}.2" for i in range(5)],
        ["AT1G01010", "AT1G01020", "AT5G01030", "ATCG00010", "ATMG00030"],
        ["Os01g0100100", "Os01g0100200", "Os01g0100300", "Os02g0100400", "Os03g0100500"],
        ["PF3D7_0100100", "PF3D7_0100200", "PF3D7_0100300", "PF3D7_0100400", "PF3D7_0100500"],
        ["Zm00001d027230", "Zm00001d027231", "Zm00001d027232", "Zm00001d027233", "Zm00001d027234"],
        ["Glyma.01G000100", "Glyma.01G000200", "Glyma.01G000300", "Glyma.02G000100", "Glyma.02G000200"],
        ["ZDB-GENE-030131-1", "ZDB-GENE-030131-2", "ZDB-GENE-030131-3", "ZDB-GENE-030131-4", "ZDB-GENE-030131-5"],
    ],
    ids=lambda ids: ids[0],
)
def test_ids_of_any_organism_give_way_to_symbols(ids: list[str], opened: Open) -> None:
    genes = opened(small(var=pd.DataFrame({"gene_symbols": GENES}, index=pd.Index(ids)))).genes()
    assert list(genes.names) == GENES
    assert genes.index(ids[2]) == 2


def test_symbols_are_no_ids(opened: Open) -> None:
    symbols = ["HLA-DRA", "RP11-34P13.7", "C1orf112", "1700001C19Rik", "KIAA0319"]
    var = pd.DataFrame({"gene_symbols": ["a", "b", "c", "d", "e"]}, index=pd.Index(symbols))
    assert list(opened(small(var=var)).genes().names) == symbols


def test_natural_order() -> None:
    texts = ["10", "2", "1", "c10", "c2", "c", "C2", "02", "2a", "9" * 5000, ""]
    assert sorted(texts, key=natural_key) == ["", "1", "02", "2", "2a", "10", "9" * 5000, "C2", "c", "c2", "c10"]


def text_clusters() -> ad.AnnData:
    clusters = pd.Series(["10", "2", "1", "10", "0", "2"], index=CELLS, dtype=object)
    return small(obs=pd.DataFrame({"leiden": clusters.to_numpy()}, index=pd.Index(CELLS)))


def test_clusters_of_text_are_in_natural_order_with_the_colours_of_the_file(opened: Open) -> None:
    colors = ["#000000", "#111111", "#222222", "#333333"]
    dataset = text_clusters()
    dataset.uns["leiden_colors"] = colors
    store = opened(dataset)
    codes, categories = store.obs_column("leiden").as_codes()
    assert categories == ("0", "1", "2", "10")
    assert codes.tolist() == [3, 2, 1, 3, 0, 2]
    assert store.describe()["obs"][0]["colors"] == colors


@pytest.mark.parametrize(
    ("values", "colors"),
    [
        (np.array([[1, 0, 0, 1], [0, 0.5, 0, 0.5], [0, 0, 1, 0]]), ["#ff0000", "#008000", "#0000ff"]),
        (np.array([[1, 0, 0], [0, 1, 0], [0.2, 0.4, 0.6]], np.float32), ["#ff0000", "#00ff00", "#336699"]),
        (np.array([[255, 0, 0], [0, 128, 0], [0, 0, 255]], np.uint8), ["#ff0000", "#008000", "#0000ff"]),
    ],
    ids=["RGBA", "RGB", "bytes"],
)
def test_colours_of_channels(values: Any, colors: list[str], opened: Open) -> None:
    store = opened(change=lambda file: file["uns"].create_dataset("cell_type_colors", data=values))
    assert store.colors("cell_type") == colors
    assert list(store.warnings) == []


@pytest.mark.parametrize("name", ["X_pca", "pca"])
def test_the_default_embedding_of_the_file_is_first(name: str, opened: Open) -> None:
    dataset = small(obsm={"X_umap": UMAP, "X_pca": UMAP})
    dataset.uns["default_embedding"] = name
    assert [e.name for e in opened(dataset).embeddings] == ["X_pca", "X_umap"]
