"""A Zarr store over HTTP: genes, columns, comparisons, annotations and the catalog, beside the same AnnData as h5ad."""

from __future__ import annotations

import shutil
import time
import zipfile

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from asking import Client
from prepared import prepared_store
from scipy.sparse import csr_array
from starcyte.catalog.catalog import Catalog
from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.web.app import create_catalog_app
from starcyte.web.security.access import Access
from zarr_stores import KINDS, write_zarr, zipped

N, G = 60, 12
TYPES = ["B", "T", "NK"]


def cells():
    rng = np.random.default_rng(3)
    counts = rng.poisson(np.where(np.arange(G) < 4, 3.0, 0.6), (N, G)).astype(np.float32)
    counts[::3, 1] += 9
    obs = pd.DataFrame(
        {"kind": pd.Categorical([TYPES[i % 3] for i in range(N)]), "score": np.linspace(0, 1, N)},
        index=[f"c{i}" for i in range(N)],
    )
    obs["missing"] = pd.array([None if i % 7 == 0 else i for i in range(N)], dtype="Int64")
    var = pd.DataFrame(index=[f"G{i}" for i in range(G)])
    umap = rng.normal(size=(N, 2)).astype(np.float32)
    return ad.AnnData(csr_array(np.log1p(counts)), obs, var, obsm={"X_umap": umap})


@pytest.fixture(params=[*KINDS, "prepared"])
def store(request, tmp_path):
    if request.param != "prepared":
        return write_zarr(cells(), tmp_path, request.param)
    cells().write_h5ad(tmp_path / "source.h5ad")
    prepared_store(tmp_path / "source.h5ad", tmp_path / "cells_prepared.zarr")
    return tmp_path / "cells_prepared.zarr"


@pytest.fixture
def client_of(serve, tmp_path):
    """Return a function that makes a client of a dataset with the data and the cache of this test."""
    return lambda path: serve(path, data_dir=str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def zarr_page(store, client_of):
    return client_of(store)


@pytest.fixture
def h5ad_page(tmp_path, client_of):
    cells().write_h5ad(tmp_path / "x.h5ad")
    return client_of(tmp_path / "x.h5ad")


def settled(page, response):
    assert response.status_code in {200, 202}, response.text
    if response.status_code == 200:
        return response.json
    job = response.json["job"]["id"]
    page.app.extensions["starcyte"].jobs.get(job).ended.wait(30)
    return page.json(f"jobs/{job}")["result"]


def without_fingerprint(answer):
    return {key: value for key, value in answer.items() if key not in {"fingerprint", "title", "seconds"}}


@pytest.mark.slow
@pytest.mark.parametrize("address", ["obs/kind", "obs/score", "obs/missing", "embeddings/X_umap", "genes"])
def test_columns_genes_and_embeddings_are_those_of_the_h5ad(zarr_page, h5ad_page, address):
    headers = {"Accept": "application/json"}
    found, expected = (page.json(address, headers=headers) for page in (zarr_page, h5ad_page))
    assert without_fingerprint(found) == without_fingerprint(expected)


@pytest.mark.slow
def test_a_comparison_is_that_of_the_h5ad(zarr_page, h5ad_page):
    body = {"a": {"where": [{"column": "kind", "in": ["B"]}]}, "min_fraction": 0}
    found, expected = (settled(page, page.post("diffexp", body)) for page in (zarr_page, h5ad_page))
    assert found["genes"]
    # sums over other blocks round otherwise
    for ours, theirs in zip(found["genes"], expected["genes"], strict=True):
        assert ours == {k: pytest.approx(v, rel=1e-12) if isinstance(v, float) else v for k, v in theirs.items()}
    assert found["genes"][0]["gene"] == "G1"


@pytest.mark.slow
def test_annotations_are_kept_beside_it_and_not_copied_into_it(store, zarr_page, client_of):
    before = content_of(store)
    made = zarr_page.open("annotations/mine", method="PUT", json={"labels": [{"name": "T"}]})
    assert made.status_code == 201
    done = zarr_page.post("annotations/mine/assign", {"label": "T", "selection": {"ranges": [[0, 10]]}})
    assert done.json["n"] == 10
    again = client_of(store)
    assert again.json("annotations/mine")["columns"][0]["values"] == ["T"] * 10 + [None] * (N - 10)
    assert content_of(store) == before


def content_of(store):
    files = [store] if store.is_file() else sorted(p for p in store.rglob("*") if p.is_file())
    return {path: path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_store_in_a_catalog_is_one_dataset(tmp_path):
    folder = tmp_path / "datasets"
    (folder / "more").mkdir(parents=True)
    write_zarr(cells(), folder, "v2")
    write_zarr(cells(), folder / "more", "zip")
    (folder / "cells_v2.md").write_text("Blood.")
    cells().write_h5ad(folder / "x.h5ad")
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("a.txt", "nothing")
    settings = Settings(cache_dir=str(tmp_path / "cache"), data_dir=str(tmp_path / "data"), rescan=3600.0)
    site = Client(create_catalog_app(settings, Catalog(str(folder), settings), Access(settings, None)))
    service = site.app.extensions["starcyte_catalog"]
    service.refresh()
    try:
        end = time.monotonic() + 120
        while any(d["state"] in {"waiting", "opening"} for d in site.json("catalog")["datasets"]):
            assert time.monotonic() < end
            time.sleep(0.05)
        listed = {d["place"]: d for d in site.json("catalog")["datasets"]}
        assert set(listed) == {"cells_v2.zarr", "more/cells_zip.zarr.zip", "x.h5ad"}
        assert {d["n_obs"] for d in listed.values()} == {N}
        assert listed["cells_v2.zarr"]["description"] == "<p>Blood.</p>\n"
        stored = sum(file.stat().st_size for file in (folder / "cells_v2.zarr").rglob("*") if file.is_file())
        assert listed["cells_v2.zarr"]["size"] == stored
    finally:
        service.stop()
        service.close()
        site.app.extensions["starcyte_traffic"].close()


def test_serve_of_one_store_is_refused(store):
    with pytest.raises(InputError, match="is one dataset"):
        Catalog(str(store), Settings())


def test_a_store_that_is_removed_is_said_to_be(tmp_path, client_of, refused):
    path = write_zarr(cells(), tmp_path, "v3")
    page = client_of(path)
    shutil.rmtree(path)
    error = refused(page.get("obs/score"), 422)
    assert "removed" in error["message"]


def test_a_zip_of_the_folder_is_served(tmp_path, client_of):
    path = zipped(write_zarr(cells(), tmp_path, "v2"), "cells.zarr/")
    page = client_of(path)
    assert page.json("schema")["n_obs"] == N
