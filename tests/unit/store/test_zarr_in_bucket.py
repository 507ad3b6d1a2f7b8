"""Zarr in buckets, by the real client: a mock of S3, and a small server that speaks Azure's protocol."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from agreement import check_agrees
from moto.server import ThreadedMotoServer
from relay import Relay, relay
from starcyte.catalog.catalog import Catalog
from starcyte.errors import DatasetChanged, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.in_place.open import open_in_place
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote.file import RemoteFile
from zarr_stores import write_chunked, zipped

# boto and moto are not ours
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

N, G = 200, 60


def cells(seed: int = 1) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    values = sp.random_array((N, G), density=0.5, rng=rng, format="csc", dtype=np.float32)
    obs = pd.DataFrame(
        {"kind": pd.Categorical(rng.choice(list("abc"), N)), "a b#?%20[~]": rng.random(N)},
        index=[f"c{i}" for i in range(N)],
    )
    var = pd.DataFrame(index=[f"G{i}" for i in range(G)])
    return ad.AnnData(
        sp.csc_matrix(values), obs, var, obsm={"X_umap": rng.random((N, 2)), "odd name": rng.random((N, 3))}
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        cache_dir=str(tmp_path / "cache"), remote_timeout=5.0, remote_pause=0.01, remote_attempts=3, remote_private=True
    )


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Boto's client of a mock of S3 with an empty bucket."""
    import boto3

    with pytest.MonkeyPatch.context() as patch:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="stores")
        yield client
        server.stop()


def upload(s3: Any, path: Path, key: str) -> None:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    for file in files:
        name = key if path.is_file() else f"{key}/{file.relative_to(path).as_posix()}"
        s3.put_object(Bucket="stores", Key=name, Body=file.read_bytes())


