"""loom: every column, embedding and gene equals what loompy and anndata's read_loom read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata.io import read_loom, write_loom
from starcyte.cli import main
from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.store.dataset import Kind
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import loompy

G, N = 30, 80


@pytest.fixture
def opened() -> Iterator[Callable[[Path], StoredDataset]]:
    datasets = []

    def act(path: Path) -> StoredDataset:
        datasets.append(open_dataset(path, Settings()))
        return datasets[-1]

    yield act
    for dataset in datasets:
        dataset.close()


def create(path: Path, attributes: dict[str, Any], rows: dict[str, Any] | None = None, **layers: Any) -> Path:
    """Write a loom file with loompy."""
    random = np.random.default_rng(1)
    matrix = random.poisson(1, (G, N)).astype(np.float32)
    genes = rows or {"Gene": np.array([f"G{i}" for i in range(G)]), "Accession": ensembl()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loompy.create(str(path), {"": matrix, **layers} if layers else matrix, genes, attributes)
    return path


def ensembl() -> Any:
    return np.array([f"ENSG{i:011d}" for i in range(G)])


def cells(**more: Any) -> dict[str, Any]:
    random = np.random.default_rng(2)
    return {
        "CellID": np.array([f"c{i}" for i in range(N)]),
        "Class": random.choice(["Neurons", "Astrocytes", "Microglia"], N),
        "Age": random.integers(1, 90, N),
        "TotalUMI": random.random(N) * 1e4,
        **more,
    }


def oracle(path: Path) -> ad.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_loom(path, X_name="", sparse=False)


def check_agrees(dataset: StoredDataset, expected: ad.AnnData) -> None:
    assert (dataset.n_obs, dataset.n_vars) == expected.shape
    assert dataset.index_names(0, dataset.n_obs) == expected.obs_names.tolist()
    assert list(dataset.genes().names) == expected.var_names.tolist()
    for info in dataset.obs:
        column = dataset.obs_column(info.name)
        found = column.as_numbers() if info.kind in {Kind.CONTINUOUS, Kind.BOOLEAN} else column.as_text()
        np.testing.assert_array_equal(found, expected.obs[info.name].to_numpy())
    matrices = {"X": expected.X} | {f"layers/{name}": layer for name, layer in expected.layers.items()}
    assert [m.name for m in dataset.matrices] == list(matrices)
    for name, values in matrices.items():
        matrix = dataset.matrix(name)
        for gene in range(expected.n_vars):
            np.testing.assert_array_equal(matrix.column(gene).dense(), values[:, gene])
        rebuilt = np.zeros(expected.shape, matrix.dtype)
        for number in range(matrix.n_blocks):
            block = matrix.block(number)
            rebuilt[block.rows, block.genes] = block.values.T
        np.testing.assert_array_equal(rebuilt, values)


def test_a_file_of_loompy(tmp_path: Path, opened: Any) -> None:
    random = np.random.default_rng(3)
    spliced = random.poisson(2, (G, N)).astype(np.uint16)
    path = create(tmp_path / "x.loom", cells(), spliced=spliced)
    # h5py opens no file twice with locks and without
    expected = oracle(path)
    dataset = opened(path)
    check_agrees(dataset, expected)
    assert {c.name for c in dataset.obs} == {"Class", "Age", "TotalUMI"}
    assert dataset.content == "loom"
    assert dataset.obs_column("Class").info.categories == ("Astrocytes", "Microglia", "Neurons")
    assert dataset.check() == []
    assert dataset.genes().match("ENSG00000000003") == 3
    assert dataset.describe()["container"] == "HDF5"


@pytest.mark.parametrize(
    ("names", "embedding"),
    [
        (["_X", "_Y"], "XY"),
        (["X", "Y"], "XY"),
        (["tSNE_1", "tSNE_2"], "tSNE"),
        (["tSNE1", "tSNE2"], "tSNE"),
        (["UMAP1", "UMAP2", "UMAP3"], "UMAP"),
        (["_UMAP_1", "_UMAP_2"], "UMAP"),
        (["umap_x", "umap_y"], "umap"),
        (["_PC1", "_PC2"], "PC"),
        (["_tSNE1", "_tSNE2"], "tSNE"),
    ],
)
def test_columns_of_an_embedding_by_their_usual_names(
    names: list[str], embedding: str, tmp_path: Path, opened: Any
) -> None:
    given = {name: np.random.default_rng(i).random(N) for i, name in enumerate(names)}
    dataset = opened(create(tmp_path / "x.loom", cells(**given)))
    assert [(e.name, e.dims) for e in dataset.embeddings] == [(embedding, len(names))]
    for dim, values in enumerate(given.values()):
        np.testing.assert_array_equal(dataset.embedding(embedding, [dim])[0], values.astype(np.float32))


def test_other_columns_are_no_embedding(tmp_path: Path, opened: Any) -> None:
    given = {name: np.zeros(N) for name in ("Chip1", "Chip2", "_X", "G1", "G2", "tSNE_1")}
    assert not opened(create(tmp_path / "x.loom", cells(**given))).embeddings


def test_arrays_of_anndata_and_records_of_scenic(tmp_path: Path, opened: Any) -> None:
    random = np.random.default_rng(5)
    adata = ad.AnnData(
        sp.csr_matrix(random.poisson(1, (N, G)).astype(np.float32)),
        obs=pd.DataFrame({"kind": pd.Categorical(random.choice(["a", "b"], N))}, index=[f"c{i}" for i in range(N)]),
        var=pd.DataFrame(index=[f"G{i}" for i in range(G)]),
        obsm={"X_umap": random.normal(size=(N, 2))},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_loom(tmp_path / "x.loom", adata, write_obsm_varm=True)
    record = np.zeros(N, [("_X", "f4"), ("_Y", "f4")])
    record["_X"], record["_Y"] = random.random((2, N))
    with h5py.File(tmp_path / "x.loom", "r+") as file:
        file["col_attrs/Embedding"] = record
        file["col_attrs/RegulonsAUC"] = np.zeros(N, [(f"r{i}", "f4") for i in range(9)])
    dataset = opened(tmp_path / "x.loom")
    assert dataset.index_names(0, 2) == ["c0", "c1"]
    assert [e.name for e in dataset.embeddings] == ["X_umap", "Embedding"]
    np.testing.assert_array_equal(dataset.embedding("X_umap", [0, 1]).T, adata.obsm["X_umap"].astype(np.float32))
    np.testing.assert_array_equal(dataset.embedding("Embedding", [0, 1]), np.stack([record["_X"], record["_Y"]]))
    assert any("'RegulonsAUC' is left out" in line for line in dataset.warnings)


def test_text_that_does_not_repeat_stays_text(tmp_path: Path, opened: Any) -> None:
    given = {"Clusters": np.array([f"k{i % 12}" for i in range(N)]), "Barcodes": np.array([f"b{i}" for i in range(N)])}
    dataset = opened(create(tmp_path / "x.loom", cells(**given)))
    kinds = {c.name: (c.kind, c.categories) for c in dataset.obs}
    # in natural order
    assert kinds["Clusters"] == (Kind.CATEGORICAL, tuple(f"k{i}" for i in range(12)))
    assert kinds["Barcodes"] == (Kind.STRING, None)


def test_a_matrix_that_claims_more_cells_than_it_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "x.loom", "w") as file:
        file.create_dataset("matrix", (2, 10**11), "f4", chunks=(1, 1000))
        file.create_group("row_attrs")
        file.create_group("col_attrs")
    assert main(["inspect", str(tmp_path / "x.loom")]) == 2
    assert "claims to have" in capsys.readouterr().err


def test_names_that_are_missing_are_numbers(tmp_path: Path, opened: Any) -> None:
    dataset = opened(create(tmp_path / "x.loom", {"Age": np.arange(N)}, {"Length": np.arange(G)}))
    assert dataset.index_names(0, 3) == ["0", "1", "2"]
    assert dataset.cell_names([79, 5]) == ["79", "5"]
    assert list(dataset.genes().names[:2]) == ["0", "1"]


def test_graphs_are_left_out_by_name(tmp_path: Path, opened: Any) -> None:
    path = create(tmp_path / "x.loom", cells())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with loompy.connect(str(path)) as stream:
            stream.col_graphs["KNN"] = sp.coo_matrix(np.eye(N))
    assert any("(col_graphs) are left out: KNN." in line for line in opened(path).warnings)


def test_no_copy_with_annotations_is_written(tmp_path: Path, opened: Any) -> None:
    from starcyte.curation.files.write_tables import write_h5ad

    with pytest.raises(InputError, match=r"is loom: only of an \.h5ad"):
        write_h5ad([], opened(create(tmp_path / "x.loom", cells())), tmp_path / "copy.h5ad", "")


def test_a_damaged_file_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = create(tmp_path / "x.loom", cells())
    with h5py.File(path, "r+") as file:
        del file["matrix"]
        file["matrix"] = np.zeros((G, 0))
    assert main(["inspect", str(path)]) == 2
    assert "has no cells" in capsys.readouterr().err


def test_what_is_no_column_is_left_out_by_name(tmp_path: Path, opened: Any) -> None:
    path = create(tmp_path / "x.loom", cells())
    with h5py.File(path, "a") as file:
        file["col_attrs/version"] = 3
        file["col_attrs/cube"] = np.zeros((N, 2, 2))
        file.create_group("col_attrs/nested")
        file["row_attrs/PCs"] = np.zeros((G, 5))
        file.create_group("layers/nested")
    said = opened(path).warnings
    for line in (
        "col_attrs 'version' is left out: its shape is ().",
        f"col_attrs 'cube' is left out: its shape is ({N}, 2, 2).",
        "col_attrs 'nested' is left out: it is a group.",
        f"row_attrs 'PCs' is left out: its shape is ({G}, 5).",
        "layers 'nested' is left out: it is a group.",
    ):
        assert line in said
