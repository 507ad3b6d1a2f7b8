"""Datasets in an object store: the real client, with a mock of S3 as server."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moto.server import ThreadedMotoServer
from relay import relay
from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.store.open import open_dataset
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.object_store import ObjectStoreSource
from starcyte.store.remote.source import TransferError

# boto, aiohttp and moto are not ours
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def store(pbmc):
    """Return boto's client of a store that holds the real dataset."""
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
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="lab")
        client.put_object(Bucket="lab", Key="a/cells.h5ad", Body=pbmc.read_bytes())
        yield client
        server.stop()


@contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def role_server(has_role):
    """Answer as the address does that hands out the credentials of a machine's role."""

    class Handler(_Quiet):
        def do_PUT(self):
            self.reply(200, b"token") if has_role else self.reply(404)

        def do_GET(self):
            credentials = {
                "AccessKeyId": "role", "SecretAccessKey": "secret", "Token": "t", "Code": "Success",
                "Expiration": "2099-01-01T00:00:00Z",
            }  # fmt: skip
            is_list = self.path.endswith("security-credentials/")
            self.reply(200, b"lab-role" if is_list else json.dumps(credentials).encode())

    return serving(Handler)


def signed_only(host, port):
    """Hand signed requests on to a store, and refuse the others."""

    class Handler(_Quiet):
        def do_GET(self):
            if "Authorization" not in self.headers:
                self.reply(403, b"<Error><Code>AccessDenied</Code></Error>")
                return
            connection = HTTPConnection(host, port)
            connection.request(self.command, self.path, headers={k: v for k, v in self.headers.items() if k != "Host"})
            answer = connection.getresponse()
            body = answer.read()
            kept = ("etag", "content-range", "last-modified")
            headers = [(k, v) for k, v in answer.getheaders() if k.lower() in kept]
            if self.command == "HEAD":
                self.send_response(answer.status)
                for name, value in [*headers, ("Content-Length", answer.getheader("Content-Length"))]:
                    self.send_header(name, value)
                self.end_headers()
            else:
                self.reply(answer.status, body, headers)
            connection.close()

        def do_HEAD(self):
            self.do_GET()

    return serving(Handler)


def fetched(url, settings, source=None):
    remote = RemoteFile(url, settings, source)
    try:
        return remote.fetch(lambda *_: None)
    finally:
        remote.release()


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=str(tmp_path), remote_attempts=2, remote_pause=0.01)


def test_a_dataset_opens_from_a_store(store, pbmc, settings):
    assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()
    loader = DatasetLoader(None, settings, remote=RemoteFile("s3://lab/a/cells.h5ad", settings))
    loader.run()
    assert (loader.dataset().n_obs, loader.title) == (700, "cells")
    loader.close()


def test_a_dataset_in_a_store_is_shown_during_the_download(store, pbmc, settings):
    settings = settings.with_values({"remote_partial_bytes": 1 << 20})
    shown = []

    def on_metadata(path, part):
        dataset = open_dataset(path, settings, part)
        shown.append((dataset.obs_column("louvain").values.sum(), dataset.default_matrix))
        dataset.close()

    store.put_object(Bucket="lab", Key="large.h5ad", Body=pbmc.read_bytes())
    remote = RemoteFile("s3://lab/large.h5ad", settings)
    path = remote.fetch(lambda *_: None, on_metadata=on_metadata)
    assert path.read_bytes() == pbmc.read_bytes()
    dataset = open_dataset(path, settings)
    assert shown == [(dataset.obs_column("louvain").values.sum(), "raw/X")]
    assert dataset.matrix("raw/X").column(0).dense().size == 700
    dataset.close()
    remote.release()


class Recorder(ObjectStoreSource):
    """Counts transfers, records the offsets of reads, and fails the reads whose numbers ``failing`` has."""

    def __init__(self, *args, failing=(), **options):
        super().__init__(*args, **options)
        self.failing, self.transfers, self.reads = failing, 0, []

    def transfer(self, *args):
        self.transfers += 1
        return super().transfer(*args)

    def _read(self, start, stop, version):
        self.reads.append(start)
        if len(self.reads) in self.failing:
            raise TransferError("reset")
        return super()._read(start, stop, version)


