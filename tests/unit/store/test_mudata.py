"""MuData: every column, embedding and gene equals what the package mudata reads, and what is missing stays missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scanpy
from mudata_files import GENES, PROTEINS, N, cite_seq, pulled, read, without, write
from starcyte.cli import main
from starcyte.errors import DatasetInvalid, InputError, NotFound
from starcyte.settings import Settings
from starcyte.store.cell_rows import to_cells
from starcyte.store.dataset import Kind
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset
from starcyte.store.zarr.folder import FolderStore
from zarr_stores import zipped

FOREIGN = Path(__file__).parents[2] / "data" / "foreign" / "mudata.h5mu"


@pytest.fixture
def opened() -> Iterator[Callable[[Path], StoredDataset]]:
    datasets = []

    def act(path: Path, **settings: Any) -> StoredDataset:
        datasets.append(open_dataset(path, Settings(**settings)))
        return datasets[-1]

    yield act
    for dataset in datasets:
        dataset.close()


def texts(values: Any) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def check_agrees(dataset: StoredDataset, oracle: md.MuData) -> None:
    """Compare cells, columns, embeddings and genes with those that mudata reads."""
    assert dataset.n_obs == oracle.n_obs
    names = dataset.index_names(0, dataset.n_obs)
    assert sorted(names) == sorted(oracle.obs_names)
    oracle_obs, order = oracle.obs.loc[names], oracle.obs_names.get_indexer(names)
    assert {c.name for c in dataset.obs} == set(oracle_obs.columns)
    for info in dataset.obs:
        column, expected = dataset.obs_column(info.name), oracle_obs[info.name]
        if info.kind in {Kind.CONTINUOUS, Kind.BOOLEAN}:
            numbers = pd.to_numeric(expected.astype(object)).astype(float)
            np.testing.assert_array_equal(column.as_numbers().astype(float), numbers)
        else:
            codes, categories = column.as_codes()
            assert [None if c < 0 else categories[c] for c in codes.tolist()] == texts(expected)
    found = {e.name for e in dataset.embeddings}
    expected_embeddings = {name for name in oracle.obsm if name not in oracle.mod}
    for name in expected_embeddings:
        np.testing.assert_array_equal(dataset.embedding(name, [0, 1]).T, oracle.obsm[name][order][:, :2])
    for modality, part in oracle.mod.items():
        rows = part.obs_names.get_indexer(names)
        for name, values in part.obsm.items():
            expected_embeddings.add(f"{modality}:{name}")
            wanted = np.where(rows[:, None] < 0, np.nan, values[rows, :2].astype(np.float32))
            np.testing.assert_array_equal(dataset.embedding(f"{modality}:{name}", [0, 1]).T, wanted)
        matrices = {"X": part.X} | {f"layers/{name}": layer for name, layer in part.layers.items()}
        if part.raw is not None:
            matrices["raw/X"] = part.raw.X
        for name, values in matrices.items():
            matrix = dataset.matrix(f"{modality}/{name}")
            dense = np.asarray(values.todense() if hasattr(values, "todense") else values)
            for gene in range(dense.shape[1]):
                wanted = np.where(rows < 0, np.nan, dense[rows, gene])
                np.testing.assert_array_equal(to_cells(matrix, matrix.column(gene).dense()), wanted)
    assert found == expected_embeddings


@pytest.mark.parametrize("kind", ["h5mu", "zarr"])
@pytest.mark.parametrize("is_pulled", [True, False])
def test_everything_equals_mudata(kind: str, is_pulled: bool, tmp_path: Path, opened: Any) -> None:
    path = write(pulled(cite_seq(), is_pulled), tmp_path / f"cite.{kind}")
    oracle = read(path)
    dataset = opened(path)
    assert dataset.index_names(0, N) == oracle.obs_names.tolist()
    check_agrees(dataset, oracle)
    assert list(dataset.modalities) == ["rna", "prot"]
    assert dataset.n_vars == oracle.n_vars
    assert dataset.check() == []
    described = dataset.describe()
    assert described["modalities"] == [
        {"name": "rna", "n_obs": 210, "n_vars": 5, "n_missing": 30},
        {"name": "prot", "n_obs": 192, "n_vars": 3, "n_missing": 48},
    ]
    assert [(m["name"], m["modality"]) for m in described["matrices"]] == [
        ("rna/X", "rna"),
        ("rna/raw/X", "rna"),
        ("rna/layers/counts", "rna"),
        ("prot/X", "prot"),
    ]
    assert next(m["log_base"] for m in described["matrices"] if m["name"] == "rna/X") == 2.0
    assert described["default_matrix"] == "rna/X"
    assert described["warnings"] == []


def test_a_zip_file_of_the_store(tmp_path: Path, opened: Any) -> None:
    path = write(cite_seq(), tmp_path / "cite.zarr")
    oracle = read(path)
    check_agrees(opened(zipped(path)), oracle)


@pytest.mark.parametrize(
    "absent",
    [["mod-order"], ["obsmap"], ["mod-order", "obsmap", "varmap"], ["var", "varm"], ["obsm/rna", "obsm/prot"]],
    ids=" ".join,
)
def test_files_without_what_other_writers_leave_away(absent: list[str], tmp_path: Path, opened: Any) -> None:
    path = write(pulled(cite_seq(), False), tmp_path / "cite.h5mu")
    oracle = read(path)
    check_agrees(opened(without(path, *absent)), oracle)


def test_a_store_that_does_not_list_its_members(tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(pulled(cite_seq(), False), tmp_path / "cite.zarr")
    monkeypatch.setattr(FolderStore, "folders", lambda self, key: [])
    dataset = opened(path)
    assert list(dataset.modalities) == ["rna", "prot"]
    assert [m.name for m in dataset.matrices] == ["rna/X", "rna/raw/X", "prot/X"]


def test_without_a_table_of_all_cells_they_are_those_of_the_modalities(tmp_path: Path, opened: Any) -> None:
    mdata = cite_seq()
    del mdata.obsm["X_wnn_umap"], mdata.obs["celltype"]
    path = write(pulled(mdata, False), tmp_path / "cite.h5mu")
    oracle = read(path)
    dataset = opened(without(path, "obs", "obsmap", "obsm"))
    assert dataset.index_names(0, 3) == ["cell0", "cell1", "cell2"]
    check_agrees(dataset, oracle)


def test_a_map_that_contradicts_the_names_is_not_believed(tmp_path: Path, opened: Any) -> None:
    path = write(pulled(cite_seq(), False), tmp_path / "cite.h5mu")
    oracle = read(path)
    with h5py.File(path, "r+") as file:
        rows = file["obsmap/prot"][()]
        file["obsmap/prot"][:] = rows[::-1]
    check_agrees(opened(path), oracle)


def test_the_file_of_mudata_0_4(opened: Any) -> None:
    dataset = opened(FOREIGN)
    check_agrees(dataset, read(FOREIGN))
    assert dataset.default_matrix == "rna/X"


def test_colors_are_those_of_the_modality(tmp_path: Path, opened: Any) -> None:
    dataset = opened(write(pulled(cite_seq(), False), tmp_path / "cite.h5mu"))
    assert dataset.colors("rna:leiden") == ["#112233", "#445566", "#778899"]


def test_a_row_of_obsp_is_by_the_cells_of_the_dataset(tmp_path: Path, opened: Any) -> None:
    mdata = cite_seq()
    dataset = opened(write(mdata, tmp_path / "cite.h5mu"))
    expected = mdata["rna"].obsp["connectivities"].toarray()
    row = dataset.obsp_row("rna:connectivities", 3).dense()
    np.testing.assert_array_equal(row[:210], expected[3])
    assert not dataset.obsp_row("rna:connectivities", 239).dense().any()


def test_results_of_a_modality_have_its_name(tmp_path: Path, opened: Any) -> None:
    mdata = cite_seq()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy.tl.rank_genes_groups(mdata["rna"], "leiden", use_raw=False, method="t-test")
    results = opened(write(mdata, tmp_path / "cite.h5mu")).stored_results()
    (info,) = results.ranked_genes
    assert (info.key, info.group_by, info.matrix) == ("rna:rank_genes_groups", "rna:leiden", "rna/X")
    expected = mdata["rna"].uns["rank_genes_groups"]["names"]["1"].tolist()
    assert results.genes("rna:rank_genes_groups", "1").names.tolist() == expected
    with pytest.raises(NotFound):
        results.genes("rank_genes_groups", "1")


class TestGenes:
    """One search for genes and proteins."""

    @pytest.fixture
    def dataset(self, tmp_path: Path, opened: Any) -> StoredDataset:
        found: StoredDataset = opened(write(cite_seq(), tmp_path / "cite.h5mu"))
        return found

    def test_names_of_two_modalities_are_those_of_mudata(self, dataset: StoredDataset) -> None:
        mdata = cite_seq()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mdata.var_names_make_unique()
        shared = {"CD4"}
        expected = [name if name.partition(":")[2] in shared else name.partition(":")[2] for name in mdata.var_names]
        assert [*dataset.genes("rna/X").names, *dataset.genes("prot/X").names] == expected
        assert dataset.genes("rna/raw/X").names[1] == "rna:CD4"

    @pytest.mark.parametrize(
        ("matrix", "text", "found"),
        [
            ("rna/X", "CD4", [("rna/X", "rna:CD4"), ("prot/X", "prot:CD4")]),
            ("prot/X", "cd4", [("prot/X", "prot:CD4"), ("rna/X", "rna:CD4")]),
            ("rna/X", "prot:cd4", [("prot/X", "prot:CD4")]),
            ("rna/X", "CD19", [("prot/X", "CD19_TotalSeqB")]),
            ("rna/raw/X", "FOXP3", [("rna/raw/X", "FOXP3")]),
            ("prot/X", "rna:", [("rna/X", name if name != "CD4" else "rna:CD4") for name in GENES]),
            ("rna/X", "nothing", []),
        ],
    )
    def test_search(self, dataset: StoredDataset, matrix: str, text: str, found: list[tuple[str, str]]) -> None:
        lookup = dataset.gene_lookup(matrix)
        assert [(one.matrix, lookup.name(one)) for one in lookup.search(text)] == found

    def test_the_empty_text_lists_the_own_genes_first(self, dataset: StoredDataset) -> None:
        lookup = dataset.gene_lookup("prot/X")
        assert [lookup.name(one).removeprefix("prot:") for one in lookup.search("")[:3]] == PROTEINS
        assert lookup.n == 8

    def test_a_plain_name_is_that_of_the_matrix(self, dataset: StoredDataset) -> None:
        assert dataset.gene_lookup("rna/X").find("CD4").matrix == "rna/X"
        assert dataset.gene_lookup("prot/X").find("CD4").matrix == "prot/X"
        assert dataset.gene_lookup("rna/X").find("prot:CD4").matrix == "prot/X"
        assert dataset.gene_lookup("prot/X").match("ms4a1") == dataset.gene_lookup("rna/X").find("MS4A1")
        with pytest.raises(NotFound, match=r"No such gene: 'CD1'. Did you mean CD19_TotalSeqB"):
            dataset.gene_lookup("rna/X").find("CD1")


def made(axis: int) -> md.MuData:
    parts = {
        name: ad.AnnData(
            np.arange(12, dtype=np.float32).reshape(4, 3) + k,
            obs=pd.DataFrame(index=[f"{'c' if axis == -1 else name}{i}" for i in range(4)]),
            var=pd.DataFrame(index=["A", "B", "C"]),
        )
        for k, name in enumerate(("one", "two"))
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return md.MuData(parts, axis=axis)


@pytest.mark.parametrize(("axis", "shared", "n"), [(1, "genes", 8), (-1, "cells and genes", 4)])
def test_other_axes_are_shown_apart_and_said(axis: int, shared: str, n: int, tmp_path: Path, opened: Any) -> None:
    dataset = opened(write(made(axis), tmp_path / "x.h5mu"))
    assert dataset.n_obs == n
    assert any(f"share {shared} (axis {axis})" in line for line in dataset.warnings)
    assert list(dataset.genes("two/X").names) == ["two:A", "two:B", "two:C"]
    matrix = dataset.matrix("two/X")
    names = dataset.index_names(0, n)
    values = to_cells(matrix, matrix.column(0).dense())
    expected = {f"{'c' if axis == -1 else 'two'}{i}": 3.0 * i + 1 for i in range(4)}
    np.testing.assert_array_equal(values, [expected.get(name, np.nan) for name in names])


def test_a_damaged_modality_is_left_out_by_name(tmp_path: Path, opened: Any) -> None:
    path = without(write(pulled(cite_seq(), False), tmp_path / "x.h5mu"), "mod/prot/obs")
    dataset = opened(path)
    assert list(dataset.modalities) == ["rna"]
    assert any(line.startswith("Modality 'prot' is left out") for line in dataset.warnings)
    assert "celltype" in {c.name for c in dataset.obs}


def test_without_any_modality_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = without(write(cite_seq(), tmp_path / "x.h5mu"), "mod/prot", "mod/rna")
    assert main(["inspect", str(path)]) == 2
    assert "is MuData without a modality that can be shown" in capsys.readouterr().err


def test_no_copy_with_annotations_is_written(tmp_path: Path, opened: Any) -> None:
    from starcyte.curation.files.write_tables import write_h5ad

    dataset = opened(write(cite_seq(), tmp_path / "x.h5mu"))
    with pytest.raises(InputError, match=r"is MuData: only of an \.h5ad"):
        write_h5ad([], dataset, tmp_path / "copy.h5ad", "")


def test_a_var_that_is_missing_leaves_out_the_matrices(tmp_path: Path, opened: Any) -> None:
    path = without(write(pulled(cite_seq(), False), tmp_path / "x.h5mu"), "mod/prot/var")
    dataset = opened(path)
    assert [m.name for m in dataset.matrices] == ["rna/X", "rna/raw/X", "rna/layers/counts"]
    assert any("The matrices of modality 'prot' are left out" in line for line in dataset.warnings)
    assert "prot:leiden" in {c.name for c in dataset.obs}


def test_all_modalities_damaged(tmp_path: Path) -> None:
    path = without(write(cite_seq(), tmp_path / "x.h5mu"), "mod/prot/var", "mod/rna/var")
    with pytest.raises(DatasetInvalid):
        open_dataset(path, Settings())
