"""Every case of reading, prepared: starcyte and anndata read of the store what they read of the file."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import pytest
from agreement import check_agrees
from files import CASES, Case
from prepared import check_equal, prepared_store
from starcyte.settings import Settings
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset
from zarr_stores import read_zarr

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_a_prepared_store_has_what_the_file_has(case: Case, tmp_path: Path) -> None:
    if case.needs:
        pytest.importorskip(case.needs)
    source, target = tmp_path / "x.h5ad", tmp_path / "x.zarr"
    case.write(source)
    # few entries at once, so that every matrix has several blocks
    for settings in (Settings(), Settings(block_bytes=16)):
        said = prepared_store(source, target, settings)
        given, made = open_dataset(source, Settings()), open_dataset(target, Settings())
        try:
            left_out = {line.partition(" is left out")[0] for line in said}
            check_equal(given, made, left_out)
        finally:
            given.close()
            made.close()
        if case.expect.anndata:
            read = read_zarr(target)
            with open_for(target) as opened:
                check_agrees(opened, read)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert ad.read_h5ad(source).shape == read.shape
        target.rename(tmp_path / f"first_{settings.block_bytes}")


class open_for:  # noqa: N801
    """An open store."""

    def __init__(self, path: Path) -> None:
        self.dataset = open_dataset(path, Settings())

    def __enter__(self) -> StoredDataset:
        return self.dataset

    def __exit__(self, *_: object) -> None:
        self.dataset.close()