def test_only_a_changed_object_is_downloaded_again(store, pbmc, settings):
    url = "s3://lab/changing.h5ad"
    store.put_object(Bucket="lab", Key="changing.h5ad", Body=pbmc.read_bytes())
    source = Recorder(url, settings)
    for _ in range(2):
        fetched(url, settings, source)
    assert source.transfers == 1
    store.put_object(Bucket="lab", Key="changing.h5ad", Body=pbmc.read_bytes() + b"more")
    path = fetched(url, settings, source)
    assert (source.transfers, path.read_bytes()) == (2, pbmc.read_bytes() + b"more")


def test_a_read_that_fails_is_resumed(store, pbmc, settings):
    url = "s3://lab/a/cells.h5ad"
    source = Recorder(url, settings, chunk_bytes=1 << 19, failing=[2])
    assert fetched(url, settings, source).read_bytes() == pbmc.read_bytes()
    assert source.reads[:3] == [0, 1 << 19, 1 << 19]


@pytest.mark.parametrize("url", ["s3://lab/none.h5ad", "s3://no-such-bucket/x.h5ad", "s3://lab/a"])
def test_a_missing_object_is_reported(store, settings, url):
    with pytest.raises(RemoteFailed, match=r"no file|folder|denied"):
        fetched(url, settings)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_a_missing_package_is_named(settings, scheme, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(InputError, match="pip install obstore"):
        fetched(f"{scheme}://lab/cells.h5ad", settings)


def test_an_account_that_the_environment_lacks_is_named(settings, monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(InputError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        fetched("az://lab/cells.h5ad", settings)


@pytest.mark.parametrize("role", [True, False])
def test_a_refused_bucket_is_asked_with_the_role_of_the_machine(store, pbmc, settings, monkeypatch, role):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    host, _, port = store.meta.endpoint_url.removeprefix("http://").partition(":")
    with role_server(role) as metadata, signed_only(host, int(port)) as refusing:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", metadata)
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
        if role:
            assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()
            return
        with pytest.raises(RemoteFailed, match="denied") as caught:
            fetched("s3://lab/a/cells.h5ad", settings)
        assert "127.0.0.1" not in str(caught.value)


@pytest.fixture
def between(store, monkeypatch):
    """A relay in front of the store."""
    host, _, port = store.meta.endpoint_url.removeprefix("http://").partition(":")
    with relay(host, int(port)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
        yield running


def test_a_slow_store_does_not_time_out(between, pbmc, settings):
    between.pause = 0.02
    assert fetched("s3://lab/a/cells.h5ad", settings).read_bytes() == pbmc.read_bytes()


def test_reset_connections_are_retried(between, pbmc, settings):
    between.resets = [0, 100, 1000]
    patient = Settings(cache_dir=settings.cache_dir, remote_attempts=5)
    assert fetched("s3://lab/a/cells.h5ad", patient).read_bytes() == pbmc.read_bytes()
    assert between.connections > 3


def test_a_store_that_always_resets_is_reported_with_a_reason(between, settings):
    between.resets = [0] * 1000
    with pytest.raises(RemoteFailed, match=r"^s3://lab/a/cells.h5ad cannot be downloaded: ") as caught:
        fetched("s3://lab/a/cells.h5ad", settings)
    assert "\n" not in str(caught.value)


def test_a_silent_store_times_out(between, settings):
    between.silent = True
    impatient = Settings(cache_dir=settings.cache_dir, remote_attempts=2, remote_timeout=0.5)
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetched("s3://lab/a/cells.h5ad", impatient)


def test_a_refused_connection_is_reported(store, settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RemoteFailed, match="cannot be downloaded"):
        fetched("s3://lab/a/cells.h5ad", settings)