@pytest.mark.parametrize("kind", ["v2", "v3", "unconsolidated v2", "unconsolidated v3", "zip"])
def test_a_store_in_a_bucket_is_read_as_anndata_reads_it(
    s3: Any, settings: Settings, tmp_path: Path, kind: str
) -> None:
    adata, version = cells(), 2 if "v2" in kind else 3
    path = write_chunked(adata, tmp_path / "x.zarr", 256, 0 if version == 2 else 2048, version)
    if "unconsolidated" in kind:
        (path / ".zmetadata").unlink(missing_ok=True)
        if version == 3:
            (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    if kind == "zip":
        path = zipped(path)
    key = f"a/{kind.replace(' ', '-')}{path.name[1:]}"
    upload(s3, path, key)
    dataset = open_in_place(f"s3://stores/{key}", settings)
    check_agrees(dataset, adata)
    assert not dataset.warnings
    dataset.close()


@pytest.fixture
def between(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """A relay in front of the store."""
    host, _, port = s3.meta.endpoint_url.removeprefix("http://").partition(":")
    with relay(host, int(port)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
        yield running


def test_faults_of_a_store_are_tried_again_or_reported(
    s3: Any, between: Relay, settings: Settings, tmp_path: Path
) -> None:
    adata = cells()
    upload(s3, write_chunked(adata, tmp_path / "x.zarr", 256), "faults.zarr")
    between.resets = [0, 100, 1000]
    dataset = open_in_place("s3://stores/faults.zarr", settings.with_values({"remote_attempts": 9}))
    assert np.array_equal(dataset.matrix("X").column(9).dense(), adata.X[:, [9]].toarray().ravel())
    dataset.close()
    between.silent = True
    impatient = settings.with_values({"remote_timeout": 0.5, "remote_attempts": 2})
    with pytest.raises(RemoteFailed, match=r"^s3://stores/other.zarr/zarr.json cannot be read: [^/]*$"):
        open_in_place("s3://stores/other.zarr", impatient)


@pytest.mark.parametrize("url", ["s3://stores/none.zarr", "s3://nobody/x.zarr", "s3://stores/none.zarr.zip"])
def test_a_missing_store_is_reported(s3: Any, settings: Settings, url: str) -> None:
    loader = DatasetLoader(None, settings, remote=RemoteFile(url, settings))
    loader.run()
    assert isinstance(loader.error, InputError)
    assert str(loader.error).startswith(("There is no", "Access"))


def test_a_replaced_object_is_noticed(s3: Any, settings: Settings, tmp_path: Path) -> None:
    upload(s3, write_chunked(cells(), tmp_path / "x.zarr", 64, 4096), "changing.zarr")
    dataset = open_in_place("s3://stores/changing.zarr", settings)
    dataset.warm()
    upload(s3, write_chunked(cells(2), tmp_path / "x.zarr", 64, 4096), "changing.zarr")
    with pytest.raises(DatasetChanged, match=r"s3://stores/changing\.zarr was replaced"):
        dataset.matrix("X").column(30)
    dataset.close()


def test_a_prefix_with_stores_is_a_catalog(s3: Any, settings: Settings, tmp_path: Path) -> None:
    path = write_chunked(cells(), tmp_path / "x.zarr", 256)
    upload(s3, path, "atlas/one.zarr")
    upload(s3, path, "atlas/deep/two")
    upload(s3, zipped(path), "atlas/three.zarr.zip")
    s3.put_object(Bucket="stores", Key="atlas/notes.txt", Body=b"notes")
    found = Catalog("s3://stores/atlas/", settings).scan()
    assert sorted(entry.url or "" for entry in found.values()) == [
        "s3://stores/atlas/deep/two", "s3://stores/atlas/one.zarr", "s3://stores/atlas/three.zarr.zip",
    ]  # fmt: skip
    assert sorted(entry.place for entry in found.values()) == ["deep/two", "one.zarr", "three.zarr.zip"]
    with pytest.raises(InputError, match="is one dataset"):
        Catalog("s3://stores/atlas/one.zarr", settings).scan()


class _Azure(ThreadingHTTPServer):
    """A container of Azure's Blob Storage: reads, ranges, listings of one level, and a signature that it needs."""

    daemon_threads = True

    def __init__(self, folder: Path, handler: type[_AzureHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.folder, self.signature = folder, "s3cret"


class _AzureHandler(BaseHTTPRequestHandler):
    server: _Azure
    protocol_version = "HTTP/1.1"
    # Azure has no ranges of the last bytes
    has_last_bytes = False

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query.get("sig") != self.server.signature:
            self.reply(403, x_ms_error_code="AuthenticationFailed")
        elif query.get("comp") == "list":
            self.reply(200, self.listing(query.get("prefix", "")).encode(), Content_Type="application/xml")
        else:
            self.blob(self.server.folder / unquote(parts.path).removeprefix("/account/box/"))

    def listing(self, prefix: str) -> str:
        folder = self.server.folder / prefix
        names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        blobs = "".join(f"<BlobPrefix><Name>{escape(prefix + name)}/</Name></BlobPrefix>" for name in names)
        return (
            '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="box">'
            f"<Prefix>{escape(prefix)}</Prefix><Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>"
        )

    def blob(self, file: Path) -> None:
        if not file.is_file():
            self.reply(404, x_ms_error_code="BlobNotFound")
            return
        body = file.read_bytes()
        stamps = {
            "ETag": f'"0x{file.stat().st_mtime_ns:X}"', "Last_Modified": "Mon, 02 Nov 2026 10:00:00 GMT",
        }  # fmt: skip
        wanted = self.headers.get("x-ms-range") or self.headers.get("Range") or ""
        given = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        last = re.fullmatch(r"bytes=-(\d+)", wanted) if self.has_last_bytes else None
        if self.command == "HEAD":
            self.reply(200, length=len(body), **stamps)
        elif given:
            start, stop = int(given[1]), min(int(given[2] or len(body)) + 1, len(body))
            self.reply(206, body[start:stop], Content_Range=f"bytes {start}-{stop - 1}/{len(body)}", **stamps)
        elif last:
            start = max(len(body) - int(last[1]), 0)
            self.reply(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}", **stamps)
        elif wanted:
            self.reply(400)
        else:
            self.reply(200, body, **stamps)


class _GoogleHandler(_AzureHandler):
    """The same of a bucket of Google's, without a signature."""

    has_last_bytes = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "list-type" in query:
            folder = self.server.folder / query.get("prefix", "")
            names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
            prefixes = "".join(
                f"<CommonPrefixes><Prefix>{escape(query.get('prefix', '') + name)}/</Prefix></CommonPrefixes>"
                for name in names
            )
            self.reply(200, f"<ListBucketResult>{prefixes}</ListBucketResult>".encode())
        else:
            self.blob(self.server.folder / unquote(parts.path).removeprefix("/box/"))


@contextmanager
def serving(server: _Azure) -> Iterator[_Azure]:
    server.folder.mkdir()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Azure]:
    with serving(_Azure(tmp_path / "google", _GoogleHandler)) as server:
        account = {
            "gcs_base_url": f"http://127.0.0.1:{server.server_address[1]}", "disable_oauth": True,
            "client_email": "", "private_key": "", "private_key_id": "",
        }  # fmt: skip
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
        yield server


@pytest.mark.parametrize("consolidated", [True, False])
def test_a_store_in_a_bucket_of_google_is_read(google: _Azure, settings: Settings, consolidated: bool) -> None:
    adata = cells()
    path = write_chunked(adata, google.folder / "x.zarr", 64, 2048)
    if not consolidated:
        (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    dataset = open_in_place("gs://box/x.zarr", settings)
    check_agrees(dataset, adata)
    dataset.close()


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Azure]:
    with serving(_Azure(tmp_path / "azure", _AzureHandler)) as server:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/account")
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2024-01-01&sp=rl&sig=s3cret")
        yield server


@pytest.mark.parametrize("consolidated", [True, False])
def test_a_store_in_a_container_of_azure_is_read(azure: _Azure, settings: Settings, consolidated: bool) -> None:
    adata = cells()
    path = write_chunked(adata, azure.folder / "x.zarr", 64, 2048)
    if not consolidated:
        (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    dataset = open_in_place("az://box/x.zarr", settings)
    check_agrees(dataset, adata)
    dataset.close()


def test_a_refused_container_is_reported_without_its_key(
    azure: _Azure, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    write_chunked(cells(), azure.folder / "x.zarr", 256)
    azure.signature = "other"
    with pytest.raises(RemoteFailed, match=r"Access to az://box/x\.zarr is denied") as caught:
        open_in_place("az://box/x.zarr", settings)
    assert "s3cret" not in f"{caught.value!s}{caught.value.__cause__!r}{caught.value.__context__!r}{caplog.text}"
