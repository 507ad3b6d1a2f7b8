"""Every case of reading through the store and the command line, against what was put into the file and anndata."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest
from agreement import check_agrees, values_of
from files import BROKEN, CASES, INVALID_MATRICES, Bad, Case, Col
from starcyte.cli import main
from starcyte.errors import StarcyteError
from starcyte.settings import load
from starcyte.store.block import Block
from starcyte.store.dataset import Column
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow


def made(case: Case | Bad, folder: Path) -> Path:
    # Galaxy's files end in .dat, so that no case may lean on the name.
    path = folder / "dataset_1.dat"
    if case.id == "missing folder":
        return folder / "nowhere" / "dataset_1.dat"
    case.write(path)
    return path


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param.needs:
        pytest.importorskip(request.param.needs)
    return request.param


@pytest.fixture(scope="module")
def path(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(case, tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[StoredDataset]:
    dataset = open_dataset(path, load({}))
    yield dataset
    dataset.close()


def same(found: Any, expected: Any) -> bool:
    if expected is None or found is None:
        return found is expected
    if isinstance(expected, float):
        return bool(found == expected or (math.isnan(found) and math.isnan(expected)))
    if isinstance(found, np.datetime64):
        return bool(found == np.datetime64(expected))
    return bool(found == expected)


def check_column(found: Column, expected: Col) -> None:
    assert str(found.info.kind) == expected.kind
    values = values_of(found)
    assert len(values) == len(expected.values)
    assert all(map(same, values, expected.values)), (values, expected.values)
    if expected.categories is not None:
        assert list(found.info.categories or ()) == list(expected.categories)
        assert found.info.ordered == expected.ordered


def test_inspect_says_what_is_there(case: Case, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out, parse_constant=pytest.fail)
    expect = case.expect
    assert (found["n_obs"], found["n_vars"]) == (expect.n_obs, expect.n_vars)
    assert found["genes"]["n"] == expect.n_vars
    if expect.names_from is not None:
        assert found["genes"]["names_from"] == expect.names_from
    if expect.obs is not None:
        listed = {entry["name"]: entry for entry in found["obs"]}
        assert len(listed) == len(found["obs"])
        assert [name for name in listed if name not in expect.unreadable] == list(expect.obs)
        for name, column in expect.obs.items():
            assert listed[name]["kind"] == column.kind
            if column.categories is not None:
                assert listed[name]["n_categories"] == len(column.categories)
                assert listed[name]["categories"] == list(column.categories)
                assert listed[name]["ordered"] == column.ordered
                assert len(listed[name]["colors"]) == len(column.categories)
    for entry in found["obs"]:
        for color in entry.get("colors") or ():
            assert re.fullmatch("#[0-9a-f]{6}", color)
        if entry["name"] in expect.colors:
            assert entry["colors"] == list(expect.colors[entry["name"]])
        if entry["name"] in expect.not_colors:
            assert len(entry["colors"]) == entry["n_categories"]
    if expect.embeddings is not None:
        assert {e["name"]: e["dims"] for e in found["embeddings"]} == {
            name: embeddings.shape[1] for name, embeddings in expect.embeddings.items()
        }
        assert len(found["embeddings"]) == len(expect.embeddings)
    if expect.matrices is not None:
        assert {m["name"]: m["layout"] for m in found["matrices"]} == {
            name: matrix.layout for name, matrix in expect.matrices.items()
        }
        for entry in found["matrices"]:
            dense = expect.matrices[entry["name"]].dense
            assert entry["n_vars"] == dense.shape[1]
            assert np.dtype(entry["dtype"]).newbyteorder("=") == dense.dtype.newbyteorder("=")
    for texts in expect.warnings:
        assert any(all(text in line for text in texts) for line in found["warnings"]), (texts, found["warnings"])
    if expect.quiet:
        assert len(found["warnings"]) == len(expect.warnings), found["warnings"]
    assert all(line.isprintable() for line in found["warnings"])


def test_columns(case: Case, store: StoredDataset) -> None:
    for name, expected in (case.expect.obs or {}).items():
        check_column(store.obs_column(name), expected)
    for name in case.expect.unreadable:
        with pytest.raises(StarcyteError):
            store.obs_column(name)


def test_names(case: Case, store: StoredDataset) -> None:
    if case.expect.cells is not None:
        assert store.cell_names(range(store.n_obs)) == list(case.expect.cells)
    if case.expect.genes is not None:
        assert list(store.genes().names) == list(case.expect.genes)
    if case.expect.raw_genes is not None:
        assert list(store.genes("raw/X").names) == list(case.expect.raw_genes)
    names = list(store.genes().names)
    assert len(set(names)) == len(names) == case.expect.n_vars
    for position, name in enumerate(names):
        assert store.genes().index(name) == position


def test_embeddings(case: Case, store: StoredDataset) -> None:
    for name, expected in (case.expect.embeddings or {}).items():
        found = store.embedding(name, range(expected.shape[1]))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected.astype(np.float32).T)


def by_gene(block: Block) -> np.ndarray[Any, Any]:
    """Return the values of a block, genes by cells."""
    if block.ptr is None or block.offsets is None:
        return block.values
    dense = np.zeros((len(block.ptr) - 1, block.rows.stop - block.rows.start), block.values.dtype)
    for gene, (first, last) in enumerate(zip(block.ptr[:-1], block.ptr[1:], strict=True)):
        dense[gene, block.offsets[first:last]] = block.values[first:last]
    return dense


def test_matrices(case: Case, store: StoredDataset) -> None:
    for name, expected in (case.expect.matrices or {}).items():
        matrix = store.matrix(name)
        assert matrix.shape == expected.dense.shape
        columns = [matrix.column(i).dense() for i in range(matrix.shape[1])]
        if columns:
            found = np.stack(columns, axis=1)
            assert found.dtype.newbyteorder("=") == matrix.dtype.newbyteorder("=")
            np.testing.assert_array_equal(found, expected.dense)
        whole = np.zeros(matrix.shape, expected.dense.dtype)
        seen = np.zeros(matrix.shape, np.int8)
        for number in range(matrix.n_blocks):
            block = matrix.block(number)
            whole[block.rows, block.genes] = by_gene(block).T
            seen[block.rows, block.genes] += 1
        assert (seen == 1).all()
        np.testing.assert_array_equal(whole, expected.dense)


def test_small_blocks_give_the_same(case: Case, path: Path) -> None:
    store = open_dataset(path, load({"block_bytes": 16}))
    try:
        test_matrices(case, store)
    finally:
        store.close()


def test_anndata_agrees(case: Case, path: Path, store: StoredDataset, tmp_path: Path) -> None:
    if not case.expect.anndata:
        pytest.skip("not a file that anndata reads")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A copy: HDF5 opens a file once a process where one of the two locks it.
        oracle = ad.read_h5ad(shutil.copyfile(path, tmp_path / "copy.h5ad"))
    check_agrees(store, oracle)


def test_the_file_is_left_as_it_was(case: Case, path: Path) -> None:
    before = path.read_bytes()
    main(["inspect", str(path), "--json"])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("bad", BROKEN, ids=lambda bad: bad.id.replace(":", "").replace(" ", "_"))
def test_bad_files_get_one_line(bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(bad, tmp_path)
    assert main(["inspect", str(path), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("starcyte: ")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert len(err) < 700
    for text in bad.patterns:
        assert re.search(text, err, re.IGNORECASE), err


def left_out(bad: Bad, described: dict[str, Any]) -> None:
    """Assert that the matrix of a case, and nothing else, is left out with a warning that names it."""
    lines = [line for line in described["warnings"] if "left out" in line]
    assert len(lines) == 1, described["warnings"]
    for text in bad.patterns:
        assert re.search(text, lines[0], re.IGNORECASE), lines
    gone = lines[0].partition(" is left out")[0]
    listed = {m["name"] for m in described["matrices"]} | {f"obsp[{name!r}]" for name in described["obsp"]}
    assert gone not in listed
    if gone != "X":
        assert "X" in listed
    elif not listed:
        assert any("only obs and obsm can be shown" in line for line in described["warnings"])
    assert "cell_type" in [entry["name"] for entry in described["obs"]]
    assert described["embeddings"][0]["name"] == "X_umap"


@pytest.mark.parametrize("bad", INVALID_MATRICES, ids=lambda bad: bad.id.replace(":", "").replace(" ", "_"))
def test_an_invalid_matrix_is_left_out(bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(bad, tmp_path)
    assert main(["inspect", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    left_out(bad, json.loads(out))
    dataset = open_dataset(path, load({}))
    # as the page asks for it, which reads nothing of a large matrix
    left_out(bad, dataset.describe())
    dataset.close()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_path_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dataset_1.dat"
    CASES[0].write(path)
    path.chmod(0)
    assert main(["inspect", str(path), "--json"]) == 2
    assert re.search("permission", capsys.readouterr().err, re.IGNORECASE)


def test_cases_have_names_of_their_own() -> None:
    names = [case.id for case in (*CASES, *BROKEN, *INVALID_MATRICES)]
    assert len(set(names)) == len(names)
