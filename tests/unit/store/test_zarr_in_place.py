"""Zarr at a URL is read in place: as anndata reads it from the disk, with few requests, and each part once."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import zarr
from agreement import check_agrees
from object_server import ObjectServer, object_server
from proxy import proxy
from starcyte.errors import DatasetChanged, DatasetLoading, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.in_place.open import open_in_place
from starcyte.store.index.background import index_matrix
from starcyte.store.loader import DatasetLoader
from starcyte.store.open import open_dataset
from starcyte.store.remote.file import RemoteFile
from starcyte.store.scale import ValueRange
from zarr_stores import KINDS, read_zarr, write_chunked, write_zarr, zipped

pytestmark = pytest.mark.slow

N, G = 400, 120


def cells(matrix: Any = sp.csc_matrix) -> ad.AnnData:
    rng = np.random.default_rng(1)
    values = sp.random_array((N, G), density=0.3, rng=rng, format="csr", dtype=np.float32)
    values.data = rng.integers(1, 9, values.nnz).astype(np.float32)
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical(rng.choice(["T cell", "B/cell", "ü"], N)),
            "a b %20#?": rng.random(N),
            "n": rng.integers(0, 9, N),
        },
        index=[f"c{i}" for i in range(N)],
    )
    var = pd.DataFrame({"mean": rng.random(G)}, index=[f"G{i}" for i in range(G)])
    dense = values.toarray()
    return ad.AnnData(
        dense if matrix is np.asarray else matrix(values),
        obs,
        var,
        obsm={"X_umap": rng.random((N, 2)).astype(np.float32)},
        layers={"counts": sp.csr_matrix(dense)},
        uns={"kind_colors": np.array(["#ff0000", "#00ff00", "#0000ff"])},
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ObjectServer]:
    (tmp_path / "served").mkdir()
    with object_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        cache_dir=str(tmp_path / "cache"), remote_private=True, remote_timeout=5.0, remote_pause=0.01, remote_attempts=3
    )


def gene(dataset: AnnDataDataset, number: int, matrix: str = "X") -> np.ndarray:
    return dataset.matrix(matrix).column(number).dense()


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_read_as_anndata_reads_it(server: ObjectServer, settings: Settings, kind: str) -> None:
    path = write_zarr(cells()[:60, :20].copy(), server.folder, kind)
    oracle = read_zarr(path)
    if kind == "sharded":  # which the helper does not consolidate
        oracle.uns.clear()
    dataset = open_in_place(f"{server.url}/{path.name}", settings)
    try:
        if kind == "sharded":
            assert "zarr.consolidate_metadata('cells_sharded.zarr')" in dataset.warnings[0]
        else:
            check_agrees(dataset, oracle)
            assert dataset.colors("kind") == ["#ff0000", "#00ff00", "#0000ff"]
        for number in (0, 7, 19):
            assert np.array_equal(gene(dataset, number), oracle.X[:, [number]].toarray().ravel())
        assert (dataset.title, not dataset.warnings) == (path.name.partition(".")[0], kind != "sharded")
    finally:
        dataset.close()


@pytest.mark.parametrize("version", [2, 3])
def test_without_consolidated_metadata_usual_names_are_found(
    server: ObjectServer, settings: Settings, version: int
) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 5000, version=version)
    if version == 2:
        (path / ".zmetadata").unlink()
    else:
        root = json.loads((path / "zarr.json").read_text())
        del root["consolidated_metadata"]
        (path / "zarr.json").write_text(json.dumps(root))
    dataset = open_in_place(f"{server.url}/x.zarr/", settings)
    assert ([e.name for e in dataset.embeddings], [m.name for m in dataset.matrices]) == (
        ["X_umap"], ["X", "layers/counts"],
    )  # fmt: skip
    assert [c.name for c in dataset.obs] == ["kind", "a b %20#?", "n"]
    assert ["consolidate" in line for line in dataset.warnings] == [True]
    dataset.close()


def test_opening_and_genes_take_few_requests(server: ObjectServer, settings: Settings) -> None:
    adata = cells()
    write_chunked(adata, server.folder / "x.zarr", 64, 2048)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    # metadata; 6 samples of the fingerprint; names of genes, categories, the integers of n, obs index
    assert len(server.requests) <= 14
    dataset.warm()
    for number in (3, 60, 100):
        server.reset()
        assert np.array_equal(gene(dataset, number), adata.X[:, [number]].toarray().ravel())
        # data and indices, each in one or two shards
        assert 1 <= len(server.requests) <= 3, server.requests
        assert all(re.fullmatch(r"bytes=\d+-\d+", wanted) for _, wanted in server.requests)
        server.reset()
        gene(dataset, number)
        assert server.requests == []
    dataset.close()


def test_a_dense_matrix_by_gene_is_read_by_its_chunk(server: ObjectServer, settings: Settings) -> None:
    adata = cells(np.asarray)
    write_chunked(adata, server.folder / "x.zarr", 64)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.reset()
    assert np.array_equal(gene(dataset, 50), adata.X[:, 50])
    assert [path for path, _ in server.requests] == ["/x.zarr/X/c/0/50"]
    dataset.close()


def test_the_scale_of_a_large_dense_matrix_is_found_from_few_chunks(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    adata = cells(np.asarray)
    write_chunked(adata, server.folder / "x.zarr", 64)
    monkeypatch.setattr("starcyte.store.anndata.dense_matrix.ALL_VALUES", 10)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.reset()
    # the same as of all values
    assert dataset.matrix("X").value_range() == ValueRange.of(adata.X[:, [0, 39, 79, 119]])
    assert sorted(path for path, _ in server.requests) == [f"/x.zarr/X/c/0/{n}" for n in (0, 119, 39, 79)]
    dataset.close()


def test_a_second_start_reads_the_metadata_alone(server: ObjectServer, settings: Settings) -> None:
    write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    url = f"{server.url}/x.zarr?key=secret"
    server.query = "key=secret"
    for first in (True, False):
        server.reset()
        dataset = open_in_place(url, settings)
        dataset.describe()
        gene(dataset, 7)
        assert (len(server.requests) == 1) is not first
        dataset.close()
    kept = [p for p in Path(settings.cache_dir).rglob("*") if p.is_file()]
    assert kept
    assert not any(b"secret" in p.read_bytes() or "secret" in p.name for p in kept)
    # a damaged part is read again
    for part in kept:
        if part.suffix == ".part":
            part.write_bytes(part.read_bytes()[:-1] + b"?")
    dataset = open_in_place(url, settings)
    assert np.array_equal(gene(dataset, 7), cells().X[:, [7]].toarray().ravel())
    dataset.close()


def test_the_cache_is_bounded(server: ObjectServer, settings: Settings) -> None:
    write_chunked(cells(), server.folder / "x.zarr", 512)
    most = 20_000
    dataset = open_in_place(f"{server.url}/x.zarr", settings.with_values({"remote_chunk_bytes": most}))
    for number in range(0, G, 3):
        gene(dataset, number)
    dataset.close()
    assert 0 < sum(p.stat().st_size for p in Path(settings.cache_dir).rglob("*.part")) <= most


def test_a_cache_that_cannot_be_written_is_gone_without(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chunked(cells(), server.folder / "x.zarr", 512)

    def refuse(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert np.array_equal(gene(dataset, 7), cells().X[:, [7]].toarray().ravel())
    dataset.close()
    assert list(Path(settings.cache_dir).rglob("*.part")) == []


def test_a_zip_file_is_read_by_ranges(server: ObjectServer, settings: Settings) -> None:
    adata = cells()
    # so that the entries do not all lie in the end of the file, which has their list
    adata.obsm["X_pca"] = np.random.default_rng(0).random((N, 200))
    zipped(write_chunked(adata, server.folder / "x.zarr", 64, 2048))
    dataset = open_in_place(f"{server.url}/x.zarr.zip", settings)
    assert np.array_equal(gene(dataset, 7), adata.X[:, [7]].toarray().ravel())
    assert server.sent < (server.folder / "x.zarr.zip").stat().st_size
    check_agrees(dataset, adata)
    assert all(wanted for _, wanted in server.requests)
    dataset.close()


def test_a_csr_matrix_is_read_once_for_its_index(server: ObjectServer, settings: Settings) -> None:
    adata = cells(sp.csr_matrix)
    write_chunked(adata, server.folder / "x.zarr", 1000)
    settings = settings.with_values({"index_least": 10})
    url = f"{server.url}/x.zarr"
    loader = DatasetLoader(None, settings, indexing=True, remote=RemoteFile(url, settings))
    server.latency = 0.05
    loader.run()
    dataset = loader.dataset()
    assert loader.is_complete
    try:
        gene(dataset, 5)
        early = False
    except DatasetLoading:
        early = True
    loader.wait_for_index("X", lambda done: None)
    assert early
    assert (loader.problems, dataset.matrix("X").index is not None) == ([], True)
    for number in (0, 5, G - 1):
        assert np.array_equal(gene(dataset, number), adata.X[:, [number]].toarray().ravel())
    asked = [path for path, wanted in server.requests if "/X/data/" in path and not wanted]
    # once for the samples of the scale, and once by the process that builds the index
    assert max(asked.count(path) for path in asked) <= 2
    loader.close()


def test_no_index_is_built_of_what_is_read_by_gene(server: ObjectServer, settings: Settings) -> None:
    write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    settings = settings.with_values({"index_least": 10})
    loader = DatasetLoader(None, settings, indexing=True, remote=RemoteFile(f"{server.url}/x.zarr", settings))
    loader.run()
    assert (loader.indexing, loader.problems) == (None, [])
    assert gene(loader.dataset(), 3).size == N
    loader.close()


def test_prepare_makes_an_index_of_a_store_at_a_url(server: ObjectServer, settings: Settings) -> None:
    write_chunked(cells(sp.csr_matrix), server.folder / "x.zarr", 1000)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    index = index_matrix(dataset, settings, "X", lambda done: None)
    assert np.array_equal(index.column(9).dense(), cells().X[:, [9]].toarray().ravel())
    dataset.close()


def test_a_copy_has_the_same_fingerprint_and_another_content_has_not(server: ObjectServer, settings: Settings) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 512)
    shutil.copytree(path, server.folder / "y.zarr")
    changed = cells()
    changed.X.data[:] += 1
    write_chunked(changed, server.folder / "z.zarr", 512)
    found = []
    for name in "xyz":
        dataset = open_in_place(f"{server.url}/{name}.zarr", settings)
        found.append(dataset.fingerprint)
        dataset.close()
    assert (found[0] == found[1], found[0] == found[2]) == (True, False)


def test_a_check_does_not_read_a_large_matrix(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    monkeypatch.setattr("starcyte.store.anndata.dataset.ALL_VALUES", 10)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.reset()
    assert dataset.check() == []
    assert [path for path, _ in server.requests if "/X/" in path or "/layers/" in path] == []
    dataset.close()


@pytest.mark.parametrize("url", ["cells", "cells/", "x.zarr/"])
def test_a_store_of_any_name_is_found(server: ObjectServer, settings: Settings, url: str) -> None:
    write_chunked(cells(), server.folder / url.rstrip("/"), 512)
    loader = DatasetLoader(None, settings, remote=RemoteFile(f"{server.url}/{url}", settings))
    loader.run()
    assert loader.error is None
    assert (loader.dataset().n_obs, loader.title) == (N, url.rstrip("/").partition(".")[0])
    loader.close()


def test_a_url_without_a_store_is_reported_as_before(server: ObjectServer, settings: Settings) -> None:
    for name in ("none", "none.h5ad", "none.zarr"):
        loader = DatasetLoader(None, settings, remote=RemoteFile(f"{server.url}/{name}", settings))
        loader.run()
        assert isinstance(loader.error, InputError)
        assert f"/{name}" in str(loader.error)
        loader.close()


def test_a_checksum_of_a_store_is_refused(settings: Settings) -> None:
    with pytest.raises(InputError, match="checksum"):
        RemoteFile(f"https://example.org/x.zarr#sha256={'0' * 64}", settings)


def test_a_replaced_store_is_noticed(server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    dataset.warm()
    shutil.rmtree(path)
    write_chunked(cells(), path, 64, 2048)
    # a shard that was read before has another version
    with pytest.raises(DatasetChanged, match="was replaced since it was opened"):
        gene(dataset, 100)
    dataset.close()
    # of a part that was not read before, the root is looked at, if that was not done lately
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    shutil.rmtree(path)
    monkeypatch.setattr("starcyte.store.in_place.fetcher._RECHECK_SECONDS", 0.0)
    with pytest.raises((DatasetChanged, RemoteFailed)):
        dataset.embedding("X_umap", [0, 1])
    dataset.close()


def test_a_replaced_store_is_an_error_of_the_server(server: ObjectServer, settings: Settings) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    loader = DatasetLoader(None, settings, remote=RemoteFile(f"{server.url}/x.zarr", settings))
    loader.run()
    dataset = loader.dataset()
    shutil.rmtree(path)
    write_chunked(cells(), path, 64, 2048)
    with pytest.raises(DatasetChanged):
        for number in range(G):
            dataset.matrix("X").column(number)
    assert loader.state == "error"
    assert loader.message == "http://127.0.0.1/x.zarr was replaced since it was opened."
    with pytest.raises(DatasetChanged, match="Open it again"):
        loader.dataset()
    loader.close()


def test_a_chunk_that_was_never_written_is_the_fill_value(server: ObjectServer, settings: Settings) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 512)
    shutil.rmtree(path / "obsm" / "X_umap" / "c")
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert np.array_equal(dataset.embedding("X_umap", [0, 1]), np.zeros((2, N)))
    dataset.close()


def test_a_remote_store_and_the_folder_agree(server: ObjectServer, settings: Settings) -> None:
    path = write_chunked(cells(), server.folder / "x.zarr", 64, 2048)
    remote, local = open_in_place(f"{server.url}/x.zarr", settings), open_dataset(path, settings)
    told = [d.describe() | {"fingerprint": ""} for d in (remote, local)]
    assert told[0] == told[1]
    remote.close()
    local.close()


def test_large_chunks_are_received_once(server: ObjectServer, settings: Settings) -> None:
    adata = cells(sp.csr_matrix)
    write_chunked(adata, server.folder / "x.zarr", 1 << 20)
    dataset = open_in_place(f"{server.url}/x.zarr", settings.with_values({"remote_chunk_bytes": 0}))
    dataset.embedding("X_umap", [0, 1])
    dataset.describe()
    server.reset()
    assert np.array_equal(gene(dataset, 5), adata.X[:, [5]].toarray().ravel())
    asked = [path for path, _ in server.requests]
    assert sorted(asked) == sorted(set(asked))
    dataset.close()


def test_the_proxy_of_the_environment_is_used(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    adata = cells()
    write_chunked(adata, server.folder / "x.zarr", 64, 2048)
    with proxy() as running:
        running.hosts["data.example"] = "127.0.0.1"
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, running.url)
        dataset = open_in_place(f"http://data.example:{server.server_address[1]}/x.zarr", settings)
        assert np.array_equal(gene(dataset, 5), adata.X[:, [5]].toarray().ravel())
        dataset.close()
        home = f"http://data.example:{server.server_address[1]}/x.zarr/"
        assert running.requests
        assert all(target.startswith(home) for _, target in running.requests)


@pytest.mark.parametrize("kind", ["v2", "v3", "zip"])
def test_a_plain_nginx_is_enough(tmp_path: Path, settings: Settings, kind: str) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("this machine has no nginx")
    adata = cells()
    (tmp_path / "served").mkdir()
    version, shard = (2, 0) if kind == "v2" else (3, 2048)
    path = write_chunked(adata, tmp_path / "served" / "x.zarr", 64, shard, version)
    path = zipped(path) if kind == "zip" else path
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/log; user {getpass.getuser()};"
        "events { worker_connections 64; }"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/t; proxy_temp_path {tmp_path}/t;"
        f" fastcgi_temp_path {tmp_path}/t; uwsgi_temp_path {tmp_path}/t; scgi_temp_path {tmp_path}/t;"
        f" server {{ listen 127.0.0.1:{port}; root {tmp_path}/served; }} }}"
    )
    nginx = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "log"])
    try:
        patient = settings.with_values({"remote_attempts": 60, "remote_pause": 0.1})
        dataset = open_in_place(f"http://127.0.0.1:{port}/{path.name}", patient)
        check_agrees(dataset, adata)
        dataset.close()
    finally:
        nginx.terminate()
        nginx.wait()


@pytest.mark.parametrize("name", ["polygons", "regions", "tables", "v01"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_spatialdata_at_a_url_is_as_on_the_disk(
    server: ObjectServer, settings: Settings, name: str, is_zip: bool
) -> None:
    packed = Path(__file__).parents[2] / "data" / "foreign" / f"spatialdata_{name}.zarr.zip"
    path = server.folder / ("x.zarr.zip" if is_zip else "x.zarr")
    if is_zip:
        shutil.copy(packed, path)
    else:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(path)
    chosen = settings.with_values({"table": "table" if name != "tables" else "spot_table"})
    check_same(server, path, chosen)


def check_same(server: ObjectServer, path: Path, settings: Settings) -> None:
    """Check that a store says the same at its URL and on the disk."""
    local = error = None
    try:
        local = open_dataset(path, settings)
    except InputError as found:
        error = found
    if local is None:
        with pytest.raises(InputError) as caught:
            open_in_place(f"{server.url}/{path.name}", settings)
        assert str(caught.value) == str(error)
        return
    remote = open_in_place(f"{server.url}/{path.name}", settings)
    told = [d.describe() | {"fingerprint": ""} for d in (remote, local)]
    assert told[0] == told[1]
    for one in local.embeddings:
        positions = [d.embedding(one.name, range(one.dims)) for d in (remote, local)]
        assert np.array_equal(*positions, equal_nan=True)
    remote.close()
    local.close()


@pytest.mark.parametrize("consolidated", [True, False])
def test_modalities_at_a_url_are_as_on_the_disk(server: ObjectServer, settings: Settings, consolidated: bool) -> None:
    import h5py

    source = Path(__file__).parents[2] / "data" / "foreign" / "mudata.h5mu"
    path = server.folder / "x.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    with h5py.File(source) as file:
        copy_group(file, root)
    if consolidated:
        zarr.consolidate_metadata(path, zarr_format=2)
        check_same(server, path, settings)
        return
    local, remote = open_dataset(path, settings), open_in_place(f"{server.url}/x.zarr", settings)
    assert [m.name for m in remote.matrices] == [m.name for m in local.matrices]
    assert len(remote.embeddings) > 0
    remote.close()
    local.close()


def copy_group(source: Any, target: Any) -> None:
    """Copy groups and arrays with their attributes, as anndata encodes them in HDF5 and in Zarr alike."""
    for name, value in source.attrs.items():
        target.attrs[name] = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    for name, node in source.items():
        if hasattr(node, "items"):
            copy_group(node, target.create_group(name))
            continue
        values = node.asstr()[()] if node.dtype.kind == "O" else node[()]
        if isinstance(values, str):
            values = np.array(values, "U")
        made = target.create_array(name, data=np.asarray(values).astype("U") if node.dtype.kind == "O" else values)
        for key, value in node.attrs.items():
            made.attrs[key] = value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
