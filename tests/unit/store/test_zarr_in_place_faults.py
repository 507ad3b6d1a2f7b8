"""Servers of Zarr that fail, lie or attack: one clear line, what is tried again is tried again, and no key is told."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from object_server import ObjectServer, object_server
from relay import relay
from starcyte.errors import Cancelled, DatasetChanged, DatasetInvalid, InputError, RemoteFailed, StarcyteError
from starcyte.settings import Settings
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.in_place.consolidated import of_version_2, of_version_3
from starcyte.store.in_place.open import open_in_place
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote import address
from starcyte.store.remote.file import RemoteFile
from zarr_stores import write_chunked, zipped

pytestmark = pytest.mark.slow

N, G = 90, 30


def cells() -> ad.AnnData:
    rng = np.random.default_rng(1)
    values = sp.random_array((N, G), density=0.5, rng=rng, format="csc", dtype=np.float32)
    obs = pd.DataFrame({"kind": pd.Categorical(rng.choice(list("abc"), N))}, index=[f"c{i}" for i in range(N)])
    var = pd.DataFrame(index=[f"G{i}" for i in range(G)])
    return ad.AnnData(sp.csc_matrix(values), obs, var, obsm={"X_umap": rng.random((N, 2))})


X = cells().X.toarray()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ObjectServer]:
    (tmp_path / "served").mkdir()
    write_chunked(cells(), tmp_path / "served" / "x.zarr", 32, 512)
    with object_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        cache_dir=str(tmp_path / "cache"), remote_private=True, remote_timeout=5.0, remote_pause=0.01, remote_attempts=3
    )


@pytest.fixture
def opened(server: ObjectServer, settings: Settings) -> Iterator[AnnDataDataset]:
    """An open store, of which nothing of X was read but samples."""
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.reset()
    yield dataset
    dataset.close()


def gene(dataset: AnnDataDataset, number: int) -> Any:
    return dataset.matrix("X").column(number).dense()


def fails(server: ObjectServer, settings: Settings, match: str, path: str = "x.zarr") -> StarcyteError:
    with pytest.raises(InputError, match=match) as caught:
        open_in_place(f"{server.url}/{path}", settings).close()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("statuses", [[503], [429, 500], [408, 502]])
def test_an_overloaded_server_is_asked_again(server: ObjectServer, opened: AnnDataDataset, statuses: list[int]) -> None:
    server.statuses = statuses
    assert np.array_equal(gene(opened, 9), X[:, 9])


def test_reset_connections_are_tried_again(server: ObjectServer, settings: Settings) -> None:
    host, port = server.server_address[:2]
    with relay(str(host), int(port)) as between:
        between.resets = [0, 100, 300]
        patient = settings.with_values({"remote_attempts": 9})
        dataset = open_in_place(f"http://127.0.0.1:{between.port}/x.zarr", patient)
        assert np.array_equal(gene(dataset, 9), X[:, 9])
        dataset.close()


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_body_that_ends_early_is_requested_again(server: ObjectServer, opened: AnnDataDataset, cut: int) -> None:
    server.cuts = [cut]
    assert np.array_equal(gene(opened, 9), X[:, 9])


def test_a_server_that_fails_for_good_is_reported(server: ObjectServer, settings: Settings) -> None:
    server.statuses = [500] * 1000
    fails(server, settings, r"x.zarr/zarr.json cannot be read: the server answered 500\. ")


def test_a_failure_during_the_opening_is_no_column_that_is_left_out(server: ObjectServer, settings: Settings) -> None:
    def edit(path: str, body: bytes) -> bytes:
        if "categories" in path:
            server.statuses = [500] * 1000
        return body

    server.edit = edit
    server.cuts = [10**9, *[3] * 20]
    fails(server, settings, "cannot be read")


@pytest.mark.parametrize(
    ("status", "match"), [(401, "requires a password"), (403, "refuses it"), (404, "no Zarr store at"), (418, "418")]
)
def test_a_refusal_is_reported(server: ObjectServer, settings: Settings, status: int, match: str) -> None:
    server.statuses = [status] * 10
    fails(server, settings, match)


def test_a_silent_server_times_out(server: ObjectServer, settings: Settings) -> None:
    server.latency = 1.5
    fails(server, settings.with_values({"remote_timeout": 0.2, "remote_attempts": 2}), "the server is silent")


def test_a_trickling_server_times_out(server: ObjectServer, settings: Settings) -> None:
    server.piece, server.pause = 1, 0.05
    fails(server, settings.with_values({"remote_timeout": 0.5, "remote_attempts": 1}), "too slow")


def test_ranges_that_are_ignored_are_cut_from_the_whole(server: ObjectServer, settings: Settings) -> None:
    server.ranges = False
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert np.array_equal(gene(dataset, 9), X[:, 9])
    dataset.close()


def test_a_part_of_a_large_object_needs_ranges(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starcyte.store.remote.web_objects._SKIPPED_BYTES", 100)
    path = server.folder / "x.zarr" / "X" / "data" / "c" / "0"
    path.write_bytes(path.read_bytes() + bytes(9000))
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.ranges = False
    with pytest.raises(RemoteFailed, match=r"in parts, which the server does not send"):
        gene(dataset, 9)
    dataset.close()


@pytest.mark.parametrize("lie", [7, -7])
def test_a_wrong_length_is_noticed(server: ObjectServer, settings: Settings, lie: int) -> None:
    server.lie = lie
    fails(server, settings, "it ended after|bytes were received|not JSON")


def test_a_wrong_range_is_noticed(server: ObjectServer, opened: AnnDataDataset) -> None:
    server.shifted = True
    with pytest.raises(RemoteFailed, match="another range"):
        gene(opened, 9)


def test_an_endless_body_is_refused(server: ObjectServer, settings: Settings) -> None:
    server.endless = "zarr.json"
    fails(server, settings, r"zarr.json has more than 16,777,216 bytes")
    server.endless = "/obs/"
    fails(server, settings, "more than")


def test_an_endless_chunk_is_refused(server: ObjectServer, opened: AnnDataDataset) -> None:
    server.endless = "/X/data/"
    with pytest.raises((RemoteFailed, DatasetInvalid)):
        gene(opened, 9)


def test_compressed_answers_are_refused(server: ObjectServer, settings: Settings) -> None:
    server.encoding = "gzip"
    fails(server, settings, "is sent compressed")


def test_a_page_in_place_of_what_is_missing_is_no_metadata(server: ObjectServer, settings: Settings) -> None:
    server.page = b"\n<!DOCTYPE html><title>Welcome</title>"
    fails(server, settings, "no Zarr store at", "none.zarr")
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert np.array_equal(gene(dataset, 9), X[:, 9])
    dataset.close()


def test_a_redirect_to_a_private_address_is_refused(
    server: ObjectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = address.is_public
    monkeypatch.setattr(address, "is_public", lambda a: a == "127.0.0.1" or real(a))
    public = settings.with_values({"remote_private": False})
    for target in ("http://127.0.0.2:1", "http://169.254.169.254", "http://[::1]:1", "file://localhost"):
        server.redirect = ("/zarr.json", target)
        fails(server, public, "is not public|remote_schemes")
        server.redirect = ("", "")
        dataset = open_in_place(f"{server.url}/x.zarr", public)
        server.redirect = ("/X/data", target)
        with pytest.raises(InputError, match=r"is not public|remote_schemes"):
            gene(dataset, 9)
        dataset.close()


def test_a_redirect_to_another_server_is_followed(server: ObjectServer, settings: Settings, tmp_path: Path) -> None:
    with object_server(tmp_path / "none") as first:
        first.redirect = ("/", server.url)
        dataset = open_in_place(f"{first.url}/x.zarr", settings)
        assert np.array_equal(gene(dataset, 9), X[:, 9])
        dataset.close()
        first.redirect = ("/", first.url)
        fails(first, settings.with_values({"cache_dir": str(tmp_path / "other")}), "too many redirects")


def test_hosts_that_are_not_allowed_are_refused(server: ObjectServer, settings: Settings) -> None:
    fails(server, settings.with_values({"remote_hosts": "*.example.org"}), "remote_hosts")
    fails(server, settings.with_values({"remote_schemes": "https"}), "remote_schemes")
    fails(server, settings.with_values({"remote_private": False}), "not public")


def test_the_key_of_a_url_is_sent_with_each_request_and_never_told(
    server: ObjectServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.query = "sig=s3cret%2F%3D&x=1"
    loader = DatasetLoader(
        None, settings, indexing=True, remote=RemoteFile(f"{server.url}/x.zarr?{server.query}", settings)
    )
    loader.run()
    dataset = loader.dataset()
    assert dataset.matrix("X").column(9).values.size
    told = [loader.title, loader.message, *loader.problems, json.dumps(dataset.describe()), str(dataset.path)]
    server.query = "sig=other"
    with pytest.raises(RemoteFailed, match="refuses it") as caught:
        dataset.embedding("X_umap", [0, 1])
    told += [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    loader.close()
    assert "s3cret" not in " ".join([*told, caplog.text])


def edited(server: ObjectServer, change: Callable[[dict[str, Any]], object]) -> None:
    path = server.folder / "x.zarr" / "zarr.json"
    found = json.loads(path.read_text())
    change(found["consolidated_metadata"]["metadata"])
    path.write_text(json.dumps(found))


@pytest.mark.parametrize("key", ["../y", "/etc", "a//b", "", "a/../../b", "x" * 5000, "/".join("a" * 100)])
def test_invalid_keys_of_consolidated_metadata_are_refused(server: ObjectServer, settings: Settings, key: str) -> None:
    edited(server, lambda found: found.update({key: {"zarr_format": 3, "node_type": "group"}}))
    fails(server, settings, "invalid key")


@pytest.mark.parametrize("value", [None, 1, [], "x"])
def test_consolidated_metadata_of_another_kind_are_refused(
    server: ObjectServer, settings: Settings, value: object
) -> None:
    edited(server, lambda found: found.update({"obs": value}))
    fails(server, settings, "not a JSON object")
    for read, whole in (
        (of_version_2, {"metadata": value}),
        (of_version_3, {"consolidated_metadata": {"metadata": value}}),
    ):
        with pytest.raises(DatasetInvalid, match="have no metadata"):
            read(whole)


def test_what_consolidated_metadata_claim_is_not_believed(server: ObjectServer, settings: Settings) -> None:
    def claim(found: dict[str, Any]) -> None:
        found["obsm/X_umap"]["shape"] = [10**12, 2]
        found["obs/kind/codes"]["shape"] = [10**12]

    edited(server, claim)
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert (dataset.embeddings, list(dataset.obs)) == ([], [])
    assert len(dataset.warnings) >= 2
    dataset.close()
    edited(server, lambda found: found["obs/_index"].update(shape=[10**12]))
    fails(server, settings, "_index claims to have .* are stored")


def test_metadata_that_are_no_json_are_reported(server: ObjectServer, settings: Settings) -> None:
    server.edit = lambda path, body: b"{" * 100_000 if path.endswith("zarr.json") else body
    fails(server, settings, "not JSON")


@pytest.mark.parametrize("bad", [b"", b"\0", bytes(1000), b"\xff" * 5000])
def test_damaged_chunks_are_reported(server: ObjectServer, opened: AnnDataDataset, bad: bytes) -> None:
    server.edit = lambda path, body: bad if "/X/" in path else body
    with pytest.raises((DatasetInvalid, DatasetChanged)):
        gene(opened, 9)


def test_a_damaged_zip_file_is_reported(server: ObjectServer, settings: Settings) -> None:
    path = zipped(server.folder / "x.zarr")
    content = path.read_bytes()
    for bad in (b"", b"PK", content[:-30], content[: len(content) // 2], bytes(5000)):
        path.write_bytes(bad)
        fails(server, settings, "zip|entries|no file", path.name)


def test_a_zip_file_that_is_replaced_is_noticed(server: ObjectServer, settings: Settings) -> None:
    adata = cells()
    # so that the matrix is not in the end of the file, which is read first
    adata.obsm["X_pca"] = np.random.default_rng(0).random((N, 2000))
    path = zipped(write_chunked(adata, server.folder / "y.zarr", 32, 512))
    dataset = open_in_place(f"{server.url}/{path.name}", settings)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DatasetChanged, match="was replaced since it was opened"):
        dataset.embedding("X_pca", [0, 1])
    dataset.close()


def test_closing_ends_requests(server: ObjectServer, settings: Settings) -> None:
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    server.piece, server.pause = 16, 0.3
    found: list[BaseException] = []

    def read() -> None:
        try:
            gene(dataset, 9)
        except StarcyteError as error:
            found.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.3)
    dataset.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(found[0], Cancelled | DatasetInvalid | RemoteFailed)


def test_without_versions_nothing_is_kept_on_the_disk(server: ObjectServer, settings: Settings) -> None:
    server.nameless = True
    dataset = open_in_place(f"{server.url}/x.zarr", settings)
    assert np.array_equal(gene(dataset, 9), X[:, 9])
    dataset.close()
    assert list(Path(settings.cache_dir).rglob("*.part")) == []
