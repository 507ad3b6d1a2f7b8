"""Every case of reading that anndata can write as Zarr, against anndata's own reading of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import pytest
from agreement import check_agrees
from files import CASES, Case
from object_server import ObjectServer, object_server
from starcyte.settings import Settings
from starcyte.store.in_place.open import open_in_place
from starcyte.store.open import open_dataset
from zarr_stores import KINDS, read_zarr, write_zarr

pytestmark = pytest.mark.slow

READ_BY_ANNDATA = [case for case in CASES if case.expect.anndata]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", READ_BY_ANNDATA, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_zarr_is_read_as_anndata_reads_it(case: Case, kind: str, tmp_path: Path) -> None:
    if case.needs:
        pytest.importorskip(case.needs)
    case.write(tmp_path / "x.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = ad.read_h5ad(tmp_path / "x.h5ad")
    try:
        path = write_zarr(adata, tmp_path, kind)
        oracle = read_zarr(path)
    except Exception as error:  # what anndata, or zarr, cannot write or read itself
        pytest.skip(f"not written by anndata: {error!r:.200}")
    for settings in (Settings(), Settings(block_bytes=16)):
        dataset = open_dataset(path, settings)
        try:
            check_agrees(dataset, oracle)
        finally:
            dataset.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with object_server(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.mark.parametrize("case", READ_BY_ANNDATA, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_zarr_at_a_url_is_read_as_anndata_reads_it(case: Case, server: ObjectServer, tmp_path: Path) -> None:
    if case.needs:
        pytest.importorskip(case.needs)
    case.write(tmp_path / "x.h5ad")
    server.folder = tmp_path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = write_zarr(ad.read_h5ad(tmp_path / "x.h5ad"), tmp_path, "v3")
        oracle = read_zarr(path)
    except Exception as error:  # what anndata, or zarr, cannot write or read itself
        pytest.skip(f"not written by anndata: {error!r:.200}")
    settings = Settings(cache_dir=str(tmp_path / "cache"), remote_private=True, remote_attempts=1)
    dataset = open_in_place(f"{server.url}/{path.name}", settings)
    try:
        check_agrees(dataset, oracle)
    finally:
        dataset.close()
