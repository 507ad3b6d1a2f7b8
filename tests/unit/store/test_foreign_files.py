"""Files that other programs wrote, in tests/data/foreign."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starcyte.errors import DatasetInvalid
from starcyte.settings import load
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset

FOREIGN = Path(__file__).parents[2] / "data" / "foreign"


@pytest.fixture
def opened() -> Iterator[Callable[[str], StoredDataset]]:
    datasets = []

    def act(name: str) -> StoredDataset:
        datasets.append(open_dataset(FOREIGN / name, load({})))
        return datasets[-1]

    yield act
    for dataset in datasets:
        dataset.close()


def values_of(dataset: StoredDataset, name: str) -> list[Any]:
    column = dataset.obs_column(name)
    if column.info.categories is not None:
        return [None if code < 0 else column.info.categories[code] for code in column.values.tolist()]
    missing = np.zeros(dataset.n_obs, bool) if column.missing is None else column.missing
    return [None if gone else value for value, gone in zip(column.values.tolist(), missing.tolist(), strict=True)]


def test_seurat_disk_has_factors_and_logicals(opened: Callable[[str], StoredDataset]) -> None:
    dataset = opened("seurat_disk.h5ad")
    assert {c.name: str(c.kind) for c in dataset.obs} == {
        "orig.ident": "categorical",
        "nCount_RNA": "continuous",
        "nFeature_RNA": "continuous",
        "cell_type": "categorical",
        "cluster": "categorical",
        "sample": "string",
        "is_doublet": "boolean",
        "maybe": "boolean",
        "n_int": "continuous",
        "n_num": "continuous",
    }
    assert values_of(dataset, "cell_type")[:6] == ["T cell", None, "NK", "T cell", None, "NK"]
    assert values_of(dataset, "maybe")[:6] == [True, False, None, False, True, False]
    assert values_of(dataset, "orig.ident") == ["proj"] * 120


def test_logicals_and_factors_of_r(opened: Callable[[str], StoredDataset]) -> None:
    dataset = opened("r_logicals.h5ad")
    for name in ("r_lgna", "h_lgna"):
        assert values_of(dataset, name)[:6] == [True, False, False, None, False, False]
    for name in ("r_lg", "h_lg", "h_lg2"):
        assert values_of(dataset, name)[:6] == [True, False, False, True, False, False]
    assert dataset.obs_column("h_fac").info.categories == ("NK", "T", "B")
    assert values_of(dataset, "h_fac")[:3] == ["T", "B", "NK"]


def test_a_stale_write_flag_gets_the_command_that_clears_it(tmp_path: Path) -> None:
    path = tmp_path / "two words.h5ad"
    died = "import h5py, os, sys; f = h5py.File(sys.argv[1], 'w', libver='latest'); f['X'] = 1; f.flush(); os._exit(0)"
    subprocess.run([sys.executable, "-c", died, str(path)], check=True)
    with pytest.raises(DatasetInvalid, match="open for writing") as caught:
        open_dataset(path, load({}))
    assert caught.value.hint.endswith("h5clear -s 'two words.h5ad'")
