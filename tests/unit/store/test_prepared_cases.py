"""Every case of reading, prepared: starcyte and anndata read of the store what they read of the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import check_agrees
from files import CASES, Case
from prepared import check_equal, prepared_store
from starcyte.settings import Settings
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
    said = prepared_store(source, target, Settings(block_bytes=16))
    given, made = open_dataset(source, Settings()), open_dataset(target, Settings())
    try:
        check_equal(given, made, {line.partition(" is left out")[0] for line in said})
        if case.expect.anndata:
            check_agrees(made, read_zarr(target))
    finally:
        given.close()
        made.close()
